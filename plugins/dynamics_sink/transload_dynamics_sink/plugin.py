"""Hooks of the Dynamics 365 sink: everything that happens to the target."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from pydantic import BaseModel

from transload import (
    Batch,
    Finding,
    Lookup,
    Outcome,
    Row,
    RowId,
    RowRef,
    RunContext,
    SchemaChange,
    SchemaOutcome,
    SourceSchema,
    TableName,
    TargetSchema,
    Value,
    hookimpl,
)
from transload.values import Inverse
from transload_dynamics_sink import environment
from transload_dynamics_sink import rollback as undoing
from transload_dynamics_sink.client import open_dataverse
from transload_dynamics_sink.converters import CONVERTERS
from transload_dynamics_sink.files import open_files, with_file_limit
from transload_dynamics_sink.limits import LIMITS
from transload_dynamics_sink.load import load_batch
from transload_dynamics_sink.lookups import open_finder
from transload_dynamics_sink.metadata import open_metadata
from transload_dynamics_sink.pages import pages_of
from transload_dynamics_sink.read_back import read_rows, scan
from transload_dynamics_sink.readers import with_readers
from transload_dynamics_sink.schema_changes import open_schema_worker
from transload_dynamics_sink.settings import DynamicsSettings

SYSTEM = "dynamics365"


@hookimpl
def settings() -> type[BaseModel]:
    """Return the model of the ``[dynamics_sink]`` table."""
    return DynamicsSettings


@hookimpl
def converters() -> Mapping[str, Callable[[Value], Value]]:
    """Return the conversions that Dataverse's columns need."""
    return CONVERTERS


@hookimpl
def check(context: RunContext) -> Sequence[Finding]:
    """Sign in and ask who we are."""
    return environment.check_connection(context)


@hookimpl
def describe_target(tables: Sequence[TableName], context: RunContext) -> TargetSchema:
    """Read the live metadata of the tables that exist."""
    dataverse, metadata = context.resource(open_dataverse), context.resource(open_metadata)
    chosen = context.settings_of(DynamicsSettings)
    metadata.read_ahead(tables)
    found = {name: table.shape for name in tables if (table := metadata.find_table(name)) is not None}
    found |= {name: with_readers(with_file_limit(shape, context), context) for name, shape in found.items()}
    return TargetSchema(
        system=SYSTEM,
        address=chosen.address,
        tables=found,
        custom_prefix=chosen.publisher_prefix,
        facts=environment.read_facts(dataverse, metadata, chosen.edition),
        limits=LIMITS,
    )


@hookimpl
def audit(source: SourceSchema, target: TargetSchema, context: RunContext) -> Sequence[Finding]:
    """Say what an administrator should know about the environment."""
    return environment.audit_environment(target, context) if target.system == SYSTEM else []


@hookimpl
def resolve_lookup(lookups: Sequence[Lookup], context: RunContext) -> Mapping[Lookup, RowRef]:
    """Find rows by what their columns hold, and the fallback owner."""
    return context.resource(open_finder).find(lookups)


@hookimpl
def load(batch: Batch, context: RunContext) -> Sequence[Outcome]:
    """Write rows, states and links."""
    dataverse, metadata = context.resource(open_dataverse), context.resource(open_metadata)
    return load_batch(batch, dataverse, metadata, context.resource(open_files))


@hookimpl
def rollback(inverses: Sequence[Inverse], context: RunContext) -> Sequence[Outcome]:
    """Undo writes and schema changes."""
    return undoing.undo(inverses, context)


@hookimpl
def prepare_target(changes: Sequence[SchemaChange], context: RunContext) -> Sequence[SchemaOutcome]:
    """Create tables, columns, links and keys, and wait until they can be used."""
    return context.resource(open_schema_worker).prepare(changes)


@hookimpl
def read_back(
    table: TableName, row_ids: Sequence[RowId], columns: Sequence[str], context: RunContext
) -> Mapping[RowId, Row]:
    """Read rows as they are now."""
    dataverse, metadata = context.resource(open_dataverse), context.resource(open_metadata)
    return read_rows(dataverse, metadata, table, row_ids, columns, context.resource(open_files))


@hookimpl
def scan_keys(table: TableName, column: str, context: RunContext) -> Iterator[tuple[str, RowId]]:
    """Walk all rows whose key column is filled."""
    return scan(context.resource(open_dataverse), context.resource(open_metadata), table, column)


@hookimpl
def target_links(rows: Sequence[RowRef], context: RunContext) -> Mapping[RowRef, str]:
    """Say where people find rows in Dynamics."""
    return pages_of(rows, context.settings_of(DynamicsSettings))
