"""Run, delta and retry: the full load, what changed since, and what was set aside.

Both do the same: read the source, settle what a crash left open, carry every staged
record through every pass. A record that is in the target as wanted costs no request, so
a second run over an unchanged source sends nothing. A delta also accounts for records
that are gone from the source, and leaves a certificate when it finds nothing to write.
"""

from collections.abc import Callable, Iterable, Sequence

from transload._ledger import RunStatus
from transload._pipeline.extract import stage_given, stage_source
from transload._pipeline.load import PassCounts
from transload._pipeline.narrow import Conflict
from transload._pipeline.recover import settle_open_intents
from transload._pipeline.rules import PLACEHOLDER_ID
from transload._reports import Column, Report, Table, Tone, Verdict
from transload._stages.approvals import require_approval
from transload._stages.bench import Bench, Machinery, assemble
from transload._stages.gates import require_finished, require_not_before, require_prepared
from transload._stages.manifest import with_manifest
from transload._stages.reporting import (
    losses_table,
    passes_chart,
    passes_table,
    report_of,
    trouble_tables,
    unmatched_records,
    unmatched_tables,
)
from transload._stages.signatures import is_enough, signatures
from transload.errors import StageRefusedError
from transload.values import EntityName, Finding, Phase, Record, RecordKey, Severity

_TITLES = {
    "run": "Full load",
    "delta": "Delta",
    "retry": "Dead letters, sent again",
    "reassign": "Records given to their right owners",
}


def run(bench: Bench) -> Report:
    """Load everything, in dependency order."""
    documents = bench.documents()
    require_approval(bench, documents)
    require_prepared(bench, documents)
    _require_sample(bench)
    machinery = assemble(bench, documents)
    recovered = settle_open_intents(bench.ledger, bench.plugins, bench.context)
    counts = _carry(bench, machinery)
    return _report(bench, machinery, counts, recovered, [])


def delta(bench: Bench) -> Report:
    """Carry over what changed in the source since the last load."""
    documents = bench.documents()
    require_approval(bench, documents)
    require_finished(bench, "run")
    require_prepared(bench, documents)
    machinery = assemble(bench, documents)
    recovered = settle_open_intents(bench.ledger, bench.plugins, bench.context)
    counts = _carry(bench, machinery)
    return _report(bench, machinery, counts, recovered, _vanished(bench, machinery))


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


def _require_sample(bench: Bench) -> None:
    """Let the run go on after a sample that passed, or that a person approved as it is."""
    last = require_finished(bench, "sample")
    require_not_before(bench, last, "rollback")
    if last.status is RunStatus.PASSED:
        return
    if not is_enough(bench, signatures(bench, "sample", since=last.started_at)):
        raise StageRefusedError(
            bench.context.stage, "the last sample did not pass", 'transload approve sample --by "Your Name"'
        )


def _carry(bench: Bench, machinery: Machinery) -> list[PassCounts]:
    stage_source(bench.source(), bench.plugins, bench.ledger, bench.context, bench.run_id)
    stage_given(machinery.records.documents.values(), bench.ledger, bench.run_id)
    _forget_gone(bench, machinery)
    size = bench.project.settings.run.batch_size
    return _sweep(machinery, lambda entity: (machinery.records.batches(entity, size), machinery.records.count(entity)))


def _sweep(
    machinery: Machinery, records_of: Callable[[EntityName], tuple[Iterable[list[Record]], int]]
) -> list[PassCounts]:
    """Carry the records of each entity, and how many they are, through every pass."""
    counts = []
    cascades = machinery.loader.narrower.cascades
    for step in machinery.plan.passes:
        before = -1
        # Rows that point to rows of their own table may come before the parent that passes something on.
        while before < len(cascades) and (before < 0 or machinery.plan.deferred[step.entity]):
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


def _vanished(bench: Bench, machinery: Machinery) -> list[Finding]:
    """Report records that the source no longer has; their rows are left for a person to decide."""
    findings = []
    for entity in machinery.plan.entities:
        mapped = {key: row for key, row in bench.ledger.journal.mapped(entity) if row.origin == "created"}
        mapped.pop(RecordKey(entity, PLACEHOLDER_ID), None)
        if loaded := machinery.records.gone(entity, mapped):
            named = ", ".join(f"{key.source_id}" for key in sorted(loaded)[:20])
            findings.append(
                Finding(
                    "vanished",
                    Severity.WARNING,
                    f"{len(loaded):,} {entity} records {_why_gone(machinery, entity)}; their rows are still there",
                    named,
                    "Look at them, and delete or keep the rows by hand.",
                    len(loaded),
                )
            )
    return findings


def _why_gone(machinery: Machinery, entity: EntityName) -> str:
    document = machinery.records.documents[entity]
    if document.given:
        return "are not given any more"
    return "are gone from the source" + (", or are not what `when` asks for any more" if document.when else "")


def _report(
    bench: Bench,
    machinery: Machinery,
    counts: Sequence[PassCounts],
    recovered: int,
    findings: Sequence[Finding],
) -> Report:
    sent = sum(count.sent for count in counts)
    aside = sum(count.failed + count.parked for count in counts)
    conflicts = [conflict for count in counts for conflict in count.conflicts]
    bench.summary.update({"sent": sent, "set_aside": aside, "conflicts": len(conflicts)})
    if aside:
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
         Column("source", "Source now"), Column("target", "Target now"), Column("kept", "Kept")],
        [
            {
                "record": str(conflict.key),
                "column": conflict.column,
                "wrote": conflict.wrote,
                "source": conflict.source,
                "target": conflict.target,
                "kept": conflict.kept,
            }
            for conflict in conflicts
        ],
        note="`[delta] conflict` in transload.toml says whose value stays.",
        filterable=True,
    )  # fmt: skip
