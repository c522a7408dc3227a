"""Hooks of the Field Service option: other documents for jobs, events, hours and what belongs to them."""

from collections.abc import Callable, Generator, Mapping, Sequence

from pydantic import BaseModel

from transload import Finding, RunContext, TargetSchema, Value, hookimpl
from transload.mapping import Mapping as MappingDocument
from transload_fieldservice.audit import findings
from transload_fieldservice.converters import CONVERTERS
from transload_fieldservice.documents import documents_for
from transload_fieldservice.names import with_names
from transload_fieldservice.settings import FieldServiceSettings


@hookimpl
def settings() -> type[BaseModel]:
    """Return the model of the ``[fieldservice]`` table."""
    return FieldServiceSettings


@hookimpl
def converters() -> Mapping[str, Callable[[Value], Value]]:
    """Return the conversions that work orders need."""
    return CONVERTERS


@hookimpl
def mappings(source: str, target: str, context: RunContext) -> Sequence[MappingDocument] | None:
    """Return the documents that put work orders in place of cases, for the sources that have some."""
    found = documents_for(source, context.settings_of(FieldServiceSettings)) if target == "dynamics365" else []
    return found or None


@hookimpl(wrapper=True)
def describe_target() -> Generator[None, TargetSchema | None, TargetSchema | None]:
    """Say of the columns of Field Service what they are called elsewhere."""
    schema = yield
    return with_names(schema) if schema is not None else None


@hookimpl
def audit(target: TargetSchema, context: RunContext) -> list[Finding]:
    """Say whether Field Service is there, and what it does by itself."""
    return list(findings(target, context.settings_of(FieldServiceSettings)))
