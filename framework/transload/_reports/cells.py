"""How one value reads: the same words on the page and in the terminal."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from transload._reports.model import Column, Tone

NOTHING = "\N{EN DASH}"
_CONTEXT = 120
"""How many equal characters stay on either side of a difference in a long text."""


def moment(value: datetime) -> str:
    """Return a time for people: the minute, and the zone if it has one."""
    return value.strftime("%Y-%m-%d %H:%M %Z").rstrip()


def display(value: object, column: Column) -> str:
    """Return the text of a value in an ordinary column."""
    match value:
        case None:
            return NOTHING
        case Tone():
            return value.word
        case bool():
            return "yes" if value else "no"
        case int() if column.numeric:
            return f"{value:,}"
        case Decimal():
            return f"{value:,f}" if column.numeric else f"{value:f}"
        case datetime():
            return moment(value)
        case _:
            return str(value)


def to_json(value: object) -> str | int | bool | None:
    """Return what stands in JSON for a value: Decimals as text, times in ISO 8601."""
    match value:
        case None | bool() | int():
            return value
        case datetime() | date():
            return value.isoformat()
        case _:
            return str(value)


class PartKind(StrEnum):
    """What a part of a compared value is."""

    SAME = "same"
    DIFFERENT = "different"
    ABSENT = "absent"
    """A word for what has no characters: null, empty text."""
    SKIPPED = "skipped"
    """Says how many equal characters are left out."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a compared value."""

    kind: PartKind
    text: str


def compare(value: object, other: object) -> list[Part]:
    """Split a value into what it shares with its counterpart and what differs.

    The difference is one stretch, from the first to the last character that differs:
    cheap for any length, and easier on the eye than scattered letters. White space in
    it is made visible.
    """
    if value is None:
        return [Part(PartKind.ABSENT, "null")]
    text = _exact(value)
    if not text:
        return [Part(PartKind.ABSENT, "empty text")]
    if other is None or (type(value) is type(other) and value == other):
        return [Part(PartKind.SAME, text)]
    start, stop = _difference(text, _exact(other))
    parts = [
        *_shortened(text[:start], keep_end=True),
        Part(PartKind.DIFFERENT, reveal(text[start:stop])),
        *_shortened(text[stop:], keep_end=False),
    ]
    return [part for part in parts if part.text]


def _exact(value: object) -> str:
    found = to_json(value)
    return ("yes" if found else "no") if isinstance(found, bool) else str(found)


def _difference(text: str, other: str) -> tuple[int, int]:
    """Return where in ``text`` the first difference starts and the last one stops."""
    shortest = min(len(text), len(other))
    start = next((i for i in range(shortest) if text[i] != other[i]), shortest)
    tail = next((i for i in range(shortest - start) if text[-1 - i] != other[-1 - i]), shortest - start)
    return start, len(text) - tail


def _shortened(text: str, *, keep_end: bool) -> list[Part]:
    if len(text) <= 2 * _CONTEXT:
        return [Part(PartKind.SAME, text)]
    skipped = Part(PartKind.SKIPPED, f"{len(text) - _CONTEXT:,} equal characters")
    if keep_end:
        return [skipped, Part(PartKind.SAME, text[-_CONTEXT:])]
    return [Part(PartKind.SAME, text[:_CONTEXT]), skipped]


def reveal(text: str) -> str:
    """Return a text with what the eye would miss shown: white space, controls, combining accents.

    A single space between words stays one.
    """
    shown = re.sub(r"^ +| +$| {2,}", lambda spaces: "\N{MIDDLE DOT}" * len(spaces[0]), text)
    return "".join(_visible(character) for character in shown)


def _visible(character: str) -> str:
    match character:
        case " ":
            return character
        case "\n":
            return "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}\n"
        case "\t":
            return "\N{RIGHTWARDS ARROW TO BAR}"
    if unicodedata.category(character) in {"Cc", "Cf", "Mn", "Zl", "Zp", "Zs"}:
        return f"[U+{ord(character):04X}]"
    return character
