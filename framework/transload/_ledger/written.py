"""What the target should hold after all settled writes, and what it held before.

Writes of one identity merge: the columns of later writes lie over those of earlier ones,
and of the before-images the earliest value of each column stays. The pipeline compares
with the one to send only what differs; rollback restores the other.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Row as DatabaseRow
from sqlalchemy import delete, func, select, update

from transload._ledger.chunks import chunks, refs_by_table
from transload._ledger.codec import decode_cells, encode
from transload._ledger.connection import Database
from transload._ledger.tables import JOURNAL, WRITTEN
from transload.values import (
    Associate,
    Cell,
    Disassociate,
    EntityName,
    RecordKey,
    Row,
    RowId,
    RowRef,
    SetState,
    SourceId,
    TableName,
    Upsert,
    Write,
)

_PAGE = 500


def write_identity(write: Write) -> str:
    """Return what a write is about: writes of one identity merge, whatever their phase.

    ``row:table:row_id``, ``state:table:row_id``, or
    ``link:table:row_id:relationship:table(row_id)``.
    """
    match write:
        case Upsert():
            return row_identity(RowRef(write.table, write.row_id))
        case SetState():
            return state_identity(RowRef(write.table, write.row_id))
        case Associate():
            return f"link:{write.table}:{write.row_id}:{write.relationship}:{write.other}"


def row_identity(ref: RowRef) -> str:
    """Return the identity of a row's columns."""
    return f"row:{ref.table}:{ref.row_id}"


def state_identity(ref: RowRef) -> str:
    """Return the identity of a row's state."""
    return f"state:{ref.table}:{ref.row_id}"


@dataclass(frozen=True, slots=True)
class SettledWrite:
    """A write that the target accepted, by the id of its journal entry and its identity."""

    id: int
    identity: str
    write: Write
    before: Row | None
    creates: bool
    idle: bool = False


@dataclass(frozen=True, slots=True)
class UndoRow:
    """A row that was written, with everything that is needed to go back.

    Attributes:
        key: The record that wrote it first.
        created: Whether this migration created it: to undo is to delete.
        before: The earliest known value of each column that was written.
        before_state: State and status before the first change of state, when known.
        written: What the row should hold now, ``statecode`` and ``statuscode`` included
            when its state was set.
        links: The inverses of its links.
        order: The id of the first journal entry of the row: a later row has a greater one.
        run_id: The run that wrote it first.
    """

    key: RecordKey
    table: TableName
    row_id: RowId
    created: bool
    before: Mapping[str, Cell]
    before_state: tuple[int, int] | None
    written: Mapping[str, Cell]
    links: tuple[Disassociate, ...]
    order: int
    run_id: str

    @property
    def ref(self) -> RowRef:
        """The row."""
        return RowRef(self.table, self.row_id)


@dataclass(slots=True)
class _Entry:
    """One row of the table while writes are merged into it."""

    kind: str
    ref: RowRef
    anchor: int
    key: RecordKey
    created: bool = False
    before: dict[str, Cell] = field(default_factory=dict)
    columns: dict[str, Cell] = field(default_factory=dict)


class Written:
    """Keeps and gives out what was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def columns(self, identities: Collection[str]) -> dict[str, Mapping[str, Cell]]:
        """Return the columns of the identities that were written."""
        found: dict[str, Mapping[str, Cell]] = {}
        with self._database.reading() as connection:
            for piece in chunks(list(identities)):
                query = select(WRITTEN.c.identity, WRITTEN.c.columns).where(WRITTEN.c.identity.in_(piece))
                found.update((identity, decode_cells(cells)) for identity, cells in connection.execute(query))
        return found

    def merge(self, writes: Sequence[SettledWrite]) -> None:
        """Merge settled writes, in order."""
        refs = {RowRef(settled.write.table, settled.write.row_id) for settled in writes}
        with self._database.writing():
            entries = self._entries(refs)
            anchors = {entry.ref: entry.anchor for entry in entries.values()}
            touched = {}
            for settled in writes:
                entry = entries.get(settled.identity) or _new_entry(settled, anchors)
                _merge(entry, settled)
                entries[settled.identity] = touched[settled.identity] = entry
            rows = [_row_of(identity, entry) for identity, entry in touched.items()]
            self._database.write_many(self._database.upsert(WRITTEN, ["created", "before", "columns"]), rows)

    def forget_state(self, table: TableName, row_id: RowId) -> None:
        """Forget which state a row is in; how it was before stays known."""
        forget = update(WRITTEN).where(WRITTEN.c.identity == state_identity(RowRef(table, row_id)))
        with self._database.writing() as connection:
            connection.execute(forget.values(columns=encode({})))

    def remove(self, refs: Iterable[RowRef]) -> None:
        """Forget what was written to rows."""
        with self._database.writing() as connection:
            for table, ids in refs_by_table(refs):
                connection.execute(delete(WRITTEN).where(WRITTEN.c.table_name == table, WRITTEN.c.row_id.in_(ids)))

    def undo_list(self) -> Iterator[UndoRow]:
        """Walk the rows that were written, the one that was written first comes last.

        Rows may be removed while the list is walked.
        """
        anchors = select(WRITTEN.c.anchor).distinct().order_by(WRITTEN.c.anchor.desc()).limit(_PAGE)
        page = anchors
        while True:
            with self._database.reading() as connection:
                found = connection.execute(page).scalars().all()
                if not found:
                    return
                rows = connection.execute(_TO_UNDO.where(WRITTEN.c.anchor.between(found[-1], found[0]))).all()
            yield from _undo_rows(rows)
            page = anchors.where(WRITTEN.c.anchor < found[-1])

    def undo_rows(self, refs: Collection[RowRef]) -> list[UndoRow]:
        """Return those of some rows that were written, the one that was written first last."""
        found: list[UndoRow] = []
        with self._database.reading() as connection:
            for table, ids in refs_by_table(refs):
                its = WRITTEN.c.table_name == table, WRITTEN.c.row_id.in_(ids)
                found += _undo_rows(connection.execute(_TO_UNDO.where(*its)).all())
        return sorted(found, key=lambda row: -row.order)

    def count(self) -> int:
        """Return how many rows rollback would touch."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count(WRITTEN.c.anchor.distinct()))).scalar_one())

    def _entries(self, refs: Iterable[RowRef]) -> dict[str, _Entry]:
        """Return everything that was written to rows, by identity."""
        found = {}
        with self._database.reading() as connection:
            for table, ids in refs_by_table(refs):
                query = select(WRITTEN).where(WRITTEN.c.table_name == table, WRITTEN.c.row_id.in_(ids))
                for row in connection.execute(query):
                    found[row.identity] = _Entry(
                        row.kind,
                        RowRef(table, RowId(row.row_id)),
                        row.anchor,
                        _key(row),
                        row.created,
                        decode_cells(row.before),
                        decode_cells(row.columns),
                    )
        return found


