"""The tables of the plan: what is written when, what has to be created, what becomes of every field."""

from collections.abc import Mapping, Sequence

from transload._pipeline.transform import new_table
from transload._reports import Chart, ChartKind, Column, Series, Table
from transload._stages.bench import Machinery
from transload._stages.since_plan import PlanDifference
from transload._workbook.edits import Change
from transload._workbook.lines import Block, Line
from transload.mapping import Mapping as MappingDocument
from transload.mapping import Proposal
from transload.values import EntityName, Phase, SchemaChange, TableName, TargetSchema


def overview_table(
    documents: Sequence[MappingDocument], counts: Mapping[EntityName, int], target: TargetSchema
) -> Table:
    """Return what becomes of what, in a line for each document.

    Args:
        documents: Those that carry something over.
        counts: How many records each of them reads.
        target: The live target.
    """
    rows = []
    for document in documents:
        table = target.tables.get(TableName(document.table)) or new_table(document)
        rows.append(
            {
                "entity": document.entity,
                "records": counts[EntityName(document.entity)],
                "label": _became(document, table.label if table is not None else document.table),
                "table": document.table,
                "note": _first_sentence(document.note),
            }
        )
    columns = [Column("entity", "Entity"), Column("records", "Records", numeric=True), Column("label", "Becomes"),
               Column("table", "Table"), Column("note", "In words")]  # fmt: skip
    return Table("What becomes of what", columns, rows, brief=True)


def _first_sentence(text: str) -> str:
    first, dot, _ = text.partition(". ")
    return f"{first}." if dot else first


def _became(document: MappingDocument, label: str) -> str:
    """Return what a record becomes, in words."""
    if document.link is not None:
        return f"a link of {label}"
    if document.match is None:
        return label
    return f"{label}, recognised or made" if document.match.create else f"{label}, recognised"


_PHASES = {
    Phase.ROWS: "rows",
    Phase.ACTIVATE: "activation",
    Phase.LINKS: "links, and lookups that had to wait",
    Phase.FINISH: "final state",
}


def passes_table(machinery: Machinery) -> Table:
    """Return what is written when."""
    return Table(
        "Passes, in dependency order",
        [Column("number", "Pass", numeric=True), Column("entity", "Entity"), Column("table", "Table"),
         Column("phase", "Writes"), Column("deferred", "Deferred lookups")],
        [
            {
                "number": step.number,
                "entity": step.entity,
                "table": machinery.mappings[step.entity].table.name,
                "phase": _PHASES[step.phase],
                "deferred": ", ".join(sorted(machinery.plan.deferred[step.entity]))
                if step.phase is Phase.LINKS
                else "",
            }
            for step in machinery.plan.passes
        ],
        brief=True,
    )  # fmt: skip


def proposals_tables(proposals: Sequence[Proposal]) -> list[Table]:
    """Return the proposals, when there are any."""
    if not proposals:
        return []
    columns = [Column("entity", "Entity"), Column("field", "Source field"), Column("column", "Proposed column"),
               Column("confidence", "Confidence"), Column("reason", "Reason")]  # fmt: skip
    rows = [
        {
            "entity": proposal.entity,
            "field": proposal.field,
            "column": proposal.answer,
            "confidence": proposal.certainty,
            "reason": proposal.reason,
        }
        for proposal in proposals
    ]
    note = (
        "Nothing of this is applied: until a person writes it into the mapping, each field has a custom column. "
        "A field that has no good target stays there."
    )
    return [Table("Proposals for fields that no rule covers", columns, rows, note=note, filterable=True)]


def changes_table(changes: Sequence[SchemaChange]) -> Table:
    """Return what `prepare` is going to create."""
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


def skipped_tables(documents: Mapping[str, MappingDocument]) -> list[Table]:
    """Return what is not carried over at all, when there is any."""
    rows = [{"entity": entity, "reason": it.skip} for entity, it in documents.items() if it.skip is not None]
    columns = [Column("entity", "Entity"), Column("reason", "Why nothing of it is carried over")]
    return [Table("Left behind", columns, rows, brief=True)] if rows else []


def mapping_table(document: MappingDocument, lines: Sequence[Line]) -> Table:
    """Return what becomes of every field of an entity."""
    return Table(
        f"{document.entity} becomes {document.table}",
        [Column("field", "Source field"), Column("filled", "Filled", numeric=True),
         Column("samples", "Samples"), Column("column", "Target column"), Column("type", "Type"),
         Column("how", "How")],
        [
            {
                "field": "\n".join(line.fields),
                "filled": line.filled,
                "samples": "\n".join(line.samples),
                "column": "" if line.block is Block.DROPPED else line.name,
                "type": line.type,
                "how": f"dropped: {line.reason}" if line.block is Block.DROPPED else line.how,
            }
            for line in lines
        ],
        note=document.note,
        filterable=True,
    )  # fmt: skip


def entries_table(changes: Sequence[Change]) -> Table:
    """Return what was taken over from a workbook."""
    return Table(
        "Taken over from the workbook",
        [Column("place", "Cell"), Column("entity", "Entity"), Column("name", "Field"), Column("what", "What"),
         Column("before", "Before"), Column("now", "Now")],
        [
            {
                "place": change.place,
                "entity": change.entity,
                "name": change.name,
                "what": change.what,
                "before": change.before,
                "now": change.now,
            }
            for change in changes
        ],
        filterable=True,
        brief=True,
    )  # fmt: skip


def differences_table(differences: Sequence[PlanDifference]) -> Table:
    """Return what is not as it was when the plan was made before."""
    return Table(
        "Since the last plan",
        [Column("entity", "Entity"), Column("what", "What"), Column("name", "Field or column"),
         Column("before", "Before"), Column("now", "Now")],
        [
            {
                "entity": difference.entity,
                "what": difference.what,
                "name": difference.name,
                "before": difference.before,
                "now": difference.now,
            }
            for difference in differences
        ],
        filterable=True,
        brief=True,
    )  # fmt: skip


def fate_chart(lines: Mapping[str, Sequence[Line]]) -> Chart:
    """Return what becomes of the lines of each entity: columns that are there, new columns, dropped."""
    fates = [
        ("column of the target", [sum(_is_kept(line) and not line.custom for line in its) for its in lines.values()]),
        ("new column", [sum(line.custom for line in its) for its in lines.values()]),
        ("dropped", [sum(line.block is Block.DROPPED for line in its) for its in lines.values()]),
    ]
    series = [Series(label, numbers) for label, numbers in fates]
    return Chart("What becomes of fields", list(lines), series, ChartKind.STACKED, "rules and dropped fields")


def _is_kept(line: Line) -> bool:
    return line.block is not Block.DROPPED
