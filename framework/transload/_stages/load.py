"""Run, delta and retry: the full load, what changed since, and what was set aside.

Both do the same: read the source, settle what a crash left open, carry every staged
record through every pass. A record that is in the target as wanted costs no request, so
a second run over an unchanged source sends nothing. A delta also accounts for records
that are gone from the source, and leaves a certificate when it finds nothing to write.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from transload._pipeline.extract import stage_given, stage_source
from transload._pipeline.load import PassCounts
from transload._pipeline.narrow import Conflict
from transload._pipeline.planner import Pass
from transload._pipeline.recover import settle_open_intents
from transload._reports import Column, Report, Table, Tone, Verdict
from transload._stages.approvals import require_approval
from transload._stages.bench import Bench, Machinery, assemble
from transload._stages.certificate import certify
from transload._stages.gates import require_finished, require_prepared
from transload._stages.gone import GoneRecords, settle_gone
from transload._stages.manifest import with_manifest
from transload._stages.partly import error_budget, passes_of
from transload._stages.reporting import (
    losses_table,
    passes_chart,
    passes_table,
    report_of,
    trouble_tables,
    unmatched_records,
    unmatched_tables,
)
from transload._stages.sample_rows import require_sample
from transload.values import EntityName, Finding, Phase, Record

_TITLES = {
    "run": "Full load",
    "delta": "Delta",
    "retry": "Dead letters, sent again",
    "reassign": "Records given to their right owners",
}


def run(bench: Bench, only: str = "") -> Report:
    """Load everything in dependency order, or only the rows of one entity whose parents are there.

    Raises:
        StageRefusedError: What comes before has not passed, or parents of the entity are not loaded.
        ConfigError: No document has the name of the entity.
    """
    documents = bench.documents()
    digests = require_approval(bench, documents)
    require_prepared(bench, documents)
    findings = require_sample(bench, digests)
    machinery = assemble(bench, documents)
    recovered = settle_open_intents(bench.ledger, bench.plugins, bench.context)
    if not only:
        return _report(bench, machinery, _carry(bench, machinery), recovered, findings)
    _read(bench, machinery)
    passes = passes_of(bench, machinery, EntityName(only))
    report = _report(bench, machinery, _load(bench, machinery, passes), recovered, findings)
    following = "transload run" if report.verdict.tone is not Tone.BAD else f"transload run --only {only}"
    return replace(
        report,
        facts={**report.facts, "Only": f"{only}; its states are set by a run of everything"},
        verdict=replace(report.verdict, next_command=following),
    )


def delta(bench: Bench) -> Report:
    """Carry over what changed in the source since the last load."""
    documents = bench.documents()
    require_approval(bench, documents)
    require_finished(bench, "run")
    require_prepared(bench, documents)
    machinery = assemble(bench, documents)
    recovered = settle_open_intents(bench.ledger, bench.plugins, bench.context)
    begun = _window_begin(bench)
    counts = _carry(bench, machinery)
    gone = settle_gone(bench, machinery) if not machinery.loader.over_budget else GoneRecords()
    report = _report(bench, machinery, counts, recovered, gone.findings, gone.changed)
    end = bench.context.clock()
    facts = {**report.facts, "Window": f"{begun:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"}
    tables = [*report.tables, *gone.tables()]
    verdict = report.verdict
    if gone.failed and verdict.tone is not Tone.BAD:
        headline = f"{len(gone.failed):,} rows of records that are gone could not be settled"
        verdict = Verdict(Tone.BAD, headline, "See below, then run the same command again.", "transload delta")
    report = replace(report, facts=facts, tables=tables, verdict=verdict)
    nothing = not (any(count.sent or count.failed or count.parked for count in counts) or gone.changed or gone.failed)
    return certify(bench, report, begun, end) if nothing else report


def _window_begin(bench: Bench) -> datetime:
    """Return when the load began on which this pass builds: what changed since then is carried over."""
    earlier = [
        run for run in bench.ledger.runs.all()
        if run.stage in {"run", "delta"} and run.run_id != bench.run_id and run.finished_at is not None
    ]  # fmt: skip
    return max(run.started_at for run in earlier)


def retry(bench: Bench) -> Report:
    """Send again what was set aside: dead letters and parked records, from the ledger, parents first."""
    documents = bench.documents()
    require_approval(bench, documents)
    require_prepared(bench, documents)
    machinery = assemble(bench, documents)
    recovered = settle_open_intents(bench.ledger, bench.plugins, bench.context)
    aside = {letter.key for letter in bench.ledger.notes.dead_letters()}
    aside |= {parked.key for parked in bench.ledger.notes.parked()}
    counts = []
    for step in machinery.plan.passes:
        keys = sorted(key for key in aside if key.entity == step.entity)
        counts.append(machinery.loader.run_pass(step, machinery.records.find(keys), len(keys)))
    return _report(bench, machinery, counts, recovered, [])


def reassign(bench: Bench) -> Report:
    """Look again for the users that were missing, and give the rows that are loaded to their right owners.

    Records are taken from the ledger; the source is not read. All that are loaded are looked at, and not only those
    that were flagged: what a stopped call has begun is gone on with, and who gets another owner passes it on.
    """
    documents = bench.documents()
    require_approval(bench, documents)
    require_prepared(bench, documents)
    machinery = assemble(bench, documents)
    recovered = settle_open_intents(bench.ledger, bench.plugins, bench.context)

    def records_of(entity: EntityName) -> tuple[Iterable[list[Record]], int]:
        match = machinery.mappings[entity].document.match
        if match is not None and not match.create:
            keys = [record.key for record in unmatched_records(bench, machinery, entity)]
        else:
            keys = [key for key, _ in bench.ledger.journal.mapped(entity)]
        return machinery.records.find(keys), len(keys)

    return _report(bench, machinery, _sweep(machinery, records_of), recovered, [])


def _carry(bench: Bench, machinery: Machinery) -> list[PassCounts]:
    _read(bench, machinery)
    return _load(bench, machinery, machinery.plan.passes)


def _read(bench: Bench, machinery: Machinery) -> None:
    stage_source(bench.source(), bench.plugins, bench.ledger, bench.context, bench.run_id)
    stage_given(machinery.records.documents.values(), bench.ledger, bench.run_id)
    _forget_gone(bench, machinery)


def _load(bench: Bench, machinery: Machinery, passes: Sequence[Pass]) -> list[PassCounts]:
    size = bench.project.settings.run.batch_size
    machinery.loader.budget = error_budget(bench, machinery)
    return _sweep(
        machinery,
        lambda entity: (machinery.records.batches(entity, size), machinery.records.count(entity)),
        passes,
    )


def _sweep(
    machinery: Machinery,
    records_of: Callable[[EntityName], tuple[Iterable[list[Record]], int]],
    passes: Sequence[Pass] = (),
) -> list[PassCounts]:
    """Carry the records of each entity, and how many they are, through every pass."""
    counts = []
    cascades = machinery.loader.narrower.cascades
    for step in passes or machinery.plan.passes:
        before = -1
        # Rows that point to rows of their own table may come before the parent that passes something on.
        while (
            not machinery.loader.over_budget
            and before < len(cascades)
            and (before < 0 or machinery.plan.deferred[step.entity])
        ):
            before = len(cascades)
            counts.append(machinery.loader.run_pass(step, *records_of(step.entity)))
    return counts


def _forget_gone(bench: Bench, machinery: Machinery) -> None:
    """Take off the lists of what is set aside the records that are no more, or that no document reads any more."""
    notes = bench.ledger.notes
    aside = {letter.key for letter in notes.dead_letters()} | {parked.key for parked in notes.parked()}
    gone = [key for key in aside if key.entity not in machinery.mappings]
    for entity in machinery.mappings:
        gone += machinery.records.gone(entity, [key for key in aside if key.entity == entity])
    for phase in Phase if gone else ():
        notes.clear_dead_letters(gone, phase)
        notes.unpark(gone, phase)


def _report(
    bench: Bench,
    machinery: Machinery,
    counts: Sequence[PassCounts],
    recovered: int,
    findings: Sequence[Finding],
    settled: int = 0,
) -> Report:
    sent = sum(count.sent for count in counts) + settled
    aside = sum(count.failed + count.parked for count in counts)
    conflicts = [conflict for count in counts for conflict in count.conflicts]
    bench.summary.update({"sent": sent, "set_aside": aside, "conflicts": len(conflicts)})
    if machinery.loader.over_budget:
        limit = bench.project.settings.run.stop_after_errors
        bench.summary["error"] = "stopped by the error budget"
        verdict = Verdict(
            Tone.BAD,
            f"Stopped: {machinery.loader.errors:,} records were set aside",
            f"`[run] stop_after_errors` is {limit}. {sent:,} writes were accepted, and what was not reached is as it "
            "was. Correct what is listed below, then run the same command again: it goes on.",
            f"transload {bench.context.stage}",
        )
    elif aside:
        verdict = Verdict(
            Tone.BAD,
            f"{aside:,} records were set aside",
            f"{sent:,} writes were accepted. Correct what is listed below, then run the same command again.",
            f"transload {bench.context.stage}",
        )
    elif conflicts:
        verdict = Verdict(
            Tone.WARN,
            f"{sent:,} writes; {len(conflicts):,} fields were changed on both sides",
            "See the conflicts below.",
            "transload reconcile",
        )
    elif sent == 0:
        verdict = Verdict(Tone.GOOD, "Nothing to write: the target is what the source says", "", "transload reconcile")
    else:
        verdict = Verdict(Tone.GOOD, f"{sent:,} writes, all accepted", "", "transload reconcile")
    facts = {
        "Writes": f"{sent:,}",
        "Unchanged": f"{sum(count.unchanged for count in counts):,}",
        "Set aside": f"{aside:,}",
    }
    if recovered:
        facts["Settled after a stop"] = f"{recovered:,}"
    tables = [
        passes_table(counts),
        *unmatched_tables(bench, machinery),
        *trouble_tables(bench, machinery),
        losses_table(list(bench.ledger.notes.losses())),
    ]
    if conflicts:
        tables.insert(1, _conflict_table(conflicts))
    report = report_of(bench, _TITLES[bench.context.stage], verdict, facts, findings, tables, [passes_chart(counts)])
    return with_manifest(bench, report)


def _conflict_table(conflicts: Sequence[Conflict]) -> Table:
    return Table(
        "Conflicts: changed in the source and in the target",
        [Column("record", "Record"), Column("column", "Column"), Column("wrote", "Written last"),
         Column("source", "Source now"), Column("target", "Target now"), Column("kept", "Kept"),
         Column("rule", "By")],
        [
            {
                "record": str(conflict.key),
                "column": conflict.column,
                "wrote": conflict.wrote,
                "source": conflict.source,
                "target": conflict.target,
                "kept": conflict.kept,
                "rule": conflict.rule,
            }
            for conflict in conflicts
        ],
        note="`[delta]` in transload.toml says whose value stays; `ask` keeps the target's until a person decides.",
        filterable=True,
    )  # fmt: skip
