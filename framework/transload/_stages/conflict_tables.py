"""What changed on both sides, and what changed in the source after its row was closed, as a report shows it."""

from collections.abc import Sequence

from transload._pipeline.conflicts import CLOSED, Conflict
from transload._reports import Column, Table


def conflict_tables(conflicts: Sequence[Conflict]) -> list[Table]:
    """Return what was changed on both sides, and what was changed in the source after its row was closed for good."""
    both = [conflict for conflict in conflicts if conflict.rule != CLOSED]
    late = [conflict for conflict in conflicts if conflict.rule == CLOSED]
    columns = [Column("record", "Record"), Column("column", "Column"), Column("wrote", "Written last"),
               Column("source", "Source now"), Column("target", "Target now")]  # fmt: skip
    tables = [
        Table(
            "Conflicts: changed in the source and in the target",
            [*columns, Column("kept", "Kept"), Column("rule", "By")],
            list(map(_conflict_row, both)),
            note="`[delta]` in transload.toml says whose value stays; `ask` keeps the target's until a person decides.",
            filterable=True,
        ),
        Table(
            "Changed in the source after closing",
            columns,
            list(map(_conflict_row, late)),
            note="The target opens these rows no more, nor what belongs to them, so they stay as they are. Enter the "
            "change in the target by hand where it matters, or waive it after the reconciliation.",
            filterable=True,
        ),
    ]
    return [table for table in tables if table.rows]


def _conflict_row(conflict: Conflict) -> dict[str, object]:
    return {
        "record": str(conflict.key),
        "column": conflict.column,
        "wrote": conflict.wrote,
        "source": conflict.source,
        "target": conflict.target,
        "kept": conflict.kept,
        "rule": conflict.rule,
    }
