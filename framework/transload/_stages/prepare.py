"""Prepare: creates the approved columns and keys, and makes sure they can be used."""

from transload._reports import Column, Report, Table, Tone, Verdict
from transload._stages.approvals import require_approval
from transload._stages.bench import Bench
from transload._stages.reporting import report_of
from transload._stages.schema_changes import missing_changes, wanted_changes


def prepare(bench: Bench) -> Report:
    """Bring the target's schema to what the mapping relies on; what is there is left alone."""
    documents = bench.documents()
    require_approval(bench, documents)
    outcomes = bench.plugins.prepare_target(wanted_changes(documents.values()), bench.context)
    bench.ledger.journal.record_schema(bench.run_id, outcomes)
    missing = missing_changes(documents.values(), bench.target(documents))
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    created = sum(outcome.created for outcome in outcomes)
    rows = [
        {
            "kind": outcome.change.kind,
            "table": outcome.change.table,
            "name": outcome.change.name,
            "result": str(outcome.error) if outcome.error else "created" if outcome.created else "was there",
            "tone": Tone.BAD if outcome.error else Tone.GOOD,
        }
        for outcome in outcomes
    ]
    if failed or missing:
        first = str(failed[0].error) if failed else f"{missing[0]} is still not there"
        verdict = Verdict(Tone.BAD, f"{len(failed) or len(missing)} changes did not succeed", first)
    else:
        verdict = Verdict(
            Tone.GOOD, f"The target is ready: {created} created", f"{len(outcomes) - created} were there",
            "transload sample",
        )  # fmt: skip
    columns = [Column("kind", "Kind"), Column("table", "Table"), Column("name", "Name"),
               Column("result", "Result")]  # fmt: skip
    return report_of(
        bench, "Preparation of the target", verdict, {"Created": str(created), "Checked": str(len(outcomes))},
        tables=[Table("Schema", columns, rows, tone_key="tone", filterable=True)],
    )  # fmt: skip
