"""The records that belong together with a record: those whose rows it points to, and those whose rows point to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transload._explain.sight import Sight
from transload._explain.story import Story
from transload._reports import Column, Table
from transload._stages.links import row_links
from transload._stages.undo_choice import rows_of
from transload.values import RecordKey, RowRef

_NAMED = 3
"""Records of one entity that are told one by one."""


@dataclass(frozen=True, slots=True)
class Kin:
    """A row at the other end of a lookup or link.

    Attributes:
        document: Under which document of the record.
        column: The column that points.
        key: The record of the row; None for a row that is no record's.
    """

    document: str
    column: str
    row: RowRef
    key: RecordKey | None

    def __str__(self) -> str:
        return str(self.key or self.row)


def parents_of(sight: Sight, story: Story) -> list[Kin]:
    """Return the rows that the record's rows point to, as they were written."""
    own = {chapter.ref for chapter in story.chapters}
    found = [
        (chapter.name, column, row)
        for chapter in story.chapters
        for column, cell in chapter.written.items()
        for row in rows_of(cell)
        if row not in own
    ]
    keys = sight.bench.ledger.journal.keys_of({row for _, _, row in found})
    return [Kin(name, column, row, keys.get(row)) for name, column, row in found]


def children_of(story: Story) -> list[Kin]:
    """Return the rows that point to the record's rows, as they were written."""
    names = {chapter.ref: chapter.name for chapter in story.chapters if chapter.ref is not None}
    return [
        Kin(names[ref], column, child.ref, child.key)
        for child in story.children
        for column, cell in child.written.items()
        for ref in rows_of(cell)
        if ref in names and child.ref not in names
    ]


def tell_kin(kin: Iterable[Kin]) -> str:
    """Return records for a line: by name while they are few of an entity, else counted."""
    groups: dict[str, dict[str, None]] = {}
    for one in kin:
        groups.setdefault(one.key.entity if one.key is not None else one.row.table, {})[str(one)] = None
    told = (", ".join(names) if len(names) <= _NAMED else f"{len(names):,} {group}" for group, names in groups.items())
    return ", ".join(told)


def kin_table(sight: Sight, parents: Sequence[Kin], children: Sequence[Kin]) -> Table:
    """Return both kinds, each with its page and the command that explains it."""
    links = row_links(sight.bench, [one.row for one in (*parents, *children)])
    rows = [
        {
            "way": way,
            "document": one.document,
            "column": one.column,
            "record": str(one.key) if one.key is not None else None,
            "row": str(one.row),
            "target_link": links.get(one.row),
            "command": f"transload explain {one.key}" if one.key is not None else None,
        }
        for way, its in (("points to", parents), ("is pointed to by", children))
        for one in its
    ]
    columns = [Column("document", "Document"), Column("way", "How"), Column("record", "Record"),
               Column("column", "Column"), Column("row", "Row", link="target_link"),
               Column("command", "Its story", exact=True)]  # fmt: skip
    return Table("What belongs together", columns, rows, filterable=True, filters=("way",), identifier="kin")
