"""Rollback: undoes what was written, newest first, by the journal.

A row that people changed since is spared, and so is every row that it points to: deleting
a parent would take the spared child along. What is spared is listed. When nothing is
spared, the columns and keys that ``prepare`` made go too, and the target is what it was.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

from transload._ledger import Errand, UndoRow
from transload._pipeline.holder import Holder
from transload._pipeline.pool import run_bounded
from transload._pipeline.recover import settle_open_intents
from transload._recording import KeptExchange, recorded
from transload._reports import Column, Report, Table, Tone, Verdict
from transload._stages.approvals import CUT_OVER
from transload._stages.bench import Bench, marked_columns
from transload._stages.forcing import approve_command, remember_people, require_forced
from transload._stages.manifest import with_manifest
from transload._stages.reporting import report_of
from transload._stages.sparing import Sparing, chunks_of, read_now
from transload._stages.undo_choice import ChosenRows, UndoChoice
from transload._stages.undo_proof import UndoProof, proof_table, prove
from transload.errors import LockedError, MappingError, StageRefusedError
from transload.values import (
    DeleteRow,
    Disassociate,
    DropSchema,
    Event,
    FileRef,
    Inverse,
    Outcome,
    RestoreRow,
    TableName,
)

WINDOW = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class UndoOrder:
    """What a person ordered.

    Attributes:
        dry_run: Only say what would be done.
        choice: Which part.
        force: Undo also what people changed since; needs an approval of exactly these rows.
        after_window: Undo also after the window of 72 hours, with a reason.
        command: What a person says to order it, when that is not `transload rollback` with options.
    """

    dry_run: bool = False
    choice: UndoChoice = field(default_factory=UndoChoice)
    force: bool = False
    after_window: bool = False
    reason: str = ""
    command: str = ""

    @property
    def call(self) -> str:
        """The command that orders the same, without what only lists or forces."""
        return self.command or " ".join(["transload rollback", *self.choice.options])


@dataclass(slots=True)
class Tally:
    """What a rollback did."""

    undone: dict[TableName, int] = field(default_factory=dict)
    spared: list[dict[str, object]] = field(default_factory=list)
    failed: list[dict[str, object]] = field(default_factory=list)
    locked: list[UndoRow] = field(default_factory=list)
    """Rows that belong to a closed one; they may go when that is gone."""
    schema: int = 0


def rollback(bench: Bench, order: UndoOrder, chosen: ChosenRows | None = None) -> Report:
    """Undo everything that is not undone yet, or the part that was chosen.

    Args:
        bench: The bench.
        order: What a person ordered.
        chosen: The rows of its choice, when they are known.

    Raises:
        StageRefusedError: The window is over, nothing is known of what was chosen, or what people changed since
            is not approved to be undone.
    """
    _require_window(bench, order)
    settle_open_intents(bench.ledger, bench.plugins, bench.context)
    holder = Holder(bench.ledger, bench.plugins, bench.context)
    if not order.dry_run:
        holder.give_back()
    chosen = chosen or ChosenRows.of(bench, order.choice)
    late, tally = late_columns(bench), Tally()
    sparing = Sparing(bench, chosen, late=late, forced=order.force)
    sparing.survey()
    if order.force:
        require_forced(bench, sparing, order.choice)
    undo(bench, chosen, sparing, tally, order.dry_run)
    proof = UndoProof() if order.dry_run else prove(bench, late)
    tally.failed += proof.wrong
    if not (order.dry_run or order.choice.is_part or tally.spared or tally.failed):
        _undo_schema(bench, tally)
    remember_people(bench, sparing, order.choice, order.call)
    report = replace(_report(bench, tally, order, chosen, proof), findings=holder.findings)
    return with_manifest(bench, report)


def undo(bench: Bench, chosen: ChosenRows, sparing: Sparing, tally: Tally, dry_run: bool = False) -> None:
    """Undo the chosen rows, newest first; what belongs to a closed row last."""
    _walk(bench, chosen.undo_list(), sparing, tally, dry_run)
    if tally.locked:
        waited, tally.locked = tally.locked, []
        _walk(bench, iter(waited), sparing, tally, dry_run, last=True)


def _walk(
    bench: Bench, rows: Iterator[UndoRow], sparing: Sparing, tally: Tally, dry_run: bool, last: bool = False
) -> None:
    """Undo rows, newest first."""
    # Batches of different tables are never in flight together: a parent may not go before its child.
    for table, chunks in groupby(chunks_of(rows), key=itemgetter(0)):
        run_bounded(
            (rows for _, rows in chunks),
            lambda rows, table=table: _undo(bench, table, rows, sparing, dry_run),  # type: ignore[misc]
            lambda rows, chunk: _take(bench, chunk, sparing, tally, dry_run, last),
            bench.project.settings.run.workers,
        )
        total = sum(tally.undone.values())
        bench.context.observe(Event("pass_finished", table, total, None, "undone"))


def late_columns(bench: Bench) -> dict[TableName, frozenset[str]]:
    """Return the late columns of each table, as far as the mapping can still be read."""
    try:
        return marked_columns(bench.written_documents().values(), lambda rule: rule.late)
    except MappingError:
        return {}


def _require_window(bench: Bench, order: UndoOrder) -> None:
    """Refuse when the window is over, unless a person gave the reason, which the audit log keeps."""
    at = bench.ledger.runs.fact(CUT_OVER)
    end = datetime.fromisoformat(at) + WINDOW if at is not None else None
    if end is None or bench.context.clock() <= end:
        return
    if not (order.after_window and order.reason.strip()):
        reason = f"the 72 hours after the cut-over ended on {end:%Y-%m-%d %H:%M} UTC"
        raise StageRefusedError("rollback", reason, 'transload rollback --after-window --reason "Why"')
    said = {"run": bench.run_id, "ended_at": end.isoformat(), "reason": order.reason}
    bench.ledger.audit_log.append("rollback after the window", said)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Rows of one table with why each was spared, or what became of it; and what was exchanged for them."""

    results: Sequence[tuple[UndoRow, str, Outcome | None]]
    exchanges: Sequence[KeptExchange]


