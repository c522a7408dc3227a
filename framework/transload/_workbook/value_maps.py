"""A value map as the text of one cell: a line for each value, such as ``urgent -> High``."""

import json
import re
from collections.abc import Mapping

from transload.mapping import Constant

ARROW = "->"
_ARROWS = re.compile(r"->|=>|\N{RIGHTWARDS ARROW}")
_NUMBER = re.compile(r"-?\d+")
_WORDS: Mapping[str, Constant] = {"true": True, "false": False, "": None}


def render_values(values: Mapping[str, Constant]) -> str:
    """Return the text of a value map; a text that could be mistaken for something else stands in quotes."""
    return "\n".join(f"{_left(source)} {ARROW} {_right(target)}".rstrip() for source, target in values.items())


def parse_values(text: str) -> dict[str, Constant]:
    """Read the text of a value map. Nothing after the arrow leaves the column empty.

    Raises:
        ValueError: A line is not of the form ``value -> what it becomes``, or a value stands twice.
    """
    values: dict[str, Constant] = {}
    for line in filter(str.strip, text.split("\n")):
        source, rest = _first(line)
        arrow = _ARROWS.match(rest)
        if arrow is None or not (source or rest != line.strip()):
            raise ValueError(f"`{line.strip()}` is not of the form `value {ARROW} what it becomes`")
        if source in values:
            raise ValueError(f"`{source}` stands twice")
        values[source] = _constant(rest[arrow.end() :].strip())
    return values


def _left(source: str) -> str:
    plain = source == source.strip() and source.isprintable() and source and not source.startswith('"')
    return source if plain and not _ARROWS.search(source) else _in_quotes(source)


def _right(target: Constant) -> str:
    if target is None:
        return ""
    if isinstance(target, bool):
        return "true" if target else "false"
    if isinstance(target, int):
        return str(target)
    plain = target == target.strip() and target.isprintable() and not target.startswith('"')
    return target if plain and _constant(target) == target else _in_quotes(target)


def _in_quotes(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _first(line: str) -> tuple[str, str]:
    """Split a line into the value before the arrow and the rest, arrow included."""
    line = line.strip()
    if line.startswith('"'):
        source, end = _quoted(line)
        return source, line[end:].lstrip()
    arrow = _ARROWS.search(line)
    start = arrow.start() if arrow is not None else len(line)
    return line[:start].strip(), line[start:]


def _constant(text: str) -> Constant:
    if text.startswith('"'):
        value, end = _quoted(text)
        if text[end:].strip():
            raise ValueError(f"`{text}` goes on after its closing quote")
        return value
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _NUMBER.fullmatch(text) else text


def _quoted(text: str) -> tuple[str, int]:
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        raise ValueError(f"`{text}` has an opening quote and no closing one") from None
    return str(value), end
