"""Rows on disk or in memory: SQLite behind one connection and one lock.

One SQL table per Dataverse table, made when it is first touched; one SQL column per Dataverse column, custom
ones added by ALTER TABLE; an active alternate key is a unique index. Rows travel whole: a `Row` holds every
storage column in table order, so that one prepared statement per table serves every insert and one every
update.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

import orjson
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from transload_sandbox.dataverse.errors import UniqueError, unsupported
from transload_sandbox.dataverse.layout import POINTER, Layout
from transload_sandbox.dataverse.model import Row, Stored, Table
from transload_sandbox.dataverse.patterns import like
from transload_sandbox.dataverse.statements import Statements

_CHUNK = 500


class Store:
    """All rows of one organisation.

    Every call must hold the lock, which `transaction` and `reading` take; the holder is one request at a
    time.
    """

    def __init__(self, path: Path | None) -> None:
        """Open the database file, or a private database in memory when there is no path."""
        self._engine = sa.create_engine(
            f"sqlite:///{path}" if path else "sqlite://",
            poolclass=StaticPool,
            connect_args={"check_same_thread": False},
            isolation_level="AUTOCOMMIT",
        )
        self._connection = self._engine.connect()
        # Plain statements go to the driver: describing two hundred result columns per row costs SQLAlchemy
        # ten times what reading them costs.
        self._driver: sqlite3.Connection = self._connection.connection.driver_connection  # type: ignore[assignment]  # it is sqlite3's
        if path:
            self.execute("PRAGMA journal_mode=WAL")
            # Survives the end of the process, if not a power cut: waiting for the disk takes most of a single write.
            self.execute("PRAGMA synchronous=NORMAL")
        self.execute("CREATE TABLE IF NOT EXISTS _meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
        self.execute(
            "CREATE TABLE IF NOT EXISTS _deleted "
            "(name TEXT, id TEXT, version INTEGER, PRIMARY KEY (name, id)) WITHOUT ROWID"
        )
        self._driver.create_function("dataverse_like", 2, like, deterministic=True)
        self._lock = RLock()
        self._depth = 0
        self.layout = Layout(self.execute)
        """Which tables there are, and how they change."""
        self.version = int(str(self.get_meta("version") or 0))
        """The last row version given out."""

    def close(self) -> None:
        """Close the database."""
        self._connection.close()
        self._engine.dispose()

    def copy_to(self, other: sqlite3.Connection) -> None:
        """Copy everything into an empty database."""
        with self._lock:
            self._driver.backup(other)

    def replace_by(self, other: sqlite3.Connection) -> None:
        """Replace everything by the contents of another database, as `copy_to` wrote them."""
        with self._lock:
            self.layout.close()
            other.backup(self._driver)
            self.layout.look_again()
            self.version = int(str(self.get_meta("version") or 0))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the database for reading."""
        with self._lock:
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everything or nothing of what happens inside; a nested one belongs to the outer."""
        with self._lock:
            if self._depth:
                yield
                return
            self.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self.put_meta("version", self.version)
                self.execute("COMMIT")
            except BaseException:
                self.execute("ROLLBACK")
                self.layout.look_again()
                raise
            finally:
                self._depth = 0

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Take back what happens inside when it fails, and only that; for use inside a transaction."""
        self.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK TO part")
            raise
        finally:
            self.execute("RELEASE part")

    def next_version(self) -> int:
        """Give out the next row version."""
        self.version += 1
        return self.version

    def execute(self, sql: str, values: Sequence[Stored | bytes] = ()) -> list[tuple[Stored, ...]]:
        """Run one statement and return its rows."""
        return self._driver.execute(sql, values).fetchall()

    def select(self, statement: sa.SelectBase) -> list[tuple[Stored, ...]]:
        """Run a composed query."""
        compiled = statement.compile(self._engine, compile_kwargs={"render_postcompile": True})
        parameters = compiled.params
        values = [parameters[name] for name in compiled.positiontup or ()]
        return self.execute(str(compiled), values)

    def query(self, sql: str) -> tuple[list[str], list[tuple[Stored, ...]]]:
        """Run a query that a client wrote; return the names of its columns and its rows.

        Raises:
            ODataError: It is no query of this database's tables.
        """
        try:
            cursor = self._driver.execute(sql)
            return [str(each[0]) for each in cursor.description or ()], cursor.fetchall()
        except sqlite3.Error as error:
            raise unsupported(f"The SQL query cannot be run: {error}.") from error

    # -- small things that are no rows

    def get_meta(self, name: str) -> Stored:
        """Return a remembered value."""
        found = self.execute("SELECT value FROM _meta WHERE name = ?", (name,))
        return found[0][0] if found else None

    def put_meta(self, name: str, value: Stored) -> None:
        """Remember a value."""
        self.execute("INSERT OR REPLACE INTO _meta VALUES (?, ?)", (name, value))

    @property
    def existing(self) -> frozenset[str]:
        """Tables that have been touched so far; all others are empty."""
        return self.layout.existing

    def statements(self, table: Table) -> Statements:
        """Return the SQL of a table, making the table when it is missing."""
        return self.layout.statements(table)

    # -- rows

    def fetch(self, table: Table, ids: Iterable[str]) -> dict[str, Row]:
        """Return the rows with these ids, by id; missing ones are left out."""
        return {str(row[table.primary_id]): row for row in self.find_in(table, table.primary_id, list(ids))}

    def find_in(self, table: Table, column: str, values: Sequence[Stored]) -> list[Row]:
        """Return the rows whose column holds one of the values."""
        sql = self.statements(table)
        rows: list[Row] = []
        for start in range(0, len(values), _CHUNK):
            chunk = values[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            found = self.execute(f'{sql.select} WHERE "{column}" IN ({marks})', chunk)
            rows.extend(dict(zip(sql.columns, row, strict=True)) for row in found)
        return rows

    def find(self, table: Table, values: Mapping[str, Stored], limit: int = -1) -> list[Row]:
        """Return the rows whose columns equal all the values."""
        sql = self.statements(table)
        where = " AND ".join(f'"{column}" = ?' for column in values)
        found = self.execute(f"{sql.select} WHERE {where} LIMIT {limit}", tuple(values.values()))
        return [dict(zip(sql.columns, row, strict=True)) for row in found]

    def find_id(self, table: Table, values: Mapping[str, Stored]) -> str | None:
        """Return the id of a row whose columns equal all the values, None when there is none."""
        self.statements(table)
        where = " AND ".join(f'"{column}" = ?' for column in values)
        sql = f'SELECT "{table.primary_id}" FROM "{table.name}" WHERE {where} LIMIT 1'
        found = self.execute(sql, tuple(values.values()))
        return str(found[0][0]) if found else None

    def missing(self, table: Table, ids: set[str]) -> set[str]:
        """Return those ids that no row has."""
        if table.name not in self.existing:
            return ids
        missing = set(ids)
        wanted = sorted(ids)
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            found = self.execute(
                f'SELECT "{table.primary_id}" FROM "{table.name}" WHERE "{table.primary_id}" IN ({marks})',
                chunk,
            )
            missing.difference_update(str(row_id) for (row_id,) in found)
        return missing

    def iterate(self, table: Table) -> list[Row]:
        """Return every row by primary key."""
        if table.name not in self.existing and table.name != POINTER:
            return []
        sql = self.statements(table)
        found = self.execute(f'{sql.select} ORDER BY "{table.primary_id}"')
        return [dict(zip(sql.columns, row, strict=True)) for row in found]

    def count(self, table: Table) -> int:
        """Return the number of rows."""
        if table.name not in self.existing and table.name != POINTER:
            return 0
        return int(str(self.execute(f'SELECT count(*) FROM "{table.name}"')[0][0]))

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert whole rows.

        Raises:
            UniqueError: A primary key or an alternate key value is taken.
        """
        self._write(table, self.statements(table).insert, [tuple(row.values()) for row in rows], rows)

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        """Write whole rows back.

        Raises:
            UniqueError: An alternate key value is taken.
        """
        values = [(*row.values(), row[table.primary_id]) for row in rows]
        self._write(table, self.statements(table).update, values, rows)

    def _write(self, table: Table, sql: str, values: list[tuple[Stored, ...]], rows: Sequence[Row]) -> None:
        if not values:
            return
        if len(values) > 1:
            self.execute("SAVEPOINT many")
            try:
                self._driver.executemany(sql, values)
                self.execute("RELEASE many")
            except sqlite3.IntegrityError:
                # The driver does not say which row failed: take it back and write them one by one to find it.
                self.execute("ROLLBACK TO many")
            else:
                return
        for row, each in zip(rows, values, strict=True):
            try:
                self._driver.execute(sql, each)
            except sqlite3.IntegrityError as error:
                raise UniqueError(table.name, _violated(str(error)), row) from error

    def delete(self, table: Table, ids: Sequence[str]) -> None:
        """Delete rows."""
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            self.execute(f'DELETE FROM "{table.name}" WHERE "{table.primary_id}" IN ({marks})', chunk)
        tombstones = [(table.name, row_id, self.next_version()) for row_id in ids]
        self._driver.executemany("INSERT OR REPLACE INTO _deleted VALUES (?, ?, ?)", tombstones)

    def deleted_since(self, table: Table, version: int, after: str, limit: int) -> list[str]:
        """Return ids of rows that were deleted after a version, by id; those that came back are left out."""
        found = self.execute(
            f"SELECT id FROM _deleted WHERE name = ? AND version > ? AND id > ? AND id NOT IN "
            f'(SELECT "{table.primary_id}" FROM "{table.name}") ORDER BY id LIMIT ?',
            (table.name, version, after, limit),
        )
        return [str(row_id) for (row_id,) in found]

    # -- customisations

    def get_customizations(self) -> dict[str, object]:
        """Return what was added to the shipped metadata, as `put_customizations` stored it."""
        raw = self.get_meta("customizations")
        found: dict[str, object] = orjson.loads(str(raw)) if raw else {}
        return found

    def put_customizations(self, customizations: Mapping[str, object]) -> None:
        """Remember what was added to the shipped metadata."""
        self.put_meta("customizations", orjson.dumps(customizations).decode())


def _violated(message: str) -> tuple[str, ...]:
    """Read the columns out of ``UNIQUE constraint failed: account.a, account.b``."""
    return tuple(part.strip().partition(".")[2] for part in message.partition(": ")[2].split(","))
