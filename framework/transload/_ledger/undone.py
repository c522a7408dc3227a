"""What a rollback has taken back, from the journal: to prove the state in which it leaves the target.

The journal keeps the entries of rows that were undone. A row that was loaded again since counts as there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row as DatabaseRow
from sqlalchemy import case, func, select, tuple_

from transload._ledger.codec import decode_row, decode_write
from transload._ledger.connection import Database
from transload._ledger.tables import JOURNAL
from transload.values import Associate, Cell, RecordKey, RowId, RowRef, SetState, TableName

_PAGE = 500
_DONE, _UNDONE = "done", "undone"


@dataclass(frozen=True, slots=True)
class UndoneRow:
    """A row that was undone.

    Attributes:
        created: Whether the migration had made it: now it should be gone.
        before: What it should hold again: the earliest known value of each column that was written.
    """

    key: RecordKey
    ref: RowRef
    created: bool
    before: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows of a table the migration has made or changed, and how many of them it took back."""

    created: int = 0
    changed: int = 0
    undone: int = 0

    @property
    def left(self) -> int:
        """Rows that are still as the migration left them, or as people made them since."""
        return self.created + self.changed - self.undone


def undone_rows(database: Database) -> Iterator[UndoneRow]:
    """Walk the rows that were undone and not loaded again, by table and id."""
    place = tuple_(JOURNAL.c.table_name, JOURNAL.c.row_id)
    places = select(JOURNAL.c.table_name, JOURNAL.c.row_id).where(JOURNAL.c.status == _UNDONE)
    page = places.distinct().order_by(JOURNAL.c.table_name, JOURNAL.c.row_id).limit(_PAGE)
    last: tuple[str, str] | None = None
    while True:
        with database.reading() as connection:
            found = connection.execute(page if last is None else page.where(place > last)).all()
            if not found:
                return
            last = found[-1].table_name, found[-1].row_id
            entries = connection.execute(
                select(JOURNAL)
                .where(place.in_([(row.table_name, row.row_id) for row in found]))
                .where(JOURNAL.c.status.in_((_DONE, _UNDONE)))
                .order_by(JOURNAL.c.table_name, JOURNAL.c.row_id, JOURNAL.c.id)
            ).all()
        for (table, row_id), group in groupby(entries, key=lambda row: (row.table_name, row.row_id)):
            its = list(group)
            if all(row.status == _UNDONE for row in its):
                yield _undone_row(RowRef(TableName(table), RowId(row_id)), its)


def row_counts(database: Database) -> dict[TableName, RowCounts]:
    """Count rows by table, whatever was written to each how often."""
    its = (
        select(
            JOURNAL.c.table_name,
            func.max(case((JOURNAL.c.creates, 1), else_=0)).label("created"),
            func.min(case((JOURNAL.c.status == _UNDONE, 1), else_=0)).label("undone"),
        )
        .where(JOURNAL.c.status.in_((_DONE, _UNDONE)))
        .group_by(JOURNAL.c.table_name, JOURNAL.c.row_id)
        .subquery()
    )
    totals = select(its.c.table_name, func.count(), func.sum(its.c.created), func.sum(its.c.undone))
    with database.reading() as connection:
        return {
            TableName(table): RowCounts(int(created), int(rows) - int(created), int(undone))
            for table, rows, created, undone in connection.execute(totals.group_by(its.c.table_name))
        }


def _undone_row(ref: RowRef, entries: Sequence[DatabaseRow[Any]]) -> UndoneRow:
    before: dict[str, Cell] = {}
    for entry in entries:
        write = decode_write(entry.write)
        if entry.before is not None and not isinstance(write, Associate):
            # A before-image may hold more than the write changed: rows are read together.
            wrote = {"statecode", "statuscode"} if isinstance(write, SetState) else write.columns.keys()
            before = {name: cell for name, cell in decode_row(entry.before).columns.items() if name in wrote} | before
    return UndoneRow(decode_write(entries[0].write).key, ref, any(entry.creates for entry in entries), before)
