"""The contract between the framework and its plugins.

Each hook says when it is called and how often, on which thread, how results
combine, what the arguments are, what ``None`` means, and which errors the
framework acts on. How results combine is one of three words:

- **first**: exactly one plugin owns the answer. Plugins are asked in the order of
  the project's list; the first result that is not ``None`` is taken.
- **all**: every plugin contributes; nothing depends on their order unless the hook says so.
- **wrap**: any hook may be wrapped with ``@hookimpl(wrapper=True)`` by a plugin
  that amends what the owner returned. The wrapper listed first has the last word.

Only ``None`` means "not mine"; an empty list is an answer. An implementation may
leave out arguments that it does not need. Unless a hook says otherwise it is
called on the run's thread, and these errors are acted on everywhere:
:class:`~transload.errors.ConfigError` and :class:`~transload.errors.RunError`
stop the stage and are shown with their remedy; any other exception is reported
as a defect of the plugin, by name and version, and stops the stage.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

# mypy: disable-error-code="empty-body"
# A hook specification has a signature and no body.
import pluggy
from pydantic import BaseModel

from transload.context import RunContext, StagedRecords
from transload.mapping import Mapping as MappingDocument
from transload.mapping import MappingGap, Proposal, RecordMapper
from transload.values import (
    Batch,
    EntityName,
    Event,
    Finding,
    Inverse,
    Lookup,
    Outcome,
    Record,
    RecordKey,
    Rejection,
    Row,
    RowId,
    RowRef,
    SchemaChange,
    SchemaOutcome,
    SourceSchema,
    TableName,
    TargetSchema,
    Value,
    Write,
)

hookspec = pluggy.HookspecMarker("transload")
hookimpl = pluggy.HookimplMarker("transload")
"""Marks a function of a plugin's ``plugin`` module as the implementation of the hook of its name."""

Converter: TypeAlias = Callable[[Value], Value]
"""A named conversion for mapping rules. Raises ValueError with a reason when the value is unfit."""


@hookspec
def settings() -> type[BaseModel] | None:
    """Return the settings model of the plugin: its table in the project file.

    Called once per command, before any other hook. Results: all.

    The model should refuse unknown keys and be frozen. A field of type ``SecretStr``
    is never read from the file: it comes from the environment variable
    ``TRANSLOAD_<PLUGIN>__<FIELD>`` or from the system keyring.

    Returns:
        The model class; None when the plugin has no settings.
    """


@hookspec
def converters() -> Mapping[str, Converter]:
    """Return named conversions that mapping rules may use.

    Called once per command. Results: all; a name that two plugins offer is an error.

    Returns:
        Name to function. Prefix the name with the plugin's system: ``kickserv.first_employee``.

    Example:
        ``return {"kickserv.minutes": minutes_between}``
    """


@hookspec
def mappings(source: str, target: str, context: RunContext) -> Sequence[MappingDocument] | None:
    """Return the shipped mappings from one kind of system to another.

    Called by ``plan``. Results: all; where two documents map one entity, the later one of
    a plugin wins, and the plugin listed later in the project. A document that ``needs`` a
    table which the target does not have counts as not there.

    Args:
        source: ``SourceSchema.system`` of the project's source.
        target: ``TargetSchema.system`` of the project's target.
        context: The run; a plugin's settings choose among its variants.

    Returns:
        The mapping documents; None when the pair is not the plugin's.
    """


@hookspec
def check(context: RunContext) -> Sequence[Finding]:
    """Try the plugin's connection with the least possible request, reading only.

    Called by ``doctor`` and before each stage that needs the system. Results: all.

    Returns:
        One finding per fact or problem: who the credentials belong to, what is missing.
    """


@hookspec(firstresult=True)
def describe_source(context: RunContext) -> SourceSchema | None:
    """Describe the source: its entities and their documented fields.

    Called once per stage that needs it. Results: first.

    Returns:
        The schema; None when the plugin is not a source.
    """


@hookspec(firstresult=True)
def describe_target(tables: Sequence[TableName], context: RunContext) -> TargetSchema | None:
    """Describe tables of the target from its live metadata.

    Called by every stage from ``audit`` on. Results: first.

    Args:
        tables: The tables of interest. One that does not exist is left out of the answer.
        context: The run.

    Returns:
        The schema; None when the plugin is not a sink.
    """


