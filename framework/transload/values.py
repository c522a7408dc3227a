"""The values that travel through a migration: records, writes, outcomes, schemas.

Everything here is frozen: a plugin may keep a value and hand it on, nobody may
change it. Parsing happens where data enters (a source's client, a project
file); what stands here is already right.

A value of a field is one of the types in :data:`Value`. There is no ``float``
among them: numbers with a fraction are ``Decimal``, exactly as the source wrote
them, and the sink decides how to put them on the wire.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType, TypeAlias

from transload.errors import RecordError

EntityName = NewType("EntityName", str)
SourceId = NewType("SourceId", str)
TableName = NewType("TableName", str)
RowId = NewType("RowId", str)
"""The id of a row in the target, as lower-case text; for Dataverse a GUID with dashes."""

Value: TypeAlias = "str | int | bool | Decimal | datetime | date | tuple[Value, ...] | Mapping[str, Value] | None"
"""What a field of a record holds. ``None`` is the source's null; ``""`` is its empty text."""


# --- the source side ---------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class RecordKey:
    """The identity of a record in the source: its entity and its id there."""

    entity: EntityName
    source_id: SourceId

    def __str__(self) -> str:
        return f"{self.entity} {self.source_id}"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the source said it: parsed and typed, nothing interpreted.

    ``fields`` has underscored names. A field that the source left out is absent,
    a null is ``None``, an empty text is ``""``.

    ``part_of`` names the record that it came with, itself part of none, when it is read
    with that one and never alone: a line's job. As long as that one is unchanged, it is.
    """

    key: RecordKey
    fields: Mapping[str, Value]
    modified_at: datetime | None = None
    part_of: RecordKey | None = None


class FieldType(StrEnum):
    """The type that a source declares for a field."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    DATE = "date"
    NESTED = "nested"


@dataclass(frozen=True, slots=True)
class SourceField:
    """A field that the source's documentation or schema promises."""

    name: str
    type: FieldType
    label: str = ""
    options: tuple[str, ...] = ()
    """The values that it may hold, when they are a closed list."""
    derived: bool = False
    """Computed from other fields or records for the mapping's sake: no loss when no rule carries it over."""


@dataclass(frozen=True, slots=True)
class SourceEntity:
    """An entity of the source. Records may carry more fields than are listed."""

    name: EntityName
    label: str
    fields: Mapping[str, SourceField]


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """Something of the source that no record carries, so that people rebuild it in the target."""

    name: str
    why: str
    rebuild: str
    """What takes its place in the target."""


@dataclass(frozen=True, slots=True)
class SourceSchema:
    """What a source offers.

    Attributes:
        system: Kind of system (``kickserv``); names the mappings that fit.
        account: Which account of it. System and account together seed the row ids,
            so two accounts moved to one target never collide.
        entities: The entities, in the order in which they should be extracted.
        left_behind: What cannot be read, for the audit's list of what is to be rebuilt.
    """

    system: str
    account: str
    entities: Sequence[SourceEntity]
    left_behind: Sequence[LeftBehind] = ()


# --- the target side ---------------------------------------------------------


