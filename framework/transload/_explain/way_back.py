"""What a rollback would do to a row now, or has done: delete it, give back what it held, or leave it alone, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from transload._explain.chapter import Chapter
from transload._explain.sight import Sight
from transload._ledger import UndoRow
from transload._ledger.references import rows_pointing_to
from transload._pipeline.closed import STATE_COLUMNS
from transload._stages.approvals import CUT_OVER
from transload._stages.reporting import counted
from transload._stages.rollback import WINDOW, late_columns
from transload._stages.sparing import Sparing, read_now
from transload._stages.undo_choice import ChosenRows, points_to
from transload.values import Cell, RowRef

MOST_KIN = 500
"""Rows that are looked at to find out whether one of them would keep the row."""


@dataclass(frozen=True, slots=True)
class WayBack:
    """What a rollback of everything would do to a row.

    Attributes:
        deed: What it would do if nothing stood against it, or what an earlier one has done.
        before: What the row held before, of all that was written; empty for a row that would be deleted.
        spared: Why it would be left alone all the same; empty when it would not.
        unsure: Why that is not known; empty when it is.
        window: What holds since the cut-over.
    """

    deed: str
    before: Mapping[str, Cell]
    spared: str = ""
    unsure: str = ""
    window: str = ""

    @property
    def outlook(self) -> str:
        """What would come of it, in a few words."""
        if self.spared:
            return f"spared: {self.spared}"
        return f"{self.deed}, unless {self.unsure}" if self.unsure else self.deed


def way_back(sight: Sight, chapter: Chapter, children: Sequence[UndoRow]) -> WayBack:
    """Find out what a rollback would do to the row of a chapter.

    Args:
        sight: What can be seen.
        chapter: The chapter.
        children: Rows that point to this row or to another one of the record.
    """
    if chapter.is_undone:
        last = chapter.undoings[-1] if chapter.undoings else None
        return WayBack(f"rolled back {last.at:%Y-%m-%d %H:%M:%S} UTC by {last.run_id}" if last else "rolled back", {})
    ref = chapter.ref
    row = next(iter(sight.bench.ledger.journal.undo_rows([ref])), None) if ref is not None else None
    if row is None or ref is None:
        return WayBack("nothing: this migration has written nothing here", {})
    window = _window(sight)
    if chapter.document is not None and chapter.document.link is not None:
        return WayBack("cut the link" if row.links else "nothing: the link was there before", {}, window=window)
    state = dict(zip(STATE_COLUMNS, row.before_state, strict=True)) if row.before_state is not None else {}
    before = {} if row.created else {**row.before, **state}
    spared = sight.ask(lambda: _spared(sight, row, children))
    if spared is not None:
        return WayBack(_deed(row), before, spared, window=window)
    touched = ref in sight.bench.ledger.journal.touched_by_others([ref])
    if touched:
        return WayBack(_deed(row), before, "somebody changed it", window=window)
    return WayBack(_deed(row), before, unsure="people changed it or what points to it", window=window)


def _deed(row: UndoRow) -> str:
    """Say how the row would be undone."""
    if row.created:
        return "delete the row"
    restored = f"give back what {counted(len(row.before), 'column')} held" if row.before else ""
    state = "give back its state" if row.before_state is not None else ""
    links = f"cut {counted(len(row.links), 'link')}" if row.links else ""
    return ", ".join(filter(None, [restored, state, links])) or "nothing: it was only linked, as it was before"


def _spared(sight: Sight, row: UndoRow, children: Sequence[UndoRow]) -> str:
    """Return why a rollback would leave the row alone, having looked at it and all that belongs to it."""
    bench = sight.bench
    kin = [row, *(_kin(sight, row, children) if row.created else [])]
    sparing = Sparing(
        bench, ChosenRows(bench, within=sorted(kin, key=lambda its: -its.order)), late=late_columns(bench)
    )
    sparing.survey()
    now = read_now(bench, row.table, [row])
    return sparing.reason(row, now.get(row.row_id))


def _kin(sight: Sight, row: UndoRow, children: Sequence[UndoRow]) -> list[UndoRow]:
    """Return the rows that point to a row, directly or through others; of very many only the nearest."""
    ledger, found = sight.bench.ledger, dict[RowRef, UndoRow]()
    fresh = [child for child in children if row.ref in points_to(child)]
    while fresh and len(found) < MOST_KIN:
        found.update((its.ref, its) for its in fresh)
        pointing = rows_pointing_to(ledger.database, {its.ref for its in fresh}) - found.keys() - {row.ref}
        fresh = ledger.journal.undo_rows(pointing)
    return list(found.values())[:MOST_KIN]


def _window(sight: Sight) -> str:
    at = sight.bench.ledger.runs.fact(CUT_OVER)
    if at is None:
        return "open: the cut-over is not approved yet"
    end = datetime.fromisoformat(at) + WINDOW
    if sight.bench.context.clock() <= end:
        return f"open until {end:%Y-%m-%d %H:%M} UTC"
    return f"over since {end:%Y-%m-%d %H:%M} UTC: a rollback needs `--after-window` and a reason"
