"""Compares what should be in a column with what is there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from transload.values import Cell, FileRef, TargetColumn

_NOTHING: Sequence[Cell] = (None, "", ())


def same(expected: Cell, actual: Cell) -> bool:
    """Whether two cells mean the same: numbers by value, times by instant, text to the letter.

    An empty text and nothing are the same, since the target stores both as null.
    """
    if type(expected) is type(actual) and expected == actual:
        return True  # nearly always, and several times faster than to find out what the two are
    if expected in _NOTHING or actual in _NOTHING:
        return expected in _NOTHING and actual in _NOTHING
    if isinstance(expected, FileRef) and isinstance(actual, FileRef):
        return expected.digest == actual.digest
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | Decimal) and isinstance(actual, int | Decimal):
        return Decimal(expected) == Decimal(actual)
    return False


def wishes(
    cells: Mapping[str, Cell], written: Mapping[str, Cell], known: Mapping[str, TargetColumn], *, created: bool
) -> Mapping[str, Cell]:
    """Return the columns in which something is wanted of a row.

    Of a row that was there before the migration, an empty column says nothing: what others have put there stays.
    Only what the migration itself has written is emptied again, and yes/no never is, for it has no empty. What can
    only be said when a row is made, such as when, is not wanted of it either.

    Args:
        cells: What the mapping makes of the record.
        written: What was written to the row last.
        known: The columns of its table, as far as they are known.
        created: Whether the row is the migration's own.
    """
    if created:
        return cells
    emptied = {name for name, cell in written.items() if cell not in _NOTHING and not isinstance(cell, bool)}
    return {
        name: cell
        for name, cell in cells.items()
        if (cell not in _NOTHING or name in emptied) and (name not in known or known[name].updatable)
    }


def show(cell: Cell) -> str:
    """Return a cell as a report shows it."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, FileRef):
        return f"{cell.size:,} bytes, {cell.digest}"
    if isinstance(cell, tuple):
        return ", ".join(map(str, cell))
    return str(cell)
