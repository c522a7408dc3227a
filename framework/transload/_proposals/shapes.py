"""Tells what values look like: e-mail addresses, phone numbers, dates. And which look a column expects."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from transload.values import ColumnType

_MASKED = re.compile(r"[*•█]|x{3,}|\[(?:masked|redacted|hidden)", re.IGNORECASE)
_MASK_ONLY = re.compile(r"^[xX\W_]*$")


class Shape(StrEnum):
    """What a value looks like. The value is what it is called towards people."""

    EMAIL = "e-mail addresses"
    URL = "web addresses"
    PHONE = "phone numbers"
    GUID = "GUIDs"
    DATE = "dates"
    BOOLEAN = "yes or no"
    NUMBER = "numbers"
    MONEY = "amounts of money"
    POSTAL_CODE = "postal codes"
    STATE = "codes of states"
    ID = "ids"
    PROSE = "sentences"
    WORD = "words"


_PATTERNS: Sequence[tuple[Shape, re.Pattern[str]]] = (
    (Shape.EMAIL, re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")),
    (Shape.GUID, re.compile(r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")),
    (Shape.URL, re.compile(r"(?:https?://|www\.)\S+|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:/\S*)?", re.IGNORECASE)),
    (Shape.DATE, re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}(?: .*)?")),
    (Shape.BOOLEAN, re.compile(r"true|false|yes|no|y|n|t|f|on|off|0|1", re.IGNORECASE)),
    (Shape.NUMBER, re.compile(r"-?\d[\d,']*(?:\.\d+)?\s?%?")),
    (Shape.MONEY, re.compile(r"-?[$€£]\s?\d[\d,]*(?:\.\d+)?|-?\d[\d,]*\.\d{1,4}(?:\s?(?:USD|EUR|GBP))?")),
    (Shape.POSTAL_CODE, re.compile(r"\d{4,5}(?:-\d{4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}")),
    (Shape.STATE, re.compile(r"[A-Z]{2,3}")),
    (Shape.ID, re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w-]{8,}")),
)
_PHONE = re.compile(r"[+(]?[\d\s().\-/]+(?:(?:x|ext)\.? ?\d+)?", re.IGNORECASE)
_PROSE_WORDS = 6


def shapes_of(value: str) -> frozenset[Shape]:
    """Return everything that a value looks like."""
    text = value.strip()
    found = {shape for shape, pattern in _PATTERNS if pattern.fullmatch(text)}
    digits = sum(letter.isdigit() for letter in text)
    if Shape.DATE not in found and 7 <= digits <= 15 and _PHONE.fullmatch(text):
        found.add(Shape.PHONE)
    if len(text.split()) >= _PROSE_WORDS or "\n" in text:
        found.add(Shape.PROSE)
    return frozenset(found or {Shape.WORD})


def is_masked(value: str) -> bool:
    """Return whether a value was made unreadable, so that its look says nothing."""
    return bool(_MASKED.search(value) or _MASK_ONLY.match(value))


_BY_WORD: Sequence[tuple[frozenset[str], frozenset[Shape]]] = (
    (frozenset({"email"}), frozenset({Shape.EMAIL})),
    (frozenset({"website", "url"}), frozenset({Shape.URL})),
    (frozenset({"phone", "fax", "pager"}), frozenset({Shape.PHONE})),
    (frozenset({"postalcode"}), frozenset({Shape.POSTAL_CODE})),
)
_NUMBERS = frozenset({Shape.NUMBER, Shape.MONEY})
_BY_TYPE = {
    ColumnType.BOOLEAN: frozenset({Shape.BOOLEAN}),
    ColumnType.DATETIME: frozenset({Shape.DATE}),
    ColumnType.DATE: frozenset({Shape.DATE}),
    ColumnType.INTEGER: _NUMBERS,
    ColumnType.DECIMAL: _NUMBERS,
    ColumnType.MONEY: _NUMBERS,
}
_TELLING = frozenset({Shape.EMAIL, Shape.URL, Shape.GUID, Shape.DATE, Shape.BOOLEAN})
"""Shapes that hardly occur by chance: in a column that does not expect them they speak against it."""
_NO_CHOICE = frozenset({Shape.EMAIL, Shape.URL, Shape.PHONE, Shape.DATE, Shape.PROSE, Shape.MONEY})


@dataclass(frozen=True, slots=True)
class Look:
    """How the samples of a field go with a column.

    Attributes:
        fit: 1 when all look like what the column holds, -1 when none does, 0 when there is nothing to tell.
        shape: What the column expects, if it expects something.
        like: How many samples look like it.
        of: How many samples could be read.
    """

    fit: float
    shape: Shape | None = None
    like: int = 0
    of: int = 0


def look_of(samples: Iterable[frozenset[Shape]], kind: ColumnType, words: frozenset[str]) -> Look:
    """Compare samples with what a column expects.

    Args:
        samples: The shapes of each readable sample.
        kind: The column's type.
        words: The words of what the column means.
    """
    seen = list(samples)
    if not seen:
        return Look(0.0)
    if (wanted := _wanted(kind, words)) is None:
        odd = _NO_CHOICE if kind in {ColumnType.CHOICE, ColumnType.CHOICES} else _TELLING
        against = sum(bool(shapes & odd) and Shape.NUMBER not in shapes for shapes in seen)
        return Look(-against / len(seen) if kind is not ColumnType.STATE else 0.0)
    like = sum(bool(shapes & wanted) for shapes in seen)
    return Look(2 * like / len(seen) - 1, min(wanted), like, len(seen))


def _wanted(kind: ColumnType, words: frozenset[str]) -> frozenset[Shape] | None:
    """Return the shapes that a column expects; None when it takes any."""
    if kind in {ColumnType.TEXT, ColumnType.MEMO}:
        return next((shapes for names, shapes in _BY_WORD if names & words), None)
    return _BY_TYPE.get(kind)