class ColumnType(StrEnum):
    """Column types of a target, named as a mapping names them."""

    TEXT = "text"
    MEMO = "memo"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CHOICES = "choices"
    STATE = "state"
    STATUS = "status"
    DATETIME = "datetime"
    DATE = "date"
    LOOKUP = "lookup"
    ID = "id"
    FILE = "file"
    """Takes a :class:`FileRef`: a file column, or a text column that holds a file's bytes."""
    PARTIES = "parties"
    """Takes several lookups: the people of an appointment, a call or a message."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """A column of a target table.

    Attributes:
        max_length: Longest text, counted in UTF-16 code units; of a file column the largest file in bytes.
        precision: Digits after the decimal point.
        options: Value to label, for choice, state, status and boolean columns.
        targets: Tables that a lookup may point to.
        required: The target itself refuses a row without it.
        creatable: May be sent when the row is created.
        updatable: May be sent afterwards.
        cascades: Writing it anew also changes it in the rows that point to this one: an owner.
        also_called: What other systems call what it holds, for proposals; ``~`` before a name marks it as a
            second choice. Without any the column goes by its own name, or by what the framework knows of it.
    """

    name: str
    type: ColumnType
    label: str = ""
    max_length: int | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    precision: int | None = None
    options: Mapping[int, str] = field(default_factory=dict)
    targets: tuple[TableName, ...] = ()
    required: bool = False
    creatable: bool = True
    updatable: bool = True
    custom: bool = False
    cascades: bool = False
    also_called: tuple[str, ...] = ()

    def misfit(self, wanted: "TargetColumn") -> str | None:
        """Return why this column, which is there, cannot hold what is wanted; None when it can."""
        known = {label.casefold() for label in self.options.values()}
        missing = [label for label in wanted.options.values() if label.casefold() not in known]
        if self.type is not wanted.type:
            return f"it exists with the type {self.type}, and {wanted.type} is wanted"
        if (self.max_length or 0) < (wanted.max_length or 0):
            return f"it exists with room for {self.max_length} characters, not {wanted.max_length}"
        if wanted.precision is not None and (self.precision or 0) < wanted.precision:
            return f"it exists with {self.precision} decimals, not {wanted.precision}"
        if missing and wanted.type is not ColumnType.BOOLEAN:
            return f"it exists without the options {', '.join(missing)}"
        if foreign := set(wanted.targets) - set(self.targets):
            return f"it exists and does not point to {', '.join(sorted(foreign))}"
        return None


@dataclass(frozen=True, slots=True)
class TargetState:
    """A state of a row, its status reasons, whether it locks the row, and whether it does so for good."""

    value: int
    label: str
    statuses: Mapping[int, str]
    default_status: int
    read_only: bool = False
    final: bool = False


@dataclass(frozen=True, slots=True)
class TargetKey:
    """An alternate key: columns that are unique by declaration."""

    name: str
    columns: tuple[str, ...]
    active: bool


@dataclass(frozen=True, slots=True)
class TargetTable:
    """A table of the target. Of ``states`` the first is the one rows are created in."""

    name: TableName
    label: str
    id_column: str
    name_column: str
    columns: Mapping[str, TargetColumn]
    keys: Sequence[TargetKey] = ()
    states: Sequence[TargetState] = ()
    links: frozenset[str] = frozenset()
    """The many-to-many relationships that it takes part in."""
    readers: frozenset[str] = frozenset()
    """The security roles that may read its rows, some or all; told of tables that the client has made."""
    locked_by: str = ""
    """The lookup column to the row that locks this one as well while it is read-only: a line's document."""


@dataclass(frozen=True, slots=True)
class TargetLimits:
    """How much a target takes, for the audit's forecast.

    Attributes:
        window: Seconds over which the next three are counted, for each user that writes.
        requests: Requests in a window.
        execution: Seconds of the server's work in a window.
        in_flight: Requests at a time.
        daily: Writes in 24 hours that the licences grant; for all users together.
        row_seconds: The server's work for one row that comes in a batch.
        request_seconds: Time that a request takes besides its rows.
        row_bytes: Storage of one row with its indexes.
        most_rows: Rows in one request.
    """

    window: int
    requests: int
    execution: int
    in_flight: int
    daily: int
    row_seconds: Decimal
    request_seconds: Decimal
    row_bytes: int
    most_rows: int


@dataclass(frozen=True, slots=True)
class TargetSchema:
    """What a target offers, read from the live system.

    Attributes:
        system: Kind of system (``dynamics365``); names the mappings that fit.
        address: Which environment of it, for people to recognise.
        tables: The tables that were asked for and exist.
        custom_prefix: Prefix of the columns that the client creates (``mig``); a mapping
            writes it as ``{prefix}``.
        facts: What else an administrator wants to see: version, edition, currency.
        limits: How much it takes, as far as that is known.
    """

    system: str
    address: str
    tables: Mapping[TableName, TargetTable]
    custom_prefix: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    limits: TargetLimits | None = None


