"""Query options: what ``$select``, ``$filter``, ``$orderby``, ``$top`` and the others ask for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.expressions import Node, parse_filter

_KNOWN = frozenset({"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken"})
_REFUSED = frozenset({"$skip", "$search", "$format", "$levels", "$compute", "$apply", "$deltatoken"})
MAX_EXPANDS = 15


@dataclass(frozen=True, slots=True)
class Expand:
    """One expanded navigation property with its own options."""

    name: str
    options: "Options"


@dataclass(frozen=True, slots=True)
class Options:
    """The parsed query options of a request or of one expanded property."""

    select: tuple[str, ...] | None = None
    filter: Node | None = None
    orderby: tuple[tuple[str, bool], ...] = ()
    """Property paths, each with whether it descends."""
    top: int | None = None
    count: bool = False
    expand: tuple[Expand, ...] = ()
    skiptoken: str | None = None

    def context(self) -> str:
        """Return the part of ``@odata.context`` that names what was asked for."""
        if self.select is None and not self.expand:
            return ""
        parts = [
            *(self.select or ()),
            *(f"{each.name}{each.options.context() or '()'}" for each in self.expand),
        ]
        return f"({','.join(parts)})"


def parse_options(query: Mapping[str, str]) -> Options:
    """Read the query options of a request.

    Raises:
        ODataError: An option is unknown, not supported or malformed.
    """
    for name in query:
        if name.startswith("$") and name not in _KNOWN:
            if name in _REFUSED:
                raise errors.unsupported(f'The "{name}" query parameter isn\'t supported.')
            raise ODataError(400, "0x0", f"The query parameter '{name}' is not supported.")
    return _parse(query, query)


def _parse(query: Mapping[str, str], aliases: Mapping[str, str]) -> Options:
    select = query.get("$select")
    expand = tuple(_parse_expand(part, aliases) for part in split(query.get("$expand", ""), ","))
    if len(expand) > MAX_EXPANDS:
        raise errors.unsupported(f"The number of $expand is over the limit of {MAX_EXPANDS}.")
    return Options(
        select=tuple(split(select, ",")) if select and select.strip() != "*" else None,
        filter=parse_filter(query["$filter"], aliases) if query.get("$filter") else None,
        orderby=tuple(_parse_order(part) for part in split(query.get("$orderby", ""), ",")),
        top=_parse_top(query["$top"]) if "$top" in query else None,
        count=query.get("$count") == "true",
        expand=expand,
        skiptoken=query.get("$skiptoken"),
    )


def _parse_order(text: str) -> tuple[str, bool]:
    match = re.fullmatch(r"([\w/]+)(?:\s+(asc|desc))?", text)
    if not match:
        raise ODataError(400, "0x0", f"Syntax error at position 0 in '{text}'.")
    return match.group(1), match.group(2) == "desc"


def _parse_top(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ODataError(400, "0x0", f"Invalid value '{text}' for $top query option found.")
    return int(text)


def _parse_expand(text: str, aliases: Mapping[str, str]) -> Expand:
    name, bracket, rest = text.partition("(")
    if not bracket:
        return Expand(name, Options())
    inner = dict(_pair(part) for part in split(rest[:-1], ";"))
    return Expand(name, _parse(inner, aliases))


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if name not in _KNOWN:
        raise errors.unsupported(f"The option '{name}' is not supported inside $expand.")
    return name, value


def split(text: str, separator: str) -> list[str]:
    """Split at separators that stand outside brackets and quotes; empty parts are dropped."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted and character in "()":
            depth += 1 if character == "(" else -1
        elif not quoted and depth == 0 and character == separator:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]
