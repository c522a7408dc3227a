"""The field-level diff: what the source says, what was wanted, what is in the target."""

from collections.abc import Sequence

from transload._pipeline.checks import FieldCheck, Mismatch
from transload._reports import Column, Table, Tone
from transload._stages.bench import Bench, Machinery
from transload._stages.links import record_links, row_links
from transload.values import RowRef


def diff_table(bench: Bench, machinery: Machinery, checks: Sequence[FieldCheck]) -> Table:
    """Return the field-level diff, what differs first."""
    records = record_links(bench, machinery, (check.key for check in checks))
    rows = row_links(bench, (RowRef(check.table, check.row_id) for check in checks))
    return Table(
        "Field-level diff",
        [Column("record", "Record", link="source_link"), Column("column", "Column"),
         Column("source", "Source"), Column("wanted", "Wanted"), Column("actual", "In the target"),
         Column("verdict", "Verdict", badge=True), Column("row", "Row", link="target_link")],
        [
            {
                "entity": check.key.entity,
                "record": str(check.key),
                "source_link": records.get(check.key),
                "table": check.table,
                "row": check.row_id,
                "target_link": rows.get(RowRef(check.table, check.row_id)),
                "column": check.column,
                "source": check.source,
                "wanted": check.wanted,
                "actual": check.actual,
                "verdict": check.mismatch or "as wanted",
                "tone": _tone(check.mismatch),
            }
            for check in sorted(checks, key=lambda check: check.mismatch is None)
        ],
        tone_key="tone",
        filterable=True,
        filters=("entity", "column", "verdict"),
        compare=("wanted", "actual"),
    )  # fmt: skip


def _tone(mismatch: Mismatch | None) -> Tone:
    if mismatch is None:
        return Tone.GOOD
    return Tone.WARN if mismatch is Mismatch.PEOPLE else Tone.BAD
