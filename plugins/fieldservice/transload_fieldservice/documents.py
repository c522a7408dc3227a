"""The shipped documents, with what the client's settings say put in."""

import json
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from transload.mapping import Mapping, parse_mapping
from transload_fieldservice.settings import FieldServiceSettings


def documents_for(source: str, settings: FieldServiceSettings) -> list[Mapping]:
    """Return the documents for a source, those of the chosen variant last; none when it has none.

    ``{time_zone}`` and other settings stand in them by name.
    """
    folder = files(__package__) / "mappings" / source
    variant = folder / settings.invoiced_jobs
    values = {f"{{{name}}}": json.dumps(value) for name, value in settings.model_dump().items()}
    return [
        parse_mapping(_filled_in(file.read_text(encoding="utf-8"), values), file.name)
        for file in (*_documents_in(folder), *_documents_in(variant))
    ]


def _documents_in(folder: Traversable) -> Iterator[Traversable]:
    if folder.is_dir():
        yield from sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda it: it.name)


def _filled_in(text: str, values: dict[str, str]) -> str:
    """Return a document with settings in place of their names; JSON is YAML too."""
    for name, value in values.items():
        text = text.replace(name, value)
    return text
