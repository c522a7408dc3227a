"""Opens the database of a ledger, guards it, and translates its errors.

A writer holds an exclusive lock for as long as it is open: a lock file beside a SQLite
file, an advisory lock in PostgreSQL. The system frees both when the process dies.
Readers need no lock; SQLite's write-ahead log and PostgreSQL's snapshots keep a reader
and the writer out of each other's way.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock, Timeout
from sqlalchemy import URL, ColumnElement, Connection, Insert, Table, Update, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from transload.errors import ConfigError, LedgerError

_POSTGRES = {"postgresql", "postgres", "postgresql+psycopg"}
_LOCK_WAIT_SECONDS = 30.0
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-16384")
"""FULL survives a power cut and costs a tenth more at batch size; 16 MB of cache."""

Upsert = sqlite.Insert | postgresql.Insert


class Database:
    """One connection to the database of a ledger.

    Attributes:
        place: What to call it in a message; never holds a password.
        connection: The connection, for what this class does not offer.
        read_only: Whether it was opened for reading.
    """

    def __init__(self, connection: Connection, place: str, *, read_only: bool, lock: FileLock | None = None) -> None:
        self.connection, self.place, self.read_only = connection, place, read_only
        self._lock = lock
        self._lost = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give the connection inside a transaction; join the one that is open.

        Raises:
            LedgerError: The database does not do what it should.
        """
        if self.connection.in_transaction():
            yield self.connection
            return
        if self._lost:
            raise _lost(self.place)
        try:
            with self.connection.begin():
                yield self.connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            # A second connection would not hold the lock, so a lost one is not replaced.
            self._lost = isinstance(error, DBAPIError) and error.connection_invalidated
            raise translate(error, self.place) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the connection inside a transaction that commits at the end, or not at all.

        Raises:
            LedgerError: The ledger was opened for reading, or the database does not do
                what it should; then nothing of the transaction was kept.
        """
        if self.read_only:
            raise LedgerError(f"{self.place} was opened for reading", "This is a defect of transload: report it.")
        with self.reading() as connection:
            yield connection

    def upsert(
        self,
        table: Table,
        update: Iterable[str] | None = None,
        where: Callable[[ReadOnlyColumnCollection[str, Any]], ColumnElement[bool]] | None = None,
    ) -> Upsert:
        """Return an insert that replaces columns where the primary key is there already.

        Args:
            table: The table.
            update: The columns to replace; all that are not of the key when left out.
            where: Given the new columns, when to replace; otherwise the row stays as it is.
        """
        sqlite_like = self.connection.dialect.name == "sqlite"
        statement: Upsert = sqlite.insert(table) if sqlite_like else postgresql.insert(table)
        key = [column.name for column in table.primary_key]
        names = [c.name for c in table.columns if c.name not in key] if update is None else update
        return statement.on_conflict_do_update(
            index_elements=key,
            set_={name: statement.excluded[name] for name in names},
            where=None if where is None else where(statement.excluded),
        )

    def write_many(self, statement: Insert | Update, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once per row, past SQLAlchemy's handling of each value.

        That handling costs more than the write itself: 6 us for a row of ten columns.

        Args:
            statement: An insert or update whose values are named parameters.
            rows: The parameters, in types that both drivers take: text, bytes, integers,
                booleans, None.
        """
        if not rows:
            return
        with self.writing() as connection:
            columns = list(rows[0]) if isinstance(statement, Insert) else None
            compiled = statement.compile(dialect=connection.dialect, column_keys=columns)
            names = compiled.positiontup
            by_name = names is None
            parameters = list(rows) if by_name else list(map(itemgetter(*(names or ())), rows))
            connection.exec_driver_sql(str(compiled), parameters)

    def close(self) -> None:
        """Close the connection and free the lock."""
        try:
            self.connection.close()
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise translate(error, self.place) from error
        finally:
            self.connection.engine.dispose()
            if self._lock is not None:
                self._lock.release()


class LedgerInUseError(LedgerError):
    """Another process writes to the ledger."""

    def __init__(self, place: str, holder: str) -> None:
        self.place = place
        super().__init__(
            f"{place} is in use by another transload process ({holder})",
            "Wait until it has ended, or stop it. `transload status` and `transload explain` work meanwhile.",
        )


