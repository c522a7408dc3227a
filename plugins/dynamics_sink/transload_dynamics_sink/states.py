"""Brings rows to a state: by writing state and status, or by the message that a table demands.

Where no single step leads to the state that is wanted, several are taken: a quote is activated
before it is won. What a row is now is read first, so a row that is where it should be is left alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from transload import Outcome, Row, RowId, SetState, TableName
from transload.errors import RecordError, RefusedError, UnfitValueError
from transload_dynamics_sink.batch import Operation, check_stopping, send_operations
from transload_dynamics_sink.client import Dataverse
from transload_dynamics_sink.errors import ROW_MISSING, Refusal
from transload_dynamics_sink.lifecycles import ClosingMessage
from transload_dynamics_sink.metadata import Metadata, Table
from transload_dynamics_sink.read_back import read_rows
from transload_dynamics_sink.values import dump_row, write_row

STATE, STATUS = "statecode", "statuscode"
UPDATE_ONLY = {"If-Match": "*"}
"""A row that is gone must not come back as a torso."""
_STRUCTURE, _FAMILY = "productstructure", 2
_ACTIVE = 0
_ACTION = "Microsoft.Dynamics.CRM"


@dataclass(frozen=True, slots=True)
class _Plan:
    """The steps of one write, each of which builds on the one before."""

    index: int
    write: SetState
    steps: Sequence[Operation]


def set_states(
    dataverse: Dataverse, metadata: Metadata, table_name: TableName, writes: Sequence[SetState]
) -> list[Outcome]:
    """Bring rows of one table to their states, and return an outcome for each.

    A row that is in its state already counts as done. A closed row that should be closed
    otherwise is reopened first, where the table allows it.
    """
    return _Changes(dataverse, metadata, metadata.get_table(table_name), writes).run()


def is_read_only(table: Table, state: int) -> bool:
    """Whether rows in a state refuse edits."""
    return any(known.read_only for known in table.shape.states if known.value == state)


def initial_state(table: Table) -> tuple[int, int]:
    """Return the state and status that rows of a table are born in."""
    first = table.shape.states[0]
    return first.value, first.default_status


class _Changes:
    """The changes of state in one batch."""

    def __init__(self, dataverse: Dataverse, metadata: Metadata, table: Table, writes: Sequence[SetState]) -> None:
        self._dataverse, self._metadata, self._table, self._writes = dataverse, metadata, table, writes
        self._outcomes = [Outcome()] * len(writes)

    def run(self) -> list[Outcome]:
        """Take the steps, all rows one step at a time, and return what became of each write."""
        now = self._read(self._writes)
        plans = [plan for index, write in enumerate(self._writes) if (plan := self._plan(index, write, now))]
        refused: dict[int, Refusal] = {}
        for at in range(max((len(plan.steps) for plan in plans), default=0)):
            going = [plan for plan in plans if at < len(plan.steps) and plan.index not in refused]
            # Families first: a product below one can be published only with it or after it.
            going.sort(key=lambda plan: plan.steps[at].method != "POST")
            replies = send_operations(self._dataverse, [plan.steps[at] for plan in going])
            for plan, reply in zip(going, replies, strict=True):
                if (refusal := reply.refusal) is not None:
                    check_stopping(refusal, self._dataverse)
                    refused[plan.index] = refusal
        self._settle(refused)
        return self._outcomes

    def _settle(self, refused: Mapping[int, Refusal]) -> None:
        """Record refusals; one of a row that is in its state came of a request that was sent twice."""
        now = self._read([self._writes[index] for index in refused])
        for index, refusal in refused.items():
            write = self._writes[index]
            if _is_there(now.get(write.row_id), write):
                self._outcomes[index] = Outcome(note="was in that state already")
            else:
                self._outcomes[index] = Outcome(error=refusal.error(str(write.key)))

    def _read(self, writes: Iterable[SetState]) -> dict[RowId, Row]:
        ids = list(dict.fromkeys(write.row_id for write in writes))
        columns = [STATE, STATUS] + [_STRUCTURE] * (_STRUCTURE in self._table.shape.columns)
        return read_rows(self._dataverse, self._metadata, self._table.name, ids, columns) if ids else {}

    def _plan(self, index: int, write: SetState, now: Mapping[RowId, Row]) -> _Plan | None:
        row = now.get(write.row_id)
        if row is None:
            self._outcomes[index] = Outcome(error=_gone(write))
        elif _is_there(row, write):
            self._outcomes[index] = Outcome(note="was in that state already")
        else:
            try:
                return _Plan(index, write, self._steps(write, row))
            except RecordError as error:
                self._outcomes[index] = Outcome(error=error)
        return None

    def _steps(self, write: SetState, row: Row) -> list[Operation]:
        """Return the operations that lead from what a row is to what it should be.

        Raises:
            RefusedError: No way leads there.
            UnfitValueError: A cell of the closing message cannot be sent.
        """
        lifecycle, start = self._table.lifecycle, row.columns[STATE]
        assert isinstance(start, int)  # a state column is never empty
        if start == write.state and write.state not in lifecycle.messages:
            return [self._patch(write, {STATUS: write.status})]
        path = lifecycle.path(start, write.state)
        if path is None:
            raise self._dead_end(write, start)
        steps: list[Operation] = []
        for number, (before, after) in enumerate(zip([start, *path], path, strict=False), 1):
            steps += self._lock(write, before, after)
            steps.append(self._step(write, row, after, final=number == len(path)))
            steps += self._unlock(write, before, after)
        return steps

    def _lock(self, write: SetState, before: int, after: int) -> list[Operation]:
        """Return what freezes the prices of a document that is about to be closed."""
        lifecycle = self._table.lifecycle
        if not lifecycle.lock or before != lifecycle.initial or after not in lifecycle.closed:
            return []
        return [Operation("POST", f"{self._address(write)}/{_ACTION}.{lifecycle.lock}", b"{}")]

    def _unlock(self, write: SetState, before: int, after: int) -> list[Operation]:
        """Return what thaws the prices of a document that has just been opened."""
        lifecycle = self._table.lifecycle
        action, parameter = lifecycle.unlock
        if not action or before not in lifecycle.closed or after != lifecycle.initial:
            return []
        return [Operation("POST", action, dump_row({parameter: write.row_id}))]

    def _step(self, write: SetState, row: Row, state: int, *, final: bool) -> Operation:
        message = self._table.lifecycle.messages.get(state)
        status = write.status if final else self._default_status(state)
        if message is not None:
            return self._close(message, write, status)
        if state == _ACTIVE and row.columns.get(_STRUCTURE) == _FAMILY:
            return Operation("POST", f"{self._address(write)}/{_ACTION}.PublishProductHierarchy", b"{}")
        columns: dict[str, object] = {STATE: state, STATUS: status}
        return self._patch(write, columns if not final else {**self._own_columns(write), **columns})

    def _close(self, message: ClosingMessage, write: SetState, status: int) -> Operation:
        activity = self._metadata.get_table(message.activity)
        columns = {"subject": message.subject} | {k: v for k, v in write.columns.items() if v is not None}
        parent = activity.navigation[message.parent, self._table.name]
        argument = {
            **({"@odata.type": f"{_ACTION}.{message.activity}"} if message.typed else {}),
            **write_row(self._metadata, activity, write.key, columns, creating=True),
            f"{parent}@odata.bind": f"/{self._address(write)}",
        }
        return Operation("POST", message.action, dump_row({message.argument: argument, "Status": status}))

    def _own_columns(self, write: SetState) -> dict[str, object]:
        """Return what the write says beside the state, where the row itself has room for it."""
        own = {name: cell for name, cell in write.columns.items() if name in self._table.shape.columns}
        return write_row(self._metadata, self._table, write.key, own, creating=False)

    def _patch(self, write: SetState, columns: Mapping[str, object]) -> Operation:
        return Operation("PATCH", self._address(write), dump_row(dict(columns)), UPDATE_ONLY)

    def _address(self, write: SetState) -> str:
        return f"{self._table.entity_set}({write.row_id})"

    def _default_status(self, state: int) -> int:
        return next(known.default_status for known in self._table.shape.states if known.value == state)

    def _dead_end(self, write: SetState, start: int) -> RecordError:
        labels = {state.value: state.label for state in self._table.shape.states}
        if write.state not in labels:
            return UnfitValueError(write.key, STATE, f"cannot be {write.state}: {self._table.name} has no such state")
        return RefusedError(
            str(write.key),
            "state",
            f"a row of {self._table.name} does not go from {labels.get(start, start)} to {labels[write.state]}",
            self._table.lifecycle.dead_end,
        )


def _is_there(row: Row | None, write: SetState) -> bool:
    return row is not None and (row.columns[STATE], row.columns[STATUS]) == (write.state, write.status)


def _gone(write: SetState) -> RefusedError:
    return RefusedError(
        str(write.key),
        ROW_MISSING,
        f"{write.table} with id {write.row_id} does not exist",
        "Somebody deleted the row in the target since it was loaded: restore it there, then run `transload run`.",
    )
