"""The audit log: what happened, in a chain of hashes.

Each entry's hash covers its content and the hash before it, so an entry that is
changed, removed or slipped in breaks the chain from there on. The head of the chain is
kept apart, so a removed end is seen too. Entries of the journal carry digests of the
write and its before-image; :meth:`AuditLog.verify` compares them with the journal.

Whoever may write to the database and knows this code can rebuild the whole chain. Only a
head that was printed elsewhere (in a report that somebody signed) proves more.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select

from transload._ledger.codec import decode_plain, encode_plain
from transload._ledger.connection import Database
from transload._ledger.tables import AUDIT, JOURNAL, META
from transload._verify_audit_log import GENESIS, check, entry_hash, entry_line

_PAGE = 500


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the audit log."""

    seq: int
    at: datetime
    event: str
    body: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What verification found.

    Attributes:
        entries: How many entries are sound, from the first one on.
        broken_at: The number of the first entry that is not.
        reason: What is wrong with it, for people.
        head: The hash of the last entry of the sound part of the chain, to compare with one that was printed.
    """

    ok: bool
    entries: int
    broken_at: int | None = None
    reason: str = ""
    head: str = GENESIS


class AuditLog:
    """Appends to the chain, and walks it."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def append(self, event: str, body: Mapping[str, object]) -> None:
        """Add an entry, inside the transaction that is open.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        with self._database.writing() as connection:
            seq, previous = self._head()
            at, content = self._clock().isoformat(), encode_plain(body)
            chained = entry_hash(previous, seq + 1, at, event, content)
            connection.execute(
                insert(AUDIT), [{"seq": seq + 1, "at": at, "event": event, "body": content, "hash": chained}]
            )
            head = {"name": "audit_head", "value": f"{seq + 1} {chained}"}
            connection.execute(self._database.upsert(META), [head])

    def entries(self) -> Iterator[AuditEntry]:
        """Walk the log from its first entry on."""
        for row in self._rows():
            yield AuditEntry(row.seq, datetime.fromisoformat(row.at), row.event, decode_plain(row.body), row.hash)

    def about_row(self, event: str, row_id: str) -> Iterator[AuditEntry]:
        """Walk the entries of one kind that name a row."""
        named = f'"{row_id}"'.encode()
        for row in self._rows(AUDIT.c.event == event):
            if named in row.body:
                yield AuditEntry(row.seq, datetime.fromisoformat(row.at), row.event, decode_plain(row.body), row.hash)

    def lines(self) -> Iterator[bytes]:
        """Walk the log as an export holds it, a line of JSON for each entry.

        The same log gives the same bytes, and a later export only goes on.
        """
        previous = GENESIS
        with self._database.reading():  # somebody may write meanwhile
            for row in self._rows():
                head = {"seq": row.seq, "at": row.at, "event": row.event, "previous": previous, "hash": row.hash}
                # An editor of SQLite files leaves text where bytes were; SQLite takes it.
                yield entry_line(head, row.body if isinstance(row.body, bytes) else str(row.body).encode())
                previous = row.hash

    def verify(self, heads: Collection[str] = ()) -> AuditVerdict:
        """Recompute the chain and compare it, its head, and the journal.

        Args:
            heads: Hashes that were printed elsewhere; each must stand in the chain.
        """
        with self._database.reading():
            found = check(self.lines(), heads)
            for at, reason in found.problems:
                return AuditVerdict(False, found.entries, at, reason, found.head)
            if self._head() != (found.entries, found.head):
                at = found.entries + 1
                return AuditVerdict(False, found.entries, at, "the end of the log was removed", found.head)
            return self._verify_journal(found.entries, found.head)

    def _verify_journal(self, entries: int, head: str) -> AuditVerdict:
        """Compare the journal with a log that is sound in itself."""
        journaled = 0
        for row in self._rows(AUDIT.c.event == "begin"):
            intents = decode_plain(row.body)["intents"]
            journaled += len(intents)
            if reason := self._compare_journal(intents):
                return AuditVerdict(False, row.seq - 1, row.seq, reason, head)
        with self._database.reading() as connection:
            found = connection.execute(select(func.count()).select_from(JOURNAL)).scalar_one()
        if found != journaled:
            reason = f"the journal holds {found} writes, and the log knows {journaled}"
            return AuditVerdict(False, entries, entries, reason, head)
        return AuditVerdict(True, entries, head=head)

    def _head(self) -> tuple[int, str]:
        with self._database.reading() as connection:
            head = connection.execute(select(META.c.value).where(META.c.name == "audit_head")).scalar()
        if head is None:
            return 0, GENESIS
        seq, _, chained = head.partition(" ")
        return int(seq), chained

    def _rows(self, *conditions: ColumnElement[bool]) -> Iterator[Row[Any]]:
        last = -1
        while True:
            page = select(AUDIT).where(AUDIT.c.seq > last, *conditions).order_by(AUDIT.c.seq).limit(_PAGE)
            with self._database.reading() as connection:
                rows = connection.execute(page).all()
            yield from rows
            if not rows:
                return
            last = rows[-1].seq

    def _compare_journal(self, intents: list[dict[str, Any]]) -> str:
        """Return what is wrong with the journal entries of one logged batch, or nothing."""
        ids = [intent["id"] for intent in intents]
        columns = JOURNAL.c.id, JOURNAL.c.write, JOURNAL.c.before
        with self._database.reading() as connection:
            rows = connection.execute(select(*columns).where(JOURNAL.c.id.in_(ids))).all()
        # An editor of SQLite files leaves text where bytes were; SQLite takes it.
        digests = {
            row.id: digest_intent(row.write, row.before)
            if isinstance(row.write, bytes) and isinstance(row.before, bytes | None)
            else "text"
            for row in rows
        }
        for intent in intents:
            if intent["id"] not in digests:
                return f"write {intent['id']} is missing in the journal"
            if digests[intent["id"]] != intent["digest"]:
                return f"write {intent['id']} was changed in the journal"
        return ""


def digest_intent(write: bytes, before: bytes | None) -> str:
    """Return the digest of a write and its before-image, as the log carries it."""
    return blake2b(write + b"\n" + (before or b""), digest_size=16).hexdigest()
