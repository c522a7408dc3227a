"""Filters as SQL: turns expression trees into conditions over one table and its lookups.

Two rules of the service that plain SQL does not share: text compares without case (the columns' collation
sees to it), and ``ne`` also finds rows without a value.
"""

from collections.abc import Sequence
from functools import cache

import sqlalchemy as sa

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.expressions import (
    Call,
    Compare,
    Lambda,
    Literal,
    Logic,
    Node,
    Not,
    Path,
    QueryFunction,
    Value,
)
from transload_sandbox.dataverse.model import Column, Model, Stored, Table
from transload_sandbox.dataverse.values import edm_type, parse_guid, parse_time

Condition = sa.ColumnElement[bool]
Source = sa.FromClause

_PATTERNS = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}


@cache
def source(table: Table) -> sa.TableClause:
    """Return the SQL table of a table."""
    return sa.table(table.name, *(sa.column(name) for name, _ in table.storage_columns()))


class Scope:
    """One table of a query with the lookups that the query walks along."""

    def __init__(self, model: Model, table: Table) -> None:
        self.model, self.table = model, table
        self.alias = source(table).alias("row")
        self.joined: Source = self.alias
        self.touched: set[str] = {table.name}
        """Tables that the query reads."""
        self._aliases: dict[tuple[str, ...], tuple[Table, Source]] = {(): (table, self.alias)}

    def column(self, names: Sequence[str]) -> tuple[sa.ColumnElement[Stored], Column]:
        """Return the SQL column of a property path.

        Raises:
            ODataError: A name on the way is no property.
        """
        table, alias = self._walk(tuple(names[:-1]))
        column = property_column(table, names[-1])
        return alias.c[column.name], column

    def _walk(self, path: tuple[str, ...]) -> tuple[Table, Source]:
        if path not in self._aliases:
            table, alias = self._walk(path[:-1])
            lookup, target = navigation(self.model, table, path[-1])
            joined = source(target).alias("_".join(path))
            on = alias.c[lookup.name] == joined.c[target.primary_id]
            self.joined = self.joined.outerjoin(joined, on)
            self.touched.add(target.name)
            self._aliases[path] = (target, joined)
        return self._aliases[path]

    def condition(self, node: Node) -> Condition:
        """Turn a filter into an SQL condition.

        Raises:
            ODataError: Unknown property, types that do not fit, or a form that is not supported.
        """
        if isinstance(node, Logic):
            operands = [self.condition(operand) for operand in node.operands]
            return sa.and_(*operands) if node.operator == "and" else sa.or_(*operands)
        if isinstance(node, Not):
            return sa.not_(sa.func.coalesce(self.condition(node.operand), sa.false()))
        if isinstance(node, Compare):
            return self._compare(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, QueryFunction):
            return self._function(node)
        if isinstance(node, Lambda):
            raise errors.unsupported("The any and all operators are not supported on this collection.")
        if isinstance(node, Path):
            expression, column = self.column(node.names)
            if column.type == "Boolean":
                return expression == 1
        raise ODataError(400, "0x0", "The $filter expression must evaluate to a single boolean value.")

    def _compare(self, node: Compare) -> Condition:
        if isinstance(node.left, Literal) and isinstance(node.right, Path):
            flipped = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}.get(node.operator, node.operator)
            return self._compare(Compare(flipped, node.right, node.left))
        if not isinstance(node.left, Path):
            raise errors.unsupported("A comparison must have a column on its left side.")
        left, column = self.column(node.left.names)
        if isinstance(node.right, Path):
            return _operation(node.operator, left, self.column(node.right.names)[0])
        if not isinstance(node.right, Literal):
            raise errors.unsupported("A comparison must have a value or a column on its right side.")
        value = coerce(column, node.right)
        if value is None:
            return left.is_(None) if node.operator == "eq" else left.is_not(None)
        if node.operator == "ne":
            return sa.or_(left != value, left.is_(None))
        return _operation(node.operator, left, sa.literal(value))

    def _call(self, node: Call) -> Condition:
        if len(node.arguments) != 2 or not isinstance(node.arguments[0], Path):
            raise errors.unsupported(f"The function {node.name} needs a column and a text.")
        expression, column = self.column(node.arguments[0].names)
        wanted = node.arguments[1]
        if not isinstance(wanted, Literal) or not isinstance(wanted.value, str):
            raise _mistyped(column, "function")
        return expression.like(_PATTERNS[node.name].format(wanted.value))

    def _function(self, node: QueryFunction) -> Condition:
        name = node.parameters.get("PropertyName")
        if not isinstance(name, str):
            raise errors.unsupported(f"The function {node.name} needs a PropertyName.")
        expression, column = self.column(name.split("/"))
        values = node.parameters.get("PropertyValues", node.parameters.get("PropertyValue"))
        wanted = [_coerce_text(column, value) for value in (values if isinstance(values, list) else [values])]
        if node.name == "In":
            return expression.in_(wanted)
        if node.name == "NotIn":
            return sa.or_(expression.not_in(wanted), expression.is_(None))
        if node.name in {"Between", "NotBetween"} and len(wanted) == 2:
            between = expression.between(sa.literal(wanted[0]), sa.literal(wanted[1]))
            return between if node.name == "Between" else sa.not_(between)
        if node.name in {"OnOrAfter", "OnOrBefore"}:
            operator = "ge" if node.name == "OnOrAfter" else "le"
            return _operation(operator, expression, sa.literal(wanted[0]))
        raise errors.unsupported(f"The query function {node.name} is not supported.")


