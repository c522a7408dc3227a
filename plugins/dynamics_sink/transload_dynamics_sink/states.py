"""Brings rows to a state: by writing state and status, or by the message that a table demands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transload import Outcome, RowId, SetState, TableName
from transload.errors import UnfitValueError
from transload_dynamics_sink.batch import Operation, check_stopping, send_operations
from transload_dynamics_sink.client import Dataverse
from transload_dynamics_sink.errors import Refusal
from transload_dynamics_sink.metadata import Metadata, Table
from transload_dynamics_sink.read_back import read_rows
from transload_dynamics_sink.values import dump_row, write_row

STATE, STATUS = "statecode", "statuscode"
UPDATE_ONLY = {"If-Match": "*"}
"""A row that is gone must not come back as a torso."""


@dataclass(frozen=True, slots=True)
class ClosingMessage:
    """A message that closes a row and leaves an activity behind.

    Attributes:
        action: The unbound action.
        argument: Its parameter that holds the activity.
        activity: Table of the activity.
        parent: Its lookup to the row that is closed.
        subject: What the activity is called when nobody says.
    """

    action: str
    argument: str
    activity: TableName
    parent: str
    subject: str


CLOSING_MESSAGES: Mapping[tuple[str, int], ClosingMessage] = {
    ("incident", 1): ClosingMessage(
        "CloseIncident", "IncidentResolution", TableName("incidentresolution"), "incidentid", "Resolved"
    ),
}
"""Table and state to the message that alone leads there; all other states are plain columns."""

_REOPENED_BY_COLUMNS = frozenset({"incident"})
_IN_THE_WAY = frozenset({"0x80044411", "0x80040515", "0x80040519", "0x80040233", "0x8004022e"})
"""Refusals that mean: the row is closed already, perhaps in the very state that is wanted."""


def set_states(
    dataverse: Dataverse, metadata: Metadata, table_name: TableName, writes: Sequence[SetState]
) -> list[Outcome]:
    """Bring rows of one table to their states, and return an outcome for each.

    A row that is in its state already counts as done. A closed row that should be closed
    otherwise is reopened first, where the table allows it.
    """
    table = metadata.get_table(table_name)
    outcomes = _send(dataverse, metadata, table, writes)
    closed = [index for index, (_, refusal) in enumerate(outcomes) if refusal and refusal.code in _IN_THE_WAY]
    done, again = _sort_out(dataverse, metadata, table, {index: writes[index] for index in closed})
    for index in done:
        outcomes[index] = (Outcome(note="was in that state already"), None)
    if again:
        opening = [_opened(table, writes[index]) for index in again]
        _send(dataverse, metadata, table, opening)
        second = _send(dataverse, metadata, table, [writes[index] for index in again])
        for index, outcome in zip(again, second, strict=True):
            outcomes[index] = outcome
    return [outcome for outcome, _ in outcomes]


def build_state_change(metadata: Metadata, table: Table, write: SetState) -> Operation:
    """Return the operation that brings a row to a state.

    Raises:
        UnfitValueError: A cell of the closing message cannot be sent.
    """
    message = CLOSING_MESSAGES.get((table.name, write.state))
    if message is None:
        body = dump_row({STATE: write.state, STATUS: write.status})
        return Operation("PATCH", f"{table.entity_set}({write.row_id})", body, UPDATE_ONLY)
    activity = metadata.get_table(message.activity)
    columns = {"subject": message.subject} | {k: v for k, v in write.columns.items() if v is not None}
    parent = activity.navigation[message.parent, table.name]
    argument = {
        **write_row(metadata, activity, write.key, columns, creating=True),
        f"{parent}@odata.bind": f"/{table.entity_set}({write.row_id})",
    }
    return Operation("POST", message.action, dump_row({message.argument: argument, "Status": write.status}))


def is_read_only(table: Table, state: int) -> bool:
    """Whether rows in a state refuse edits."""
    return any(known.read_only for known in table.shape.states if known.value == state)


def initial_state(table: Table) -> tuple[int, int]:
    """Return the state and status that rows of a table are born in."""
    first = table.shape.states[0]
    return first.value, first.default_status


def _send(
    dataverse: Dataverse, metadata: Metadata, table: Table, writes: Sequence[SetState]
) -> list[tuple[Outcome, Refusal | None]]:
    results: list[tuple[Outcome, Refusal | None]] = [(Outcome(), None)] * len(writes)
    operations: dict[int, Operation] = {}
    for index, write in enumerate(writes):
        try:
            operations[index] = build_state_change(metadata, table, write)
        except UnfitValueError as error:
            results[index] = (Outcome(error=error), None)
    replies = send_operations(dataverse, list(operations.values()))
    for index, reply in zip(operations, replies, strict=True):
        if (refusal := reply.refusal) is not None:
            check_stopping(refusal, dataverse)
            results[index] = (Outcome(error=refusal.error(str(writes[index].key))), refusal)
    return results


def _sort_out(
    dataverse: Dataverse, metadata: Metadata, table: Table, refused: Mapping[int, SetState]
) -> tuple[list[int], list[int]]:
    """Return which of the refused writes are done already, and which need their row reopened."""
    if not refused:
        return [], []
    ids = list(dict.fromkeys(RowId(write.row_id) for write in refused.values()))
    rows = read_rows(dataverse, metadata, table.name, ids, [STATE, STATUS])
    done, again = [], []
    for index, write in refused.items():
        row = rows.get(write.row_id)
        if row is None:
            continue
        if (row.columns[STATE], row.columns[STATUS]) == (write.state, write.status):
            done.append(index)
        elif table.name in _REOPENED_BY_COLUMNS and write.state != initial_state(table)[0]:
            again.append(index)
    return done, again


def _opened(table: Table, write: SetState) -> SetState:
    state, status = initial_state(table)
    return SetState(write.key, write.table, write.row_id, state, status)
