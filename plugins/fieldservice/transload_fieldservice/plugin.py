"""Hooks of the Field Service option: other documents for jobs, events, hours and what belongs to them."""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files

from transload import Finding, TargetSchema, Value, hookimpl, load_mappings
from transload.mapping import Mapping as MappingDocument
from transload_fieldservice.audit import findings
from transload_fieldservice.converters import CONVERTERS


@hookimpl
def converters() -> Mapping[str, Callable[[Value], Value]]:
    """Return the conversions that work orders need."""
    return CONVERTERS


@hookimpl
def mappings(source: str, target: str) -> Sequence[MappingDocument] | None:
    """Return the documents that put work orders in place of cases, for the sources that have some."""
    folder = files(__package__) / "mappings" / source
    return load_mappings(folder) if target == "dynamics365" and folder.is_dir() else None


@hookimpl
def audit(target: TargetSchema) -> list[Finding]:
    """Say whether Field Service is there, and what it does by itself."""
    return list(findings(target))
