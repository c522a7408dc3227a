"""The journal: every write, recorded before it is sent and settled by its outcome.

The order is: record the intents, send, settle. After a crash an intent without an outcome
is open: whether the target has it is found out by reading the row, never by sending again.
Settling is one transaction: the outcome, what the target should hold now, the id map, dead
letters, parked records and the audit log change together or not at all.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row as DatabaseRow
from sqlalchemy import bindparam, func, insert, select, update

from transload._ledger.audit_log import AuditLog, digest_intent
from transload._ledger.chunks import chunks, refs_by_table
from transload._ledger.codec import decode_row, decode_write, encode_plain, encode_row, encode_write
from transload._ledger.connection import Database
from transload._ledger.id_map import IdMap, MappedRow, Origin
from transload._ledger.notes import FailedWrite, Notes
from transload._ledger.schema_log import SchemaLog
from transload._ledger.tables import JOURNAL
from transload._ledger.undone import RowCounts, UndoneRow, row_counts, undone_rows
from transload._ledger.written import SettledWrite, UndoRow, Written, write_identity
from transload.errors import LedgerError
from transload.values import (
    Cell,
    EntityName,
    Outcome,
    RecordKey,
    Row,
    RowId,
    RowRef,
    SchemaChange,
    SchemaOutcome,
    TableName,
    Upsert,
    Write,
)


class WriteStatus(StrEnum):
    """How a write of the journal stands."""

    OPEN = "open"
    """Recorded, perhaps sent; nobody knows what became of it."""
    DONE = "done"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    """Open after a stop, and found not to have arrived."""
    UNDONE = "undone"


# As plain text, once: asking an enumeration for a value takes longer than anything around it.
_OPEN, _DONE, _FAILED, _WITHDRAWN, _UNDONE = (str(status) for status in WriteStatus)


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that is about to be sent.

    Attributes:
        before: The row as it is before the write; None when it is not there.
        creates: Whether the write makes the row.
    """

    write: Write
    before: Row | None
    creates: bool


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An intent whose outcome is not known."""

    id: int
    run_id: str
    write: Write
    before: Row | None
    creates: bool


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A write with what became of it, for people.

    Attributes:
        error: The target's answer.
        before: The row as it was read before the write; None when it was not there, or nobody had to know.
        creates: Whether the write makes the row.
    """

    id: int
    run_id: str
    write: Write
    status: WriteStatus
    error: str
    begun_at: datetime
    settled_at: datetime | None
    before: Row | None
    creates: bool