@hookspec
def audit(source: SourceSchema, target: TargetSchema, context: RunContext) -> Sequence[Finding]:
    """Look at both systems, without writing, for what could go wrong.

    Called by ``audit``, after the source has been extracted. Results: all.

    Args:
        source: The source, as it describes itself.
        target: The target, with the tables that the mappings write to.
        context: The run.

    Returns:
        Findings by severity; an empty list when all is well.
    """


@hookspec(firstresult=True)
def extract(entity: EntityName, context: RunContext) -> Iterator[Record] | None:
    """Read every record of one entity from the source.

    Called once per entity of ``SourceSchema.entities``, in that order. Results: first.
    The iterator is consumed on the run's thread, and records are staged as they come:
    yield them page by page, hold no more than a page or two.

    A record may be yielded more than once (the last one counts), and records of other
    entities may be yielded on the way, when the source nests them. Over all calls
    every record must come at least once. Drop secrets before yielding.

    Args:
        entity: The entity to read.
        context: The run.

    Returns:
        An iterator; None when the entity is not yours.

    Raises:
        RunError: The entity could not be read to its end. Nothing is concluded about
            records that were not seen.
    """


@hookspec(firstresult=True)
def extract_changes(
    entity: EntityName, staged: StagedRecords, context: RunContext
) -> Iterator[Record | RecordKey] | None:
    """Read those records of one entity that may have changed since they were staged, and name the others.

    Called by ``delta --quick`` in the place of ``extract``: once per entity, in the same
    order. Results: first. The iterator is consumed on the run's thread. It yields a
    :class:`~transload.values.Record`, new or read anew, or the
    :class:`~transload.values.RecordKey` of one that is as it was; both in any order.

    A record that is named counts as seen, and so do those that are ``part_of`` it. With a
    record that is read anew come all its parts: one that does not come is gone. A record
    that is neither yielded nor named, nor part of one that is named, is gone: the source is
    asked once more, by this hook again, before that is concluded.

    When in doubt, read. What a source cannot tell (a note that leaves the job's stamp as it
    was) is found by the next complete delta, and belongs into the plugin's documentation.

    Args:
        entity: The entity to read.
        staged: What was read before, with ``modified_at`` and all fields. Ask it page by page.
        context: The run.

    Returns:
        An iterator; None when nothing tells what changed: then ``extract`` reads the entity.

    Raises:
        RunError: The entity could not be read to its end. Nothing is concluded about
            records that were not seen.
    """


@hookspec(firstresult=True)
def transform(
    records: Sequence[Record], mapper: RecordMapper, context: RunContext
) -> Sequence[Write | Rejection] | None:
    """Translate records of one entity into writes.

    Called once per batch of records and phase. Results: first; the framework's mapping
    engine answers when no plugin does. Wrappers are welcome: they may add, amend or
    remove writes. Must be pure: the same records give the same writes, because
    reconciliation asks again to learn what should have arrived.

    Args:
        records: Records of one entity, never empty.
        mapper: The compiled mapping of that entity; ``mapper.map(record)`` is the engine.
        context: The run.

    Returns:
        Writes and rejections in record order; None when no code is needed.

    Example:
        A wrapper that links tags::

            @hookimpl(wrapper=True)
            def transform(records):
                writes = yield
                return [*writes, *tag_links(records, writes)]
    """


@hookspec
def resolve_lookup(lookups: Sequence[Lookup], context: RunContext) -> Mapping[Lookup, RowRef]:
    """Find rows that lookups by criteria, or for a fallback, point to.

    Called once per batch with the distinct lookups that the id map does not answer.
    Results: all; for a lookup that two plugins answer, the plugin listed first wins.

    Args:
        lookups: Lookups with ``criteria``, and lookups with neither key nor criteria,
            which ask for the fallback row of their table.
        context: The run.

    Returns:
        The lookups that were found, with their rows. Criteria that fit several rows are
        not found.
    """


@hookspec(firstresult=True)
def load(batch: Batch, context: RunContext) -> Sequence[Outcome] | None:
    """Write one batch to the target.

    Called once per batch, from a pool of threads, several at a time; two batches in
    flight never hold the same row. Results: first. A batch whose answer was lost may
    come again, so a write must be idempotent under its row id.

    Args:
        batch: Writes of one kind and table, never empty, lookups resolved.
        context: The run.

    Returns:
        One outcome per write, in batch order; None when the table is not yours.

    Raises:
        RunError: The target is gone or refuses the credentials; the run stops.
    """


