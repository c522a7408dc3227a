"""Hooks of the tags option: documents for tags and for what carries them."""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files

from pydantic import BaseModel

from transload import RunContext, Value, hookimpl, load_mappings
from transload.mapping import Mapping as MappingDocument
from transload_tags.settings import TagSettings


@hookimpl
def settings() -> type[BaseModel]:
    """Return the model of the ``[tags]`` table."""
    return TagSettings


@hookimpl
def converters() -> Mapping[str, Callable[[Value], Value]]:
    """Return the conversions that tags need."""
    return {"tags.first": first}


@hookimpl
def mappings(source: str, target: str, context: RunContext) -> Sequence[MappingDocument] | None:
    """Return the documents of the variant that the settings choose, for the sources that have some."""
    folder = files(__package__) / "mappings" / source / context.settings_of(TagSettings).become
    return load_mappings(folder) if target == "dynamics365" and folder.is_dir() else None


def first(value: Value) -> Value:
    """Return the first of several values."""
    return value[0] if isinstance(value, tuple) and value else None
