"""What is held in the target while rows are loaded, as the plan and the list of `prepare` show it."""

from collections.abc import Iterable

from transload._pipeline.compare import same
from transload._pipeline.holder import name_of, read_settings, said_of
from transload._pipeline.holds import Hold, compile_holds
from transload._reports import Column, Table, Tone
from transload._stages.bench import Bench
from transload.mapping import Mapping as MappingDocument
from transload.values import EntityName, TableName, TargetSchema

_NOTE = (
    "Nobody has to do anything. A command that loads such rows sets it just before the first of them, and sets it back "
    "when it ends, however it ends; in between the target works as the client has it. What people change stays."
)


def holds_tables(bench: Bench, documents: Iterable[MappingDocument], target: TargetSchema) -> list[Table]:
    """Return the settings that are held, with what they say now, when there are any."""
    holds: dict[tuple[TableName, str], tuple[Hold, list[EntityName]]] = {}
    for entity, its in compile_holds(documents, target).items():
        for hold in its:
            holds.setdefault(hold.place, (hold, []))[1].append(entity)
    rows = [row for hold, entities in holds.values() for row in _rows(bench, hold, entities)]
    columns = [Column("setting", "Setting"), Column("table", "Table"), Column("column", "Column"),
               Column("now", "Says now"), Column("during", "During the load"), Column("for", "For rows of"),
               Column("standing", "Standing", badge=True)]  # fmt: skip
    return [Table("Settings that are held during the load", columns, rows, _NOTE, "tone")] if rows else []


def _rows(bench: Bench, hold: Hold, entities: list[EntityName]) -> list[dict[str, object]]:
    return [
        {
            "setting": name_of(hold.column),
            "table": hold.table.label,
            "column": hold.column.name,
            "now": said_of(hold.column, now),
            "during": said_of(hold.column, hold.value),
            "for": ", ".join(entities),
            "standing": "stays as it is" if same(now, hold.value) else "set, and set back",
            "tone": Tone.GOOD if same(now, hold.value) else Tone.PLAIN,
        }
        for now in read_settings(bench.plugins, bench.context, hold).values()
    ]
