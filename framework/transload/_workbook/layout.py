"""Where things stand in the workbook: what the one who writes it and the one who reads it agree on.

Every sheet with entries has a mark in its first cell, heads in row 3 and entries below. The
first column, hidden, says which line of which document a row is; the last, hidden too, holds
a stamp of each cell as it was written, so that an entry is told from what was there before.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from transload._workbook.lines import Head

FORMAT: Final = "transload.plan/1"
HEAD_ROW: Final = 3
LONGEST_CELL: Final = 32_000
"""Characters; the format ends at 32,767."""
LONGEST_TITLE: Final = 31
ACCEPTED: Final = "yes"
_REFUSED = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold: controls, lone surrogates, noncharacters."""


class SheetKind(StrEnum):
    """What the rows of a sheet are."""

    LINES = "lines"
    PROPOSALS = "proposals"


class ProposalHead(StrEnum):
    """A column of the sheet of proposals."""

    ENTITY = "Entity"
    FIELD = "Source field"
    COLUMN = "Proposed column"
    CONFIDENCE = "Confidence"
    REASON = "Reason"
    ACCEPT = "Accept"


HEADS: dict[SheetKind, Sequence[str]] = {SheetKind.LINES: list(Head), SheetKind.PROPOSALS: list(ProposalHead)}


@dataclass(frozen=True, slots=True)
class Mark:
    """The first cell of a sheet: what it holds, and how many rows."""

    kind: SheetKind
    rows: int

    def __str__(self) -> str:
        return f"{FORMAT} {self.kind} {self.rows}"


def parse_mark(text: str) -> Mark | None:
    """Read a mark; None when the sheet has none, because a person added it.

    Raises:
        ValueError: It is the mark of a format that this version does not read.
    """
    name, _, rest = text.partition(" ")
    kind, _, rows = rest.partition(" ")
    if not name.startswith("transload.plan/"):
        return None
    if name != FORMAT:
        raise ValueError(f"it was written as {name}, and this version reads {FORMAT}")
    return Mark(SheetKind(kind), int(rows))


def stamp(text: str) -> str:
    """Return a short digest of what stands in a cell; ends of lines, which programs change, do not count."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    plain = "\n".join(line.rstrip() for line in lines).strip()
    return blake2b(plain.encode(errors="replace"), digest_size=6).hexdigest()


def cell_text(text: str) -> str:
    """Return a text as a cell can hold it: without the controls that XML refuses, and not too long."""
    kept = _REFUSED.sub("\N{REPLACEMENT CHARACTER}", text)
    return kept if len(kept) <= LONGEST_CELL else f"{kept[:LONGEST_CELL]}\N{HORIZONTAL ELLIPSIS}"
