"""Tells what a column holds, and where that comes from, as people know the two systems."""

from collections.abc import Mapping

from transload._pipeline.compare import show
from transload._pipeline.transform import CompiledMapping, state_column, status_column
from transload.values import Cell, Record, RecordKey, RowRef, TargetColumn, Value


def tell(cell: Cell, column: TargetColumn | None, known: Mapping[RowRef, RecordKey]) -> str:
    """Return a cell as people who know the target know it: options by label, rows by their record.

    Args:
        cell: The cell.
        column: Its column, which has the labels.
        known: The records of rows.
    """
    if isinstance(cell, tuple):
        return ", ".join(tell(one, column, known) for one in cell)
    if isinstance(cell, RowRef) and cell in known:
        return f"{known[cell]} ({cell.table})"
    if isinstance(cell, int) and not isinstance(cell, bool) and column is not None and cell in column.options:
        return f"{column.options[cell]} ({cell})"
    return show(cell)


def told_columns(mapper: CompiledMapping) -> Mapping[str, TargetColumn]:
    """Return the columns of a table, with the states that rows of it can be in."""
    states = mapper.table.states
    return {**mapper.table.columns, "statecode": state_column(states), "statuscode": status_column(states)}


def source_of(mapper: CompiledMapping, record: Record, column: str) -> Mapping[str, Value]:
    """Return what a record holds in the fields from which a column comes; nothing when they are none."""
    rules = {**mapper.document.fields, **mapper.document.finish, **mapper.document.computed}
    if column in rules:
        return {name: record.fields.get(name) for name in rules[column].sources}
    key = mapper.document.key
    return {key.from_: str(record.key.source_id)} if key is not None and key.column == column else {}
