"""Decides which rows a rollback leaves alone.

A row that people changed since is spared, and so is every row that it points to: it would
lose its parent. Rows are undone newest first, and a row may point to a newer one (a customer
to its main job, a branch to its head office), so all are looked at before the first is undone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from transload._ledger import UndoRow, WriteStatus
from transload._pipeline.compare import same, show
from transload._pipeline.narrow import STATE_COLUMNS
from transload._pipeline.pool import run_bounded
from transload._stages.bench import Bench
from transload.values import Cell, Row, RowId, RowRef, TableName

AT_ONCE = 100
"""Rows that are read, and undone, in one call."""


@dataclass(slots=True)
class Sparing:
    """What is known of rows that must stay.

    Attributes:
        needed: Rows that a spared row points to.
        gone: Rows that were undone, by this rollback or by one that it goes on with.
        touched: Rows that people changed before this migration wrote to them again.
        late: By table, columns that change with what belongs to a row; undoing that changes them again.
    """

    bench: Bench
    needed: set[RowRef] = field(default_factory=set)
    gone: set[RowRef] = field(default_factory=set)
    touched: set[RowRef] = field(default_factory=set)
    late: Mapping[TableName, frozenset[str]] = field(default_factory=dict)

    def survey(self) -> None:
        """Look at every row that is to be undone, and find out what spared rows need."""
        doubtful: list[tuple[UndoRow, Row]] = []
        run_bounded(
            map(self._note_touched, chunks_of(self.bench.ledger.journal.undo_list())),
            lambda chunk: read_now(self.bench, *chunk),
            lambda chunk, now: doubtful.extend(self._look(chunk[1], now)),
            self.bench.project.settings.run.workers,
        )
        for row, now in doubtful:
            self._recall_gone(row, now)
            if self.reason(row, now):
                self.keep(row)
        known = -1
        while len(self.needed) > max(known, 0):  # a parent of a parent is needed too
            known = len(self.needed)
            for row in self.bench.ledger.journal.undo_list():
                if RowRef(row.table, row.row_id) in self.needed:
                    self.keep(row)

    def keep(self, row: UndoRow) -> None:
        """Note that a row stays, and needs what it points to."""
        self.needed.update(one for cell in row.written.values() for one in _rows_of(cell))

    def reason(self, row: UndoRow, now: Row | None) -> str:
        """Return why a row is spared; nothing when it may be undone."""
        if now is None:
            return ""  # gone already: undoing it is a matter of the ledger only
        if not row.created and not row.written:
            return ""  # only linked; whoever changed the row since has nothing to do with that
        if RowRef(row.table, row.row_id) in self.needed:
            return "a spared row points to it"
        if now.changed_by_others or RowRef(row.table, row.row_id) in self.touched:
            return "somebody changed it"
        before = _before(row)
        late = self.late.get(row.table, frozenset())
        for column, wrote in row.written.items():
            if column in late:
                continue
            is_now = now.columns.get(column)
            restored = column in before and same(before[column], is_now)
            if not (same(wrote, is_now) or self._cut_by_us(wrote, is_now) or restored):
                return f"{column} was {show(wrote)!r} and is {show(is_now)!r}"
        return ""

    def _cut_by_us(self, wrote: Cell, is_now: Cell) -> bool:
        """Whether what is missing of the rows that a column pointed to is what we have undone."""
        left = tuple(one for one in _rows_of(wrote) if one not in self.gone)
        return left != _rows_of(wrote) and left == _rows_of(is_now)

    def _note_touched(self, chunk: tuple[TableName, list[UndoRow]]) -> tuple[TableName, list[UndoRow]]:
        """Learn of a chunk from the journal; after our own write, the target names nobody else."""
        refs = [RowRef(row.table, row.row_id) for row in chunk[1]]
        self.touched |= self.bench.ledger.journal.touched_by_others(refs)
        return chunk

    def _look(self, rows: list[UndoRow], now: Mapping[RowId, Row]) -> Iterator[tuple[UndoRow, Row]]:
        """Yield the rows that are not as they were written; most are."""
        for row in rows:
            there = now.get(row.row_id)
            if there is None:
                self.gone.add(RowRef(row.table, row.row_id))
            elif self.reason(row, there):
                yield row, there

    def _recall_gone(self, row: UndoRow, now: Row) -> None:
        """Learn from the journal what an earlier, interrupted rollback has undone."""
        for column, wrote in row.written.items():
            for one in set(_rows_of(wrote)) - set(_rows_of(now.columns.get(column))):
                entries = self.bench.ledger.journal.history(one)
                if any(entry.status is WriteStatus.UNDONE for entry in entries):
                    self.gone.add(one)


def _rows_of(cell: Cell) -> tuple[RowRef, ...]:
    """Return the rows that a cell points to, in order."""
    cells = cell if isinstance(cell, tuple) else (cell,)
    return tuple(one for one in cells if isinstance(one, RowRef))


def chunks_of(rows: Iterator[UndoRow]) -> Iterator[tuple[TableName, list[UndoRow]]]:
    """Yield rows of one table at a time, in order, at most :data:`AT_ONCE`."""
    for table, group in groupby(rows, key=lambda row: row.table):
        chunk: list[UndoRow] = []
        for row in group:
            chunk.append(row)
            if len(chunk) == AT_ONCE:
                yield table, chunk
                chunk = []
        if chunk:
            yield table, chunk


def read_now(bench: Bench, table: TableName, rows: list[UndoRow]) -> Mapping[RowId, Row]:
    """Read what rows hold now, of all that was written to them. Thread-safe."""
    columns = sorted({column for row in rows for column in row.written})
    return bench.plugins.read_back(table, [row.row_id for row in rows], columns, bench.context)


def _before(row: UndoRow) -> Mapping[str, Cell]:
    """Return what a row that was there before held; an undo whose answer was lost has put it back."""
    if row.created:
        return {}
    state = dict(zip(STATE_COLUMNS, row.before_state, strict=True)) if row.before_state is not None else {}
    return {**row.before, **state}
