"""``$apply``: filters, groups and aggregates over at most 50,000 rows."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.expressions import parse_filter
from transload_sandbox.dataverse.model import Column, Stored, Table
from transload_sandbox.dataverse.operators import Condition
from transload_sandbox.dataverse.options import Options, split
from transload_sandbox.dataverse.paging import MAX_PAGE
from transload_sandbox.dataverse.reader import Json, Reader, Within
from transload_sandbox.dataverse.scope import Expression, Scope
from transload_sandbox.dataverse.shapes import FORMATTED, format_value

MAX_AGGREGATED = 50_000
_TRANSFORMATION = re.compile(r"(filter|groupby|aggregate)\((.*)\)", re.DOTALL)
_AGGREGATE = re.compile(r"(?:([\w/]+)\s+with\s+(\w+)|(\$count))\s+as\s+(\w+)")
_FUNCTIONS: Mapping[str, Callable[[Expression], sa.ColumnElement[Any]]] = {
    "sum": lambda each: sa.func.sum(each),
    "average": lambda each: sa.func.avg(each),
    "min": lambda each: sa.func.min(each),
    "max": lambda each: sa.func.max(each),
    "countdistinct": lambda each: sa.func.count(sa.distinct(each)),
}
COUNTS = frozenset({"countdistinct", "count", "countcolumn"})


@dataclass(frozen=True, slots=True)
class Output:
    """One member of a result row."""

    name: str
    expression: sa.ColumnElement[Any]
    column: Column | None
    """Column whose type the values have; None for counts."""


class Aggregates:
    """Answers aggregate queries of one request."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def read(self, table: Table, options: Options, within: Within | None) -> Json:
        """Return the groups of a query.

        Raises:
            ODataError: A transformation that is not supported, or too many rows.
        """
        scope = Scope(self.reader.environment, table)
        where = self.reader.conditions(scope, options, within)
        keys: list[Output] = []
        values: list[Output] = []
        for part in split(options.apply or "", "/"):
            match = _TRANSFORMATION.fullmatch(part)
            if not match or keys or values:
                raise errors.unsupported(f"The transformation '{part}' in $apply is not supported.")
            name, inner = match.groups()
            if name == "filter":
                node = parse_filter(inner, self.reader.request.query)
                where.append(self.reader.filters.condition(scope, node))
            elif name == "groupby":
                keys, values = _parse_groups(scope, inner)
            else:
                values = _parse_aggregates(scope, inner)
        if any(name not in {key.name for key in keys} for name, _ in options.orderby):
            raise ODataError(400, "0x80060888", "The query node SingleValueOpenPropertyAccess is not supported")
        rows = aggregate(self.reader, scope, where, keys, values, MAX_AGGREGATED, _order(options, keys))
        shown = show_groups(self.reader, [*keys, *values], rows[: options.top or MAX_PAGE])
        context = f"{self.reader.request.base}$metadata#{table.entity_set}"
        return {"@odata.context": context, "value": shown}


def _order(options: Options, keys: Sequence[Output]) -> list[sa.UnaryExpression[Stored]]:
    by_name = {key.name: key.expression for key in keys}
    return [by_name[name].desc() if descends else by_name[name].asc() for name, descends in options.orderby]


def aggregate(
    reader: Reader,
    scope: Scope,
    where: Sequence[Condition],
    keys: Sequence[Output],
    values: Sequence[Output],
    limit: int,
    order: Sequence[sa.UnaryExpression[Stored]],
) -> list[tuple[Stored, ...]]:
    """Read groups, keys first.

    Raises:
        ODataError: The aggregate stands on more rows than the limit.
    """
    if reader.count_up_to(scope, where, limit) > limit:
        raise ODataError(400, "0x8004e023", "The maximum record limit is exceeded. Reduce the number of records.")
    columns = [each.expression.label(each.name) for each in (*keys, *values)]
    statement = sa.select(*columns).select_from(scope.joined).where(*where)
    if keys:
        by_key = [key.expression for key in keys]
        statement = statement.group_by(*by_key).order_by(*(order or by_key))
    return reader.environment.store.select(statement)


def show_groups(reader: Reader, outputs: Sequence[Output], rows: Sequence[tuple[Stored, ...]]) -> list[Json]:
    """Turn groups into what the client sees; members without a value are left out."""
    formatted = reader.annotator.wants(FORMATTED)
    shown: list[Json] = []
    for row in rows:
        each: Json = {}
        for output, value in zip(outputs, row, strict=True):
            if value is None:
                continue
            text = _format(output, value) if formatted else None
            if text is not None:
                each[f"{output.name}@{FORMATTED}"] = text
            is_flag = output.column is not None and output.column.type == "Boolean"
            each[output.name] = bool(value) if is_flag else value
        shown.append(each)
    return shown


def _format(output: Output, value: Stored) -> str | None:
    if output.column is None:
        return f"{value:,}" if isinstance(value, int) else str(value)
    return format_value(output.column, value)


def _parse_groups(scope: Scope, text: str) -> tuple[list[Output], list[Output]]:
    keys, *rest = split(text, ",")
    if not re.fullmatch(r"\(.*\)", keys, re.DOTALL) or len(rest) > 1:
        raise errors.unsupported(f"The transformation 'groupby({text})' in $apply is not supported.")
    match = _TRANSFORMATION.fullmatch(rest[0]) if rest else None
    if rest and (not match or match.group(1) != "aggregate"):
        raise errors.unsupported(f"The transformation '{rest[0]}' in $apply is not supported.")
    values = _parse_aggregates(scope, match.group(2)) if match else []
    return [_parse_key(scope, path) for path in split(keys[1:-1], ",")], values


def _parse_key(scope: Scope, path: str) -> Output:
    names = path.split("/")
    expression, column = scope.column(names)
    if column.type == "DateTime":
        raise errors.unsupported("Grouping by a date and time value is not supported.")
    table, _ = scope.walk(tuple(names[:-1]))
    name = f"{table.name}_{column.name}" if len(names) > 1 else column.property_name
    return Output(name, expression, column)


def _parse_aggregates(scope: Scope, text: str) -> list[Output]:
    outputs: Mapping[str, Output] = {each.name: each for each in (_parse_one(scope, p) for p in split(text, ","))}
    return list(outputs.values())


def _parse_one(scope: Scope, text: str) -> Output:
    match = _AGGREGATE.fullmatch(text)
    if not match:
        raise ODataError(400, "0x0", f"Syntax error at position 0 in 'aggregate({text})'.")
    path, function, count, name = match.groups()
    if count:
        return Output(name, sa.func.count(), None)
    if function not in _FUNCTIONS:
        raise errors.unsupported(f"The aggregation method '{function}' is not supported.")
    expression, column = scope.column(path.split("/"))
    return Output(name, _FUNCTIONS[function](expression), None if function in COUNTS else column)
