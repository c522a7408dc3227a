"""A sink plugin whose target is a file in the client's folder; see :class:`~transload.testing.MemoryTarget`.

Offered to a test's project by :class:`~transload.testing.ProjectFactory`; never installed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from transload.context import RunContext
from transload.errors import RecordError, RefusedError
from transload.files import FileStore, digest_of
from transload.hookspecs import hookimpl
from transload.testing._target_rules import Content, add_schema, apply_inverse, apply_write
from transload.testing.memory_target import Call, MemoryTarget
from transload.values import (
    Batch,
    Cell,
    DropSchema,
    FileRef,
    Finding,
    Inverse,
    Lookup,
    Outcome,
    Row,
    RowId,
    RowRef,
    SchemaChange,
    SchemaOutcome,
    Severity,
    TableName,
    TargetSchema,
    Upsert,
    Write,
)


class MemorySinkSettings(BaseModel):
    """The ``[memory_sink]`` table of a project file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = "target.json"
    prefix: str = "mem"
    """Prefix of the columns that ``prepare`` makes."""
    fallback: Mapping[str, str] = {}
    """By table, the row that a lookup without a parent may point to."""


@hookimpl
def settings() -> type[BaseModel]:
    """Return the settings model."""
    return MemorySinkSettings


@hookimpl
def check(context: RunContext) -> Sequence[Finding]:
    """Say how many tables there are."""
    count = len(_target(context).tables())
    return [Finding("memory_sink", Severity.INFO, f"a target with {count} tables in memory")]


@hookimpl
def describe_target(tables: Sequence[TableName], context: RunContext) -> TargetSchema:
    """Describe tables of the target."""
    there = _target(context).tables()
    asked = {name: there[name] for name in tables if name in there}
    prefix = context.settings_of(MemorySinkSettings).prefix
    return TargetSchema("memory", "memory target", asked, prefix, {"Edition": "in memory"})


@hookimpl
def prepare_target(changes: Sequence[SchemaChange], context: RunContext) -> Sequence[SchemaOutcome]:
    """Make tables, columns, relationships and keys."""
    with _target(context).serving(Call("prepare_target", "", len(changes))) as (content, _):
        return [_prepare(content, change) for change in changes]


@hookimpl
def load(batch: Batch, context: RunContext) -> Sequence[Outcome] | None:
    """Write a batch; what is refused does not take its neighbours along."""
    target = _target(context)
    if batch.table not in target.tables():
        return None
    with target.serving(Call("load", batch.table, len(batch))) as (content, refused):
        return [_write(content, write, refused.get(str(write.key)), context.files) for write in batch]


@hookimpl
def rollback(inverses: Sequence[Inverse], context: RunContext) -> Sequence[Outcome]:
    """Undo writes, in order."""
    first = inverses[0]
    table = first.change.table if isinstance(first, DropSchema) else first.table
    with _target(context).serving(Call("rollback", table, len(inverses))) as (content, _):
        return [_undo(content, inverse) for inverse in inverses]


@hookimpl
def read_back(
    table: TableName, row_ids: Sequence[RowId], columns: Sequence[str], context: RunContext
) -> Mapping[RowId, Row] | None:
    """Read rows as they are."""
    with _target(context).reading() as content:
        if table not in content.tables:
            return None
        there = ((row_id, RowRef(table, row_id)) for row_id in row_ids)
        return {
            row_id: Row(row_id, {name: content.cell(ref, name) for name in columns}, ref in content.people)
            for row_id, ref in there
            if ref in content.rows
        }


@hookimpl
def scan_keys(table: TableName, column: str, context: RunContext) -> Iterator[tuple[str, RowId]] | None:
    """Walk the rows whose key column is filled; the id column of every row is."""
    with _target(context).reading() as content:
        if table not in content.tables:
            return None
        if column == content.tables[table].id_column:
            return iter([(str(ref.row_id), ref.row_id) for ref, _ in content.of(table)])
        return iter([(str(row[column]), ref.row_id) for ref, row in content.of(table) if column in row])


@hookimpl
def resolve_lookup(lookups: Sequence[Lookup], context: RunContext) -> Mapping[Lookup, RowRef]:
    """Find rows by what their columns hold, without regard to case, and fallback rows."""
    fallback = context.settings_of(MemorySinkSettings).fallback
    found: dict[Lookup, RowRef] = {}
    with _target(context).reading() as content:
        for lookup in lookups:
            if lookup.key is not None:
                continue
            if lookup.criteria:
                rows = [ref for ref, row in content.of(lookup.table) if _fits(lookup, row)]
                found |= {lookup: rows[0]} if len(rows) == 1 else {}
            elif lookup.table in fallback:
                found[lookup] = RowRef(lookup.table, RowId(fallback[lookup.table]))
    return found


def _write(content: Content, write: Write, told_to_refuse: str | None, files: FileStore) -> Outcome:
    if told_to_refuse is not None:
        return Outcome(RefusedError(str(write.key), "told_to", told_to_refuse))
    try:
        return Outcome(idle=not apply_write(content, _received(write, files)))
    except RecordError as error:
        return Outcome(error)


def _received(write: Write, files: FileStore) -> Write:
    """Return the write with each file as it arrives: with the digest of the bytes that were read for it."""
    if not isinstance(write, Upsert):
        return write
    arrived: dict[str, Cell] = {}
    for name, cell in write.columns.items():
        if isinstance(cell, FileRef):
            with files.open(cell.digest) as stream:
                arrived[name] = replace(digest_of(stream), name=cell.name, media_type=cell.media_type)
    return replace(write, columns={**write.columns, **arrived})


def _undo(content: Content, inverse: Inverse) -> Outcome:
    try:
        apply_inverse(content, inverse)
    except RefusedError as error:
        return Outcome(error)
    return Outcome()


def _fits(lookup: Lookup, row: Mapping[str, object]) -> bool:
    return all(str(row.get(column, "")).casefold() == value.casefold() for column, value in lookup.criteria)


def _prepare(content: Content, change: SchemaChange) -> SchemaOutcome:
    try:
        return SchemaOutcome(change, add_schema(content, change))
    except RefusedError as error:
        return SchemaOutcome(change, created=False, error=error)


def _target(context: RunContext) -> MemoryTarget:
    return context.resource(_open)


def _open(context: RunContext) -> MemoryTarget:
    return MemoryTarget(context.folder / context.settings_of(MemorySinkSettings).file)
