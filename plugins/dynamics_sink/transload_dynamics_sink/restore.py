"""Gives rows that were there before back what a migration changed."""

from collections.abc import Mapping, Sequence

from transload import EntityName, FileRef, Outcome, RecordKey, RestoreRow, SetState, SourceId, Upsert
from transload.errors import RecordError, RefusedError
from transload_dynamics_sink.client import Dataverse
from transload_dynamics_sink.errors import KEY_ROW_MISSING, ROW_MISSING
from transload_dynamics_sink.files import Files
from transload_dynamics_sink.metadata import Metadata
from transload_dynamics_sink.states import initial_state, is_read_only, set_states
from transload_dynamics_sink.upserts import upsert_rows


class Restoration:
    """Rows of one table on their way back: opened where they must be, rewritten, brought to their state."""

    def __init__(self, dataverse: Dataverse, metadata: Metadata, files: Files, inverses: Sequence[RestoreRow]) -> None:
        self._dataverse, self._metadata, self._files, self._inverses = dataverse, metadata, files, inverses
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
            self._outcomes[index] = _gone_is_fine(outcome)

    def _rewrite(self) -> None:
        writes: dict[int, Upsert] = {}
        for index in self._open():
            inverse = self._inverses[index]
            if not inverse.columns:
                continue
            if (lost := self._lost_file(inverse)) is not None:
                self._outcomes[index] = Outcome(error=lost)
                continue
            key, table = _key(inverse), self._table.name
            writes[index] = Upsert(key, table, inverse.row_id, inverse.columns, exists=True)
        if not writes:
            return
        rewritten = upsert_rows(self._dataverse, self._metadata, self._files, list(writes.values()))
        for index, outcome in zip(writes, rewritten, strict=True):
            self._outcomes[index] = _gone_is_fine(outcome)

    def _lost_file(self, inverse: RestoreRow) -> RecordError | None:
        """Return the error for a former file that nobody has kept: only what a migration brings is."""
        for column, cell in inverse.columns.items():
            if isinstance(cell, FileRef) and not self._files.has(cell):
                return RefusedError(
                    str(_key(inverse)),
                    "file",
                    f"the file that {column} held before the migration was not kept",
                    "Put the former file back by hand, from a backup of the environment.",
                )
        return None


def _gone_is_fine(outcome: Outcome) -> Outcome:
    error = outcome.error
    if isinstance(error, RefusedError) and error.target_code in {ROW_MISSING, KEY_ROW_MISSING}:
        return Outcome(note="was gone already")
    return Outcome(error=error)


def _key(inverse: RestoreRow) -> RecordKey:
    """Return what messages call the row: a rollback knows rows, not records."""
    return RecordKey(EntityName(inverse.table), SourceId(inverse.row_id))
