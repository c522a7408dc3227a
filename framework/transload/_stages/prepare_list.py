"""The dry run of prepare: the list of changes, for an administrator who would rather click. Writes nothing."""

from collections.abc import Mapping, Sequence

from transload._reports import Column, Report, Table, Tone, Verdict
from transload._stages.bench import Bench
from transload._stages.holds_table import holds_tables
from transload._stages.reporting import report_of
from transload._stages.schema_changes import misfits, missing_changes, wanted_changes
from transload.values import ColumnType, SchemaChange, SchemaKind, TargetColumn, TargetSchema

_KINDS = {
    ColumnType.TEXT: "Single line of text",
    ColumnType.MEMO: "Multiple lines of text",
    ColumnType.INTEGER: "Whole number",
    ColumnType.DECIMAL: "Decimal number",
    ColumnType.MONEY: "Currency",
    ColumnType.BOOLEAN: "Yes/No",
    ColumnType.CHOICE: "Choice",
    ColumnType.CHOICES: "Choices, several at once",
    ColumnType.DATETIME: "Date and time",
    ColumnType.DATE: "Date only",
    ColumnType.LOOKUP: "Lookup",
    ColumnType.FILE: "File",
}
_HEADS = [
    Column("step", "Step", numeric=True), Column("kind", "Make"), Column("name", "Name"),
    Column("label", "Label"), Column("type", "Type"), Column("length", "Length", numeric=True),
    Column("digits", "Decimals", numeric=True), Column("options", "Options, in this order"),
    Column("other", "Points to, or is over"), Column("standing", "Standing", badge=True),
]  # fmt: skip

_READERS = (
    "In each security role: reading at the level User for rows of their own, Organisation for all. Who cannot read a "
    "table cannot own its rows either. Give more where people are to enter or change them."
)


def list_changes(bench: Bench) -> Report:
    """Return every table, column, link and key that the mapping needs, in the order to create, and what is there."""
    documents = bench.documents()
    target = bench.target(documents)
    changes = wanted_changes(documents.values(), target)
    missing = {str(change) for change in missing_changes(documents.values(), target)}
    unfit = misfits(documents.values(), target)
    rows = [_row(step, change, missing, unfit) for step, change in enumerate(changes, 1)]
    return report_of(
        bench, "What prepare would create", _verdict(len(missing), unfit),
        {"To create": f"{len(missing):,}", "There already": f"{len(changes) - len(missing) - len(unfit):,}",
         "Do not fit": f"{len(unfit):,}", "Prefix of the names": target.custom_prefix or "none"},
        tables=[*_tables(changes, rows, target), *holds_tables(bench, documents.values(), target)],
    )  # fmt: skip


def _verdict(missing: int, unfit: Mapping[str, str]) -> Verdict:
    if unfit:
        change, reason = next(iter(unfit.items()))
        return Verdict(Tone.BAD, f"{len(unfit):,} of what is there cannot serve", f"{change}: {reason}")
    if not missing:
        return Verdict(Tone.GOOD, "Everything is there and fits", "Nothing was written.", "transload prepare")
    detail = "Nothing was written. Make them by hand, or let `transload prepare` do it; afterwards it verifies them."
    return Verdict(Tone.GOOD, f"{missing:,} to create", detail, "transload prepare")


def _tables(changes: Sequence[SchemaChange], rows: Sequence[Mapping[str, object]], target: TargetSchema) -> list[Table]:
    """Return the steps: new tables first, then table by table, then the relationships."""
    pairs = list(zip(changes, rows, strict=True))
    limits = [row for change, row in pairs if change.kind is SchemaKind.LIMIT]
    first = [row for change, row in pairs if change.kind is SchemaKind.TABLE]
    links = [row for change, row in pairs if change.kind is SchemaKind.LINK]
    readers = [row for change, row in pairs if change.kind is SchemaKind.READER]
    owners = dict.fromkeys(c.table for c, _ in pairs if c.kind in {SchemaKind.COLUMN, SchemaKind.KEY})
    prefix = target.custom_prefix
    note = f"Make everything in one solution, whose publisher has the prefix {prefix}." if prefix else ""
    made = [Table("Limits to raise, in bytes", _HEADS, limits, tone_key="tone")] if limits else []
    made += [Table("New tables, before all else", _HEADS, first, note, "tone")] if first else []
    for table in owners:
        its = [row for c, row in pairs if c.table == table and c.kind in {SchemaKind.COLUMN, SchemaKind.KEY}]
        known = target.tables.get(table)
        title = f"{table} ({known.label})" if known is not None and known.label else str(table)
        made.append(Table(title, _HEADS, its, "Columns first, then keys.", "tone", filterable=True))
    made += [Table("Many-to-many relationships", _HEADS, links, tone_key="tone")] if links else []
    made += [Table("Who may read the new tables", _HEADS, readers, _READERS, "tone")] if readers else []
    return made


def _row(step: int, change: SchemaChange, missing: set[str], unfit: Mapping[str, str]) -> dict[str, object]:
    column = change.column
    tone, standing = Tone.GOOD, "there, fits"
    if str(change) in missing:
        tone, standing = Tone.PLAIN, "to create"
    if reason := unfit.get(str(change)):
        tone, standing = Tone.BAD, reason
    made = {
        SchemaKind.LINK: "many-to-many relationship",
        SchemaKind.KEY: "alternate key",
        SchemaKind.LIMIT: "largest file",
        SchemaKind.READER: "right of a security role",
    }
    return {
        "step": step, "kind": made.get(change.kind, str(change.kind)), "name": change.name, "tone": tone,
        "label": f"{change.label}; several: {change.plural}" if change.plural else change.label,
        "standing": standing, "other": _other(change), **_column_cells(column),
    }  # fmt: skip


def _column_cells(column: TargetColumn | None) -> dict[str, object]:
    if column is None:
        return {"type": None, "length": None, "digits": None, "options": None}
    return {
        "type": _KINDS.get(column.type, str(column.type)),
        "length": column.max_length,
        "digits": column.precision,
        "options": "\n".join(label for _, label in sorted(column.options.items())) or None,
    }


def _other(change: SchemaChange) -> str | None:
    if change.kind is SchemaKind.TABLE and change.column is not None:
        return f"rows are named by {change.column.name}"
    if change.kind is SchemaKind.LINK:
        return f"{change.table} and {change.other}"
    if change.kind is SchemaKind.READER:
        return change.table
    targets = change.column.targets if change.column is not None else ()
    return " + ".join(change.key_columns) or ", ".join(targets) or None
