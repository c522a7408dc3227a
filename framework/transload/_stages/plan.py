"""Plan: the mapping of every field, what the target needs for it, and a rehearsal.

The shipped mappings are completed from what the audit saw: a field that no rule names
and that some record fills is kept in a custom column, one that no record fills is
dropped as long as it stays empty. Documents that people have edited are kept as they are;
entries of a workbook are edits of them.
Then every staged record is translated, without sending anything, so that an unknown value
stops the plan and not the run at record 40,000.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from transload._files import replace_file
from transload._pipeline.extract import stage_given
from transload._pipeline.profile import profile_records
from transload._reports import Report
from transload._stages.approvals import remember_plan
from transload._stages.bench import Bench, Machinery, assemble
from transload._stages.completion import Fields, complete, gaps, known_fields, require_coverage
from transload._stages.gates import require
from transload._stages.holds_table import holds_tables
from transload._stages.plan_tables import (
    changes_table,
    differences_table,
    entries_table,
    fate_chart,
    mapping_table,
    overview_table,
    passes_table,
    proposals_tables,
    skipped_tables,
)
from transload._stages.plan_workbook import WORKBOOK, leave_workbook, require_whole, take_workbook
from transload._stages.rehearsal import Rehearsal, rehearse
from transload._stages.reporting import losses_table, report_of, verdict_of_findings
from transload._stages.schema_changes import missing_changes
from transload._stages.since_plan import KeptPlan, differences, keep_plan, last_plan, open_proposals
from transload._workbook.edits import Change, Edited
from transload._workbook.lines import Line, lines_of
from transload._workbook.write import PlanContent
from transload.errors import MappingError
from transload.mapping import Mapping as MappingDocument
from transload.mapping import Proposal, render_mapping
from transload.values import EntityName, Finding, SchemaChange, Severity, TargetSchema


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a plan came to.

    Attributes:
        documents: The mapping, completed.
        proposals: For fields that have no rule of their own.
        changes: What the target needs.
        lines: The lines of each document that is not skipped.
    """

    documents: Mapping[str, MappingDocument]
    fields: Fields
    proposals: Sequence[Proposal]
    machinery: Machinery
    target: TargetSchema
    changes: Sequence[SchemaChange]
    lines: Mapping[str, Sequence[Line]]
    rehearsal: Rehearsal


def plan(bench: Bench, check: bool = False, workbook: Path | None = None) -> Report:
    """Complete and check the mappings.

    Args:
        bench: The bench.
        check: Only check the documents as they stand; write none of them.
        workbook: A workbook whose entries become edits of the documents first.

    Raises:
        WorkbookError: Some entry of the workbook cannot be taken; no document was changed.
    """
    require(bench, "audit")
    taken = take_workbook(bench, workbook) if workbook is not None else Edited({}, ())
    documents = bench.documents() if check else {**bench.all_documents(), **taken.documents}
    if not documents:
        raise MappingError("the plan", ["no enabled plugin maps anything from this source to this target"])
    stage_given(documents.values(), bench.ledger, bench.run_id)
    profiles = {
        entity: profile_records(r for batch in bench.ledger.staging.batches(entity) for r in batch)
        for entity in bench.ledger.staging.counts()
    }
    fields = known_fields(bench.source(), profiles, documents)
    proposals: list[Proposal] = []
    if not check:
        documents, proposals = _completed(bench, documents, fields)
        if workbook is not None:
            require_whole(bench, workbook, taken, documents, fields)
        _write(bench, documents)
    require_coverage(documents, fields)
    machinery, target = assemble(bench, documents), bench.target(documents)
    lines = {
        entity: lines_of(document, target, profiles.get(EntityName(document.source_entity)))
        for entity, document in _in_source_order(bench, documents)
        if document.skip is None
    }
    kept = last_plan(bench.ledger)
    made = _Plan(
        documents, fields, open_proposals(kept, proposals, documents), machinery, target,
        missing_changes(documents.values(), target), lines, rehearse(bench, machinery),
    )  # fmt: skip
    findings = _findings(made.rehearsal)
    digest = kept.workbook if kept is not None else ""
    if not check:
        digest, spared = leave_workbook(bench, _content(bench, made), digest, workbook)
        findings += spared
    bench.ledger.notes.set_findings("plan", findings)
    drifted = remember_plan(bench, documents)
    keep_plan(bench.ledger, documents, fields, made.proposals, digest)
    report = _report(bench, made, findings, taken.changes, kept)
    return replace(report, tables=[*drifted, *report.tables])


