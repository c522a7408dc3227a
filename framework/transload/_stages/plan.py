"""Plan: the mapping of every field, what the target needs for it, and a rehearsal.

The shipped mappings are completed from what the audit saw: a field that no rule names
and that some record fills is kept in a custom column, one that no record fills is
dropped as long as it stays empty. Documents that people have edited are kept as they are.
Then every staged record is translated, without sending anything, so that an unknown value
stops the plan and not the run at record 40,000.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from transload._files import replace_file
from transload._pipeline.extract import stage_given
from transload._pipeline.profile import FieldProfile, profile_records
from transload._pipeline.transform import custom_columns, new_table
from transload._reports import Column, Report, Table
from transload._stages.approvals import remember_plan
from transload._stages.bench import Bench, Machinery, assemble
from transload._stages.completion import complete, gaps, known_fields, require_coverage
from transload._stages.gates import require
from transload._stages.reporting import losses_table, report_of, verdict_of_findings
from transload._stages.schema_changes import missing_changes
from transload.errors import MappingError
from transload.mapping import FieldRule, Proposal, render_mapping
from transload.mapping import Mapping as MappingDocument
from transload.values import (
    EntityName,
    Finding,
    Loss,
    Phase,
    Rejection,
    SchemaChange,
    Severity,
    TableName,
    TargetSchema,
)


@dataclass(frozen=True, slots=True)
class _Rehearsal:
    """What translating every staged record gave."""

    translated: int
    rejections: Counter[tuple[EntityName, str, str]]
    losses: tuple[Loss, ...]


def plan(bench: Bench, check: bool = False) -> Report:
    """Complete and check the mappings.

    Args:
        bench: The bench.
        check: Only check the documents as they stand; write none of them.
    """
    require(bench, "audit")
    documents = bench.documents() if check else bench.all_documents()
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
        prefix = bench.target({}).custom_prefix
        become = {entity: document.table for entity, document in documents.items()}
        filled_in = {entity: document.filled_in(prefix, become) for entity, document in documents.items()}
        proposals = bench.plugins.propose_mapping(
            gaps(filled_in, fields), list(filled_in.values()), bench.target(filled_in), bench.context
        )
        documents = complete(filled_in, fields, prefix)
        written = bench.written_documents()
        for entity, document in documents.items():
            if written.get(entity) != document:  # otherwise people's comments stay
                replace_file(bench.project.mapping / f"{entity}.yaml", (_HEADER + render_mapping(document)).encode())
    require_coverage(documents, fields)
    machinery, target = assemble(bench, documents), bench.target(documents)
    changes = missing_changes(documents.values(), target)
    rehearsal = _rehearse(bench, machinery)
    findings = _findings(rehearsal)
    bench.ledger.notes.set_findings("plan", findings)
    remember_plan(bench, documents)
    facts = {
        "Entities": ", ".join(machinery.plan.entities),
        "Passes": str(len(machinery.plan.passes)),
        "Fields mapped": str(sum(len(d.used_fields()) for d in documents.values())),
        "Fields dropped": str(sum(len(d.dropped) for d in documents.values())),
        "Columns and keys to create": str(len(changes)),
        "Records rehearsed": f"{rehearsal.translated:,}",
    }
    verdict = verdict_of_findings(
        findings,
        f"The mapping is in {bench.project.mapping.name}/: review it, edit it, plan again, approve it.",
        'transload approve mapping --by "Your Name"',
    )
    tables = [_passes(machinery), _changes(changes), *_proposals(proposals)]
    tables += [_mapping_table(document, target, profiles) for document in documents.values() if document.skip is None]
    tables += _skipped(documents)
    return report_of(
        bench, "Plan of the migration", verdict, facts, findings, [*tables, losses_table(rehearsal.losses)]
    )


_HEADER = """\
# How these records become rows. Edit it, then run `transload plan` and approve again.
# Every source field stands here once: in a rule, or under `dropped` with a reason.
"""


def _rehearse(bench: Bench, machinery: Machinery) -> _Rehearsal:
    rejections: Counter[tuple[EntityName, str, str]] = Counter()
    losses: list[Loss] = []
    translated = 0
    for entity, mapper in machinery.mappings.items():
        for phase in (phase for phase in Phase if mapper.has(phase)):
            for batch in machinery.records.batches(entity):
                translated += len(batch) if phase is Phase.ROWS else 0
                results = bench.plugins.transform(batch, mapper.at(phase), bench.context)
                if phase is Phase.ROWS and mapper.computed:
                    results += [found for r in batch if isinstance(found := mapper.compute(r), Rejection)]
                for result in results:
                    if isinstance(result, Rejection):
                        reason = str(result.error).removeprefix(f"{result.key}: ")
                        rejections[entity, reason, result.error.remedy] += 1
                    else:
                        losses.extend(result.losses)
    return _Rehearsal(translated, rejections, tuple(losses))


def _findings(rehearsal: _Rehearsal) -> list[Finding]:
    findings = [
        Finding("untranslatable", Severity.BLOCKER, f"{count:,} {entity} records: {reason}", "", remedy, count)
        for (entity, reason, remedy), count in rehearsal.rejections.most_common()
    ]
    kinds = Counter((loss.key.entity, loss.column, loss.kind) for loss in rehearsal.losses)
    findings += [
        Finding(
            "loss",
            Severity.WARNING,
            f"{entity}: {column} {kind} in {count:,} records",
            "Listed in the lossy ledger below.",
            "Accept it with the approval, or give the rule a larger column.",
            count,
        )
        for (entity, column, kind), count in kinds.most_common()
    ]
    return findings


def _passes(machinery: Machinery) -> Table:
    return Table(
        "Passes, in dependency order",
        [Column("number", "Pass", numeric=True), Column("entity", "Entity"), Column("table", "Table"),
         Column("phase", "Writes"), Column("deferred", "Deferred lookups")],
        [
            {
                "number": step.number,
                "entity": step.entity,
                "table": machinery.mappings[step.entity].table.name,
                "phase": step.phase,
                "deferred": ", ".join(sorted(machinery.plan.deferred[step.entity]))
                if step.phase is Phase.LINKS
                else "",
            }
            for step in machinery.plan.passes
        ],
        brief=True,
    )  # fmt: skip


def _proposals(proposals: list[Proposal]) -> list[Table]:
    if not proposals:
        return []
    columns = [Column("entity", "Entity"), Column("field", "Source field"), Column("column", "Proposed column"),
               Column("confidence", "Confidence"), Column("reason", "Reason")]  # fmt: skip
    rows = [
        {
            "entity": proposal.entity,
            "field": proposal.field,
            "column": proposal.column,
            "confidence": f"{proposal.confidence:.0%}",
            "reason": proposal.reason,
        }
        for proposal in proposals
    ]
    note = "Nothing of this is applied: until a person writes it into the mapping, each field has a custom column."
    return [Table("Proposals for fields that no rule covers", columns, rows, note=note, filterable=True)]


def _changes(changes: list[SchemaChange]) -> Table:
    return Table(
        "What the target needs first",
        [Column("kind", "Kind"), Column("table", "Table"), Column("name", "Name"), Column("label", "Label"),
         Column("type", "Type")],
        [
            {
                "kind": change.kind,
                "table": change.table,
                "name": change.name,
                "label": change.label,
                "type": change.column.type if change.column else " + ".join(change.key_columns),
            }
            for change in changes
        ],
        note="`transload prepare` creates these after approval, and rollback removes them.",
        filterable=True,
    )  # fmt: skip


def _skipped(documents: Mapping[str, MappingDocument]) -> list[Table]:
    rows = [{"entity": entity, "reason": it.skip} for entity, it in documents.items() if it.skip is not None]
    columns = [Column("entity", "Entity"), Column("reason", "Why nothing of it is carried over")]
    return [Table("Left behind", columns, rows, brief=True)] if rows else []


def _mapping_table(
    document: MappingDocument,
    target: TargetSchema,
    profiles: Mapping[EntityName, dict[str, FieldProfile]],
) -> Table:
    profile = profiles.get(EntityName(document.source_entity), {})
    table = target.tables.get(TableName(document.table)) or new_table(document)
    columns = {**custom_columns(document), **(table.columns if table is not None else {})}
    rows: list[dict[str, object]] = []
    if document.key is not None and document.key.column is not None:
        rows.append(_row(profile, [document.key.from_], document.key.column, "text", "alternate key"))
    for name, rule in document.rules():
        kind = columns[name].type if name in columns else "link" if document.link is not None else "closing message"
        rows.append(_row(profile, list(rule.sources), name, kind, _how(rule)))
    rows += [
        _row(profile, [name], "", "", f"dropped: {document.dropped_rule(name).reason}") for name in document.dropped
    ]
    return Table(
        f"{document.entity} becomes {document.table}",
        [Column("field", "Source field"), Column("filled", "Filled", numeric=True),
         Column("samples", "Samples"), Column("column", "Target column"), Column("type", "Type"),
         Column("how", "How")],
        rows,
        note=document.note,
        filterable=True,
    )  # fmt: skip


def _row(profile: Mapping[str, FieldProfile], fields: list[str], column: str, kind: str, how: str) -> dict[str, object]:
    seen = [profile[name] for name in fields if name in profile]
    return {
        "field": "\n".join(fields),
        "filled": max((field.filled for field in seen), default=0),
        "samples": "\n".join(text for field in seen[:1] for text in field.samples),
        "column": column,
        "type": kind,
        "how": how,
    }


def _how(rule: FieldRule) -> str:
    """Say in words what a rule does."""
    parts = []
    if rule.value is not None:
        parts.append(f"always {rule.value!r}")
    if len(rule.sources) > 1:
        parts.append("joined" if rule.join is not None else "the first that is filled")
    if rule.converters:
        parts.append(f"converted: {', '.join(rule.converters)}")
    if rule.values is not None:
        parts.append("; ".join(f"{old} → {new}" for old, new in rule.values.items()))
    if rule.entities:
        parts.append(f"the row of the {' or '.join(rule.entities)}; if missing: {rule.missing}")
    if rule.find is not None:
        parts.append(f"the {rule.find.table} whose {rule.find.column} is equal")
    if rule.default is not None:
        parts.append(f"else {rule.default!r}")
    if rule.custom is not None:
        parts.append("custom column")
    return ". ".join(parts)
