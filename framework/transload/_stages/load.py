"""Run and retry: the full load, and what was set aside.

A load reads the source, settles what a crash left open, and carries every staged record
through every pass. A record that is in the target as wanted costs no request, so a second
run over an unchanged source sends nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from transload._pipeline.conflicts import CLOSED
from transload._pipeline.extract import stage_given, stage_source
from transload._pipeline.load import PassCounts
from transload._pipeline.planner import Pass
from transload._pipeline.recover import settle_open_intents
from transload._reports import Report, Tone, Verdict
from transload._stages.approvals import require_approval
from transload._stages.bench import Bench, Machinery, assemble
from transload._stages.conflict_tables import conflict_tables
from transload._stages.gates import QUICK, require_prepared
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
    QUICK: "Quick delta",
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
    with machinery.loader.holder.giving_back():
        read(bench, machinery)
        passes = passes_of(bench, machinery, EntityName(only)) if only else machinery.plan.passes
        counts = load(bench, machinery, passes)
    report = load_report(bench, machinery, counts, recovered, findings)
    if not only:
        return report
    following = "transload run" if report.verdict.tone is not Tone.BAD else f"transload run --only {only}"
    return replace(
        report,
        facts={**report.facts, "Only": f"{only}; its states are set by a run of everything"},
        verdict=replace(report.verdict, next_command=following),
    )


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
    with machinery.loader.holder.giving_back():
        for step in machinery.plan.passes:
            keys = sorted(key for key in aside | machinery.loader.reopened if key.entity == step.entity)
            counts.append(machinery.loader.run_pass(step, machinery.records.find(keys), len(keys)))
    return load_report(bench, machinery, counts, recovered, [])


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

    with machinery.loader.holder.giving_back():
        counts = _sweep(machinery, records_of)
    return load_report(bench, machinery, counts, recovered, [])


def read(bench: Bench, machinery: Machinery, *, quick: bool = False) -> None:
    """Read the source into the ledger, or only what may have changed in it."""
    stage_source(bench.source(), bench.plugins, bench.ledger, bench.context, bench.run_id, quick=quick)
    stage_given(machinery.records.documents.values(), bench.ledger, bench.run_id)
    _forget_gone(bench, machinery)


def load(bench: Bench, machinery: Machinery, passes: Sequence[Pass]) -> list[PassCounts]:
    """Carry the records of the ledger through some passes, until there are too many errors."""
    size = bench.project.settings.run.batch_size
    # Counted once: those of a document with a condition have to be looked at, and an entity has several passes.
    totals = {entity: machinery.records.count(entity) for entity in machinery.mappings}
    machinery.loader.budget = error_budget(bench, sum(totals.values()))
    return _sweep(machinery, lambda entity: (machinery.records.batches(entity, size), totals[entity]), passes)


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


def load_report(
    bench: Bench,
    machinery: Machinery,
    counts: Sequence[PassCounts],
    recovered: int,
    findings: Sequence[Finding],
    settled: int = 0,
) -> Report:
    """Return the report of a load: what was sent, what was set aside, what was changed on both sides."""
    again = f"transload {bench.command}"
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
            again,
        )
    elif aside:
        verdict = Verdict(
            Tone.BAD,
            f"{aside:,} records were set aside",
            f"{sent:,} writes were accepted. Correct what is listed below, then run the same command again.",
            again,
        )
    elif conflicts:
        late = sum(conflict.rule == CLOSED for conflict in conflicts)
        left = [f"{len(conflicts) - late:,} fields were changed on both sides"] if late < len(conflicts) else []
        left += [f"{late:,} changes came after their rows were closed for good"] if late else []
        verdict = Verdict(
            Tone.WARN, "; ".join([f"{sent:,} writes", *left]), "See the conflicts below.", "transload reconcile"
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
    tables[1:1] = conflict_tables(conflicts)
    findings = [*findings, *machinery.loader.holder.findings]
    report = report_of(bench, _TITLES[bench.context.stage], verdict, facts, findings, tables, [passes_chart(counts)])
    return with_manifest(bench, report)
