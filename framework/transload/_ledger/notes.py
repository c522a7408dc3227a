"""What people read: findings, losses, flags, dead letters, parked records, approvals.

A record may give several writes in one phase (its links). So a dead letter remembers which
write failed: success of another write of the same phase never hides it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row as DatabaseRow
from sqlalchemy import Table, bindparam, delete, func, insert, select, tuple_

from transload._ledger.audit_log import AuditLog
from transload._ledger.chunks import CHUNK, keys_by_entity
from transload._ledger.codec import decode, decode_plain, encode, encode_plain
from transload._ledger.connection import Database
from transload._ledger.tables import APPROVAL, DEAD_LETTER, FINDING, FLAG, LOSS, PARKED
from transload._ledger.written import SettledWrite
from transload.errors import RecordError
from transload.values import (
    Associate,
    EntityName,
    Finding,
    Loss,
    Phase,
    RecordKey,
    Severity,
    SourceId,
    Write,
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that was set aside, why, and what to do."""

    key: RecordKey
    phase: Phase
    code: str
    message: str
    remedy: str
    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Parked:
    """A record that waits for another: ``waits_for`` names the parent."""

    key: RecordKey
    phase: Phase
    waits_for: str
    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """A named person's word, bound to digests of what it was given for."""

    subject: str
    name: str
    digests: Mapping[str, str]
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FailedWrite:
    """A write that the target refused."""

    identity: str
    write: Write
    error: RecordError


