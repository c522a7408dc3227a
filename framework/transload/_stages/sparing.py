"""Decides which rows a rollback leaves alone.

A row that people changed since is spared, and so is every row that it points to: it would
lose its parent. The same goes for what a row points to that was not chosen. Rows are undone
newest first, and a row may point to a newer one (a customer to its main job, a branch to its
head office), so all are looked at before the first is undone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from transload._ledger import UndoRow, WriteStatus
from transload._ledger.codec import digest, encode
from transload._pipeline.closed import STATE_COLUMNS
from transload._pipeline.compare import same, show
from transload._pipeline.pool import run_bounded
from transload._stages.bench import Bench
from transload._stages.undo_choice import ChosenRows, points_to, rows_of
from transload.values import Cell, RecordKey, Row, RowId, RowRef, TableName

AT_ONCE = 100
"""Rows that are read, and undone, in one call."""


@dataclass(slots=True)
class Sparing:
    """What is known of rows that must stay.

    Attributes:
        chosen: The rows that are to be undone.
        needed: Rows that a row which stays points to, each with the record of such a row.
        gone: Rows that were undone, by this rollback or by one that it goes on with.
        touched: Rows that people changed before this migration wrote to them again.
        people: What people changed: for each row a digest of why it is spared and what it holds.
        forced: Whether what people changed is undone all the same.
        late: By table, columns that change with what belongs to a row; undoing that changes them again.
    """

    bench: Bench
    chosen: ChosenRows
    needed: dict[RowRef, RecordKey] = field(default_factory=dict)
    gone: set[RowRef] = field(default_factory=set)
    touched: set[RowRef] = field(default_factory=set)
    late: Mapping[TableName, frozenset[str]] = field(default_factory=dict)
    people: dict[RowRef, str] = field(default_factory=dict)
    forced: bool = False

    def survey(self) -> None:
        """Look at every row that is to be undone, and find out what spared rows need."""
        doubtful: list[tuple[UndoRow, Row]] = []
        for row in self.chosen.others():
            self.keep(row)
        run_bounded(
            map(self._note_touched, chunks_of(self.chosen.undo_list())),
            lambda chunk: read_now(self.bench, *chunk),
            lambda chunk, now: doubtful.extend(self._look(chunk[1], now)),
            self.bench.project.settings.run.workers,
        )
        for row, now in doubtful:
            self._recall_gone(row, now)
            if why := self._changed(row, now):
                # Of its own columns only: rows are read together, and who is read along must not matter.
                held = {name: now.columns.get(name) for name in row.written}
                self.people[row.ref] = digest(encode({"why": why, **held}))
        for row, now in doubtful:
            if self.reason(row, now):
                self.keep(row)
        known = -1
        while len(self.needed) > max(known, 0):  # a parent of a parent is needed too
            known = len(self.needed)
            for row in self.chosen.all_rows():
                if row.ref in self.needed:
                    self.keep(row)

    def keep(self, row: UndoRow) -> None:
        """Note that a row stays, and needs what it points to."""
        for one in points_to(row):
            self.needed.setdefault(one, row.key)

    def reason(self, row: UndoRow, now: Row | None) -> str:
        """Return why a row is spared; nothing when it may be undone."""
        if now is None:
            return ""  # gone already: undoing it is a matter of the ledger only
        if not row.created and not row.written:
            return ""  # only linked; whoever changed the row since has nothing to do with that
        if row.created and row.ref in self.needed:
            # One that was there before stays anyway, and gets back what it held.
            return f"{self.needed[row.ref]} points to it, and stays"
        return "" if self.forced else self._changed(row, now)

    def _changed(self, row: UndoRow, now: Row) -> str:
        """Return what people changed in a row; nothing when they did not."""
        if not row.created and not row.written:
            return ""
        if now.changed_by_others or row.ref in self.touched:
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
        left = tuple(one for one in rows_of(wrote) if one not in self.gone)
        return left != rows_of(wrote) and left == rows_of(is_now)

    def _note_touched(self, chunk: tuple[TableName, list[UndoRow]]) -> tuple[TableName, list[UndoRow]]:
        """Learn of a chunk from the journal; after our own write, the target names nobody else."""
        refs = [row.ref for row in chunk[1]]
        self.touched |= self.bench.ledger.journal.touched_by_others(refs)
        return chunk

    def _look(self, rows: list[UndoRow], now: Mapping[RowId, Row]) -> Iterator[tuple[UndoRow, Row]]:
        """Yield the rows that are not as they were written; most are."""
        for row in rows:
            there = now.get(row.row_id)
            if there is None:
                self.gone.add(row.ref)
            elif self._changed(row, there) or row.ref in self.needed:
                yield row, there

    def _recall_gone(self, row: UndoRow, now: Row) -> None:
        """Learn from the journal what an earlier, interrupted rollback has undone."""
        for column, wrote in row.written.items():
            for one in set(rows_of(wrote)) - set(rows_of(now.columns.get(column))):
                entries = self.bench.ledger.journal.history(one)
                if any(entry.status is WriteStatus.UNDONE for entry in entries):
                    self.gone.add(one)


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
