"""Snapshots of an organisation: its whole database, kept in memory."""

import sqlite3
from collections.abc import Iterator, Mapping

from transload_sandbox._changes import Change, compare_records
from transload_sandbox.dataverse import DataverseOrg

Records = Mapping[str, Mapping[str, object]]


class OrgState:
    """The rows and customisations of an organisation at one moment."""

    def __init__(self, org: DataverseOrg) -> None:
        """Copy the present state."""
        self._copy = sqlite3.connect(":memory:", check_same_thread=False)
        org.store.copy_to(self._copy)

    def restore(self, org: DataverseOrg) -> None:
        """Bring an organisation back to this state, or forward to it."""
        with org.store.reading():
            org.store.replace_by(self._copy)
            org.reload()

    def close(self) -> None:
        """Give the memory back."""
        self._copy.close()

    def tables(self) -> set[str]:
        """Return the names of the tables that exist in this state."""
        found = self._copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {str(name) for (name,) in found if not str(name).startswith(("_", "sqlite_"))}

    def records(self, table: str) -> Records:
        """Return the rows of a table by id, in the form in which they are stored."""
        found = self._copy.execute(f'SELECT * FROM "{table}"')
        columns = [description[0] for description in found.description]
        rows = (dict(zip(columns, row, strict=True)) for row in found)
        return {str(row.get(f"{table}id") or next(iter(row.values()))): row for row in rows}


def compare_states(before: OrgState, after: OrgState) -> Iterator[Change]:
    """Yield the rows that differ, table by table. What a state does not have a table for, it has no rows of."""
    old, new = before.tables(), after.tables()
    for table in sorted(old | new):
        sides = (state.records(table) if table in names else {} for state, names in ((before, old), (after, new)))
        yield from compare_records(table, *sides)
