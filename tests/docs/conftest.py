"""The documentation as data: pages, headings, fenced blocks, tables and links."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

_FENCE = re.compile(r"^```(\w*)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
_BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it stands for, its text."""

    language: str
    file: str
    text: str


@dataclass(frozen=True)
class Page:
    """One page of Markdown."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The page without its fenced blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[Block]:
        return [
            block for m in _FENCE.finditer(self.text) if (block := Block(m[1], m[2] or "", m[3])).language == language
        ]

    @cached_property
    def files(self) -> dict[str, str]:
        """The blocks that stand for a file, by its name."""
        return {match[2]: match[3] for match in _FENCE.finditer(self.text) if match[2]}

    @cached_property
    def anchors(self) -> set[str]:
        return {anchor_of(title) for _, title in _HEADING.findall(self.prose)}

    @cached_property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    def section(self, title: str) -> str:
        """Return the text below a heading, up to the next one of its level or above."""
        level = next(len(marks) for marks, found in _HEADING.findall(self.text) if found == title)
        rest = self.text.partition(f"\n{'#' * level} {title}\n")[2]
        return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]

    def rows(self, title: str = "") -> list[list[str]]:
        """Return the table rows right below a heading, or of the page: those whose first cell begins with code."""
        text = self.section(title).partition("\n#")[0] if title else self.text
        found = [[cell.strip().replace("\\|", "|") for cell in _BAR.split(match[1])] for match in _ROW.finditer(text)]
        return [[cells[0].strip("`"), *cells[1:]] for cells in found if cells[0].startswith("`")]

    def titles(self, level: int) -> list[str]:
        return [title for marks, title in _HEADING.findall(self.prose) if len(marks) == level]


@dataclass(frozen=True)
class Manual:
    """All pages."""

    root: Path

    @cached_property
    def pages(self) -> Sequence[Page]:
        files = [*sorted((self.root / "docs").rglob("*.md")), self.root / "CONTRIBUTING.md", self.root / "CHANGELOG.md"]
        return [Page(file) for file in files]

    def page(self, name: str) -> Page:
        return next(page for page in self.pages if page.path == self.root / "docs" / name)


def anchor_of(title: str) -> str:
    """Return the anchor that a code host gives a heading."""
    plain = title.replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.fixture(scope="session")
def manual(pytestconfig: pytest.Config) -> Manual:
    return Manual(pytestconfig.rootpath)
