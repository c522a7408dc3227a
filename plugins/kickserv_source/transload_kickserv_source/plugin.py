"""Hooks of the Kickserv source."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from importlib.resources import files

from pydantic import BaseModel

from transload import (
    EntityName,
    Finding,
    Record,
    RunContext,
    SourceSchema,
    StagedRecords,
    Value,
    hookimpl,
    load_mappings,
)
from transload.mapping import Mapping as MappingDocument
from transload.values import RecordKey
from transload_kickserv_source import audit as auditing
from transload_kickserv_source.converters import CONVERTERS
from transload_kickserv_source.pages import pages_of
from transload_kickserv_source.schema import describe
from transload_kickserv_source.settings import KickservSettings
from transload_kickserv_source.source import open_source


@hookimpl
def settings() -> type[BaseModel]:
    """Return the model of the ``[kickserv_source]`` table."""
    return KickservSettings


@hookimpl
def converters() -> Mapping[str, Callable[[Value], Value]]:
    """Return the conversions that Kickserv's records need."""
    return CONVERTERS


@hookimpl
def mappings(source: str, target: str, context: RunContext) -> Sequence[MappingDocument] | None:
    """Return the shipped mappings from Kickserv to Dynamics 365, those of the chosen variant last."""
    if (source, target) != ("kickserv", "dynamics365"):
        return None
    folder, chosen = files(__package__) / "mappings", context.settings_of(KickservSettings)
    names = (f"individuals_{chosen.individuals}", f"categories_{chosen.categories}")
    variants = [folder / "variants" / name for name in names]
    shipped = load_mappings(folder / target)
    return shipped + [document for variant in variants if variant.is_dir() for document in load_mappings(variant)]


@hookimpl
def check(context: RunContext) -> list[Finding]:
    """Ask for the ids of the first customers."""
    return auditing.check_access(context.resource(open_source).client)


@hookimpl
def describe_source(context: RunContext) -> SourceSchema:
    """Describe the account, with its own fields as far as anybody has said what they are."""
    settings = context.settings_of(KickservSettings)
    definitions = context.resource(open_source).definitions
    return describe(settings.account, definitions, has_sales=settings.individuals == "contact")


@hookimpl
def extract(entity: EntityName, context: RunContext) -> Iterator[Record] | None:
    """Read one entity, with what its records nest."""
    return context.resource(open_source).read(entity)


@hookimpl
def extract_changes(
    entity: EntityName, staged: StagedRecords, context: RunContext
) -> Iterator[Record | RecordKey] | None:
    """Read what may have changed of customers, jobs and what hangs on them; small lists are read in full."""
    since = context.clock() - timedelta(hours=context.settings_of(KickservSettings).look_back)
    return context.resource(open_source).read_changes(entity, staged, since)


@hookimpl
def audit(context: RunContext) -> list[Finding]:
    """Say what reading the account has shown."""
    return list(auditing.findings(context.resource(open_source).seen))


@hookimpl
def source_links(records: Sequence[Record], context: RunContext) -> Mapping[RecordKey, str]:
    """Say where people find records in Kickserv."""
    return pages_of(records, context.settings_of(KickservSettings))
