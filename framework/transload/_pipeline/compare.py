"""Compares what should be in a column with what is there."""

from datetime import datetime
from decimal import Decimal

from transload.values import Cell


def same(expected: Cell, actual: Cell) -> bool:
    """Whether two cells mean the same: numbers by value, times by instant, text to the letter.

    An empty text and nothing are the same, since the target stores both as null.
    """
    if expected in (None, "") or actual in (None, ""):
        return expected in (None, "") and actual in (None, "")
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | Decimal) and isinstance(actual, int | Decimal):
        return Decimal(expected) == Decimal(actual)
    if isinstance(expected, datetime) and isinstance(actual, datetime):
        return expected == actual
    return type(expected) is type(actual) and expected == actual


def show(cell: Cell) -> str:
    """Return a cell as a report shows it."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return str(cell)
