"""Which records of a company point to which, kept on disk: it takes the same memory for any size.

The file is a temporary one of SQLite's own, holds ids only, and is gone when it is closed.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType

from transload.values import EntityName, RecordKey, SourceId

_SCHEMA = """
CREATE TABLE record (entity TEXT, id TEXT, place INTEGER, closes INTEGER, PRIMARY KEY (entity, id)) WITHOUT ROWID;
CREATE TABLE pointer (entity TEXT, id TEXT, place TEXT, number INTEGER, to_entity TEXT, to_id TEXT)
"""
_INDEXES = """
CREATE INDEX record_place ON record (entity, place);
CREATE INDEX pointer_from ON pointer (entity, id);
CREATE INDEX pointer_to ON pointer (to_entity, to_id)
"""


class Relations:
    """The records of all documents, and what each points to."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._counts: dict[EntityName, int] = {}
        self._database.execute("BEGIN")

    def __enter__(self) -> "Relations":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, key: RecordKey, closes: bool, points: Sequence[tuple[str, Sequence[RecordKey]]]) -> None:
        """Add a record.

        Args:
            key: The record.
            closes: Whether its row ends so that nothing can be added to it later.
            points: What it points to by column, the best first where any of several will do.
        """
        place = self._counts[key.entity] = self._counts.get(key.entity, 0) + 1
        row = (key.entity, key.source_id, place, closes)
        self._database.execute("INSERT INTO record VALUES (?, ?, ?, ?)", row)
        for number, (column, keys) in enumerate(points):
            rows = [(key.entity, key.source_id, column, number, to.entity, to.source_id) for to in keys]
            self._database.executemany("INSERT INTO pointer VALUES (?, ?, ?, ?, ?, ?)", rows)

    def complete(self) -> None:
        """Get ready to be asked: all records are in."""
        self._database.execute("COMMIT")
        self._database.executescript(_INDEXES)

    def count(self, entity: EntityName) -> int:
        """Return how many records a document has."""
        return self._counts.get(entity, 0)

    def closes(self, key: RecordKey) -> bool:
        """Whether nothing can be added to the record's row later."""
        return bool(self._one("SELECT closes FROM record WHERE entity = ? AND id = ?", key.entity, key.source_id))

    def parents(self, key: RecordKey) -> list[RecordKey]:
        """Return the records that a record points to, as far as there are such."""
        query = (
            "SELECT DISTINCT record.entity, record.id FROM pointer JOIN record"
            " ON record.entity = pointer.to_entity AND record.id = pointer.to_id"
            " WHERE pointer.entity = ? AND pointer.id = ? ORDER BY 1, record.place"
        )
        return list(self._keys(query, key.entity, key.source_id))

    def children(self, key: RecordKey) -> list[RecordKey]:
        """Return the records that point to a record."""
        query = (
            "SELECT DISTINCT record.entity, record.id FROM pointer JOIN record"
            " ON record.entity = pointer.entity AND record.id = pointer.id"
            " WHERE pointer.to_entity = ? AND pointer.to_id = ? ORDER BY 1, record.place"
        )
        return list(self._keys(query, key.entity, key.source_id))

    def spread(self, entity: EntityName, number: int) -> list[RecordKey]:
        """Return some records of a document, at even distances."""
        step = max(1, self.count(entity) // max(1, number))
        query = "SELECT entity, id FROM record WHERE entity = ? AND (place - 1) % ? = 0 ORDER BY place LIMIT ?"
        return list(self._keys(query, entity, step, number))

    def dangling(self) -> Iterator[tuple[RecordKey, str]]:
        """Yield the records with the columns of theirs that point to nothing there is."""
        query = (
            "SELECT pointer.entity, pointer.id, pointer.place FROM pointer LEFT JOIN record"
            " ON record.entity = pointer.to_entity AND record.id = pointer.to_id"
            " GROUP BY pointer.entity, pointer.id, pointer.number HAVING count(record.id) = 0 ORDER BY 1, 2, 3"
        )
        for entity, source_id, column in self._database.execute(query):
            yield RecordKey(EntityName(entity), SourceId(source_id)), column

    def _keys(self, query: str, *values: object) -> Iterable[RecordKey]:
        for entity, source_id in self._database.execute(query, values):
            yield RecordKey(EntityName(entity), SourceId(source_id))

    def _one(self, query: str, *values: object) -> object:
        row = self._database.execute(query, values).fetchone()
        return row[0] if row else None