class Notes:
    """Keeps and lists what people should know."""

    def __init__(self, database: Database, clock: Callable[[], datetime], audit_log: AuditLog) -> None:
        self._database, self._clock, self._audit_log = database, clock, audit_log

    # --- findings

    def set_findings(self, stage: str, findings: Sequence[Finding]) -> None:
        """Keep the findings of a stage, in place of its earlier ones."""
        rows = [
            asdict(finding) | {"severity": finding.severity.value, "stage": stage, "position": position}
            for position, finding in enumerate(findings)
        ]
        with self._database.writing() as connection:
            connection.execute(delete(FINDING).where(FINDING.c.stage == stage))
            if rows:
                connection.execute(insert(FINDING), rows)

    def findings(self, stage: str | None = None) -> list[Finding]:
        """Return the findings of a stage, or of all."""
        query = select(FINDING).order_by(FINDING.c.stage, FINDING.c.position)
        if stage is not None:
            query = query.where(FINDING.c.stage == stage)
        with self._database.reading() as connection:
            return [
                Finding(
                    row.code,
                    Severity(row.severity),
                    row.title,
                    row.evidence,
                    row.remedy,
                    row._mapping["count"],
                )
                for row in connection.execute(query)
            ]

    # --- losses and flags

    def add_losses(self, losses: Sequence[Loss]) -> None:
        """Keep losses; those that were known of the same record and column go."""
        rows = [
            _key_columns(loss.key)
            | {"column": loss.column, "kind": loss.kind, "original": loss.original, "kept": loss.kept}
            for loss in losses
        ]
        if not rows:
            return
        names = "entity", "source_id", "column"
        earlier = delete(LOSS).where(*(LOSS.c[name] == bindparam(f"its_{name}") for name in names))
        with self._database.writing() as connection:
            connection.execute(earlier, [{f"its_{name}": row[name] for name in names} for row in rows])
            connection.execute(self._database.upsert(LOSS), rows)

    def clear_losses(self, keys: Collection[RecordKey]) -> None:
        """Forget the losses of records, which are about to be translated anew."""
        self._delete(LOSS, keys)

    def losses(self) -> Iterator[Loss]:
        """Walk the lossy ledger by entity, source id and column."""
        order = LOSS.c.entity, LOSS.c.source_id, LOSS.c.column, LOSS.c.kind
        page = select(LOSS).order_by(*order).limit(CHUNK)
        after = page
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(after).all()
            for row in rows:
                yield Loss(_key(row), row.column, row.kind, row.original, row.kept)
            if len(rows) < CHUNK:
                return
            last = rows[-1]
            after = page.where(tuple_(*order) > (last.entity, last.source_id, last.column, last.kind))

    def add_flags(self, flags: Mapping[RecordKey, tuple[str, ...]]) -> None:
        """Keep the flags of records, in place of their earlier ones; no flags, no entry."""
        rows = [_key_columns(key) | {"flags": encode(marks)} for key, marks in flags.items() if marks]
        with self._database.writing() as connection:
            self._delete(FLAG, [key for key, marks in flags.items() if not marks])
            if rows:
                connection.execute(self._database.upsert(FLAG), rows)

    def flags(self) -> dict[RecordKey, tuple[str, ...]]:
        """Return the flags of every record that has some."""
        query = select(FLAG).order_by(FLAG.c.entity, FLAG.c.source_id)
        with self._database.reading() as connection:
            found = {_key(row): decode(row.flags) for row in connection.execute(query)}
        return cast("dict[RecordKey, tuple[str, ...]]", found)

    # --- dead letters and parked records

    def add_dead_letters(self, run_id: str, items: Sequence[tuple[RecordKey, Phase, RecordError]]) -> None:
        """Set records aside that never became a write."""
        self._bury(run_id, [(key, phase, "", error) for key, phase, error in items])

    def dead_letters(self) -> list[DeadLetter]:
        """Return the records that are set aside, by entity and source id."""
        order = DEAD_LETTER.c.entity, DEAD_LETTER.c.source_id, DEAD_LETTER.c.phase, DEAD_LETTER.c.identity
        with self._database.reading() as connection:
            return [
                DeadLetter(_key(row), Phase(row.phase), row.code, row.message, row.remedy, row.run_id, row.at)
                for row in connection.execute(select(DEAD_LETTER).order_by(*order))
            ]

    def clear_dead_letters(self, keys: Collection[RecordKey], phase: Phase) -> None:
        """Take records off the list, whatever was wrong with them in that phase."""
        self._delete(DEAD_LETTER, keys, DEAD_LETTER.c.phase == phase.value)

    def park(self, run_id: str, items: Sequence[tuple[RecordKey, Phase, str]]) -> None:
        """Note what records wait for."""
        now = self._clock()
        rows = [
            _key_columns(key) | {"phase": phase.value, "waits_for": parent, "run_id": run_id, "at": now}
            for key, phase, parent in items
        ]
        if rows:
            with self._database.writing() as connection:
                connection.execute(self._database.upsert(PARKED), rows)

    def parked(self) -> list[Parked]:
        """Return the records that wait, by entity and source id."""
        order = PARKED.c.entity, PARKED.c.source_id, PARKED.c.phase, PARKED.c.waits_for
        with self._database.reading() as connection:
            return [
                Parked(_key(row), Phase(row.phase), row.waits_for, row.run_id, row.at)
                for row in connection.execute(select(PARKED).order_by(*order))
            ]

    def unpark(self, keys: Collection[RecordKey], phase: Phase) -> None:
        """Forget what records waited for."""
        self._delete(PARKED, keys, PARKED.c.phase == phase.value)

    def settle(self, run_id: str, done: Sequence[SettledWrite], failed: Sequence[FailedWrite]) -> None:
        """Bring dead letters and parked records in line with outcomes.

        A write that was done clears the dead letter of its own identity. A record has at
        most one upsert and one change of state in a phase, so these clear also what was
        noted before there was a write; a link, one of several, does not.
        """
        for phase in Phase if self._any_aside() else ():
            its = [settled for settled in done if settled.write.phase is phase]
            single = {it.write.key for it in its if not isinstance(it.write, Associate)}
            own = {(it.write.key, it.identity) for it in its} | {(key, "") for key in single}
            self._clear_letters(phase, own)
            self.unpark(single, phase)
        self._bury(run_id, [(it.write.key, it.write.phase, it.identity, it.error) for it in failed])

    # --- approvals

    def approve(self, subject: str, name: str, digests: Mapping[str, str], note: str = "") -> None:
        """Record that a named person confirmed a subject, and what stood before their eyes."""
        with self._database.writing() as connection:
            number = (connection.execute(select(func.max(APPROVAL.c.id))).scalar() or 0) + 1
            row = {"id": number, "subject": subject, "name": name, "note": note, "at": self._clock()}
            connection.execute(insert(APPROVAL), [row | {"digests": encode_plain(digests)}])
            said = {"subject": subject, "name": name, "digests": digests, "note": note}
            self._audit_log.append("approved", said)

    def approval(self, subject: str) -> Approval | None:
        """Return the newest approval of a subject; None when nobody gave one."""
        return next(reversed(self.approvals(subject)), None)

    def approvals(self, subject: str) -> list[Approval]:
        """Return every approval of a subject, oldest first."""
        return self._approvals(APPROVAL.c.subject == subject)

    def approvals_under(self, prefix: str) -> list[Approval]:
        """Return every approval of the subjects that begin so, oldest first."""
        return self._approvals(APPROVAL.c.subject.startswith(prefix, autoescape=True))

    def _approvals(self, condition: Any) -> list[Approval]:
        query = select(APPROVAL).where(condition).order_by(APPROVAL.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [Approval(row.subject, row.name, decode_plain(row.digests), row.note, row.at) for row in rows]

    # --- inside

    def _bury(self, run_id: str, items: Sequence[tuple[RecordKey, Phase, str, RecordError]]) -> None:
        now = self._clock()
        rows = [
            _key_columns(key)
            | {"phase": phase.value, "identity": identity, "code": error.code, "message": str(error)}
            | {"remedy": error.remedy, "run_id": run_id, "at": now}
            for key, phase, identity, error in items
        ]
        if rows:
            with self._database.writing() as connection:
                connection.execute(self._database.upsert(DEAD_LETTER), rows)

    def _any_aside(self) -> bool:
        """Whether a record is on either list; mostly none is, and then nothing needs clearing."""
        with self._database.reading() as connection:
            lists = (select(table.c.entity).limit(1) for table in (DEAD_LETTER, PARKED))
            return any(connection.execute(first).first() for first in lists)

    def _clear_letters(self, phase: Phase, own: Collection[tuple[RecordKey, str]]) -> None:
        """Take letters off the list by key and identity; there are few, so they are looked up first."""
        columns = DEAD_LETTER.c.source_id, DEAD_LETTER.c.identity
        with self._database.writing() as connection:
            for entity, ids in keys_by_entity(key for key, _ in own):
                its = DEAD_LETTER.c.entity == entity, DEAD_LETTER.c.phase == phase.value
                query = select(*columns).where(*its, DEAD_LETTER.c.source_id.in_(ids))
                for source_id, identity in connection.execute(query).all():
                    if (RecordKey(entity, source_id), identity) in own:
                        same = DEAD_LETTER.c.source_id == source_id, DEAD_LETTER.c.identity == identity
                        connection.execute(delete(DEAD_LETTER).where(*its, *same))

    def _delete(self, table: Table, keys: Iterable[RecordKey], *conditions: Any) -> None:
        with self._database.writing() as connection:
            for entity, ids in keys_by_entity(keys):
                its = table.c.entity == entity, table.c.source_id.in_(ids)
                connection.execute(delete(table).where(*its, *conditions))


def _key_columns(key: RecordKey) -> dict[str, Any]:
    return {"entity": key.entity, "source_id": key.source_id}


def _key(row: DatabaseRow[Any]) -> RecordKey:
    return RecordKey(EntityName(row.entity), SourceId(row.source_id))