_TO_UNDO = (
    select(WRITTEN, JOURNAL.c.run_id)
    .outerjoin(JOURNAL, JOURNAL.c.id == WRITTEN.c.anchor)
    .order_by(WRITTEN.c.anchor.desc(), WRITTEN.c.identity)
)


def _undo_rows(rows: Sequence[DatabaseRow[Any]]) -> Iterator[UndoRow]:
    for _, group in groupby(rows, key=lambda row: row.anchor):
        yield _undo_row(list(group))


def _new_entry(settled: SettledWrite, anchors: dict[RowRef, int]) -> _Entry:
    write = settled.write
    ref = RowRef(write.table, write.row_id)
    kind = settled.identity.partition(":")[0]
    return _Entry(kind, ref, anchors.setdefault(ref, settled.id), write.key)


def _merge(entry: _Entry, settled: SettledWrite) -> None:
    before = settled.before.columns if settled.before is not None else {}
    match settled.write:
        case Upsert(columns=columns):
            entry.created = entry.created or settled.creates
            written: Mapping[str, Cell] = columns
        case SetState(state=state, status=status):
            written = {"statecode": state, "statuscode": status}
        case Associate(relationship=relationship, other=other):
            # A link that was there before is known, so that it is not sent again, and never cut.
            linked = before.get(relationship)
            was_there = settled.idle or (isinstance(linked, tuple) and other in linked)
            written = {"relationship": relationship, "other": other}
            written["idle"] = was_there and entry.columns.get("idle") is not False
    if before:
        entry.before = {name: cell for name, cell in before.items() if name in written} | entry.before
    entry.columns |= written


def _row_of(identity: str, entry: _Entry) -> dict[str, Any]:
    return {
        "identity": identity,
        "kind": entry.kind,
        "table_name": entry.ref.table,
        "row_id": entry.ref.row_id,
        "anchor": entry.anchor,
        "entity": entry.key.entity,
        "source_id": entry.key.source_id,
        "created": entry.created,
        "before": encode(entry.before) if entry.before else b"{}",
        "columns": encode(entry.columns),
    }


def _undo_row(rows: Sequence[DatabaseRow[Any]]) -> UndoRow:
    """Build the undo of one row from everything that was written to it."""
    first = next((row for row in rows if row.kind != "link"), rows[0])  # a link is known by a record of its own
    table, row_id = TableName(first.table_name), RowId(first.row_id)
    before: dict[str, Cell] = {}
    before_state = None
    written: dict[str, Cell] = {}
    links = []
    for row in rows:
        columns, earlier = decode_cells(row.columns), decode_cells(row.before)
        if row.kind == "link":
            relationship, other = columns["relationship"], columns["other"]
            if isinstance(relationship, str) and isinstance(other, RowRef) and not columns.get("idle"):
                links.append(Disassociate(table, row_id, relationship, other))
            continue
        written |= columns
        if row.kind == "row":
            before = earlier
        else:
            before_state = _state(earlier)
    created = any(row.created for row in rows)
    return UndoRow(
        _key(first),
        table,
        row_id,
        created,
        before,
        before_state,
        written,
        tuple(links),
        first.anchor,
        first.run_id or "",
    )


def _state(before: Mapping[str, Cell]) -> tuple[int, int] | None:
    state, status = before.get("statecode"), before.get("statuscode")
    return (state, status) if isinstance(state, int) and isinstance(status, int) else None


def _key(row: DatabaseRow[Any]) -> RecordKey:
    return RecordKey(EntityName(row.entity), SourceId(row.source_id))