def _operation(operator: str, left: sa.ColumnElement[Stored], right: sa.ColumnElement[Stored]) -> Condition:
    operations = {
        "eq": left == right,
        "ne": left != right,
        "gt": left > right,
        "ge": left >= right,
        "lt": left < right,
        "le": left <= right,
    }
    return operations[operator]


def property_column(table: Table, name: str) -> Column:
    """Return the column behind a property name.

    Raises:
        ODataError: The table has no such property; names are case-sensitive and lookups have their own form.
    """
    column = table.columns.get(name)
    if column is None and name.startswith("_") and name.endswith("_value"):
        column = table.columns.get(name[1:-6])
        column = column if column and column.is_lookup else None
    elif column is not None and column.is_lookup:
        column = None
    if column is None or not column.is_stored or not column.valid_for_read:
        raise errors.unknown_select(table.name, name)
    return column


def navigation(model: Model, table: Table, name: str) -> tuple[Column, Table]:
    """Return lookup and target table of a single-valued navigation property, the first of several targets.

    Raises:
        ODataError: The table has no such navigation property.
    """
    return navigations(model, table, name)[0]


def navigations(model: Model, table: Table, name: str) -> list[tuple[Column, Table]]:
    """Return lookup and target table for every target of a single-valued navigation property.

    Raises:
        ODataError: The table has no such navigation property.
    """
    found = [
        (column, model.tables[target])
        for column in table.lookups()
        for each, target in column.navigations()
        if each == name and target in model.tables
    ]
    if not found:
        raise errors.unknown_select(table.name, name)
    return found


def coerce(column: Column, literal: Literal) -> Stored:
    """Turn a literal into a stored value of a column.

    Raises:
        ODataError: The types do not fit.
    """
    value = literal.value
    if literal.kind == "null":
        return None
    expected = edm_type(column)
    if expected == "Edm.Guid":
        guid = parse_guid(value)
        if guid:
            return guid
    elif expected == "Edm.DateTimeOffset" and literal.kind in {"time", "text"}:
        moment = parse_time(value)
        if moment:
            return moment
    elif expected == "Edm.Date" and literal.kind == "time":
        return str(value)[:10]
    elif expected == "Edm.Boolean" and isinstance(value, bool):
        return int(value)
    elif expected == "Edm.String" and isinstance(value, str) and literal.kind == "text":
        return value
    elif expected in {"Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double"} and literal.kind == "number":
        return value if isinstance(value, int | float) else None
    raise _mistyped(column, literal.kind)


def _coerce_text(column: Column, value: object) -> Stored:
    """Query functions write every value as text or number: read it as the column needs it."""
    expected = edm_type(column)
    if isinstance(value, str) and expected in {"Edm.Int32", "Edm.Int64"} and value.lstrip("-").isdigit():
        return int(value)
    if isinstance(value, str) and expected in {"Edm.Decimal", "Edm.Double"}:
        try:
            return float(value)
        except ValueError as error:
            raise _mistyped(column, "text") from error
    if isinstance(value, str) and expected == "Edm.Boolean" and value in {"true", "false", "0", "1"}:
        return int(value in {"true", "1"})
    kinds = {bool: "boolean", int: "number", float: "number", str: "text"}
    kind = "time" if expected == "Edm.Date" and isinstance(value, str) else kinds.get(type(value), "null")
    checked: Value = value if isinstance(value, str | int | float | bool) else None
    return coerce(column, Literal(kind, checked))


def _mistyped(column: Column, kind: str) -> ODataError:
    given = {"text": "Edm.String", "number": "Edm.Int32", "guid": "Edm.Guid", "time": "Edm.DateTimeOffset"}
    return ODataError(
        400,
        "0x0",
        "A binary operator with incompatible types was detected. Found operand types "
        f"'{edm_type(column)}' and '{given.get(kind, kind)}' for operator kind 'Equal'.",
    )
