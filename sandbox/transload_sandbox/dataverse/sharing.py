"""Shares: rows that a user or team may work with although its privileges do not reach them."""

from collections.abc import Collection, Mapping, Sequence

from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.store import Store

TABLE = "principalobjectaccess"
RIGHTS: Mapping[str, tuple[str, int]] = {
    "ReadAccess": ("Read", 1),
    "WriteAccess": ("Write", 2),
    "AppendAccess": ("Append", 4),
    "AppendToAccess": ("AppendTo", 16),
    "CreateAccess": ("Create", 32),
    "DeleteAccess": ("Delete", 65_536),
    "ShareAccess": ("Share", 262_144),
    "AssignAccess": ("Assign", 524_288),
}
"""Names of access rights to the privilege that they stand for and their bit in a mask."""


def render_mask(mask: int) -> str:
    """Return a mask in words, as the Web API writes it."""
    return ", ".join(name for name, (_, bit) in RIGHTS.items() if mask & bit) or "None"


class Shares:
    """The shares of one organisation."""

    def __init__(self, store: Store, table: Table) -> None:
        self.store = store
        self.table = table

    def of_row(self, row_id: str) -> list[Row]:
        """Return the shares of a row."""
        return self._find("objectid", [row_id])

    def reaches(self, row_id: str, principals: Collection[str], verb: str) -> bool:
        """Tell whether a row is shared with one of some users and teams for a purpose."""
        return any(row["principalid"] in principals and _has(row, verb) for row in self.of_row(row_id))

    def rows_for(self, principals: Sequence[str], table: str, verb: str) -> list[str]:
        """Return the ids of the rows of a table that are shared with some users and teams for a purpose."""
        found = self._find("principalid", list(principals))
        return [str(row["objectid"]) for row in found if row["objecttypecode"] == table and _has(row, verb)]

    def forget(self, row_ids: Sequence[str]) -> None:
        """Drop the shares of rows that are gone."""
        self.store.delete(
            self.table, [str(row[self.table.primary_id]) for row in self._find("objectid", list(row_ids))]
        )

    def _find(self, column: str, values: list[str]) -> list[Row]:
        return self.store.find_in(self.table, column, values) if TABLE in self.store.existing else []


def _has(row: Row, verb: str) -> bool:
    bit = next(bit for name, bit in RIGHTS.values() if name == verb)
    return bool(int(str(row["accessrightsmask"] or 0)) & bit)
