"""Staging: every record as the source said it last, so that nothing is read twice.

A record is found again by its key; a digest of its fields tells whether it changed.
One that a complete reading did not see has vanished; it stays, and lives again when the
source shows it again.

A reading may also be told that a record is as it was: then it is seen without being read,
and so is what came with it. Only a record that was read by a run which came to the end of
its reading can be known so: a run that was stopped may have kept a record without its parts.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, func, select, tuple_, update

from transload._ledger.chunks import keys_by_entity
from transload._ledger.codec import decode_fields, digest, encode
from transload._ledger.connection import Database
from transload._ledger.tables import ENTITY_READ, STAGED
from transload.values import EntityName, Record, RecordKey, SourceId

_LAST_RANK = 2**63 - 1
"""The rank of ids that are no numbers: they come after all that are."""


@dataclass(frozen=True, slots=True)
class StagedCounts:
    """What adding records did. One that had vanished and came back counts as changed."""

    new: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """How a run came to know the live records: by reading them, or by being told that they are as they were."""

    read: int
    kept: int


@dataclass(frozen=True, slots=True)
class StagedRecord:
    """A record with what the ledger knows of it.

    Attributes:
        digest: Of its fields, as 16 bytes of BLAKE2b over ``size`` bytes of canonical JSON.
        seen_run: The run that saw it last.
        reading: Under which number the answers are kept that it was read from; 0 when none are.
        vanished_at: When the source was found not to show it any more.
    """

    record: Record
    digest: str
    size: int
    seen_run: str
    reading: int
    vanished_at: datetime | None


class Staging:
    """Keeps records, and gives them out in order."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def add(self, records: Sequence[Record], run_id: str, reading: int = 0) -> StagedCounts:
        """Keep records; of several with one key the last counts.

        Args:
            records: The records.
            run_id: The run that read them.
            reading: Under which number the answers are kept that they were read from.

        Raises:
            LedgerError: The ledger cannot be written, or a field holds what is not a value.
        """
        rows = {record.key: _row(record, run_id, reading) for record in records}
        with self._database.writing() as connection:
            known = self._digests(rows)
            same = [row for key, row in rows.items() if known.get(key) == row["digest"]]
            other = [row for key, row in rows.items() if known.get(key) != row["digest"]]
            if other:
                connection.execute(self._database.upsert(STAGED), other)
            if same:
                connection.execute(_SEEN, [{f"its_{name}": row[name] for name in _SEEN_NAMES} for row in same])
        new = len(rows.keys() - known.keys())
        return StagedCounts(new, len(other) - new, len(same))

    def mark_read(self, run_id: str, entity: EntityName) -> None:
        """Note that a run has read an entity to its end."""
        row = {"run_id": run_id, "entity": entity}
        with self._database.writing() as connection:
            connection.execute(self._database.upsert(ENTITY_READ, ["entity"]), [row])

    def begin_again(self, run_id: str) -> None:
        """Forget which entities a run has read: it reads them all once more."""
        with self._database.writing() as connection:
            connection.execute(delete(ENTITY_READ).where(ENTITY_READ.c.run_id == run_id))

    def readings(self, entities: Collection[EntityName]) -> frozenset[str]:
        """Return the runs that have read all of some entities to their end."""
        names = set(entities)
        query = select(ENTITY_READ.c.run_id).where(ENTITY_READ.c.entity.in_(names)).group_by(ENTITY_READ.c.run_id)
        with self._database.reading() as connection:
            return frozenset(connection.execute(query.having(func.count() == len(names))).scalars())

    def mark_seen(self, keys: Collection[RecordKey], run_id: str, readings: Collection[str]) -> tuple[RecordKey, ...]:
        """Note that records are as they were, and with them what came with them.

        Args:
            keys: The records. One that this run has read itself is left as it is.
            run_id: The run that was told.
            readings: The runs whose records can be known.

        Returns:
            The keys that are not known. Nothing is noted of them.
        """
        strange: list[RecordKey] = []
        with self._database.writing() as connection:
            for entity, ids in keys_by_entity(keys):
                its = and_(STAGED.c.entity == entity, STAGED.c.source_id.in_(ids), STAGED.c.live == 1)
                rows = connection.execute(select(STAGED.c.source_id, STAGED.c.read_run).where(its)).all()
                known = [row.source_id for row in rows if row.read_run in readings]
                own = {row.source_id for row in rows if row.read_run == run_id}
                strange += [RecordKey(entity, SourceId(one)) for one in set(ids) - own - set(known)]
                parts = and_(STAGED.c.part_of_entity == entity, STAGED.c.part_of_id.in_(known), STAGED.c.live == 1)
                for seen in (and_(its, STAGED.c.source_id.in_(known)), parts):
                    connection.execute(update(STAGED).where(seen).values(seen_run=run_id))
        return tuple(sorted(strange))

    def read_counts(self, run_id: str) -> ReadCounts:
        """Return how many live records a run has read, and of how many it was told that they are as they were."""
        seen = select(func.count()).where(STAGED.c.live == 1, STAGED.c.seen_run == run_id)
        with self._database.reading() as connection:
            every = connection.execute(seen).scalar_one()
            read = connection.execute(seen.where(STAGED.c.read_run == run_id)).scalar_one()
        return ReadCounts(read, every - read)

    def entities_read(self, run_id: str) -> frozenset[EntityName]:
        """Return the entities that a run has read to their end."""
        query = select(ENTITY_READ.c.entity).where(ENTITY_READ.c.run_id == run_id)
        with self._database.reading() as connection:
            return frozenset(EntityName(name) for name in connection.execute(query).scalars())

    def unseen(self, run_id: str, entities: Collection[EntityName]) -> int:
        """Return how many live records of entities a run has not seen."""
        missing = (STAGED.c.entity.in_(entities), STAGED.c.live == 1, STAGED.c.seen_run != run_id)
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).where(*missing)).scalar_one()

    def mark_vanished(self, run_id: str, entities: Collection[EntityName]) -> int:
        """Mark the live records of entities that a run did not see, and return how many they are."""
        unseen = (
            update(STAGED)
            .where(STAGED.c.entity.in_(entities), STAGED.c.live == 1, STAGED.c.seen_run != run_id)
            .values(live=0, vanished_at=self._clock())
        )
        with self._database.writing() as connection:
            return connection.execute(unseen).rowcount

    def count(self, entity: EntityName) -> int:
        """Return how many live records of an entity are staged."""
        return self.counts().get(entity, 0)

    def counts(self) -> dict[EntityName, int]:
        """Return how many live records each entity has."""
        query = select(STAGED.c.entity, func.count()).where(STAGED.c.live == 1).group_by(STAGED.c.entity)
        with self._database.reading() as connection:
            return {EntityName(entity): number for entity, number in connection.execute(query)}

    def batches(
        self, entity: EntityName, size: int = 500, readings: Collection[str] | None = None
    ) -> Iterator[list[Record]]:
        """Walk the live records of an entity: by number, then those whose id is none, by text.

        Each batch is a query of its own, which starts after the last record of the batch
        before: writes in between are safe.

        Args:
            entity: The entity.
            size: How many records a batch holds at most.
            readings: Only records that one of these runs has read.
        """
        query = select(STAGED).where(STAGED.c.entity == entity, STAGED.c.live == 1, *_read_by(readings))
        query = query.order_by(STAGED.c.rank, STAGED.c.source_id).limit(size)
        after = query
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(after).all()
            if not rows:
                return
            yield [_record(row) for row in rows]
            last = rows[-1].rank, rows[-1].source_id
            after = query.where(tuple_(STAGED.c.rank, STAGED.c.source_id) > last)

    def find(self, key: RecordKey) -> StagedRecord | None:
        """Return a staged record, vanished or not; None when the source never showed it."""
        query = select(STAGED).where(STAGED.c.entity == key.entity, STAGED.c.source_id == key.source_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return StagedRecord(_record(row), row.digest, len(row.fields), row.seen_run, row.reading, row.vanished_at)

    def find_many(self, keys: Iterable[RecordKey]) -> dict[RecordKey, Record]:
        """Return the staged records among keys, vanished or not."""
        return self._find(keys)

    def find_known(self, keys: Iterable[RecordKey], readings: Collection[str]) -> dict[RecordKey, Record]:
        """Return the live records among keys that one of some runs has read."""
        return self._find(keys, STAGED.c.live == 1, *_read_by(readings))

    def _find(self, keys: Iterable[RecordKey], *conditions: ColumnElement[bool]) -> dict[RecordKey, Record]:
        found: dict[RecordKey, Record] = {}
        with self._database.reading() as connection:
            for entity, ids in keys_by_entity(keys):
                its = STAGED.c.entity == entity, STAGED.c.source_id.in_(ids)
                query = select(STAGED).where(*its, *conditions)
                records = map(_record, connection.execute(query))
                found.update((record.key, record) for record in records)
        return found

    def vanished(self, entity: EntityName) -> list[RecordKey]:
        """Return the records of an entity that the source no longer shows, in order."""
        query = select(STAGED.c.source_id).where(STAGED.c.entity == entity, STAGED.c.live == 0)
        query = query.order_by(STAGED.c.rank, STAGED.c.source_id)
        with self._database.reading() as connection:
            return [RecordKey(entity, SourceId(found)) for found in connection.execute(query).scalars()]

    def _digests(self, keys: Iterable[RecordKey]) -> dict[RecordKey, str]:
        """Return the digests of the records that are staged; of a vanished one, an empty text."""
        found = {}
        columns = STAGED.c.source_id, STAGED.c.digest, STAGED.c.live
        with self._database.reading() as connection:
            for entity, ids in keys_by_entity(keys):
                query = select(*columns).where(STAGED.c.entity == entity, STAGED.c.source_id.in_(ids))
                for source_id, content, live in connection.execute(query):
                    found[RecordKey(entity, SourceId(source_id))] = content if live else ""
        return found


_SEEN_VALUES = ("modified_at", "part_of_entity", "part_of_id", "read_run", "reading", "seen_run")
_SEEN_NAMES = ("entity", "source_id", *_SEEN_VALUES)
_SEEN = (
    update(STAGED)
    .where(STAGED.c.entity == bindparam("its_entity"), STAGED.c.source_id == bindparam("its_source_id"))
    .values({name: bindparam(f"its_{name}") for name in _SEEN_VALUES})
)


def _read_by(readings: Collection[str] | None) -> tuple[ColumnElement[bool], ...]:
    return () if readings is None else (STAGED.c.read_run.in_(readings),)


def _rank(source_id: str) -> int:
    """Return a source id as a number, when it is one in its plain form and fits."""
    plain = source_id.isascii() and source_id.isdigit() and len(source_id) <= 18
    return int(source_id) if plain else _LAST_RANK


def _row(record: Record, run_id: str, reading: int) -> dict[str, Any]:
    fields = encode(record.fields)
    return {
        "entity": record.key.entity,
        "source_id": record.key.source_id,
        "rank": _rank(record.key.source_id),
        "live": 1,
        "digest": digest(fields),
        "fields": fields,
        "modified_at": record.modified_at,
        "part_of_entity": record.part_of and record.part_of.entity,
        "part_of_id": record.part_of and record.part_of.source_id,
        "read_run": run_id,
        "seen_run": run_id,
        "reading": reading,
        "vanished_at": None,
    }


def _record(row: Row[Any]) -> Record:
    key = RecordKey(EntityName(row.entity), SourceId(row.source_id))
    owner = row.part_of_entity and RecordKey(EntityName(row.part_of_entity), SourceId(row.part_of_id))
    return Record(key, decode_fields(row.fields), row.modified_at, owner)
