"""Compares, column by column, what the source says, what should be there, what was written, and what is there now.

What should be there, and the verdict on what is, come from the reconciliation's own code.
"""

from transload._explain.chapter import Chapter, Comparison
from transload._explain.replay import UNSEEN, Replay
from transload._explain.sight import Sight
from transload._pipeline.checks import FieldCheck, Mismatch
from transload._pipeline.compare import same, show
from transload._pipeline.telling import source_of
from transload._pipeline.transform import CompiledMapping
from transload._pipeline.verify import Verifier
from transload._stages.diff import tell_source
from transload.values import Cell, Record, Row, RowRef


def compare_row(sight: Sight, replay: Replay, chapter: Chapter) -> None:
    """Fill in the comparisons of a chapter, and whether the row is there."""
    ref = chapter.ref
    if ref is None or not (chapter.row is not None or chapter.history):
        return
    if chapter.is_undone:
        chapter.there = _is_there(sight, ref)
        return
    machinery, record = replay.machinery, replay.record(chapter.key)
    if machinery is None or chapter.mapper is None or record is None or not chapter.phases:
        _compare_written(sight, chapter, ref)
        return
    checks = _checks(sight, machinery.verifier, chapter.mapper, record)
    if checks is None:
        chapter.comparisons = _unlooked(machinery.verifier, chapter, record)
        return
    chapter.there = all(check.mismatch is not Mismatch.MISSING for check in checks)
    held = machinery.verifier.told(chapter.mapper, {check.column: chapter.held(check.column) for check in checks})
    chapter.comparisons = [_looked_up(check, held[check.column]) for check in checks]


def _checks(sight: Sight, verifier: Verifier, mapper: CompiledMapping, record: Record) -> list[FieldCheck] | None:
    """Return the reconciliation's verdict on each column; None when the target cannot be asked."""
    checks: list[FieldCheck] = []

    def check() -> list[FieldCheck]:
        verifier.check(mapper.entity, [[record]], checks.append, equal_too=True)
        return checks

    return sight.ask(check)


def _looked_up(check: FieldCheck, written: str) -> Comparison:
    return Comparison(
        check.column,
        tell_source(check.source),
        check.wanted,
        written,
        check.actual,
        check.mismatch,
        str(check.mismatch or "as wanted"),
    )


def _unlooked(verifier: Verifier, chapter: Chapter, record: Record) -> list[Comparison]:
    """Compare what should be there with what was written last: more is not known."""
    mapper = chapter.mapper
    assert mapper is not None  # the caller has looked
    return [
        Comparison(
            column,
            tell_source(source_of(mapper, record, column)),
            "" if _is_unseen(cell) else expected[column],
            written[column],
            None,
            verdict=_verdict_unlooked(cell, chapter.held(column), computed=column in mapper.computed),
        )
        for cells in verifier.expect(mapper, [record]).values()
        for expected in [verifier.told(mapper, cells)]
        for written in [verifier.told(mapper, {column: chapter.held(column) for column in cells})]
        for column, cell in cells.items()
    ]


def _verdict_unlooked(expected: Cell, written: Cell, *, computed: bool) -> str:
    if computed:
        return "computed by the target"
    if _is_unseen(expected):
        return "not looked up"
    return "written so" if same(expected, written) else "not written so"


def _is_unseen(cell: Cell) -> bool:
    cells = cell if isinstance(cell, tuple) else (cell,)
    return any(isinstance(one, RowRef) and one.row_id == UNSEEN for one in cells)


def _compare_written(sight: Sight, chapter: Chapter, ref: RowRef) -> None:
    """Compare what was written with what is there: no rule says what should be."""
    row = _read(sight, ref, list(chapter.written))
    if row is None:
        chapter.there = None if sight.blind else False
    else:
        chapter.there = True
    if row is not None or sight.blind:
        chapter.comparisons = [_as_written(column, cell, row) for column, cell in chapter.written.items()]


def _as_written(column: str, cell: Cell, row: Row | None) -> Comparison:
    if row is None:
        return Comparison(column, "", "", show(cell), None, verdict="not looked up")
    now = row.columns.get(column)
    verdict = "as written" if same(cell, now) else "changed since"
    return Comparison(column, "", "", show(cell), show(now), verdict=verdict)


def _is_there(sight: Sight, ref: RowRef) -> bool | None:
    row = _read(sight, ref, [])
    return None if row is None and sight.blind else row is not None


def _read(sight: Sight, ref: RowRef, columns: list[str]) -> Row | None:
    bench = sight.bench
    rows = sight.ask(lambda: bench.plugins.read_back(ref.table, [ref.row_id], columns, bench.context))
    return rows.get(ref.row_id) if rows is not None else None
