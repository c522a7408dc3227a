"""Tells what values look like: e-mail addresses, phone numbers, dates. And which look a column expects."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from transload.values import ColumnType, TargetColumn

_MASKED = re.compile(r"[*•█]|x{3,}|\[(?:masked|redacted|hidden)", re.IGNORECASE)
_MASK_ONLY = re.compile(r"^[xX\W_]*$")


class Shape(StrEnum):
    """What a value looks like. The value is what it is called towards people."""

    EMAIL = "e-mail addresses"
    URL = "web addresses"
    PHONE = "phone numbers"
    GUID = "GUIDs"
    DATE = "dates"
    UNIX_TIME = "Unix times"
    BOOLEAN = "yes or no"
    NUMBER = "numbers"
    MONEY = "amounts of money"
    POSTAL_CODE = "postal codes"
    STATE = "codes of states"
    HONORIFIC = "forms of address"
    ID = "ids"
    PROSE = "sentences"
    WORD = "words"


_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DAY = (
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}"
    rf"|(?:[a-z]{{3,9}},? )?(?:\d{{1,2}}[ -]{_MONTH}|{_MONTH} \d{{1,2}},?)[ -]\d{{2,4}})"
)
"""2024-01-31, 31.1.2024, 1/31/24, Wed, 31 Jan 2024 and January 31, 2024."""
_PATTERNS: Sequence[tuple[Shape, re.Pattern[str]]] = (
    (Shape.EMAIL, re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")),
    (Shape.GUID, re.compile(r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")),
    (Shape.URL, re.compile(r"(?:https?://|www\.)\S+|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:/\S*)?", re.IGNORECASE)),
    (Shape.DATE, re.compile(rf"{_DAY}(?:[T ,]+\d{{1,2}}:\d{{2}}.*)?", re.IGNORECASE)),
    (Shape.UNIX_TIME, re.compile(r"1\d{9}(?:\d{3})?")),
    (Shape.BOOLEAN, re.compile(r"true|false|yes|no|y|n|t|f|on|off|0|1", re.IGNORECASE)),
    (Shape.NUMBER, re.compile(r"-?\d[\d,']*(?:\.\d+)?\s?%?")),
    (Shape.MONEY, re.compile(r"-?[$€£]\s?\d[\d,]*(?:\.\d+)?|-?\d[\d,]*\.\d{1,4}(?:\s?(?:USD|EUR|GBP))?")),
    (Shape.POSTAL_CODE, re.compile(r"\d{4,5}(?:-\d{4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}")),
    (Shape.STATE, re.compile(r"[A-Z]{2,3}")),
    (
        Shape.HONORIFIC,
        re.compile(r"(?:mr|mrs|ms|mx|miss|dr|prof|sir|rev|herr|frau|mme|mlle|sra?|dhr)\.?", re.IGNORECASE),
    ),
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
    (frozenset({"salutation"}), frozenset({Shape.HONORIFIC})),
)
_NUMBERS = frozenset({Shape.NUMBER, Shape.MONEY})
_TIMES = frozenset({Shape.DATE, Shape.UNIX_TIME})
_BY_TYPE = {
    ColumnType.BOOLEAN: frozenset({Shape.BOOLEAN}),
    ColumnType.DATETIME: _TIMES,
    ColumnType.DATE: _TIMES,
    ColumnType.INTEGER: _NUMBERS,
    ColumnType.DECIMAL: _NUMBERS,
    ColumnType.MONEY: _NUMBERS,
}
_TELLING = frozenset({Shape.EMAIL, Shape.URL, Shape.GUID, Shape.DATE, Shape.BOOLEAN, Shape.HONORIFIC})
"""Shapes that hardly occur by chance: in a column that does not expect them they speak against it."""
_NO_CHOICE = frozenset({Shape.EMAIL, Shape.URL, Shape.PHONE, Shape.DATE, Shape.PROSE, Shape.MONEY})


@dataclass(frozen=True, slots=True)
class Sample:
    """A readable value of a field, and everything that it looks like."""

    text: str
    shapes: frozenset[Shape]


def readable(samples: Iterable[str]) -> tuple[Sample, ...]:
    """Return the samples that say something: neither empty nor masked."""
    return tuple(Sample(text.strip(), shapes_of(text)) for text in samples if text.strip() and not is_masked(text))


@dataclass(frozen=True, slots=True)
class Look:
    """How the samples of a field go with a column.

    Attributes:
        fit: 1 when all are like what the column holds, -1 when none is, 0 when there is nothing to tell.
        says: What they are or look like; empty when there is nothing to say of it.
        like: How many samples are so.
        of: How many samples could be read.
    """

    fit: float
    says: str = ""
    like: int = 0
    of: int = 0


def look_of(samples: Sequence[Sample], column: TargetColumn, words: frozenset[str]) -> Look:
    """Compare samples with what a column expects.

    Args:
        samples: The readable samples.
        column: The column.
        words: The words of what the column means.
    """
    if not samples:
        return Look(0.0)
    options = {label.casefold() for label in column.options.values()}
    if column.type is not ColumnType.BOOLEAN and (known := sum(it.text.casefold() in options for it in samples)):
        return Look(known / len(samples), "are choices of this column", known, len(samples))
    if (wanted := _wanted(column.type, words)) is None:
        odd = _NO_CHOICE if column.type in {ColumnType.CHOICE, ColumnType.CHOICES} else _TELLING
        against = sum(bool(it.shapes & odd) and Shape.NUMBER not in it.shapes for it in samples)
        return Look(-against / len(samples) if column.type is not ColumnType.STATE else 0.0)
    like = sum(bool(it.shapes & wanted) for it in samples)
    commonest = max(sorted(wanted), key=lambda shape: sum(shape in it.shapes for it in samples))
    return Look(2 * like / len(samples) - 1, f"look like {commonest}", like, len(samples))


def _wanted(kind: ColumnType, words: frozenset[str]) -> frozenset[Shape] | None:
    """Return the shapes that a column expects; None when it takes any."""
    if kind in {ColumnType.TEXT, ColumnType.MEMO}:
        return next((shapes for names, shapes in _BY_WORD if names & words), None)
    return _BY_TYPE.get(kind)
