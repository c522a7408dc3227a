"""How values, lookups and writes are told to people."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from transload._explain.trace import Conversion, RuleTrace
from transload._pipeline.compare import show
from transload._pipeline.resolve import lookup_name
from transload._stages.reporting import counted
from transload._workbook.lines import Block
from transload.values import (
    Associate,
    Cell,
    Lookup,
    RowRef,
    SetState,
    TargetColumn,
    TargetTable,
    Value,
    Write,
)


def tell_value(value: Value, indent: int | None = 1) -> str | None:
    """Return a value of the source as the source means it; None for its null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple | Mapping):
        return json.dumps(_plain(value), ensure_ascii=False, indent=indent)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def kind_of(value: Value) -> str:
    """Return what kind of value it is, as the source sent it."""
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            return name
    return "null"


_KINDS: Mapping[type | tuple[type, ...], str] = {
    str: "text", bool: "yes/no", int: "whole number", Decimal: "decimal", datetime: "time", date: "day",
    (tuple, Mapping): "nested",
}  # fmt: skip


def tell_cell(cell: Cell, column: TargetColumn | None) -> str:
    """Return a cell for people: options with their labels, open lookups by what they look for."""
    if isinstance(cell, tuple):
        return "\n".join(tell_cell(one, column) for one in cell)
    if isinstance(cell, Lookup):
        return lookup_name(cell)
    label = column.options.get(cell) if column is not None and isinstance(cell, int) else None
    return f"{cell} ({label})" if label is not None and not isinstance(cell, bool) else show(cell)


def tell_rule(trace: RuleTrace, table: TargetTable) -> str:
    """Return what a rule comes to."""
    if trace.problem:
        return trace.problem
    states = {state.value: state.label for state in table.states}
    statuses = {value: label for state in table.states for value, label in state.statuses.items()}
    labels = {"statecode": states, "statuscode": statuses}.get(trace.column, {})
    if trace.block in {Block.ACTIVATE, Block.FINISH} and isinstance(trace.cell, int):
        return f"{trace.cell} ({labels.get(trace.cell, '')})"
    return tell_cell(trace.cell, table.columns.get(trace.column))


def tell_conversions(trace: RuleTrace, offered_by: Mapping[str, str]) -> str:
    """Return step by step what conversions and the value map changed."""
    steps = [_tell_conversion(one, offered_by) for one in trace.conversions]
    if trace.mapped is not None:
        value, to = trace.mapped
        steps.append(f"value map: {value} \N{RIGHTWARDS ARROW} {'nothing' if to is None else to}")
    return "\n".join(steps)


def _tell_conversion(one: Conversion, offered_by: Mapping[str, str]) -> str:
    who = f"{one.name} ({offered_by[one.name]})"
    before, after = (_short(tell_value(value, indent=None)) for value in (one.before, one.after))
    kind = kind_of(one.after) if kind_of(one.before) != kind_of(one.after) else ""
    if one.problem or kind or before != after:
        after = one.problem or (f"{after} ({kind})" if kind and one.after is not None else after)
        return f"{who}: {before} \N{RIGHTWARDS ARROW} {after}"
    return f"{who}: no change"


_LONGEST = 200


def _short(text: str | None) -> str:
    if text is None:
        return "nothing"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"


def tell_write(write: Write, creates: bool) -> str:
    """Return what a write does, in a few words."""
    match write:
        case SetState():
            return f"state {write.state}, status {write.status}"
        case Associate():
            other = write.other if isinstance(write.other, RowRef) else lookup_name(write.other)
            return f"link through {write.relationship} with {other}"
    return f"{'create' if creates else 'change'} {counted(len(write.columns), 'column')}"


def tell_cells(cells: Mapping[str, Cell], table: TargetTable | None) -> str:
    """Return columns with their cells, one on each line."""
    known = table.columns if table is not None else {}
    return "\n".join(f"{name}: {tell_cell(cell, known.get(name)) or 'empty'}" for name, cell in cells.items())


def cells_of(write: Write) -> Mapping[str, Cell]:
    """Return what a write carries, by column."""
    match write:
        case SetState():
            return {"statecode": write.state, "statuscode": write.status, **write.columns}
        case Associate():
            return {write.relationship: write.other}
    return write.columns


def _plain(value: Value) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | bool | int | None) else str(value)
