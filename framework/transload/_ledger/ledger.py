"""The ledger as a whole: opens it, checks that it is one, and hands out its parts."""

import os
import socket
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import inspect, select

from transload._ledger.audit_log import AuditLog
from transload._ledger.connection import Database, LedgerInUseError, connect
from transload._ledger.exchanges import Exchanges
from transload._ledger.held import HeldSettings
from transload._ledger.journal import Journal
from transload._ledger.notes import Notes
from transload._ledger.runs import Runs
from transload._ledger.staging import Staging
from transload._ledger.tables import META, SCHEMA_VERSION, LedgerTable
from transload.context import utc_now
from transload.errors import LedgerError


class Ledger:
    """The durable truth of a migration.

    Used by one thread of one process for writing; other processes may read meanwhile.
    Every method raises :class:`~transload.errors.LedgerError` when the database fails;
    what it was about to write is then not kept, and the ledger can be used further.

    Attributes:
        runs: Runs of stages, and named facts.
        staging: Records as the source said them.
        journal: Id map, writes and their outcomes, the way back.
        exchanges: Requests and answers of the writes.
        notes: Findings, losses, flags, dead letters, parked records, approvals.
        held: Settings of the target that say something else while a command loads.
        audit_log: The hash chain over what happened.
        database: The connection below.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.audit_log = AuditLog(database, clock)
        self.runs = Runs(database, clock, self.audit_log)
        self.staging = Staging(database, clock)
        self.notes = Notes(database, clock, self.audit_log)
        self.journal = Journal(database, clock, self.audit_log, self.notes)
        self.held = HeldSettings(database, clock, self.audit_log, self.runs)
        self.exchanges = Exchanges(database)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Callable[[], datetime] = utc_now,
        read_only: bool = False,
        create: bool = True,
    ) -> Self:
        """Open a ledger; a writer locks it until it is closed.

        Args:
            url: ``sqlite:///path``, a bare path, or ``postgresql://...``.
            clock: Gives the present time in UTC.
            read_only: Open for reading, next to a writer if there is one.
            create: Make the ledger when it is not there.

        Raises:
            ConfigError: The URL is of another kind, or psycopg is not installed.
            LedgerError: It is not there, is not a ledger, is of a newer transload, is
                damaged, or another process writes to it.
        """
        try:
            database = connect(url, read_only=read_only, create=create)
        except LedgerInUseError as error:
            raise LedgerInUseError(error.place, _holder(url)) from error
        try:
            _check_schema(database, create=create and not read_only)
            if not read_only:
                holder = f"pid {os.getpid()} on {socket.gethostname()} since {clock():%Y-%m-%d %H:%M:%S} UTC"
                with database.writing() as connection:
                    connection.execute(database.upsert(META), [{"name": "writer", "value": holder}])
            return cls(database, clock)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Close the database and free the lock."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_schema(database: Database, *, create: bool) -> None:
    """Make the tables in an empty database; otherwise see that they are ours, of this version."""
    with database.reading() as connection:
        names = inspect(connection).get_table_names()
        if META.name in names:
            version = connection.execute(select(META.c.value).where(META.c.name == "schema_version")).scalar()
            _check_version(database.place, version)
            return
        # A PostgreSQL schema may be shared with other programs; a file may not.
        foreign = names and connection.dialect.name == "sqlite"
        if foreign or not create:
            raise LedgerError(
                f"{database.place} is {'a database' if names else 'empty'}, but not a ledger",
                "Correct `ledger` in transload.toml, or start with `transload audit`.",
            )
        LedgerTable.metadata.create_all(connection)
        row = {"name": "schema_version", "value": str(SCHEMA_VERSION)}
        connection.execute(database.upsert(META), [row])


def _check_version(place: str, version: str | None) -> None:
    if version != str(SCHEMA_VERSION):
        raise LedgerError(
            f"{place} has version {version}, and this transload knows version {SCHEMA_VERSION}",
            "Use the version of transload that wrote it, or a newer one: `pip install --upgrade transload`.",
        )


def _holder(url: str) -> str:
    """Return who holds the lock, as the holder itself noted it."""
    unknown = "it does not say which"
    try:
        database = connect(url, read_only=True, create=False)
    except LedgerError:
        return unknown
    try:
        with database.reading() as connection:
            said = connection.execute(select(META.c.value).where(META.c.name == "writer")).scalar()
            return str(said or unknown)
    except LedgerError:
        return unknown
    finally:
        database.close()
