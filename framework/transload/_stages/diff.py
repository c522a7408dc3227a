"""The field-level diff: what the source says, what was wanted, what is in the target."""

from collections.abc import Mapping, Sequence

import orjson

from transload._pipeline.checks import FieldCheck, Mismatch
from transload._pipeline.fit import Unfit, as_text
from transload._reports import Column, Table, Tone
from transload._stages.bench import Bench, Machinery
from transload._stages.links import record_links, row_links
from transload._stages.reporting import counted
from transload.values import ColumnType, RecordKey, RowRef, TargetTable, Value

_WANTED = "as wanted"


def diff_table(bench: Bench, machinery: Machinery, checks: Sequence[FieldCheck]) -> Table:
    """Return the field-level diff, what differs first."""
    records = record_links(bench, machinery, (check.key for check in checks))
    rows = row_links(bench, (RowRef(check.table, check.row_id) for check in checks))
    tables = {mapper.table.name: mapper.table for mapper in machinery.mappings.values()}
    return Table(
        "Field-level diff",
        [Column("verdict", "Verdict", badge=True), Column("record", "Record", link="source_link"),
         Column("said", "Source"), Column("field", "Column", link="target_link"),
         Column("wanted", "Wanted"), Column("actual", "In the target")],
        [
            {
                "entity": check.key.entity,
                "record": str(check.key),
                "source_link": records.get(check.key),
                "table": check.table,
                "row": check.row_id,
                "target_link": rows.get(RowRef(check.table, check.row_id)),
                "column": check.column,
                "field": column_label(tables[check.table], check.column),
                "source": tell_source(check.source),
                "said": "\n".join(f"{name}: {_told(value)}" for name, value in check.source.items()) or None,
                "wanted": check.wanted or None,
                "actual": check.actual or None,
                "verdict": check.mismatch or _WANTED,
                "tone": _tone(check.mismatch),
            }
            for check in sorted(checks, key=lambda check: check.mismatch is None)
        ],
        tone_key="tone",
        filterable=True,
        filters=("entity", "field", "verdict"),
        compare=("wanted", "actual"),
        note="Wanted is what the mapping makes of the source, computed afresh; in the target is what was read back of "
        "the row. Where no source stands, the mapping itself gives the value. The record leads to its page in the "
        "source, the column to the row in the target.",
    )  # fmt: skip


def records_table(bench: Bench, machinery: Machinery, checks: Sequence[FieldCheck]) -> Table:
    """Return the verdict on each record, those with differences first."""
    by_row: dict[tuple[RecordKey, RowRef], list[FieldCheck]] = {}
    for check in checks:
        by_row.setdefault((check.key, RowRef(check.table, check.row_id)), []).append(check)
    records = record_links(bench, machinery, (key for key, _ in by_row))
    rows = row_links(bench, (ref for _, ref in by_row))
    tables = {mapper.table.name: mapper.table for mapper in machinery.mappings.values()}
    lines: list[dict[str, object]] = []
    for (key, ref), its in by_row.items():
        wrong = [check for check in its if check.mismatch is not None]
        table = tables[ref.table]
        lines.append(
            {
                "entity": key.entity, "record": str(key), "source_link": records.get(key),
                "name": _name(table, its) or "open", "table": table.label or ref.table, "row": ref.row_id,
                "target_link": rows.get(ref),
                "fields": len(its), "wrong": len(wrong),
                "which": ", ".join(column_label(table, check.column) for check in wrong) or None,
                "verdict": counted(len(wrong), "difference") if wrong else _WANTED,
                "tone": min((_tone(check.mismatch) for check in its), key=lambda tone: tone.rank),
            }
        )  # fmt: skip
    return Table(
        "Record by record",
        [Column("verdict", "Verdict", badge=True), Column("record", "Record", link="source_link"),
         Column("name", "Row", link="target_link"), Column("table", "Of"),
         Column("fields", "Fields compared", numeric=True), Column("which", "Different")],
        sorted(lines, key=lambda line: -int(str(line["wrong"]))),
        tone_key="tone",
        filterable=True,
        filters=("entity", "verdict"),
    )  # fmt: skip


def _name(table: TargetTable, checks: Sequence[FieldCheck]) -> str | None:
    """Return what people call a row: its name, or the first texts of one whose name the target puts together."""
    texts = {
        check.column: check.wanted
        for check in checks
        if (column := table.columns.get(check.column)) is not None and column.type is ColumnType.TEXT and check.wanted
    }
    return texts.get(table.name_column) or " ".join(list(texts.values())[:2]) or None


def column_label(table: TargetTable, name: str) -> str:
    """Return a column as people find it in the target: by the label of its forms, with its logical name."""
    column = table.columns.get(name)
    label = column.label if column is not None else ""
    return f"{label} ({name})" if label and label != name else name


def tell_source(fields: Mapping[str, Value]) -> str:
    """Return what the fields of a rule hold, as far as they are filled, a line each."""
    return "\n".join(_told(value) for value in fields.values() if value not in (None, "", ()))


def _told(value: Value) -> str:
    """Return a value of the source; null and empty text do not look the same."""
    if value is None:
        return "null"
    if value == "":
        return "empty text"
    if isinstance(value, Mapping) and isinstance(name := value.get("name"), str) and "digest" in value:
        return f"{name}, {value.get('size'):,} bytes"
    if isinstance(value, tuple):
        return ", ".join(map(_told, value)) or "none"
    try:
        return as_text(value)
    except Unfit:
        return orjson.dumps(value, default=str).decode()


def _tone(mismatch: Mismatch | None) -> Tone:
    if mismatch is None:
        return Tone.GOOD
    return Tone.WARN if mismatch in {Mismatch.PEOPLE, Mismatch.CLOSED} else Tone.BAD
