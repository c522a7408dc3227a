"""Query options: what ``$select``, ``$filter``, ``$orderby``, ``$top`` and the others ask for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.expressions import parse_filter
from transload_sandbox.dataverse.syntax import Node

_KNOWN = frozenset(
    {"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken", "$deltatoken", "$apply"}
)
_INSIDE_EXPAND = frozenset({"$select", "$filter", "$orderby", "$top", "$expand"})
_REFUSED = frozenset({"$skip", "$search", "$format", "$levels", "$compute"})
_EXPAND = re.compile(r"(\w+)(/\$ref)?\s*(?:\((.*)\))?", re.DOTALL)
MAX_EXPANDS = 15


@dataclass(frozen=True, slots=True)
class Expand:
    """One expanded navigation property with its own options."""

    name: str
    options: "Options"
    reference: bool = False
    """Whether only the address of the row is wanted."""
    query: str = ""
    """The options as the client wrote them, joined as in an address."""


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
    deltatoken: str | None = None
    apply: str | None = None

    def context(self) -> str:
        """Return the part of ``@odata.context`` that names what was asked for."""
        if self.select is None and not self.expand:
            return ""
        parts = [*(self.select or ())]
        for each in self.expand:
            parts += (
                [each.name, f"{each.name}/$ref()"]
                if each.reference
                else [f"{each.name}{each.options.context() or '()'}"]
            )
        return f"({','.join(parts)})"

    @property
    def is_nested(self) -> bool:
        """Whether an expanded property expands others."""
        return any(each.options.expand for each in self.expand)


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
    options = _parse(query, query)
    if _count_expands(options) > MAX_EXPANDS:
        raise errors.unsupported(f"The number of $expand is over the limit of {MAX_EXPANDS}.")
    return options


def _count_expands(options: Options) -> int:
    return sum(1 + _count_expands(each.options) for each in options.expand)


def _parse(query: Mapping[str, str], aliases: Mapping[str, str]) -> Options:
    select = query.get("$select")
    expand = tuple(_parse_expand(part, aliases) for part in split(query.get("$expand", ""), ","))
    count = query.get("$count", "false").strip()
    if count not in {"true", "false"}:
        raise ODataError(400, "0x0", f"Invalid value '{count}' for $count query option found.")
    return Options(
        select=tuple(split(select, ",")) if select and select.strip() != "*" else None,
        filter=parse_filter(query["$filter"], aliases) if query.get("$filter") else None,
        orderby=tuple(_parse_order(part, aliases) for part in split(query.get("$orderby", ""), ",")),
        top=_parse_top(query["$top"].strip()) if "$top" in query else None,
        count=count == "true",
        expand=expand,
        skiptoken=query.get("$skiptoken"),
        deltatoken=query.get("$deltatoken"),
        apply=query.get("$apply"),
    )


def _parse_order(text: str, aliases: Mapping[str, str]) -> tuple[str, bool]:
    match = re.fullmatch(r"(@?[\w/]+)(?:\s+(asc|desc))?", text)
    if not match:
        raise ODataError(400, "0x0", f"Syntax error at position {len(text)} in '{text}'.")
    name = match.group(1)
    return aliases.get(name, name) if name.startswith("@") else name, match.group(2) == "desc"


def _parse_top(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ODataError(400, "0x0", f"Invalid value '{text}' for $top query option found.")
    return int(text)


def _parse_expand(text: str, aliases: Mapping[str, str]) -> Expand:
    match = _EXPAND.fullmatch(text)
    if not match:
        raise ODataError(400, "0x0", f"Term '{text}' is not valid in a $select or $expand expression.")
    name, reference, inner = match.groups()
    parts = split(inner or "", ";")
    return Expand(name, _parse(dict(_pair(part) for part in parts), aliases), reference is not None, "&".join(parts))


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    name = name.strip()
    if name not in _INSIDE_EXPAND:
        raise errors.unsupported(f"The option '{name}' is not supported inside $expand.")
    return name, value.strip()


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
