"""Reads what a person filled in, and names every cell that cannot be taken.

Nothing here knows the mapping: an entry is a cell whose text is not the one that was written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from transload._workbook.layout import HEAD_ROW, HEADS, Mark, SheetKind, parse_mark, stamp
from transload.errors import WorkbookError


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell that a person changed.

    Attributes:
        place: Sheet and cell, such as ``customer!E7``.
        text: What it says now.
        stamp: The stamp of what it said when it was written.
    """

    place: str
    text: str
    stamp: str


@dataclass(frozen=True, slots=True)
class EnteredRow:
    """A row with entries, by head.

    Attributes:
        key: Which line or proposal the row is.
        texts: All texts of the row, changed or not.
    """

    place: str
    key: str
    texts: Mapping[str, str]
    entries: Mapping[str, Entry]


@dataclass(slots=True)
class Filled:
    """What a workbook says, and what is wrong with it."""

    rows: dict[SheetKind, list[EnteredRow]] = field(default_factory=lambda: {kind: [] for kind in SheetKind})
    mistakes: list[str] = field(default_factory=list)


def read_workbook(path: Path) -> Filled:
    """Read the entries of a workbook.

    Raises:
        WorkbookError: It is none, or not one that a plan wrote.
    """
    try:
        book = load_workbook(path)
    except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
        raise WorkbookError(str(path), [f"it cannot be read as an xlsx file: {error}"]) from error
    filled, known = Filled(), 0
    for sheet in book.worksheets:
        try:
            mark = parse_mark(_text(sheet.cell(1, 1)))
        except ValueError as error:
            raise WorkbookError(str(path), [f"{sheet.title}!A1: {error}"]) from error
        if mark is not None:
            known += 1
            _read_sheet(sheet, mark, filled)
    if not known:
        raise WorkbookError(str(path), ["it has no sheet that `transload plan` wrote"])
    return filled


def _read_sheet(sheet: Worksheet, mark: Mark, filled: Filled) -> None:
    heads = HEADS[mark.kind]
    found = [_text(sheet.cell(HEAD_ROW, place)) for place in range(2, len(heads) + 2)]
    if found != list(heads):
        where = next(place for place, (a, b) in enumerate(zip(found, heads, strict=True), start=2) if a != b)
        filled.mistakes.append(
            f"{sheet.title}!{get_column_letter(where)}{HEAD_ROW}: should say `{heads[where - 2]}`; "
            "columns were moved, added or removed"
        )
        return
    keys: dict[str, int] = {}
    for number in range(HEAD_ROW + 1, sheet.max_row + 1):
        row = _read_row(sheet, number, heads, filled)
        if row is None:
            continue
        if row.key in keys:
            filled.mistakes.append(f"{row.place}: the row is a copy of row {keys[row.key]}")
            continue
        keys[row.key] = number
        if row.entries:
            filled.rows[mark.kind].append(row)
    if len(keys) < mark.rows:
        gone = mark.rows - len(keys)
        filled.mistakes.append(
            f"{sheet.title}: {gone} row{'s were' if gone > 1 else ' was'} removed; "
            "a field is dropped by its Decision, not by its row"
        )


def _read_row(sheet: Worksheet, number: int, heads: Sequence[str], filled: Filled) -> EnteredRow | None:
    cells = {head: sheet.cell(number, place) for place, head in enumerate(heads, start=2)}
    key, place = _text(sheet.cell(number, 1)), f"{sheet.title}!B{number}"
    texts = {head: _text(cell) for head, cell in cells.items()}
    stamps = _text(sheet.cell(number, len(heads) + 2)).split()
    if not key:
        if any(texts.values()):
            filled.mistakes.append(f"{place}: a row that the plan did not write; rules are added in the YAML document")
        return None
    if len(stamps) != len(heads):
        filled.mistakes.append(f"{place}: the hidden cells of the row are damaged")
        return None
    entries = {}
    for (head, cell), before in zip(cells.items(), stamps, strict=True):
        if stamp(texts[head]) == before:
            continue
        where = f"{sheet.title}!{cell.coordinate}"
        if cell.data_type == "f":
            filled.mistakes.append(f"{where}: is a formula; write what it should come to")
        elif cell.data_type == "e":
            filled.mistakes.append(f"{where}: holds the error {texts[head]}")
        else:
            entries[head] = Entry(where, texts[head].strip(), before)
    return EnteredRow(place, key, texts, entries)


def _text(cell: object) -> str:
    """Return what a cell says, whole numbers without the point that some programs add."""
    value = cell.value if isinstance(cell, Cell) else None  # a merged cell has none
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