@hookspec(firstresult=True)
def rollback(inverses: Sequence[Inverse], context: RunContext) -> Sequence[Outcome] | None:
    """Undo writes, in the order given.

    Called once per batch of inverses of one kind and table, newest first, from a pool of
    threads; batches of different tables are not in flight together. Results: first.
    A row that is gone already is an outcome without error.

    Args:
        inverses: Inverses of one kind and table, never empty.
        context: The run.

    Returns:
        One outcome per inverse, in order; None when the target is not yours.
    """


@hookspec(firstresult=True)
def prepare_target(changes: Sequence[SchemaChange], context: RunContext) -> Sequence[SchemaOutcome] | None:
    """Create columns, keys and what they need, and wait until they can be used.

    Called by ``prepare`` with the changes of the approved plan. Results: first.
    Must be idempotent: what exists and fits is an outcome with ``created=False``;
    what exists and does not fit is an outcome with an error.

    Args:
        changes: Columns first, then keys; empty to make only what all of them need around
            them (a publisher, a solution).
        context: The run.

    Returns:
        One outcome per change, and further ones for what had to be made around them (a
        publisher, a solution); None when the target is not yours.
    """


@hookspec(firstresult=True)
def read_back(
    table: TableName, row_ids: Sequence[RowId], columns: Sequence[str], context: RunContext
) -> Mapping[RowId, Row] | None:
    """Read rows as they are in the target now.

    Called with at most some hundred ids at a time, from a pool of threads. Results: first.
    Used for the sample's diff, reconciliation, delta, rollback, explanations and after a crash.

    Args:
        table: The table.
        row_ids: The rows to read.
        columns: The columns wanted; lookups come as :class:`~transload.values.RowRef`. The name of a
            many-to-many relationship asks for the linked rows, as a tuple.
        context: The run.

    Returns:
        The rows that exist; None when the table is not yours.
    """


@hookspec(firstresult=True)
def scan_keys(table: TableName, column: str, context: RunContext) -> Iterator[tuple[str, RowId]] | None:
    """Walk all rows whose alternate-key column is filled.

    Called by ``reconcile`` to find rows that are doubled or unknown, to rebuild the
    id map of a lost ledger, and, with the id column, to find the rows of a table of settings.
    Results: first.

    Args:
        table: The table.
        column: Its alternate-key column, or its id column, which every row fills.
        context: The run.

    Returns:
        Key value and row id of each row; None when the table is not yours.
    """


@hookspec
def propose_mapping(
    gaps: Sequence[MappingGap],
    mappings: Sequence[MappingDocument],
    target: TargetSchema,
    context: RunContext,
) -> Sequence[Proposal]:
    """Propose a target for source fields that no rule covers.

    Called by ``plan``. Results: all; the highest confidence is shown first. The framework
    answers too, from names, types, lengths and the look of the samples. A proposal is
    never applied unasked.

    Args:
        gaps: The fields, with what the audit saw of their values. Samples may be masked.
        mappings: The documents as they stand: they say which columns have a rule already.
        target: The target, with the tables that the mappings write to.
        context: The run.

    Returns:
        Proposals. One with ``NO_TARGET`` says that a gap has no good target; it counts where no plugin knows a column.
    """


@hookspec
def source_links(records: Sequence[Record], context: RunContext) -> Mapping[RecordKey, str]:
    """Say where people find records in the source, in its own pages.

    Called by the stages that report single records, with some hundred records at a time.
    Results: all; for a record that two plugins know, the plugin listed first wins. A link
    that is not ``https``, names a user, or contains a secret of any plugin's settings is left out.

    Args:
        records: Records under the key that the source knows them by.
        context: The run.

    Returns:
        The address of a page, for each record that has one.
    """


@hookspec
def target_links(rows: Sequence[RowRef], context: RunContext) -> Mapping[RowRef, str]:
    """Say where people find rows in the target, in its own pages.

    Called by the stages that report single rows, with some hundred rows at a time, whether
    they exist or not. Results: all; for a row that two plugins know, the plugin listed first
    wins. A link that is not ``https``, names a user, or contains a secret of any plugin's
    settings is left out.

    Args:
        rows: The rows.
        context: The run.

    Returns:
        The address of a page, for each row that has one.
    """


@hookspec
def observe(event: Event) -> None:
    """Hear of progress: for notifications, metrics, other displays.

    Called often, sometimes from a worker thread; return quickly. Results: all, ignored.
    """


@hookspec
def commands() -> Iterable[tuple[str, Callable[..., None]]]:
    """Return extra commands for the command line, as name and Typer-style function.

    Called when the command line starts inside a client's folder, with a command that the
    framework does not know. Results: all.

    Returns:
        Name and function; the function's parameters become arguments and options.
    """
