"""The id map: which row each record became, or was matched with."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import delete, select

from transload._ledger.chunks import CHUNK, keys_by_entity, refs_by_table
from transload._ledger.connection import Database
from transload._ledger.tables import ID_MAP
from transload.values import EntityName, RecordKey, RowId, RowRef, SourceId, TableName

Origin = Literal["created", "matched"]


@dataclass(frozen=True, slots=True)
class MappedRow:
    """The row of a record, and whether this migration created it or found it."""

    ref: RowRef
    origin: Origin


class IdMap:
    """Answers which row belongs to a record, and which record to a row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, keys: Collection[RecordKey]) -> dict[RecordKey, MappedRow]:
        """Return the rows of the records that have one."""
        found = {}
        columns = ID_MAP.c.source_id, ID_MAP.c.table_name, ID_MAP.c.row_id, ID_MAP.c.origin
        with self._database.reading() as connection:
            for entity, ids in keys_by_entity(keys):
                query = select(*columns).where(ID_MAP.c.entity == entity, ID_MAP.c.source_id.in_(ids))
                for source_id, table, row_id, origin in connection.execute(query):
                    found[RecordKey(entity, SourceId(source_id))] = _mapped(table, row_id, origin)
        return found

    def keys_of(self, refs: Collection[RowRef]) -> dict[RowRef, RecordKey]:
        """Return the records of the rows that have one; of several, the first by key."""
        found: dict[RowRef, RecordKey] = {}
        columns = ID_MAP.c.row_id, ID_MAP.c.entity, ID_MAP.c.source_id
        with self._database.reading() as connection:
            for table, ids in refs_by_table(refs):
                query = select(*columns).where(ID_MAP.c.table_name == table, ID_MAP.c.row_id.in_(ids))
                for row_id, entity, source_id in connection.execute(
                    query.order_by(ID_MAP.c.entity, ID_MAP.c.source_id)
                ):
                    key = RecordKey(EntityName(entity), SourceId(source_id))
                    found.setdefault(RowRef(table, RowId(row_id)), key)
        return found

    def put(self, items: Iterable[tuple[RecordKey, RowRef, Origin]], *, replace: bool) -> None:
        """Map records to rows.

        Args:
            items: Key, row and origin of each.
            replace: Whether a key that is mapped to another row moves to this one. A
                record that gives several rows keeps the first.
        """
        rows = [
            {
                "entity": key.entity,
                "source_id": key.source_id,
                "table_name": ref.table,
                "row_id": ref.row_id,
                "origin": origin,
            }
            for key, ref, origin in items
        ]
        if replace:
            statement = self._database.upsert(ID_MAP)
        else:
            statement = self._database.upsert(
                ID_MAP,
                ["origin"],
                where=lambda new: (ID_MAP.c.table_name == new.table_name) & (ID_MAP.c.row_id == new.row_id),
            )
        self._database.write_many(statement, rows)

    def remove(self, refs: Iterable[RowRef]) -> None:
        """Forget which records the rows belong to."""
        with self._database.writing() as connection:
            for table, ids in refs_by_table(refs):
                connection.execute(delete(ID_MAP).where(ID_MAP.c.table_name == table, ID_MAP.c.row_id.in_(ids)))

    def walk(self, entity: EntityName) -> Iterator[tuple[RecordKey, MappedRow]]:
        """Walk the mapped records of an entity; writes in between are safe."""
        columns = ID_MAP.c.source_id, ID_MAP.c.table_name, ID_MAP.c.row_id, ID_MAP.c.origin
        query = select(*columns).where(ID_MAP.c.entity == entity).order_by(ID_MAP.c.source_id).limit(CHUNK)
        after = query
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(after).all()
            for source_id, table, row_id, origin in rows:
                yield RecordKey(entity, SourceId(source_id)), _mapped(table, row_id, origin)
            if len(rows) < CHUNK:
                return
            after = query.where(ID_MAP.c.source_id > rows[-1].source_id)


def _mapped(table: str, row_id: str, origin: str) -> MappedRow:
    return MappedRow(RowRef(TableName(table), RowId(row_id)), cast(Origin, origin))
