"""Prepare: creates the approved columns and keys, and makes sure they can be used."""

from collections.abc import Mapping, Sequence

from transload._reports import Column, Report, Table, Tone, Verdict
from transload._stages.approvals import require_approval
from transload._stages.bench import Bench
from transload._stages.reporting import report_of
from transload._stages.schema_changes import misfits, missing_changes, wanted_changes
from transload.mapping import Mapping as MappingDocument
from transload.values import SchemaOutcome


def _make(bench: Bench, documents: Mapping[str, MappingDocument]) -> Sequence[SchemaOutcome]:
    """Make the changes. What is about to be made is claimed first, so that rollback knows it after a kill."""
    journal = bench.ledger.journal
    foundation = bench.plugins.prepare_target([], bench.context)
    journal.record_schema(bench.run_id, foundation)
    target = bench.target(documents)
    claimed = missing_changes(documents.values(), target)
    journal.record_schema(bench.run_id, [SchemaOutcome(change, created=True) for change in claimed])
    outcomes = bench.plugins.prepare_target(wanted_changes(documents.values(), target), bench.context)
    found = {str(outcome.change) for outcome in outcomes if not outcome.created and outcome.error is None}
    journal.mark_schema_undone(bench.run_id, [change for change in claimed if str(change) in found])
    of_foundation = {str(outcome.change): outcome for outcome in foundation}
    return [of_foundation.get(str(outcome.change), outcome) for outcome in outcomes]


def prepare(bench: Bench) -> Report:
    """Bring the target's schema to what the mapping relies on; what is there is left alone."""
    documents = bench.documents()
    require_approval(bench, documents)
    outcomes = _make(bench, documents)
    target = bench.target(documents)
    missing, unfit = missing_changes(documents.values(), target), misfits(documents.values(), target)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    created = sum(outcome.created for outcome in outcomes)
    rows = [
        {
            "kind": outcome.change.kind,
            "table": outcome.change.table,
            "name": outcome.change.name,
            "result": _result(outcome, unfit),
            "tone": Tone.BAD if outcome.error or str(outcome.change) in unfit else Tone.GOOD,
        }
        for outcome in outcomes
    ]
    if failed or missing or unfit:
        problems = [
            *(str(outcome.error) for outcome in failed),
            *(f"{change} is still not there" for change in missing),
            *(f"{change}: {reason}" for change, reason in unfit.items()),
        ]
        verdict = Verdict(Tone.BAD, f"{len(failed) or len(missing) or len(unfit)} changes did not succeed", problems[0])
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


def _result(outcome: SchemaOutcome, unfit: Mapping[str, str]) -> str:
    if outcome.error is not None:
        return str(outcome.error)
    if reason := unfit.get(str(outcome.change)):
        return f"does not fit: {reason}"
    return "created" if outcome.created else "was there"
