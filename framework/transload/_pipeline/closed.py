"""Rows that are closed: which changes are worth opening them for, and which cannot be made any more."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from transload._ledger import Ledger, write_identity
from transload.values import (
    EntityName,
    RecordKey,
    RowId,
    RowRef,
    SetState,
    SourceId,
    TableName,
    TargetState,
    TargetTable,
)


class Closed(StrEnum):
    """What holds for columns of a closed row."""

    MINOR = "minor"
    """The mapping says that these columns are no reason to open it."""
    FINAL = "final"
    """The target opens it no more."""


@dataclass(frozen=True, slots=True)
class ClosedRows:
    """Knows the state that rows were brought to.

    Attributes:
        tables: The target's tables.
        minor: By table, the columns that are no reason to open a closed row.
    """

    ledger: Ledger
    tables: Mapping[TableName, TargetTable]
    minor: Mapping[TableName, Collection[str]]

    def of(self, columns: Mapping[RowRef, Collection[str]]) -> dict[RowRef, Closed]:
        """Return, of rows that are to get other columns, those that should be left as they are, and why."""
        probes = {ref: write_identity(_probe(ref.table, ref.row_id)) for ref in columns if self._locks(ref.table)}
        written = self.ledger.journal.written(set(probes.values())) if probes else {}
        found: dict[RowRef, Closed] = {}
        for ref, identity in probes.items():
            state = self._state(ref.table, written.get(identity, {}).get("statecode"))
            if state is None or not state.read_only:
                continue
            if set(columns[ref]) <= set(self.minor.get(ref.table, ())):
                found[ref] = Closed.MINOR
            elif state.final:
                found[ref] = Closed.FINAL
        return found

    def _locks(self, name: TableName) -> bool:
        table = self.tables.get(name)
        return table is not None and any(state.read_only for state in table.states)

    def _state(self, table: TableName, value: object) -> TargetState | None:
        return next((state for state in self.tables[table].states if state.value == value), None)


def _probe(table: TableName, row_id: RowId) -> SetState:
    return SetState(RecordKey(EntityName(""), SourceId("")), table, row_id, 0, 0)