class Journal:
    """Records writes and outcomes, and answers what was written, and where."""

    def __init__(self, database: Database, clock: Callable[[], datetime], audit_log: AuditLog, notes: Notes) -> None:
        self._database, self._clock, self._audit_log, self._notes = database, clock, audit_log, notes
        self._id_map, self._written = IdMap(database), Written(database)
        self._schema_log = SchemaLog(database, clock, audit_log)
        self._open: dict[int, Intent] = {}
        """The intents of this process that wait for their outcome, so that settling reads none back."""

    # --- the id map

    def rows(self, keys: Collection[RecordKey]) -> dict[RecordKey, MappedRow]:
        """Return the rows of the records that have one."""
        return self._id_map.rows(keys)

    def keys_of(self, refs: Collection[RowRef]) -> dict[RowRef, RecordKey]:
        """Return the records of the rows that have one; of several, the first by key."""
        return self._id_map.keys_of(refs)

    def map_rows(self, items: Sequence[tuple[RecordKey, RowRef, Origin]]) -> None:
        """Map records to rows that were found by matching, or rebuilt from the target."""
        self._id_map.put(items, replace=True)

    def mapped(self, entity: EntityName) -> Iterator[tuple[RecordKey, MappedRow]]:
        """Walk the mapped records of an entity; writes in between are safe."""
        return self._id_map.walk(entity)

    # --- writes

    def write_identity(self, write: Write) -> str:
        """Return what a write is about; see :func:`~transload._ledger.written.write_identity`."""
        return write_identity(write)

    def written(self, identities: Collection[str]) -> dict[str, Mapping[str, Cell]]:
        """Return, for the identities that were written, the columns as the target should hold them."""
        return self._written.columns(identities)

    def forget_state(self, table: TableName, row_id: RowId) -> None:
        """Forget which state a row is in, so that the next change of state is sent."""
        self._written.forget_state(table, row_id)

    def begin(self, run_id: str, intents: Sequence[Intent]) -> list[int]:
        """Record writes that are about to be sent, and return the ids of their entries.

        Raises:
            LedgerError: The ledger cannot be written; then nothing may be sent.
        """
        with self._database.writing() as connection:
            first = (connection.execute(select(func.max(JOURNAL.c.id))).scalar() or 0) + 1
            ids = list(range(first, first + len(intents)))
            at = self._clock().isoformat()
            rows = [_row(id_, run_id, intent, at) for id_, intent in zip(ids, intents, strict=True)]
            if rows:
                self._database.write_many(insert(JOURNAL), rows)
                self._audit_log.append("begin", {"run": run_id, "intents": list(map(_audit_intent, rows))})
        self._open.update(zip(ids, intents, strict=True))
        return ids

    def settle(self, run_id: str, results: Sequence[tuple[int, Outcome]]) -> None:
        """Record what became of writes, in one transaction.

        Raises:
            LedgerError: The ledger cannot be written, or an id is not of an open entry;
                then nothing is recorded, and the writes stay open.
        """
        if not results:
            return
        with self._database.writing():
            intents = self._recall([id_ for id_, _ in results])
            at = self._clock().isoformat()
            self._database.write_many(_SETTLE, [_settled_row(*result, at) for result in results])
            done, failed = [], []
            for id_, outcome in results:
                intent = intents[id_]
                identity = write_identity(intent.write)
                if outcome.error is None:
                    done.append(SettledWrite(id_, identity, intent.write, intent.before, intent.creates, outcome.idle))
                else:
                    failed.append(FailedWrite(identity, intent.write, outcome.error))
            self._written.merge(done)
            self._id_map.put(map(_created, filter(_creates_row, done)), replace=False)
            self._notes.settle(run_id, done, failed)
            outcomes = [_audit_outcome(*result) for result in results]
            self._audit_log.append("settle", {"run": run_id, "outcomes": outcomes})
        for id_ in intents:
            self._open.pop(id_, None)

    def open_intents(self) -> list[OpenIntent]:
        """Return the writes whose outcome is not known, oldest first."""
        query = select(JOURNAL).where(JOURNAL.c.status == _OPEN).order_by(JOURNAL.c.id)
        with self._database.reading() as connection:
            return [OpenIntent(row.id, row.run_id, *_contents(row), row.creates) for row in connection.execute(query)]

    def withdraw(self, ids: Collection[int]) -> None:
        """Take back intents that never arrived; what they wanted is decided anew."""
        if not ids:
            return
        with self._database.writing():
            self._recall(sorted(ids))
            values = {"its_status": _WITHDRAWN, "its_error": "", "now": self._clock().isoformat()}
            self._database.write_many(_SETTLE, [{"its_id": id_, **values} for id_ in ids])
            self._audit_log.append("withdraw", {"intents": sorted(ids)})
        for id_ in ids:
            self._open.pop(id_, None)

    def history(self, ref: RowRef) -> list[JournalEntry]:
        """Return every write that was meant for a row, oldest first."""
        query = select(JOURNAL).where(JOURNAL.c.table_name == ref.table, JOURNAL.c.row_id == ref.row_id)
        with self._database.reading() as connection:
            return list(map(_entry, connection.execute(query.order_by(JOURNAL.c.id))))

    def history_of(self, key: RecordKey) -> list[JournalEntry]:
        """Return every write that a record gave, oldest first. Looks at the whole journal: for when no row is known."""
        named = encode_plain({"key": [key.entity, key.source_id]})[1:-1]
        with self._database.reading() as connection:
            rows = connection.execute(select(JOURNAL).order_by(JOURNAL.c.id).execution_options(yield_per=1000))
            return [_entry(row) for row in rows if named in row.write]

    def touched_by_others(self, refs: Collection[RowRef]) -> set[RowRef]:
        """Return the rows that somebody had changed before a later write of ours went over it.

        The target then names us as who changed the row last, and only the journal still knows.
        """
        found: set[RowRef] = set()
        with self._database.reading() as connection:
            for table, ids in refs_by_table(refs):
                firsts = (
                    select(func.min(JOURNAL.c.id))
                    .where(JOURNAL.c.table_name == table, JOURNAL.c.row_id.in_(ids), JOURNAL.c.status == _DONE)
                    .group_by(JOURNAL.c.row_id)
                )
                later = (
                    select(JOURNAL.c.row_id, JOURNAL.c.before)
                    .where(JOURNAL.c.table_name == table, JOURNAL.c.row_id.in_(ids), JOURNAL.c.status == _DONE)
                    .where(JOURNAL.c.before.is_not(None), JOURNAL.c.id.not_in(firsts))
                )
                rows = connection.execute(later)
                found.update(RowRef(table, RowId(r.row_id)) for r in rows if decode_row(r.before).changed_by_others)
        return found

    def rewritten_in(self, run_id: str, columns: Mapping[TableName, Collection[str]]) -> set[RowRef]:
        """Return the rows, there before, of which a run wrote, or may have, a column that is named for their table."""
        query = select(JOURNAL.c.table_name, JOURNAL.c.row_id, JOURNAL.c.write).where(
            JOURNAL.c.run_id == run_id,
            JOURNAL.c.creates.is_(False),
            JOURNAL.c.status.in_((_DONE, _OPEN)),
            JOURNAL.c.table_name.in_(columns),
        )
        found: set[RowRef] = set()
        with self._database.reading() as connection:
            for table, row_id, write in connection.execute(query):
                decoded = decode_write(write)
                if isinstance(decoded, Upsert) and decoded.columns.keys() & set(columns[TableName(table)]):
                    found.add(RowRef(TableName(table), RowId(row_id)))
        return found

    def created_in(self, run_id: str | None, refs: Collection[RowRef]) -> set[RowRef]:
        """Return the rows that a run has created, or, without one, that any has and none has taken back."""
        found: set[RowRef] = set()
        with self._database.reading() as connection:
            for table, ids in refs_by_table(refs):
                query = select(JOURNAL.c.row_id).where(JOURNAL.c.table_name == table, JOURNAL.c.row_id.in_(ids))
                mine = query.where(JOURNAL.c.creates, JOURNAL.c.status == _DONE)
                mine = mine.where(JOURNAL.c.run_id == run_id) if run_id is not None else mine
                found.update(RowRef(table, RowId(row_id)) for row_id in connection.execute(mine).scalars())
        return found

    def counts(self) -> dict[TableName, dict[WriteStatus, int]]:
        """Return how many writes of each table stand how."""
        by_status = JOURNAL.c.status, JOURNAL.c.table_name
        found: dict[TableName, dict[WriteStatus, int]] = {}
        with self._database.reading() as connection:
            for status, table, number in connection.execute(select(*by_status, func.count()).group_by(*by_status)):
                found.setdefault(TableName(table), {})[WriteStatus(status)] = number
        return found

    # --- the way back

    def undo_list(self) -> Iterator[UndoRow]:
        """Walk the rows to undo, newest first; rows may be marked undone while it is walked."""
        return self._written.undo_list()

    def undo_count(self) -> int:
        """Return how many rows there are to undo."""
        return self._written.count()

    def undo_rows(self, refs: Collection[RowRef]) -> list[UndoRow]:
        """Return those of some rows that can be undone, newest first."""
        return self._written.undo_rows(refs)

    def mark_undone(self, run_id: str, results: Sequence[tuple[RowRef, Outcome]]) -> None:
        """Record which rows are back as they were, in one transaction.

        A row whose undo failed stays on the list; the audit log says why.
        """
        if not results:
            return
        refs = [ref for ref, outcome in results if outcome.ok]
        with self._database.writing() as connection:
            for table, ids in refs_by_table(refs):
                connection.execute(
                    update(JOURNAL)
                    .where(JOURNAL.c.table_name == table, JOURNAL.c.row_id.in_(ids))
                    .where(JOURNAL.c.status == _DONE)
                    .values(status=_UNDONE)
                )
            self._written.remove(refs)
            self._id_map.remove(refs)
            rows = [[ref.table, ref.row_id, _error_text(outcome)] for ref, outcome in results]
            self._audit_log.append("undo", {"run": run_id, "rows": rows})

    def undone(self) -> Iterator[UndoneRow]:
        """Walk the rows that were undone and not loaded again."""
        return undone_rows(self._database)

    def row_counts(self) -> dict[TableName, RowCounts]:
        """Return how many rows of each table were made, changed and undone."""
        return row_counts(self._database)

    def record_schema(self, run_id: str, outcomes: Sequence[SchemaOutcome]) -> None:
        """Record what became of schema changes."""
        self._schema_log.record(run_id, outcomes)

    def schema_to_undo(self) -> list[SchemaChange]:
        """Return the schema changes that this migration made, newest first."""
        return self._schema_log.to_undo()

    def mark_schema_undone(self, run_id: str, changes: Sequence[SchemaChange]) -> None:
        """Record that schema changes were taken back."""
        self._schema_log.mark_undone(run_id, changes)

    def _recall(self, ids: Sequence[int]) -> dict[int, Intent]:
        """Return open intents by id; those of a process that died are read back."""
        found = {id_: self._open[id_] for id_ in ids if id_ in self._open}
        with self._database.reading() as connection:
            for piece in chunks([id_ for id_ in ids if id_ not in found]):
                still_open = JOURNAL.c.status == _OPEN
                for row in connection.execute(select(JOURNAL).where(JOURNAL.c.id.in_(piece), still_open)):
                    found[row.id] = Intent(*_contents(row), row.creates)
        if unknown := set(ids) - found.keys():
            raise LedgerError(
                f"write {min(unknown)} of the journal is not open, so it cannot be settled",
                "This is a defect of transload: report it. Nothing was recorded.",
            )
        return found