def _in_source_order(bench: Bench, documents: Mapping[str, MappingDocument]) -> list[tuple[str, MappingDocument]]:
    """Return the documents in the order in which the source names what they read; those of no source come last."""
    place = {entity.name: number for number, entity in enumerate(bench.source().entities)}
    return sorted(
        documents.items(),
        key=lambda one: (place.get(EntityName(one[1].source_entity), len(place)), one[0] != one[1].source_entity),
    )


def _completed(
    bench: Bench, documents: Mapping[str, MappingDocument], fields: Fields
) -> tuple[dict[str, MappingDocument], list[Proposal]]:
    """Return the documents with a rule for every field, and what plugins propose for those that had none."""
    prefix = bench.target({}).custom_prefix
    become = {entity: document.table for entity, document in documents.items()}
    filled_in = {entity: document.filled_in(prefix, become) for entity, document in documents.items()}
    proposals = bench.plugins.propose_mapping(
        gaps(filled_in, fields), list(filled_in.values()), bench.target(filled_in), bench.context
    )
    return complete(filled_in, fields, prefix), proposals


def _write(bench: Bench, documents: Mapping[str, MappingDocument]) -> None:
    """Write the documents that are not as they stand in the folder; otherwise people's comments stay."""
    written = bench.written_documents()
    for entity, document in documents.items():
        if written.get(entity) != document:
            replace_file(bench.project.mapping / f"{entity}.yaml", (_HEADER + render_mapping(document)).encode())


def _content(bench: Bench, made: _Plan) -> PlanContent:
    return PlanContent(
        bench.project.settings.project.name, bench.run_id, bench.context.clock(),
        made.documents, made.lines, made.changes, made.proposals, made.target,
    )  # fmt: skip


def _report(
    bench: Bench, made: _Plan, findings: Sequence[Finding], taken: Sequence[Change], kept: KeptPlan | None
) -> Report:
    facts = {
        "Kinds of rows": str(len(made.machinery.plan.entities)),
        "Passes": str(len(made.machinery.plan.passes)),
        "Fields mapped": str(sum(len(d.used_fields()) for d in made.documents.values())),
        "Fields dropped": str(sum(len(d.dropped) for d in made.documents.values())),
        "Columns and keys to create": str(len(made.changes)),
        "Records rehearsed": f"{made.rehearsal.translated.total():,}",
    }
    if taken:
        facts["Entries from the workbook"] = f"{len(taken):,}"
    verdict = verdict_of_findings(
        findings,
        f"The mapping is in {bench.project.mapping.name}/, and in {WORKBOOK} for those who would rather fill in cells: "
        "review it, edit it, plan again, approve it.",
        'transload approve mapping --by "Your Name"',
    )
    tables = [entries_table(taken)] if taken else []
    if kept is not None:
        tables.append(differences_table(differences(kept, made.documents, made.fields)))
    mapped = [made.documents[entity] for entity in made.lines]
    tables += [overview_table(mapped, made.rehearsal.translated, made.target), *skipped_tables(made.documents)]
    tables += [
        changes_table(made.changes),
        *holds_tables(bench, mapped, made.target),
        *proposals_tables(made.proposals),
    ]
    tables += [mapping_table(made.documents[entity], lines) for entity, lines in made.lines.items()]
    tables += [losses_table(made.rehearsal.losses), passes_table(made.machinery)]
    report = report_of(bench, "Plan of the migration", verdict, facts, findings, tables, [fate_chart(made.lines)])
    return replace(report, files={WORKBOOK: "the same as a workbook, to fill in and take back"})


_HEADER = """\
# How these records become rows. Edit it, then run `transload plan` and approve again.
# Every source field stands here once: in a rule, or under `dropped` with a reason.
"""


def _records(count: int, entity: str = "") -> str:
    """Return a number of records in words."""
    return " ".join(filter(None, [f"{count:,}", entity, "record" if count == 1 else "records"]))


def _findings(rehearsal: Rehearsal) -> list[Finding]:
    findings = [
        Finding("untranslatable", Severity.BLOCKER, f"{_records(count, entity)}: {reason}", "", remedy, count)
        for (entity, reason, remedy), count in rehearsal.rejections.most_common()
    ]
    kinds = Counter((loss.key.entity, loss.column, loss.kind) for loss in rehearsal.losses)
    findings += [
        Finding(
            "loss",
            Severity.WARNING,
            f"{entity}: {column} {kind} in {_records(count)}",
            "Listed in the lossy ledger below.",
            "Accept it with the approval, or give the rule a larger column.",
            count,
        )
        for (entity, column, kind), count in kinds.most_common()
    ]
    return findings
