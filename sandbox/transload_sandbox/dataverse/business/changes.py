"""One row being written, as the rules see it."""

from collections.abc import Set
from dataclasses import dataclass

from transload_sandbox.dataverse.model import Row, Table


@dataclass(frozen=True, slots=True)
class Change:
    """A row that is created or changed."""

    table: Table
    row: Row
    """The row as it shall become; rules complete it in place."""
    former: Row | None
    """The row as it was; None for a new one."""
    assigned: Set[str]
    """Storage columns that the request sets."""

    @property
    def row_id(self) -> str:
        """Primary key of the row."""
        return str(self.row[self.table.primary_id])

    def moved(self, column: str) -> bool:
        """Tell whether a column has another value than before; any value counts for a new row."""
        before = self.former[column] if self.former is not None else None
        return self.row[column] != before

    def touches(self, *columns: str) -> bool:
        """Tell whether the request sets one of the columns."""
        return not self.assigned.isdisjoint(columns)
