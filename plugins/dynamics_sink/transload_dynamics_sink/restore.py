"""Gives rows that were there before back what a migration changed."""

from collections.abc import Mapping, Sequence

from transload import EntityName, Outcome, RecordKey, RestoreRow, SetState, SourceId
from transload.errors import UnfitValueError
from transload_dynamics_sink.batch import Operation, check_stopping, send_operations
from transload_dynamics_sink.client import Dataverse
from transload_dynamics_sink.metadata import Metadata
from transload_dynamics_sink.states import UPDATE_ONLY, initial_state, is_read_only, set_states
from transload_dynamics_sink.values import dump_row, write_row


class Restoration:
    """Rows of one table on their way back: opened where they must be, rewritten, brought to their state."""

    def __init__(self, dataverse: Dataverse, metadata: Metadata, inverses: Sequence[RestoreRow]) -> None:
        self._dataverse, self._metadata, self._inverses = dataverse, metadata, inverses
        self._table = metadata.get_table(inverses[0].table)
        self._outcomes = [Outcome()] * len(inverses)

    def run(self) -> list[Outcome]:
        """Restore the rows and return an outcome for each; a row that is gone is fine."""
        self._settle({index: state for index in self._open() if (state := self._opening(index)) is not None})
        self._rewrite()
        self._settle({index: state for index in self._open() if (state := self._final(index)) is not None})
        return self._outcomes

    def _open(self) -> list[int]:
        return [index for index, outcome in enumerate(self._outcomes) if outcome.ok and not outcome.note]

    def _opening(self, index: int) -> tuple[int, int] | None:
        """Return the state in which the row takes its columns, when it may be in another one now."""
        inverse = self._inverses[index]
        if inverse.state is None or not inverse.columns:
            return None
        return initial_state(self._table) if is_read_only(self._table, inverse.state[0]) else inverse.state

    def _final(self, index: int) -> tuple[int, int] | None:
        """Return the state that is still to be set after the columns."""
        inverse = self._inverses[index]
        if inverse.state is None or inverse.state == self._opening(index):
            return None
        return inverse.state

    def _settle(self, states: Mapping[int, tuple[int, int]]) -> None:
        if not states:
            return
        changes = [
            SetState(_key(self._inverses[index]), self._table.name, self._inverses[index].row_id, *state)
            for index, state in states.items()
        ]
        settled = set_states(self._dataverse, self._metadata, self._table.name, changes)
        for index, outcome in zip(states, settled, strict=True):
            self._outcomes[index] = Outcome(error=outcome.error)

    def _rewrite(self) -> None:
        operations: dict[int, Operation] = {}
        for index in self._open():
            inverse = self._inverses[index]
            if not inverse.columns:
                continue
            try:
                row = write_row(self._metadata, self._table, _key(inverse), inverse.columns, creating=False)
            except UnfitValueError as error:
                self._outcomes[index] = Outcome(error=error)
                continue
            address = f"{self._table.entity_set}({inverse.row_id})"
            operations[index] = Operation("PATCH", address, dump_row(row), UPDATE_ONLY)
        replies = send_operations(self._dataverse, list(operations.values()))
        for index, reply in zip(operations, replies, strict=True):
            if (refusal := reply.refusal) is None:
                continue
            check_stopping(refusal, self._dataverse)
            if refusal.status == 404:
                self._outcomes[index] = Outcome(note="was gone already")
            else:
                self._outcomes[index] = Outcome(error=refusal.error(str(_key(self._inverses[index]))))


def _key(inverse: RestoreRow) -> RecordKey:
    """Return what messages call the row: a rollback knows rows, not records."""
    return RecordKey(EntityName(inverse.table), SourceId(inverse.row_id))
