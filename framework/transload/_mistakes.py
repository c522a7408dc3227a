"""Turns pydantic's findings into sentences a person can act on."""

import types
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError


def nearest(word: str, known: list[str]) -> str:
    """Return `` (did you mean 'x'?)``, or the list of what is known, or nothing."""
    if close := get_close_matches(word, known, n=1):
        return f"; did you mean `{close[0]}`?"
    return f"; known are: {', '.join(sorted(known))}" if known else ""


def list_mistakes(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one sentence per mistake, with its path and, for unknown keys, the nearest valid one."""
    found: dict[str, None] = {}
    for problem in error.errors(include_url=False):
        location = [part for part in problem["loc"] if not _is_branch(part)]
        path = ".".join(str(part) for part in location) or "the document"
        if problem["type"] == "extra_forbidden":
            keys = _keys_at(model, location[:-1])
            found[f"{path}: unknown key{nearest(str(location[-1]), keys)}"] = None
        elif problem["type"] == "missing":
            found[f"{path}: is missing"] = None
        else:
            shown = f" (it says {problem['input']!r})" if isinstance(problem["input"], str | int) else ""
            found[f"{path}: {problem['msg'].removeprefix('Value error, ')}{shown}"] = None
    return list(found)


def _is_branch(part: int | str) -> bool:
    """Whether pydantic put the part in to name a branch of a union, not a key of the document."""
    return isinstance(part, str) and (part[:1].isupper() or part in {"str", "int", "bool", "list[str]"})


def _keys_at(model: type[BaseModel], path: list[int | str]) -> list[str]:
    """Return the keys that are valid at a path of the document."""
    current: Any = model
    for part in path:
        if (found := next(_models_of(current), None)) is not None:
            by_key = {field.alias or name: field.annotation for name, field in found.model_fields.items()}
            current = by_key.get(str(part))
        else:
            current = next((arg for arg in get_args(current)[1:]), None)
    found = next(_models_of(current), None)
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {Union, types.UnionType}:
        for arg in get_args(annotation):
            yield from _models_of(arg)
