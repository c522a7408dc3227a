"""Hooks of the Kickserv source."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files

from pydantic import BaseModel

from transload import EntityName, Finding, Record, RunContext, SourceSchema, Value, hookimpl, load_mappings
from transload.mapping import Mapping as MappingDocument
from transload_kickserv_source import audit as auditing
from transload_kickserv_source.converters import CONVERTERS
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
def mappings(source: str, target: str) -> Sequence[MappingDocument] | None:
    """Return the shipped mappings from Kickserv to Dynamics 365."""
    if (source, target) != ("kickserv", "dynamics365"):
        return None
    return load_mappings(files(__package__) / "mappings" / target)


@hookimpl
def check(context: RunContext) -> list[Finding]:
    """Ask for the ids of the first customers."""
    return auditing.check_access(context.resource(open_source).client)


@hookimpl
def describe_source(context: RunContext) -> SourceSchema:
    """Describe the account."""
    return describe(context.settings_of(KickservSettings).account)


@hookimpl
def extract(entity: EntityName, context: RunContext) -> Iterator[Record] | None:
    """Read one entity, with what its records nest."""
    return context.resource(open_source).read(entity)


@hookimpl
def audit(context: RunContext) -> list[Finding]:
    """Say what reading the account has shown."""
    return list(auditing.findings(context.resource(open_source).seen))
