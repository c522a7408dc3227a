"""What a comparison of both sides finds: one check for each column, and how it may fail."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from transload.values import Cell, FileRef, RecordKey, RowId, RowRef, TableName, Value


class Mismatch(StrEnum):
    """How a target can differ from what was wanted."""

    MISSING = "missing row"
    VALUE = "value differs"
    RELATION = "relation differs"
    STATE = "state differs"
    PEOPLE = "changed by people"
    CLOSED = "changed after closing"
    """The source changed what the target holds in a row that was left closed, or added to one that stays closed."""


@dataclass(frozen=True, slots=True)
class FieldCheck:
    """One column of one row.

    Attributes:
        source: What the source says in the fields of its rule, by field; null is not empty text.
        wanted: What the column should hold, in people's words.
        actual: What it holds.
        mismatch: None when it is as wanted.
    """

    key: RecordKey
    table: TableName
    row_id: RowId
    column: str
    source: Mapping[str, Value]
    wanted: str
    actual: str
    mismatch: Mismatch | None


@dataclass(slots=True)
class Checked:
    """How much was compared."""

    rows: int = 0
    fields: int = 0
    relations: int = 0
    files: int = 0
    """Files whose digest was compared."""

    def add(self, cells: Mapping[str, Cell]) -> None:
        """Count the columns of a row."""
        self.fields += len(cells)
        self.relations += sum(1 for cell in cells.values() for _ in rows_in(cell))
        self.files += sum(isinstance(cell, FileRef) for cell in cells.values())


def rows_in(cell: Cell) -> Iterator[RowRef]:
    """Yield the rows to which a cell points."""
    return (one for one in (cell if isinstance(cell, tuple) else (cell,)) if isinstance(one, RowRef))