_SETTLE = (
    update(JOURNAL)
    .where(JOURNAL.c.id == bindparam("its_id"))
    .values(status=bindparam("its_status"), error=bindparam("its_error"), settled_at=bindparam("now"))
)


def _row(id_: int, run_id: str, intent: Intent, at: str) -> dict[str, Any]:
    return {
        "id": id_,
        "run_id": run_id,
        "table_name": intent.write.table,
        "row_id": intent.write.row_id,
        "write": encode_write(intent.write),
        "before": None if intent.before is None else encode_row(intent.before),
        "creates": intent.creates,
        "status": _OPEN,
        "error": "",
        "begun_at": at,
        "settled_at": None,
    }


def _contents(row: DatabaseRow[Any]) -> tuple[Write, Row | None]:
    return decode_write(row.write), None if row.before is None else decode_row(row.before)


def _entry(row: DatabaseRow[Any]) -> JournalEntry:
    return JournalEntry(
        row.id,
        row.run_id,
        decode_write(row.write),
        WriteStatus(row.status),
        row.error,
        datetime.fromisoformat(row.begun_at),
        None if row.settled_at is None else datetime.fromisoformat(row.settled_at),
        None if row.before is None else decode_row(row.before),
        row.creates,
    )


def _settled_row(id_: int, outcome: Outcome, at: str) -> dict[str, Any]:
    status = _DONE if outcome.error is None else _FAILED
    return {"its_id": id_, "its_status": status, "its_error": _error_text(outcome), "now": at}


def _error_text(outcome: Outcome) -> str:
    return "" if outcome.error is None else str(outcome.error)


def _creates_row(settled: SettledWrite) -> bool:
    return settled.creates and isinstance(settled.write, Upsert)


def _created(settled: SettledWrite) -> tuple[RecordKey, RowRef, Origin]:
    return settled.write.key, RowRef(settled.write.table, settled.write.row_id), "created"


def _audit_intent(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        "id": row["id"],
        "table": row["table_name"],
        "row": row["row_id"],
        "digest": digest_intent(row["write"], row["before"]),
    }


def _audit_outcome(id_: int, outcome: Outcome) -> dict[str, object]:
    return {"id": id_, "error": _error_text(outcome), "note": outcome.note}