def _undo(bench: Bench, table: TableName, rows: list[UndoRow], sparing: Sparing, dry_run: bool) -> _Chunk:
    """Undo rows of one table; runs in a worker thread."""
    told = [row if row.ref in sparing.people else _without_files(row) for row in rows]
    now = read_now(bench, table, told)
    reasons = [sparing.reason(row, now.get(row.row_id)) for row in told]
    to_undo = [row for row, reason in zip(rows, reasons, strict=True) if not reason]
    with recorded(bench.context) as exchanges:
        outcomes = iter([Outcome() for _ in to_undo] if dry_run else _send(bench, to_undo))
    results = [(row, reason, None if reason else next(outcomes)) for row, reason in zip(rows, reasons, strict=True)]
    return _Chunk(results, exchanges)


def _without_files(row: UndoRow) -> UndoRow:
    """Return a row that we made without its files, which the survey has found as they were sent.

    Whoever replaces one since touches the row, and the row says so: to fetch them all again would tell no more.
    """
    if not row.created:
        return row
    return replace(row, written={name: cell for name, cell in row.written.items() if not isinstance(cell, FileRef)})


def _send(bench: Bench, rows: Sequence[UndoRow]) -> list[Outcome]:
    """Undo rows, and return one outcome for each; links of rows that stay are cut first."""
    links: list[Inverse] = [link for row in rows if not row.created for link in row.links]
    cut = bench.plugins.rollback(links, bench.context) if links else []
    refused = {
        link.row_id: outcome
        for link, outcome in zip(links, cut, strict=True)
        if isinstance(link, Disassociate) and not outcome.ok
    }
    outcomes: list[Outcome] = []
    for restores, group in groupby(rows, key=_restores):
        alike = list(group)
        for _, inverses in groupby(map(_inverse, alike), key=type) if restores else ():
            outcomes += bench.plugins.rollback(list(inverses), bench.context)
        outcomes += [] if restores else [Outcome() for _ in alike]
    return [refused.get(row.row_id, outcome) for row, outcome in zip(rows, outcomes, strict=True)]


def _restores(row: UndoRow) -> bool:
    """Whether there is more to undo than links: a row that was only linked is not touched."""
    return row.created or bool(row.before) or row.before_state is not None


def _inverse(row: UndoRow) -> Inverse:
    if row.created:
        return DeleteRow(row.table, row.row_id)
    return RestoreRow(row.table, row.row_id, row.before, row.before_state)


