"""Writes batches of one table: rows in bulk, states and links in ``$batch``.

A bulk message is all or nothing, and its refusal does not say which row is to blame.
So a refused one is sent again as a ``$batch`` of single rows: the innocent are written,
and each culprit has its own error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from transload import Associate, Batch, Outcome, RowRef, SetState, Upsert
from transload.errors import RefusedError, UnfitValueError, UnresolvedLookupError
from transload_dynamics_sink.batch import (
    MOST_BYTES,
    MOST_REPEATS,
    Operation,
    check_stopping,
    send_operations,
)
from transload_dynamics_sink.client import Dataverse
from transload_dynamics_sink.errors import DUPLICATE, ROW_MISSING, Act, Refusal, read_refusal
from transload_dynamics_sink.metadata import Metadata, Table
from transload_dynamics_sink.states import UPDATE_ONLY, set_states
from transload_dynamics_sink.values import dump_row, write_row

MOST_ROWS = 1000
"""Rows of one bulk message."""
_TYPE = "Microsoft.Dynamics.CRM"
_DELETED = "Somebody deleted the row in the target since it was loaded: restore it there, then run `transload run`."


@dataclass(frozen=True, slots=True)
class _Item:
    """One row on its way: where its outcome belongs, and its properties as JSON."""

    index: int
    write: Upsert
    body: bytes


def load_batch(batch: Batch, dataverse: Dataverse, metadata: Metadata) -> list[Outcome]:
    """Write a batch and return an outcome for each write, in order.

    Raises:
        RunError: The environment refuses us, not a record.
    """
    match batch.writes[0]:
        case Upsert():
            return _Rows(dataverse, metadata, batch).load()
        case SetState():
            changes = cast(Sequence[SetState], batch.writes)
            return set_states(dataverse, metadata, batch.table, changes)
        case Associate():
            return _link(dataverse, metadata, cast(Sequence[Associate], batch.writes))


class _Rows:
    """The upserts of one batch."""

    def __init__(self, dataverse: Dataverse, metadata: Metadata, batch: Batch) -> None:
        self._dataverse, self._metadata = dataverse, metadata
        self._writes = cast(Sequence[Upsert], batch.writes)
        self._table = metadata.get_table(batch.table)
        self._outcomes = [Outcome()] * len(batch)

    def load(self) -> list[Outcome]:
        """Write the new rows, then the known ones."""
        new: list[_Item] = []
        known: list[_Item] = []
        for index, write in enumerate(self._writes):
            try:
                item = self._item(index, write)
            except UnfitValueError as error:
                self._outcomes[index] = Outcome(error=error)
                continue
            if write.exists and item.body == b"{}":
                self._outcomes[index] = Outcome(note="nothing to write")
            else:
                (known if write.exists else new).append(item)
        for items, message in ((new, "UpsertMultiple"), (known, "UpdateMultiple")):
            bulk = len(items) > 1 and self._metadata.offers(message, self._table.name)
            for chunk in _chunks(items):
                if bulk:
                    self._write_in_bulk(message, chunk)
                else:
                    self._write_singly(chunk)
        return self._outcomes

    def _item(self, index: int, write: Upsert) -> _Item:
        row = write_row(self._metadata, self._table, write.key, write.columns, creating=not write.exists)
        row.pop(self._table.shape.id_column, None)
        return _Item(index, write, dump_row(row))

    def _write_in_bulk(self, message: str, chunk: Sequence[_Item], times: int = 0) -> None:
        if len(chunk) == 1:
            self._write_singly(chunk)
            return
        body = b'{"Targets":[' + b",".join(self._target(item) for item in chunk) + b"]}"
        path = f"{self._table.entity_set}/{_TYPE}.{message}"
        answer = self._dataverse.write("POST", path, body)
        if answer.is_success:
            return
        refusal = read_refusal(answer.status_code, answer.content)
        check_stopping(refusal, self._dataverse)
        if refusal.act in {Act.RETRY, Act.SMALLER} and times < MOST_REPEATS:
            self._dataverse.pause(times + 1)
            half = len(chunk) // 2
            self._write_in_bulk(message, chunk[:half], times + 1)
            self._write_in_bulk(message, chunk[half:], times + 1)
        else:
            self._write_singly(chunk)

    def _write_singly(self, chunk: Sequence[_Item]) -> None:
        operations = [
            Operation(
                "PATCH",
                f"{self._table.entity_set}({item.write.row_id})",
                item.body,
                UPDATE_ONLY if item.write.exists else {},
            )
            for item in chunk
        ]
        replies = send_operations(self._dataverse, operations)
        for item, reply in zip(chunk, replies, strict=True):
            if (refusal := reply.refusal) is not None:
                check_stopping(refusal, self._dataverse)
                self._outcomes[item.index] = Outcome(error=_row_error(item.write, refusal))

    def _target(self, item: _Item) -> bytes:
        """Return the row as a target of a bulk message: with its type and its primary key."""
        head = dump_row(
            {
                "@odata.type": f"{_TYPE}.{self._table.name}",
                self._table.shape.id_column: item.write.row_id,
            }
        )
        return head if item.body == b"{}" else head[:-1] + b"," + item.body[1:]


def _row_error(write: Upsert, refusal: Refusal) -> RefusedError:
    error = refusal.error(str(write.key))
    if write.exists and refusal.code == ROW_MISSING and write.row_id in refusal.message.lower():
        error.remedy = _DELETED
    return error


def _chunks(items: Sequence[_Item]) -> list[list[_Item]]:
    """Return chunks that fit one request, none with the same row twice: that would deadlock."""
    chunks: list[list[_Item]] = []
    rows: set[str] = set()
    room = 0
    for item in items:
        size = len(item.body) + 200
        if not chunks or len(chunks[-1]) == MOST_ROWS or size > room or item.write.row_id in rows:
            chunks.append([])
            rows, room = set(), MOST_BYTES
        chunks[-1].append(item)
        rows.add(item.write.row_id)
        room -= size
    return chunks


def _link(dataverse: Dataverse, metadata: Metadata, writes: Sequence[Associate]) -> list[Outcome]:
    outcomes = [Outcome()] * len(writes)
    operations: dict[int, Operation] = {}
    for index, write in enumerate(writes):
        if isinstance(write.other, RowRef):
            path = link_path(metadata, metadata.get_table(write.table), write)
            other = f"{dataverse.root}/{metadata.get_entity_set(write.other.table)}({write.other.row_id})"
            operations[index] = Operation("POST", f"{path}/$ref", dump_row({"@odata.id": other}))
        else:
            outcomes[index] = Outcome(error=UnresolvedLookupError(write.key, write.relationship, str(write.other)))
    replies = send_operations(dataverse, list(operations.values()))
    for index, reply in zip(operations, replies, strict=True):
        if (refusal := reply.refusal) is None:
            continue
        check_stopping(refusal, dataverse)
        if refusal.code == DUPLICATE:
            outcomes[index] = Outcome(note="was linked already")
        else:
            outcomes[index] = Outcome(error=refusal.error(str(writes[index].key)))
    return outcomes


def link_path(metadata: Metadata, table: Table, write: Associate) -> str:
    """Return the address of the collection that a link belongs into."""
    collection = metadata.get_collection(table.name, write.relationship)
    return f"{table.entity_set}({write.row_id})/{collection.navigation}"
