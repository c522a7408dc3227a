"""What is odd or extreme in one value: what makes a field of a target break, if anything does."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal

from transload._pipeline.fit import utf16_length
from transload._sample.traits import Measure
from transload.values import Cell, FileRef, TargetColumn

LONGEST, LARGEST, SMALLEST = "longest text", "largest number", "smallest number"
OLDEST, NEWEST, BIGGEST = "oldest date", "newest date", "biggest file"
AT_LIMIT = "at the column's limit"
NULL, EMPTY_TEXT = "null in the source", "empty text in the source"

_TEXT = {
    "letters that are not Latin": re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]"),
    "accented letters": re.compile("[\u00c0-\u024f]"),
    "emoji": re.compile("[\u2600-\u27bf\U0001f000-\U0001faff]"),
    "several lines": re.compile(r"\S\s*\n\s*\S"),
    "markup": re.compile(r"[<>&]"),
    "blanks at an end": re.compile(r"\A\s|\s\Z"),
    "invisible characters": re.compile("[\u0000-\u0008\u000b-\u001f\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]"),
}
_PLAIN = re.compile(r"[ !-%'-;=?-~]*")
"""Texts in which nothing is odd, and most are: without blanks at an end, they need no closer look."""


def odd(cell: Cell, column: TargetColumn | None, longest: int | None) -> Iterator[str]:
    """Yield what is odd in a cell.

    Args:
        cell: The cell.
        column: Its column; a closing message has none.
        longest: The rule's own bound on the length of a text.
    """
    match cell:
        case bool():
            return
        case str():
            if not _PLAIN.fullmatch(cell) or cell != cell.strip():
                yield from (name for name, pattern in _TEXT.items() if pattern.search(cell))
            bounds = (longest, column.max_length if column is not None else None)
            if any(bound is not None and utf16_length(cell) >= bound for bound in bounds):
                yield AT_LIMIT
        case int() | Decimal():
            if cell == 0:
                yield "zero"
            if cell < 0:
                yield "negative number"
            if column is not None and cell in (column.minimum, column.maximum) and cell != 0:
                yield AT_LIMIT


def measures(cell: Cell, original: str) -> Iterator[tuple[str, Measure]]:
    """Yield how far a cell goes, in which direction.

    Args:
        cell: The cell.
        original: What the source held, when that did not fit; else empty.
    """
    match cell:
        case bool():
            return
        case str():
            yield LONGEST, utf16_length(original or cell)
        case int() | Decimal():
            yield from ((LARGEST, cell), (SMALLEST, -cell))
        case date():
            moment = _moment(cell)
            yield from ((OLDEST, -moment), (NEWEST, moment))
        case FileRef(size=size):
            yield BIGGEST, size


def _moment(day: date) -> float:
    if not isinstance(day, datetime):
        day = datetime.combine(day, time(), UTC)
    return day.timestamp()