def _take(
    bench: Bench,
    chunk: _Chunk,
    sparing: Sparing,
    tally: Tally,
    dry_run: bool,
    last: bool,
) -> None:
    undone = []
    for row, reason, outcome in chunk.results:
        if outcome is None:
            tally.spared.append({"record": str(row.key), "table": row.table, "row": row.row_id, "reason": reason})
        elif isinstance(outcome.error, LockedError) and not last:
            tally.locked.append(row)
            continue
        elif outcome.error is not None:
            tally.failed.append(
                {"record": str(row.key), "table": row.table, "row": row.row_id, "reason": str(outcome.error)}
            )
        else:
            undone.append((row.ref, outcome))
            sparing.gone.add(row.ref)
            tally.undone[row.table] = tally.undone.get(row.table, 0) + 1
            continue
        sparing.keep(row)
    if not dry_run:
        orders, table = [row.order for row, _, _ in chunk.results], chunk.results[0][0].table
        with bench.ledger.database.writing():
            bench.ledger.exchanges.add(Errand.UNDO, table, bench.run_id, (min(orders), max(orders)), chunk.exchanges)
            bench.ledger.journal.mark_undone(bench.run_id, undone)


def _undo_schema(bench: Bench, tally: Tally) -> None:
    changes = list(bench.ledger.journal.schema_to_undo())
    if not changes:
        return
    outcomes = bench.plugins.rollback([DropSchema(change) for change in changes], bench.context)
    done = []
    for change, outcome in zip(changes, outcomes, strict=True):
        if outcome.error is None:
            done.append(change)
        else:
            tally.failed.append({"record": "", "table": change.table, "row": str(change), "reason": str(outcome.error)})
    bench.ledger.journal.mark_schema_undone(bench.run_id, done)
    tally.schema = len(done)


def _report(bench: Bench, tally: Tally, order: UndoOrder, chosen: ChosenRows, proof: UndoProof) -> Report:
    total = sum(tally.undone.values())
    bench.summary.update({"undone": total, "spared": len(tally.spared), "dry_run": order.dry_run})
    facts = {"Rows undone": f"{total:,}", "Schema changes undone": f"{tally.schema:,}"}
    if order.choice.is_part:
        facts |= {"Chosen": str(order.choice), "Rows that belong to them": f"{chosen.along:,}"}
    if order.after_window and order.reason:
        facts["Reason to undo after the window"] = order.reason
    tables = [
        Table(
            "Undone",
            [Column("table", "Table"), Column("rows", "Rows", numeric=True)],
            [{"table": table, "rows": count} for table, count in tally.undone.items()],
            brief=True,
        )
    ]
    columns = [Column("record", "Record"), Column("table", "Table"), Column("row", "Row"), Column("reason", "Why")]
    if tally.spared:
        tables.append(Table("Spared", columns, tally.spared, brief=True, filterable=True))
    if tally.failed:
        tables.append(Table("Not undone", columns, tally.failed, brief=True, filterable=True))
    if not order.dry_run:
        spared = Counter(TableName(str(row["table"])) for row in tally.spared)
        tables.append(proof_table(bench, proof, spared))
    title = "Rollback (dry run)" if order.dry_run else "Rollback"
    return report_of(bench, title, _verdict(tally, order), facts, tables=tables)


def _verdict(tally: Tally, order: UndoOrder) -> Verdict:
    total = sum(tally.undone.values())
    would = "would be " if order.dry_run else ""
    if tally.failed:
        return Verdict(
            Tone.BAD, f"{len(tally.failed):,} could not be undone", "See below, then run the same command again.",
            order.call,
        )  # fmt: skip
    if tally.spared:
        return Verdict(
            Tone.WARN, f"{total:,} rows {would}undone, {len(tally.spared):,} spared",
            "People changed them since, or a row that stays points to them. Columns and keys stay as long as they are "
            "there. To undo them all the same, approve exactly this list, and use `--force`.",
            approve_command() if order.dry_run else "",
        )  # fmt: skip
    state = (
        "What was chosen is as before." if order.choice.is_part else "The target is what it was before the migration."
    )
    return Verdict(
        Tone.GOOD,
        f"{total:,} rows {would}undone; nothing {'would be' if order.dry_run else 'was'} spared",
        "" if order.dry_run else state,
        order.call if order.dry_run else "",
    )
