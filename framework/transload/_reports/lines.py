"""The rows of a table as the page lays them out, and as it carries them for its script."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from transload._reports.cells import Part, PartKind
from transload._reports.model import Tone


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column, with what all its cells share."""

    label: str
    style: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        tone: Makes it a badge.
        link: Where its text leads.
        share: What part of a whole its number is, from 0 to 1.
    """

    parts: Sequence[Part]
    tone: Tone | None = None
    link: str = ""
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice among the values of a column.

    Attributes:
        options: The values with their counts.
    """

    label: str
    options: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Line:
    """One row.

    Attributes:
        options: For each choice of the table, the place of the option that the row has.
    """

    tone: Tone
    cells: Sequence[Cell]
    options: Sequence[int] = ()


_Packed: TypeAlias = str | dict[str, object]


def encode_lines(lines: Sequence[Line], heads: Sequence[Head]) -> str:
    """Return all rows as JSON that can stand inside of a page.

    Equal cells stand once, and rows name them by their place: most values of a diff occur
    two times at least. A row is its tone, its options, its cells; a cell is its text, or an
    object with its parts (``p``), badge (``b``), link (``h``) or share (``s``).
    """
    places: dict[str, int] = {}
    rows: list[list[object]] = []
    for line in lines:
        cells = [places.setdefault(_json(_packed(cell)), len(places)) for cell in line.cells]
        rows.append([line.tone.value, *line.options, *cells])
    styles = _json([head.style for head in heads])
    body = f'{{"styles":{styles},"cells":[{",".join(places)}],"rows":{_json(rows)}}}'
    return body.replace("<", "\\u003c")  # nothing in it ends the element that holds it


def _packed(cell: Cell) -> _Packed:
    plain = len(cell.parts) == 1 and cell.parts[0].kind is PartKind.SAME
    packed: dict[str, object] = {"p": [[part.kind.value, part.text] for part in cell.parts]}
    if cell.tone is not None:
        packed["b"] = cell.tone.value
    if cell.link:
        packed["h"] = cell.link
    if cell.share is not None:
        packed["s"] = round(cell.share, 3)
    return cell.parts[0].text if plain and len(packed) == 1 else packed


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