def connect(url: str, *, read_only: bool, create: bool) -> Database:
    """Connect to the database of a ledger; a writer takes the lock.

    Args:
        url: ``sqlite:///path``, a bare path, or ``postgresql://...``.
        read_only: Whether to connect for reading; needs no lock.
        create: Whether a SQLite file that does not exist is made.

    Raises:
        ConfigError: The URL is of another kind, or psycopg is not installed.
        LedgerError: The database cannot be opened.
        LedgerInUseError: Another process holds the lock; ``holder`` is left to the caller.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _connect_sqlite(Path(url), read_only=read_only, create=create)
    if scheme == "sqlite":
        return _connect_sqlite(Path(rest.removeprefix("/")), read_only=read_only, create=create)
    if scheme in _POSTGRES:
        return _connect_postgres(url, read_only=read_only)
    raise ConfigError(
        f"a ledger cannot be kept in {scheme}",
        "Set `ledger` in transload.toml to a file (`sqlite:///ledger.db`) or to `postgresql://...`.",
    )


def _connect_sqlite(path: Path, *, read_only: bool, create: bool) -> Database:
    if not path.exists() and (read_only or not create):
        raise LedgerError(
            f"there is no ledger at {path}",
            "Start with `transload audit`, or correct `ledger` in transload.toml.",
        )
    if not path.absolute().parent.is_dir():
        raise LedgerError(
            f"the folder {path.absolute().parent} does not exist",
            "Make it, or correct `ledger` in transload.toml.",
        )
    mode = "ro" if read_only else "rwc"

    def open_file() -> sqlite3.Connection:
        address = f"file:{quote(str(path))}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, timeout=_LOCK_WAIT_SECONDS, isolation_level=None)
        try:
            for pragma in () if read_only else _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}").close()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = create_engine("sqlite://", creator=open_file, poolclass=NullPool)
    # Python's sqlite3 opens transactions by guessing from the statement; this one is told.
    event.listen(engine, "begin", _begin)
    lock = None if read_only else _lock_file(path)
    try:
        return Database(engine.connect(), str(path), read_only=read_only, lock=lock)
    except (SQLAlchemyError, sqlite3.Error) as error:
        if lock is not None:
            lock.release()
        raise translate(error, str(path)) from error


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _lock_file(path: Path) -> FileLock:
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LedgerInUseError(str(path), "") from error
    except OSError as error:
        raise LedgerError(
            f"the ledger {path} cannot be locked: {error.strerror}",
            f"Make {path.absolute().parent} a folder that you may write to.",
        ) from error
    return lock


def _connect_postgres(url: str, *, read_only: bool) -> Database:
    address = _parse_postgres(url)
    place = f"PostgreSQL database {address.database} on {address.host or 'this machine'}"
    try:
        engine = create_engine(address, poolclass=NullPool)
    except ImportError as error:
        raise ConfigError(
            "a ledger in PostgreSQL needs psycopg, which is not installed",
            "Run `pip install 'transload[postgres]'`.",
        ) from error
    try:
        connection = engine.connect()
        if not read_only and not _lock_schema(connection):
            connection.close()
            raise LedgerInUseError(place, "")
    except SQLAlchemyError as error:
        raise translate(error, place) from error
    return Database(connection, place, read_only=read_only)


def _parse_postgres(url: str) -> URL:
    try:
        return make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            "the URL of the ledger cannot be read", "Its form is `postgresql://user@host:5432/database`."
        ) from error


def _lock_schema(connection: Connection) -> bool:
    """Take the session's advisory lock; it outlives transactions and dies with the connection."""
    schema = connection.execute(text("select current_schema()")).scalar_one()
    name = blake2b(f"transload ledger {schema}".encode(), digest_size=8).digest()
    key = int.from_bytes(name, signed=True)
    taken = connection.execute(text("select pg_try_advisory_lock(:key)"), {"key": key}).scalar_one()
    connection.commit()
    return bool(taken)


def translate(error: SQLAlchemyError | sqlite3.Error, place: str) -> LedgerError:
    """Return the ledger's error for a database's error, without statement and values."""
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = (str(original).strip().splitlines() or [type(original).__name__])[0]
    if "disk is full" in said or getattr(original, "sqlstate", None) == "53100":
        return LedgerError(
            f"the ledger cannot be written: {said}",
            f"Free space on the disk of {place}, then run the same command again.",
        )
    if "not a database" in said or "malformed" in said:
        return LedgerError(
            f"{place} is not a ledger, or is damaged: {said}",
            "Restore it from a backup, or correct `ledger` in transload.toml.",
        )
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return _lost(place, said)
    return LedgerError(
        f"the ledger ({place}) failed: {said}",
        f"Check that {place} can be reached and that you may write there, then run the same command again.",
    )


def _lost(place: str, said: str = "it was closed") -> LedgerError:
    return LedgerError(
        f"the connection to the ledger ({place}) is lost: {said}",
        "Run the same command again: it goes on where it stopped.",
    )
