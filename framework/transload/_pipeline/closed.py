"""Rows that are closed, or belong to one that is: what is worth opening them for, and what cannot be made any more."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from transload._ledger import Intent, Ledger, row_identity, state_identity
from transload.values import Cell, Phase, Row, RowRef, SetState, TableName, TargetState, TargetTable, Upsert

STATE_COLUMNS = ("statecode", "statuscode")


class Closed(StrEnum):
    """What holds for columns of a closed row."""

    MINOR = "minor"
    """The mapping says that these columns are no reason to open it."""
    FINAL = "final"
    """The target opens it no more."""


@dataclass(frozen=True, slots=True)
class _Lock:
    """The read-only state that a row was brought to."""

    state: TargetState
    status: Cell


@dataclass(frozen=True, slots=True)
class ClosedRows:
    """Knows the state that rows were brought to, and the rows that belong to them.

    Attributes:
        tables: The target's tables.
        minor: By table, the columns that are no reason to open a closed row.
    """

    ledger: Ledger
    tables: Mapping[TableName, TargetTable]
    minor: Mapping[TableName, Collection[str]]

    def of(self, columns: Mapping[RowRef, Collection[str]]) -> dict[RowRef, Closed]:
        """Return, of rows that are to get other columns, those that should be left as they are, and why."""
        documents = self._documents_as_written(columns)
        locks = self._locks({*columns, *documents.values()})
        found: dict[RowRef, Closed] = {}
        for ref, names in columns.items():
            mine = [locks[one] for one in (ref, documents.get(ref)) if one in locks]
            if mine and set(names) <= set(self.minor.get(ref.table, ())):
                found[ref] = Closed.MINOR
            elif any(lock.state.final for lock in mine):
                found[ref] = Closed.FINAL
        return found

    def too_late(self, rows: Iterable[Upsert]) -> set[RowRef]:
        """Return the rows that cannot be made any more: the target does not open what they belong to."""
        documents = {RowRef(row.table, row.row_id): self._document(row.table, row.columns) for row in rows}
        locks = self._locks({document for document in documents.values() if document is not None})
        return {ref for ref, document in documents.items() if document in locks and locks[document].state.final}

    def to_open(self, writes: Collection[Upsert]) -> list[Intent]:
        """Return what opens the rows that writes go to, and those that they belong to, where these are closed.

        The finish pass closes them again: their recorded state is then the open one.
        """
        refs = {RowRef(write.table, write.row_id): write.key for write in writes if write.exists}
        named = (self._document(write.table, write.columns) for write in writes)
        documents = {*self._documents_as_written(refs).values(), *(one for one in named if one is not None)}
        keys = {**self.ledger.journal.keys_of(documents), **refs}
        return [
            Intent(
                SetState(keys[ref], ref.table, ref.row_id, first.value, first.default_status, phase=Phase.ROWS),
                Row(ref.row_id, dict(zip(STATE_COLUMNS, (lock.state.value, lock.status), strict=True))),
                False,
            )
            for ref, lock in self._locks({*refs, *documents}).items()
            if ref in keys and not lock.state.final
            for first in [self.tables[ref.table].states[0]]
        ]

    def _document(self, table: TableName, columns: Mapping[str, object]) -> RowRef | None:
        """Return the row that a row belongs to, as far as these columns say."""
        known = self.tables.get(table)
        document = columns.get(known.locked_by) if known is not None else None
        return document if isinstance(document, RowRef) else None

    def _documents_as_written(self, refs: Iterable[RowRef]) -> dict[RowRef, RowRef]:
        """Return the rows that rows belong to, by what was written last."""
        tables = self.tables
        identities = {ref: row_identity(ref) for ref in refs if ref.table in tables and tables[ref.table].locked_by}
        written = self.ledger.journal.written(set(identities.values())) if identities else {}
        documents = {ref: self._document(ref.table, written.get(its, {})) for ref, its in identities.items()}
        return {ref: document for ref, document in documents.items() if document is not None}

    def _locks(self, refs: Iterable[RowRef]) -> dict[RowRef, _Lock]:
        """Return the rows that are in a read-only state, with the state."""
        identities = {ref: state_identity(ref) for ref in refs if self._can_lock(ref.table)}
        written = self.ledger.journal.written(set(identities.values())) if identities else {}
        found: dict[RowRef, _Lock] = {}
        for ref, identity in identities.items():
            value, status = (written.get(identity, {}).get(column) for column in STATE_COLUMNS)
            states = (state for state in self.tables[ref.table].states if state.value == value)
            found.update((ref, _Lock(state, status)) for state in states if state.read_only)
        return found

    def _can_lock(self, name: TableName) -> bool:
        table = self.tables.get(name)
        return table is not None and any(state.read_only for state in table.states)
