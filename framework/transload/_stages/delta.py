"""The delta: what changed in the source since, and which records are gone from it.

A complete one reads every record, and leaves a certificate when it finds nothing to write.
A quick one reads only what the source says may have changed. What nothing tells it misses,
so it proves nothing, and a complete one comes before the cut-over.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from transload._pipeline.load import PassCounts
from transload._pipeline.recover import settle_open_intents
from transload._reports import Report, Tone, Verdict
from transload._stages.approvals import require_approval
from transload._stages.bench import Bench, assemble
from transload._stages.certificate import certify
from transload._stages.gates import WHOLE, require_finished, require_prepared
from transload._stages.gone import GoneRecords, settle_gone
from transload._stages.load import load, load_report, read


def delta(bench: Bench, *, quick: bool = False) -> Report:
    """Carry over what changed in the source since the last load.

    Args:
        bench: The bench.
        quick: Read only what may have changed, as far as the source can say so.

    Raises:
        StageRefusedError: What comes before has not passed.
    """
    documents = bench.documents()
    require_approval(bench, documents)
    require_finished(bench, "run")
    require_prepared(bench, documents)
    machinery = assemble(bench, documents)
    recovered = settle_open_intents(bench.ledger, bench.plugins, bench.context)
    begun = _window_begin(bench)
    with machinery.loader.holder.giving_back():
        read(bench, machinery, quick=quick)
        counts = load(bench, machinery, machinery.plan.passes)
        gone = settle_gone(bench, machinery) if not machinery.loader.over_budget else GoneRecords()
    counts += gone.passes
    report = load_report(bench, machinery, counts, recovered, gone.findings, gone.changed)
    end = bench.context.clock()
    facts = {
        **report.facts,
        **_reading(bench, quick),
        "Window": f"{begun:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC",
    }
    verdict = _verdict(report.verdict, len(gone.failed), quick, bench.command)
    report = replace(report, facts=facts, tables=[*report.tables, *gone.tables()], verdict=verdict)
    return certify(bench, report, begun, end) if not quick and _found_nothing(counts, gone) else report


def _reading(bench: Bench, quick: bool) -> dict[str, str]:
    """Say which kind of delta it was, and what it read."""
    counts = bench.ledger.staging.read_counts(bench.run_id)
    if not quick:
        return {"Kind": "complete: every record was read", "Records read": f"{counts.read:,}"}
    return {
        "Kind": "quick: only what may have changed was read, as far as the source can tell",
        "Records read": f"{counts.read:,}",
        "Taken as unchanged": f"{counts.kept:,}",
    }


def _verdict(verdict: Verdict, failed: int, quick: bool, command: str) -> Verdict:
    """Return the verdict of the load, with what a delta adds to it."""
    if verdict.tone is Tone.BAD:
        return verdict
    if failed:
        headline = f"{failed:,} rows of records that are gone could not be settled"
        return Verdict(Tone.BAD, headline, "See below, then run the same command again.", f"transload {command}")
    if quick:
        detail = f"{verdict.detail} Before the cut-over a complete delta reads every record.".strip()
        return replace(verdict, detail=detail, next_command="transload delta")
    return verdict


def _found_nothing(counts: Sequence[PassCounts], gone: GoneRecords) -> bool:
    return not (any(count.sent or count.failed or count.parked for count in counts) or gone.changed or gone.failed)


def _window_begin(bench: Bench) -> datetime:
    """Return when the load began on which this pass builds: what changed since then is carried over."""
    earlier = [
        run for run in bench.ledger.runs.all()
        if run.stage in WHOLE and run.run_id != bench.run_id and run.finished_at is not None
    ]  # fmt: skip
    return max(run.started_at for run in earlier)
