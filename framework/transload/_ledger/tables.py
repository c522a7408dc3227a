"""The tables of the ledger: what is kept, and under which key.

Values are kept as canonical JSON (:mod:`transload._ledger.codec`) in byte columns,
because both databases store bytes unchanged and a digest of them stays true.
Tables of short rows are declared without rowid, which keeps a SQLite table and its
primary key in one tree; those that hold whole records are not.

Bump :data:`SCHEMA_VERSION` when a table changes.
"""

from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import BigInteger, DateTime, Dialect, Index, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

SCHEMA_VERSION = 2

WORD = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that PostgreSQL compares byte by byte, as SQLite does: both give the same order."""

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer; SQLite makes only a plain ``INTEGER`` key the rowid itself."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC. SQLite knows no time zone, so it keeps the naive text of it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bring an aware moment to UTC."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class LedgerTable(SQLModel):
    """Base of the tables, with a catalogue of its own: other SQLModel users never mix in."""

    metadata: ClassVar[MetaData] = MetaData()


class MetaRow(LedgerTable, table=True):
    """What the ledger knows of itself: schema version, writer, head of the audit log."""

    __tablename__ = "ledger_meta"
    __table_args__ = ({"sqlite_with_rowid": False},)
    name: str = Field(primary_key=True, sa_type=WORD)
    value: str


class FactRow(LedgerTable, table=True):
    """A named fact of the migration: a watermark, the moment of the cut-over."""

    __tablename__ = "ledger_fact"
    __table_args__ = ({"sqlite_with_rowid": False},)
    name: str = Field(primary_key=True, sa_type=WORD)
    value: str


class RunRow(LedgerTable, table=True):
    """One run of a stage. ``number`` counts runs in the order in which they started."""

    __tablename__ = "ledger_run"
    number: int = Field(primary_key=True, sa_type=NUMBER, sa_column_kwargs={"autoincrement": False})
    run_id: str = Field(unique=True, sa_type=WORD)
    stage: str = Field(index=True, sa_type=WORD)
    started_at: datetime = Field(sa_type=Moment)
    finished_at: datetime | None = Field(sa_type=Moment)
    status: str
    facts: bytes
    summary: bytes


class StagedRow(LedgerTable, table=True):
    """A record as the source said it last.

    ``rank`` is the source id as a number, so that 10 comes after 9; ``live`` is 1 until
    the record vanishes from the source. ``read_run`` is the run that read it last,
    ``seen_run`` the run that was told last that it is there still. ``reading`` leads to the
    answers that it was read from.
    """

    __tablename__ = "ledger_staged"
    __table_args__ = (
        Index("ledger_staged_order", "entity", "live", "rank", "source_id"),
        Index("ledger_staged_parts", "part_of_entity", "part_of_id"),
    )
    entity: str = Field(primary_key=True, sa_type=WORD)
    source_id: str = Field(primary_key=True, sa_type=WORD)
    rank: int = Field(sa_type=NUMBER)
    live: int
    digest: str
    fields: bytes
    modified_at: datetime | None = Field(sa_type=Moment)
    part_of_entity: str | None = Field(sa_type=WORD)
    part_of_id: str | None = Field(sa_type=WORD)
    read_run: str
    seen_run: str
    reading: int = Field(sa_type=NUMBER)
    vanished_at: datetime | None = Field(sa_type=Moment)


class EntityReadRow(LedgerTable, table=True):
    """An entity that a run has read to its end."""

    __tablename__ = "ledger_entity_read"
    __table_args__ = ({"sqlite_with_rowid": False},)
    run_id: str = Field(primary_key=True, sa_type=WORD)
    entity: str = Field(primary_key=True, sa_type=WORD)


class IdMapRow(LedgerTable, table=True):
    """Which row a record became, or was matched with."""

    __tablename__ = "ledger_id_map"
    __table_args__ = (
        Index("ledger_id_map_row", "table_name", "row_id"),
        {"sqlite_with_rowid": False},
    )
    entity: str = Field(primary_key=True, sa_type=WORD)
    source_id: str = Field(primary_key=True, sa_type=WORD)
    table_name: str = Field(sa_type=WORD)
    row_id: str = Field(sa_type=WORD)
    origin: str


class JournalRow(LedgerTable, table=True):
    """One write: recorded as intent before it is sent, settled by its outcome.

    Moments are ISO text here, because many rows share one and it is made once.
    """

    __tablename__ = "ledger_journal"
    __table_args__ = (
        Index("ledger_journal_status", "status", "table_name"),
        Index("ledger_journal_row", "table_name", "row_id"),
    )
    id: int = Field(primary_key=True, sa_type=NUMBER, sa_column_kwargs={"autoincrement": False})
    run_id: str
    table_name: str = Field(sa_type=WORD)
    row_id: str = Field(sa_type=WORD)
    write: bytes
    before: bytes | None
    creates: bool
    status: str = Field(sa_type=WORD)
    error: str
    begun_at: str
    settled_at: str | None


class ExchangeRow(LedgerTable, table=True):
    """A request and its answer; bodies are compressed.

    Kept for the writes whose journal entries lie in its span, or for the records whose reading does.
    """

    __tablename__ = "ledger_exchange"
    __table_args__ = (Index("ledger_exchange_span", "errand", "first", "last"),)
    id: int = Field(primary_key=True, sa_type=NUMBER, sa_column_kwargs={"autoincrement": False})
    errand: str = Field(sa_type=WORD)
    subject: str = Field(sa_type=WORD)
    first: int = Field(sa_type=NUMBER)
    last: int = Field(sa_type=NUMBER)
    run_id: str
    facts: bytes
    sent: bytes
    received: bytes


class WrittenRow(LedgerTable, table=True):
    """What the target should hold after all settled writes, and how to go back.

    ``anchor`` is the id of the first journal entry of the row, the same for all
    identities of the row: rollback walks it downwards.
    """

    __tablename__ = "ledger_written"
    __table_args__ = (
        Index("ledger_written_row", "table_name", "row_id"),
        Index("ledger_written_anchor", "anchor"),
    )
    identity: str = Field(primary_key=True, sa_type=WORD)
    kind: str
    table_name: str = Field(sa_type=WORD)
    row_id: str = Field(sa_type=WORD)
    anchor: int = Field(sa_type=NUMBER)
    entity: str = Field(sa_type=WORD)
    source_id: str = Field(sa_type=WORD)
    created: bool
    before: bytes
    columns: bytes


class SchemaRow(LedgerTable, table=True):
    """A schema change that was made, or found made."""

    __tablename__ = "ledger_schema"
    id: int = Field(primary_key=True, sa_type=NUMBER, sa_column_kwargs={"autoincrement": False})
    run_id: str
    change: bytes
    created: bool
    error: str
    at: datetime = Field(sa_type=Moment)
    undone_at: datetime | None = Field(sa_type=Moment)


class FindingRow(LedgerTable, table=True):
    """A finding of a stage, in the order given."""

    __tablename__ = "ledger_finding"
    stage: str = Field(primary_key=True, sa_type=WORD)
    position: int = Field(primary_key=True)
    code: str
    severity: str
    title: str
    evidence: str
    remedy: str
    count: int


class LossRow(LedgerTable, table=True):
    """A row of the lossy ledger."""

    __tablename__ = "ledger_loss"
    entity: str = Field(primary_key=True, sa_type=WORD)
    source_id: str = Field(primary_key=True, sa_type=WORD)
    column: str = Field(primary_key=True, sa_type=WORD)
    kind: str = Field(primary_key=True, sa_type=WORD)
    original: str
    kept: str


class FlagRow(LedgerTable, table=True):
    """What a person should look at in a record that did arrive."""

    __tablename__ = "ledger_flag"
    __table_args__ = ({"sqlite_with_rowid": False},)
    entity: str = Field(primary_key=True, sa_type=WORD)
    source_id: str = Field(primary_key=True, sa_type=WORD)
    flags: bytes


class DeadLetterRow(LedgerTable, table=True):
    """A record set aside. ``identity`` names the write that failed; empty when none was made."""

    __tablename__ = "ledger_dead_letter"
    entity: str = Field(primary_key=True, sa_type=WORD)
    source_id: str = Field(primary_key=True, sa_type=WORD)
    phase: str = Field(primary_key=True, sa_type=WORD)
    identity: str = Field(primary_key=True, sa_type=WORD)
    code: str
    message: str
    remedy: str
    run_id: str
    at: datetime = Field(sa_type=Moment)


class ParkedRow(LedgerTable, table=True):
    """A record that waits for its parent."""

    __tablename__ = "ledger_parked"
    __table_args__ = ({"sqlite_with_rowid": False},)
    entity: str = Field(primary_key=True, sa_type=WORD)
    source_id: str = Field(primary_key=True, sa_type=WORD)
    phase: str = Field(primary_key=True, sa_type=WORD)
    waits_for: str = Field(primary_key=True, sa_type=WORD)
    run_id: str
    at: datetime = Field(sa_type=Moment)


class ApprovalRow(LedgerTable, table=True):
    """A named person's word, bound to digests of what it was given for."""

    __tablename__ = "ledger_approval"
    id: int = Field(primary_key=True, sa_type=NUMBER, sa_column_kwargs={"autoincrement": False})
    subject: str = Field(index=True, sa_type=WORD)
    name: str
    digests: bytes
    note: str
    at: datetime = Field(sa_type=Moment)


class AuditRow(LedgerTable, table=True):
    """An entry of the audit log; ``hash`` covers it and, through the hash before it, all earlier ones."""

    __tablename__ = "ledger_audit"
    seq: int = Field(primary_key=True, sa_type=NUMBER, sa_column_kwargs={"autoincrement": False})
    at: str
    event: str
    body: bytes
    hash: str


def _table(model: type[LedgerTable]) -> Table:
    return model.metadata.tables[str(model.__tablename__)]


META = _table(MetaRow)
FACT = _table(FactRow)
RUN = _table(RunRow)
STAGED = _table(StagedRow)
ENTITY_READ = _table(EntityReadRow)
ID_MAP = _table(IdMapRow)
JOURNAL = _table(JournalRow)
EXCHANGE = _table(ExchangeRow)
WRITTEN = _table(WrittenRow)
SCHEMA = _table(SchemaRow)
FINDING = _table(FindingRow)
LOSS = _table(LossRow)
FLAG = _table(FlagRow)
DEAD_LETTER = _table(DeadLetterRow)
PARKED = _table(ParkedRow)
APPROVAL = _table(ApprovalRow)
AUDIT = _table(AuditRow)
