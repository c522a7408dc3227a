"""Plan: the mapping of every field, what the target needs for it, and a rehearsal.

The shipped mappings are completed from what the audit saw: a field that no rule names
and that some record fills is kept in a custom column, one that no record fills is
dropped as long as it stays empty. Documents that people have edited are kept as they are.
Then every staged record is translated, without sending anything, so that an unknown value
stops the plan and not the run at record 40,000.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from transload._files import replace_file
from transload._mistakes import nearest
from transload._pipeline.profile import FieldProfile, profile_records
from transload._pipeline.transform import custom_columns
from transload._reports import Column, Report, Table
from transload._stages.approvals import remember_plan
from transload._stages.bench import Bench, Machinery, assemble
from transload._stages.gates import require
from transload._stages.reporting import losses_table, report_of, verdict_of_findings
from transload._stages.schema_changes import missing_changes
from transload.errors import MappingError
from transload.mapping import CustomColumn, Dropped, FieldRule, MappingGap, Proposal, render_mapping
from transload.mapping import Mapping as MappingDocument
from transload.values import (
    ColumnType,
    EntityName,
    FieldType,
    Finding,
    Loss,
    Phase,
    Rejection,
    SchemaChange,
    Severity,
    TableName,
    TargetSchema,
)

_LONGEST_TEXT = 4000
_LONGEST_NAME = 50
_COLUMN_OF = {
    FieldType.INTEGER: ColumnType.INTEGER,
    FieldType.DECIMAL: ColumnType.DECIMAL,
    FieldType.BOOLEAN: ColumnType.BOOLEAN,
    FieldType.DATETIME: ColumnType.DATETIME,
    FieldType.DATE: ColumnType.DATE,
    FieldType.NESTED: ColumnType.MEMO,
}


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
    profiles = {
        entity: profile_records(r for batch in bench.ledger.staging.batches(entity) for r in batch)
        for entity in bench.ledger.staging.counts()
    }
    documents = bench.documents() if check else bench.all_documents()
    if not documents:
        raise MappingError("the plan", ["no enabled plugin maps anything from this source to this target"])
    proposals: list[Proposal] = []
    if not check:
        prefix = bench.target({}).custom_prefix
        become = {entity: document.table for entity, document in documents.items()}
        proposals = bench.plugins.propose_mapping(_gaps(documents, profiles), bench.context)
        documents = {
            entity: _complete(document.filled_in(prefix, become), _fields_of(bench, entity, profiles), prefix)
            for entity, document in documents.items()
        }
        written = bench.written_documents()
        for entity, document in documents.items():
            if written.get(entity) != document:  # otherwise people's comments stay
                replace_file(bench.project.mapping / f"{entity}.yaml", (_HEADER + render_mapping(document)).encode())
    _require_coverage(bench, documents, profiles)
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
    tables += [_mapping_table(document, target, profiles) for document in documents.values()]
    return report_of(
        bench, "Plan of the migration", verdict, facts, findings, [*tables, losses_table(rehearsal.losses)]
    )


_HEADER = """\
# How these records become rows. Edit it, then run `transload plan` and approve again.
# Every source field stands here once: in a rule, or under `dropped` with a reason.
"""


def _fields_of(
    bench: Bench, entity: str, profiles: Mapping[EntityName, dict[str, FieldProfile]]
) -> dict[str, FieldProfile]:
    """Return the fields that the source documents or that a record has, with their profiles."""
    documented = next((e.fields for e in bench.source().entities if e.name == entity), {})
    seen = profiles.get(EntityName(entity), {})
    return {**{name: FieldProfile(name) for name in documented}, **seen}


def _gaps(
    documents: Mapping[str, MappingDocument], profiles: Mapping[EntityName, dict[str, FieldProfile]]
) -> list[MappingGap]:
    """Return the filled fields that no rule covers."""
    return [
        MappingGap(
            entity, name, field.type, field.filled, field.filled + field.null + field.empty, field.longest,
            field.samples, TableName(documents[entity].table),
        )
        for entity, profile in profiles.items()
        if entity in documents and documents[entity].writes_rows
        for name, field in profile.items()
        if field.filled and name not in documents[entity].covered_fields()
    ]  # fmt: skip


def _complete(document: MappingDocument, fields: Mapping[str, FieldProfile], prefix: str) -> MappingDocument:
    """Add rules for the fields that the document does not mention."""
    covered = document.covered_fields()
    rules, dropped = dict(document.fields), dict(document.dropped)
    for name, profile in fields.items():
        if name in covered:
            continue
        if not document.writes_rows:
            dropped[name] = "the row is only recognised, not written"
        elif not profile.filled:
            dropped[name] = Dropped(reason="no record fills it", while_empty=True)
        else:
            rules[_column_name(prefix, name, rules)] = _kept(name, profile)
    return document.model_copy(update={"fields": rules, "dropped": dropped})


def _kept(name: str, profile: FieldProfile) -> FieldRule:
    """Return the rule that keeps a field in a custom column of its own."""
    kind = _COLUMN_OF.get(profile.type, ColumnType.TEXT)
    label, limit, precision = name.replace("_", " ").capitalize(), None, None
    convert: list[str] = ["json"] if profile.type is FieldType.NESTED else []
    if kind is ColumnType.DECIMAL:
        precision = min(10, max(2, profile.digits))
    if kind in {ColumnType.TEXT, ColumnType.MEMO}:
        # Room for what later records may hold: twice the longest, in round numbers.
        limit = next((size for size in (100, 250, 500, 1000, 2000, _LONGEST_TEXT) if size >= 2 * profile.longest), 0)
        kind, limit = (kind, limit) if limit else (ColumnType.MEMO, max(10_000, 4 * profile.longest))
    custom = CustomColumn(type=kind, label=label, max=limit, precision=precision)
    return FieldRule(from_=name, convert=convert, custom=custom)


def _column_name(prefix: str, field: str, taken: Mapping[str, object]) -> str:
    base = f"{prefix}_{re.sub('[^a-z0-9]', '', field.lower())}"[:_LONGEST_NAME]
    name, number = base, 2
    while name in taken:
        name, number = f"{base[: _LONGEST_NAME - 2]}{number}", number + 1
    return name


def _require_coverage(
    bench: Bench,
    documents: Mapping[str, MappingDocument],
    profiles: Mapping[EntityName, dict[str, FieldProfile]],
) -> None:
    """Refuse a mapping that says nothing about a field or an entity, or reads a field that there is not.

    Raises:
        MappingError: Something is not accounted for.
    """
    mistakes = [
        f"{entity}: the field `{name}` is neither used by a rule nor dropped with a reason"
        for entity, document in documents.items()
        for name in sorted(set(_fields_of(bench, entity, profiles)) - document.covered_fields())
    ]
    mistakes += [
        f"{entity}: {len(profile)} fields of its records are mapped nowhere; it has no mapping"
        for entity, profile in profiles.items()
        if entity not in documents and profile
    ]
    for entity, document in documents.items():
        known = sorted(_fields_of(bench, entity, profiles))
        for name in sorted(document.used_fields() - set(known)) if known else ():
            hint = nearest(name, known)
            mistakes.append(f"{entity}: the source has no field `{name}`{hint if 'did you' in hint else ''}")
    if mistakes:
        raise MappingError("the mapping", mistakes)


def _rehearse(bench: Bench, machinery: Machinery) -> _Rehearsal:
    rejections: Counter[tuple[EntityName, str, str]] = Counter()
    losses: list[Loss] = []
    translated = 0
    for entity, mapper in machinery.mappings.items():
        for phase in (phase for phase in Phase if mapper.has(phase)):
            for batch in bench.ledger.staging.batches(entity):
                translated += len(batch) if phase is Phase.ROWS else 0
                for result in bench.plugins.transform(batch, mapper.at(phase), bench.context):
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


def _mapping_table(
    document: MappingDocument,
    target: TargetSchema,
    profiles: Mapping[EntityName, dict[str, FieldProfile]],
) -> Table:
    profile = profiles.get(EntityName(document.entity), {})
    table = next(t for t in target.tables.values() if t.name == document.table)
    columns = {**custom_columns(document), **table.columns}
    rows: list[dict[str, object]] = []
    if document.key is not None and document.key.column is not None:
        rows.append(_row(profile, [document.key.from_], document.key.column, "text", "alternate key"))
    for name, rule in [*document.fields.items(), *document.finish.items(), *document.closing.items()]:
        kind = columns[name].type if name in columns else "closing message"
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