# --- lookups and writes --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RowRef:
    """A row of the target."""

    table: TableName
    row_id: RowId

    def __str__(self) -> str:
        return f"{self.table}({self.row_id})"


class Missing(StrEnum):
    """What a lookup does when its parent is not there."""

    PARK = "park"
    """Set the record aside until the parent is loaded."""
    FALLBACK = "fallback"
    """Point to the fallback row that the sink's settings name, and flag the record."""
    PLACEHOLDER = "placeholder"
    """Point to the placeholder row that the parent's mapping declares, and flag the record."""
    EMPTY = "empty"
    """Leave the lookup empty, and flag the record."""
    ERROR = "error"
    """Set the record aside as a dead letter."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A pointer to another row that is not resolved yet.

    Either ``key`` names a record of the source, or ``criteria`` names column
    values that exactly one existing row of ``table`` has (a user by e-mail, a
    currency by its ISO code). With neither it asks for the table's fallback row.

    ``others`` are further records that will do when the one of ``key`` has no row: a
    customer that became a contact instead of an account.
    """

    table: TableName
    key: RecordKey | None = None
    criteria: tuple[tuple[str, str], ...] = ()
    missing: Missing = Missing.PARK
    others: tuple[RecordKey, ...] = ()


@dataclass(frozen=True, slots=True)
class FileRef:
    """The bytes of a file, kept in the client's :class:`~transload.files.FileStore`.

    A record holds it as a nested value with these names.

    Attributes:
        digest: Which bytes, as the store names them.
        size: How many.
        name: The file's name, as the source has it.
        media_type: Its type, or ``""``.
    """

    digest: str
    size: int
    name: str = ""
    media_type: str = ""


