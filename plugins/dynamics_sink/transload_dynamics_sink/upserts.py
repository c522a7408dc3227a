"""Writes rows of one table: in bulk, with what cannot travel inside a row after it.

A bulk message is all or nothing, and its refusal does not say which row is to blame.
So a refused one is sent again as a ``$batch`` of single rows: the innocent are written,
and each culprit has its own error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transload import Outcome, Upsert
from transload.errors import RecordError
from transload.values import ColumnType
from transload_dynamics_sink.batch import (
    MOST_BYTES,
    MOST_REPEATS,
    Operation,
    check_stopping,
    send_operations,
)
from transload_dynamics_sink.client import Dataverse, Json
from transload_dynamics_sink.columns import Carrier
from transload_dynamics_sink.errors import Act, read_refusal
from transload_dynamics_sink.files import Attached, Files
from transload_dynamics_sink.metadata import Metadata
from transload_dynamics_sink.parties import replace_parties
from transload_dynamics_sink.row_rules import check_row, row_error
from transload_dynamics_sink.states import UPDATE_ONLY
from transload_dynamics_sink.values import EMPTY, dump_row, with_file, write_row

MOST_ROWS = 1000
"""Rows of one bulk message."""
_TYPE = "Microsoft.Dynamics.CRM"
_ADDRESSING = 200
"""Bytes that a row takes beside its properties."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One row on its way.

    Attributes:
        index: Where its outcome belongs.
        write: What is wanted.
        row: Its properties, without files.
        body: The same as JSON.
        inside: Files that travel inside the row.
        after: Files that follow the row; with ``makes_row``, one that brings it along.
    """

    index: int
    write: Upsert
    row: Json
    body: bytes
    inside: Sequence[Attached]
    after: Sequence[Attached]

    @property
    def size(self) -> int:
        """Bytes of its request, files included."""
        return len(self.body) + sum(each.encoded_size for each in self.inside) + _ADDRESSING

    @property
    def comes_with_file(self) -> bool:
        """Whether the upload of its file creates the row."""
        return not self.write.exists and any(each.makes_row for each in self.after)


def upsert_rows(dataverse: Dataverse, metadata: Metadata, files: Files, writes: Sequence[Upsert]) -> list[Outcome]:
    """Write rows of one table and return an outcome for each.

    Raises:
        RunError: The environment refuses us, not a record.
    """
    return _Rows(dataverse, metadata, files, writes).load()


class _Rows:
    """The upserts of one batch."""

    def __init__(self, dataverse: Dataverse, metadata: Metadata, files: Files, writes: Sequence[Upsert]) -> None:
        self._dataverse, self._metadata, self._files, self._writes = dataverse, metadata, files, writes
        self._table = metadata.get_table(writes[0].table)
        self._outcomes = [Outcome()] * len(writes)

    def load(self) -> list[Outcome]:
        """Write the new rows, then the known ones, then what follows them."""
        items = []
        for index, write in enumerate(self._writes):
            try:
                items.append(self._item(index, write))
            except RecordError as error:
                self._outcomes[index] = Outcome(error=error)
        rows = [item for item in items if not item.comes_with_file and not self._is_idle(item)]
        new, known = [i for i in rows if not i.write.exists], [i for i in rows if i.write.exists]
        for group, message in ((new, "UpsertMultiple"), (known, "UpdateMultiple")):
            bulk = len(group) > 1 and self._metadata.offers(message, self._table.name)
            for chunk in _chunks(group):
                if bulk:
                    self._write_in_bulk(message, chunk)
                else:
                    self._write_singly(chunk)
        self._follow_up(items)
        return self._outcomes

    def _item(self, index: int, write: Upsert) -> _Item:
        check_row(self._dataverse, self._table, write)
        row = write_row(self._metadata, self._table, write.key, write.columns, creating=not write.exists)
        row.pop(self._table.shape.id_column, None)
        attached = self._files.attached(self._table, write.key, write.columns)
        if write.exists:
            self._files.check_replacing(write.key, attached)
        for each in attached:
            row = {**each.labels(), **row}
        inside = [each for each in attached if each.is_inline]
        after = [each for each in attached if not each.is_inline]
        return _Item(index, write, row, dump_row(row), inside, after)

    def _is_idle(self, item: _Item) -> bool:
        """Whether the row itself has nothing to say; noted when nothing follows it either."""
        if not item.write.exists or item.body != EMPTY or item.inside:
            return False
        if not item.after and not self._apart(item.write):
            self._outcomes[item.index] = Outcome(note="nothing to write")
        return True

    def _write_in_bulk(self, message: str, chunk: Sequence[_Item], times: int = 0) -> None:
        if len(chunk) == 1:
            self._write_singly(chunk)
            return
        body = b'{"Targets":[' + b",".join(self._target(item) for item in chunk) + b"]}"
        path = f"{self._table.entity_set}/{_TYPE}.{message}"
        answer = self._dataverse.write("POST", path, body)
        if answer.is_success:
            return
        del body  # it may be large, and is not needed while the pieces are sent
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
                self._body(item),
                UPDATE_ONLY if item.write.exists else {},
            )
            for item in chunk
        ]
        replies = send_operations(self._dataverse, operations)
        for item, reply in zip(chunk, replies, strict=True):
            if (refusal := reply.refusal) is not None:
                check_stopping(refusal, self._dataverse)
                self._outcomes[item.index] = Outcome(error=row_error(item.write, refusal))

    def _target(self, item: _Item) -> bytes:
        """Return the row as a target of a bulk message: with its type and its primary key."""
        head = {"@odata.type": f"{_TYPE}.{self._table.name}", self._table.shape.id_column: item.write.row_id}
        return self._body(item, dump_row(head))

    def _body(self, item: _Item, head: bytes = EMPTY) -> bytes:
        """Return the row with the files that travel inside it."""
        body = _joined(head, item.body)
        for each in item.inside:
            body = with_file(body, each.column, self._files.encode(each.file))
        return body

    # -- what follows the rows

    def _follow_up(self, items: Sequence[_Item]) -> None:
        for item in items:
            if self._outcomes[item.index].ok:
                self._send_files(item)
        apart = [item.write for item in items if self._outcomes[item.index].ok and self._parties_of(item.write)]
        errors = replace_parties(self._dataverse, self._metadata, self._table, apart)
        for item in items:
            if (error := errors.get(item.write.key)) is not None:
                self._outcomes[item.index] = Outcome(error=error)

    def _send_files(self, item: _Item) -> None:
        row_id = item.write.row_id
        for each in item.after:
            if (refusal := self._files.upload(self._table, row_id, each, item.row)) is not None:
                self._outcomes[item.index] = Outcome(error=refusal.error(f"{item.write.key}: the file {each.name}"))
        for name in self._emptied(item.write):
            if (refusal := self._files.clear(self._table, row_id, name)) is not None:
                self._outcomes[item.index] = Outcome(error=row_error(item.write, refusal))

    def _apart(self, write: Upsert) -> bool:
        return bool(self._emptied(write) or self._parties_of(write))

    def _emptied(self, write: Upsert) -> list[str]:
        """Return the file columns that an update empties."""
        files = self._table.files
        return [
            name
            for name, cell in write.columns.items()
            if write.exists and cell is None and name in files and files[name].carrier is Carrier.COLUMN
        ]

    def _parties_of(self, write: Upsert) -> list[str]:
        """Return the columns of people that an update brings; on creation they are part of the row."""
        columns = self._table.shape.columns
        return [name for name in write.columns if write.exists and columns[name].type is ColumnType.PARTIES]


def _joined(first: bytes, second: bytes) -> bytes:
    """Return two JSON objects as one."""
    if second == EMPTY:
        return first
    return second if first == EMPTY else first[:-1] + b"," + second[1:]


def _chunks(items: Sequence[_Item]) -> list[list[_Item]]:
    """Return chunks that fit one request, none with the same row twice: that would deadlock."""
    chunks: list[list[_Item]] = []
    rows: set[str] = set()
    room = 0
    for item in items:
        if not chunks or len(chunks[-1]) == MOST_ROWS or item.size > room or item.write.row_id in rows:
            chunks.append([])
            rows, room = set(), MOST_BYTES
        chunks[-1].append(item)
        rows.add(item.write.row_id)
        room -= item.size
    return chunks
