"""Follows columns that a target passes on from a row to its children: owners.

Who assigns an account to somebody else assigns its contacts, cases and notes along with it,
without having been asked to. So when a run changes such a column of a row, the children that
come in later passes are given their own value again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from transload._ledger import Ledger
from transload.values import Cell, RowRef, TableName, TargetTable, Upsert, Write


@dataclass(slots=True)
class Cascades:
    """Which rows a run has changed, directly or through their parents.

    What an earlier process of the same run has changed is taken from the journal.

    Attributes:
        late: By table, the columns that a target changes by itself when something that belongs to the row is written.
    """

    ledger: Ledger
    run_id: str
    tables: Mapping[TableName, TargetTable]
    late: Mapping[TableName, Collection[str]]
    _reached: set[RowRef] = field(default_factory=set)
    _parents: set[RowRef] = field(default_factory=set)
    _columns: dict[TableName, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._columns = {
            name: frozenset(column.name for column in table.columns.values() if column.cascades)
            for name, table in self.tables.items()
        }
        self._reached = self.ledger.journal.rewritten_in(self.run_id, self._columns)

    def __len__(self) -> int:
        return len(self._reached)

    def passes_on(self, table: TableName, column: str) -> bool:
        """Whether a column is one that a row passes on to its children: an owner."""
        return column in self._columns.get(table, frozenset())

    def reached(self, write: Write, old: Mapping[str, Cell]) -> dict[str, Cell]:
        """Return the columns of a row that a parent may have passed on, with the values that they should have.

        Args:
            write: What is wanted of the row.
            old: What was written last.
        """
        if not self._reached or not isinstance(write, Upsert):
            return {}
        columns = self._columns.get(write.table, frozenset())
        now = {**old, **write.columns}
        parents = {cell for name, cell in now.items() if isinstance(cell, RowRef) and name not in columns}
        if parents.isdisjoint(self._reached):
            return {}
        self._reached.add(RowRef(write.table, write.row_id))
        return {name: now[name] for name in columns if now.get(name) is not None}

    def note_children(self, rows: Iterable[Mapping[str, Cell]]) -> None:
        """Remember what is pointed to by rows that are about to be written, given with all their columns."""
        for columns in rows:
            self._parents.update(cell for cell in columns.values() if isinstance(cell, RowRef))

    def disturbed(self, write: Upsert) -> dict[str, Cell]:
        """Return the late columns of a write, if something that belongs to its row was written in this run."""
        late = self.late.get(write.table, ()) if RowRef(write.table, write.row_id) in self._parents else ()
        return {name: cell for name, cell in write.columns.items() if name in late}

    def follow(self, writes: Iterable[Write]) -> None:
        """Remember the rows of which such a column is about to change."""
        for write in writes:
            if isinstance(write, Upsert) and write.columns.keys() & self._columns.get(write.table, frozenset()):
                self._reached.add(RowRef(write.table, write.row_id))
