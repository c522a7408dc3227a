"""A table as the page lays it out: which rows, which badges, how wide a column must be."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transload._reports.cells import NOTHING, Part, PartKind, compare, display
from transload._reports.drawing import share
from transload._reports.lines import Cell, Choice, Head, Line, encode_lines
from transload._reports.model import Column, Table, Tone

ROWS_ON_PAGE = 2000
"""A browser lays out this many rows without a pause; the JSON file has all of them."""
ROWS_WITHOUT_SCRIPT = 200
"""Of a table that a script pages through, those that are seen and printed without one."""
MOST_ROWS = 50_000
"""Rows that a page carries for its script: some ten megabytes."""
TALL = 30
"""More rows than this scroll inside a frame under fixed heads."""

_WIDTHS = (4, 8, 12, 16, 20, 24, 28)
"""Least widths of columns, in characters, that the style sheet knows."""
_MANY, _NARROW = 6, 20
"""So many columns fit beside each other on a desk only when none of text is made wider than this."""
_MOST_ON_PHONE = 4
_TONE = Column("", "Status", badge=True)


@dataclass(frozen=True, slots=True)
class Grid:
    """A table ready for the template.

    Attributes:
        total: How many rows the table has; ``lines`` may be fewer.
        carried: How many rows the page carries, those for its script included.
        tones: How many of them have each tone, worst first.
        choices: What else rows can be chosen by.
        data: All rows for the script, as JSON; empty when ``lines`` are all that the page carries.
        wide: Whether its rows do not fit beside each other on a phone, which then shows each as a card.
    """

    table: Table
    heads: Sequence[Head]
    lines: Sequence[Line]
    total: int
    carried: int
    tones: Sequence[tuple[Tone, int]]
    choices: Sequence[Choice]
    data: str
    wide: bool

    @property
    def labels(self) -> str:
        """The heads for the style sheet, which puts them before the cells of cards."""
        return ";".join(f"--h{place}:{_css_text(head.label)}" for place, head in enumerate(self.heads, 1))

    @property
    def tall(self) -> bool:
        """Whether the table needs a frame of its own."""
        return len(self.lines) > TALL


def lay_out(table: Table) -> Grid:
    """Arrange a table for the page."""
    columns = shown_columns(table)
    rows = _worst(table, MOST_ROWS if table.filterable else ROWS_ON_PAGE)
    choices = [_choice(table, key, rows) for key in table.filters]
    places = [{text: place for place, (text, _) in enumerate(choice.options)} for choice in choices]
    lines = [
        Line(
            table.tone_of(row),
            [_cell(table, column, row) for column in columns],
            [place[_option(row.get(key))] for key, place in zip(table.filters, places, strict=True)],
        )
        for row in rows
    ]
    counts = Counter(line.tone for line in lines)
    texts = sum(not column.numeric and not is_badge(table, column) for column in columns)
    widest = _NARROW if len(columns) >= _MANY else _WIDTHS[-1]
    heads = [_head(table, column, [line.cells[i] for line in lines], widest) for i, column in enumerate(columns)]
    paged = len(lines) > ROWS_ON_PAGE
    return Grid(
        table=table,
        heads=heads,
        lines=lines[:ROWS_WITHOUT_SCRIPT] if paged else lines,
        total=len(table.rows),
        carried=len(lines),
        tones=sorted(counts.items(), key=lambda item: item[0].rank) if table.tone_key else [],
        choices=choices,
        data=encode_lines(lines, heads) if paged else "",
        wide=len(columns) > _MOST_ON_PHONE and texts > 1,
    )


def _choice(table: Table, key: str, rows: Sequence[Mapping[str, object]]) -> Choice:
    label = next((column.label for column in table.columns if column.key == key), key.replace("_", " ").capitalize())
    counts = Counter(_option(row.get(key)) for row in rows)
    return Choice(label, sorted(counts.items()))


def _option(value: object) -> str:
    return NOTHING if value is None else str(value)


def is_badge(table: Table, column: Column) -> bool:
    """Whether a column's cells are badges."""
    return column.badge or column.key == table.tone_key


def value_of(table: Table, column: Column, row: Mapping[str, object]) -> object:
    """Return what a shown column holds in a row."""
    return table.tone_of(row) if column is _TONE else row.get(column.key)


def shown_columns(table: Table) -> list[Column]:
    """Return the columns to show: with tones but no badge, one for the tone comes first."""
    if table.tone_key is None or any(is_badge(table, column) for column in table.columns):
        return list(table.columns)
    return [_TONE, *table.columns]


def _worst(table: Table, most: int) -> list[Mapping[str, object]]:
    """Return the rows that fit, the worst of them when not all do, in their own order."""
    if len(table.rows) <= most:
        return list(table.rows)
    ranked = sorted(range(len(table.rows)), key=lambda i: table.tone_of(table.rows[i]).rank)
    return [table.rows[i] for i in sorted(ranked[:most])]


def _cell(table: Table, column: Column, row: Mapping[str, object]) -> Cell:
    tone, value = table.tone_of(row), value_of(table, column, row)
    if table.compare and column.key in table.compare:
        left, right = table.compare
        return Cell(compare(value, row.get(right if column.key == left else left)))
    parts = [Part(PartKind.SAME, display(value, column))]
    link = row.get(column.link) if column.link and value is not None else None
    part = share(value, row.get(column.of)) if column.of else None
    # Only what the browser opens as a page: an address from elsewhere must not run as a script.
    safe = str(link) if isinstance(link, str) and link.startswith("https://") else ""
    return Cell(parts, tone if is_badge(table, column) and value is not None else None, safe, part)


def _head(table: Table, column: Column, cells: Sequence[Cell], widest: int) -> Head:
    if column.numeric:
        return Head(column.label, "number")
    if is_badge(table, column):
        return Head(column.label, "status")
    kind = "exact" if column.exact or (table.compare and column.key in table.compare) else "text"
    return Head(column.label, f"{kind} w{min(widest, _width([column.label, *map(_text, cells)]))}")


def _css_text(text: str) -> str:
    """Return a text as CSS writes it, in quotes."""
    return '"' + "".join(c if c.isalnum() or c in " -,.:" else f"\\{ord(c):x} " for c in text) + '"'


def _text(cell: Cell) -> str:
    return "".join(part.text for part in cell.parts)


def _width(texts: Sequence[str]) -> int:
    """Return a least width that keeps short texts on one line and long ones from becoming pillars."""
    longest = max((len(line) for text in texts for line in text.splitlines()), default=0)
    return next((width for width in _WIDTHS if width >= longest), _WIDTHS[-1])