Cell: TypeAlias = (
    str | int | bool | Decimal | datetime | date | Lookup | RowRef | FileRef | tuple[Lookup | RowRef | int, ...] | None
)
"""What a column of a write holds. After resolving, no :class:`Lookup` is left.

A tuple holds the rows of a :attr:`ColumnType.PARTIES` column, or the options of a
:attr:`ColumnType.CHOICES` column, sorted.
"""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a rule changed for the worse; a row of the lossy ledger."""

    key: RecordKey
    column: str
    kind: str
    original: str
    kept: str


class Phase(StrEnum):
    """When a write may go: rows first, then links among them, then their final state."""

    ROWS = "rows"
    ACTIVATE = "activate"
    """Right after the rows of the entity, before others point to them: a product is published."""
    LINKS = "links"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Upsert:
    """Create a row or bring its columns to these values.

    The pipeline narrows ``columns`` to what differs when the row is known, so a
    sink sends what it finds. ``exists`` says whether the row is known to be there.
    """

    key: RecordKey
    table: TableName
    row_id: RowId
    columns: Mapping[str, Cell]
    phase: Phase = Phase.ROWS
    exists: bool = False
    losses: tuple[Loss, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetState:
    """Bring a row to a state: close a case, deactivate an account.

    ``columns`` is what the closing message should carry (a resolution's subject).
    """

    key: RecordKey
    table: TableName
    row_id: RowId
    state: int
    status: int
    columns: Mapping[str, Cell] = field(default_factory=dict)
    phase: Phase = Phase.FINISH
    losses: tuple[Loss, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Associate:
    """Link two rows through a many-to-many relationship.

    Until it is resolved, ``row`` is the lookup that gives ``row_id``.
    """

    key: RecordKey
    table: TableName
    row_id: RowId
    relationship: str
    other: RowRef | Lookup
    row: Lookup | None = None
    phase: Phase = Phase.LINKS
    losses: tuple[Loss, ...] = ()
    flags: tuple[str, ...] = ()


Write: TypeAlias = Upsert | SetState | Associate


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that a rule cannot translate; it becomes a dead letter."""

    key: RecordKey
    error: RecordError


@dataclass(frozen=True, slots=True)
class Batch:
    """Writes that may travel together: one kind, one table, in order, never empty."""

    table: TableName
    writes: Sequence[Write]

    def __iter__(self) -> Iterator[Write]:
        return iter(self.writes)

    def __len__(self) -> int:
        return len(self.writes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write or one inverse.

    ``error`` is None when the target accepted it. ``note`` is for the log. ``idle`` says
    that the target was so already and nothing was done: there is nothing to undo.
    """

    error: RecordError | None = None
    note: str = ""
    idle: bool = False

    @property
    def ok(self) -> bool:
        """Whether the target accepted the write."""
        return self.error is None


# --- the way back ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeleteRow:
    """Undo of an upsert that created the row."""

    table: TableName
    row_id: RowId


@dataclass(frozen=True, slots=True)
class RestoreRow:
    """Undo of a write on a row that was there before: its former column values.

    ``state`` is the state and status the row had, when the write changed them.
    """

    table: TableName
    row_id: RowId
    columns: Mapping[str, Cell]
    state: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Disassociate:
    """Undo of an associate."""

    table: TableName
    row_id: RowId
    relationship: str
    other: RowRef


@dataclass(frozen=True, slots=True)
class DropSchema:
    """Undo of a schema change that ``prepare`` made."""

    change: "SchemaChange"


Inverse: TypeAlias = DeleteRow | RestoreRow | Disassociate | DropSchema


@dataclass(frozen=True, slots=True)
class Row:
    """A row read back from the target, in the types of :data:`Cell`.

    ``changed_by_others`` is True when somebody else than this migration's
    identity touched the row last.
    """

    row_id: RowId
    columns: Mapping[str, Cell]
    changed_by_others: bool = False


class SchemaKind(StrEnum):
    """What a schema change creates."""

    PUBLISHER = "publisher"
    SOLUTION = "solution"
    TABLE = "table"
    COLUMN = "column"
    KEY = "key"
    LINK = "link"
    LIMIT = "limit"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One thing that the target needs before rows can be loaded.

    Attributes:
        table: The table it belongs to; for :attr:`SchemaKind.TABLE` the table itself, for
            :attr:`SchemaKind.LINK` the table at the first end of the many-to-many relationship ``name``.
        label: What people see. A table's plural is its label with ``plural``.
        column: The column to create, for :attr:`SchemaKind.COLUMN`; for :attr:`SchemaKind.TABLE`
            the column that holds the rows' names. A lookup column names its tables in ``targets``.
        key_columns: The columns of the alternate key, for :attr:`SchemaKind.KEY`.
        other: The table at the other end, for :attr:`SchemaKind.LINK`.
        plural: What people call several rows, for :attr:`SchemaKind.TABLE`.
        former: What held before, for :attr:`SchemaKind.LIMIT`: the largest file in bytes that the target
            took. What it should take now is the ``max_length`` of ``column``, a file column.
        reads_all: For :attr:`SchemaKind.READER`, whether the security role ``name`` is to read all rows of the
            table, or only those that belong to the reader.
    """

    kind: SchemaKind
    name: str
    table: TableName = TableName("")
    label: str = ""
    column: TargetColumn | None = None
    key_columns: tuple[str, ...] = ()
    other: TableName = TableName("")
    plural: str = ""
    former: int = 0
    reads_all: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.table}.{self.name}" if self.table else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class SchemaOutcome:
    """What became of a schema change. ``created`` is False when it was there already."""

    change: SchemaChange
    created: bool
    error: RecordError | None = None


# --- what people read ---------------------------------------------------------------


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    BLOCKER = "blocker"
    """The next stage refuses until it is gone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know, with evidence and what to do about it."""

    code: str
    severity: Severity
    title: str
    evidence: str = ""
    remedy: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Event:
    """Progress of a stage, for observers.

    Attributes:
        name: What happened: ``pass_started``, ``batch_loaded``, ``pass_finished``,
            ``extracted``, ``surveyed``, ``throttled``.
        subject: Entity or table it happened to.
        done: How many so far.
        total: Out of how many, when known.
        text: For people.
    """

    name: str
    subject: str = ""
    done: int = 0
    total: int | None = None
    text: str = ""
