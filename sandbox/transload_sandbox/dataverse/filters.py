"""Filters as SQL: turns expression trees into conditions over the tables of a scope.

Two rules of the service that plain SQL does not share: text compares without case (the columns' collation
sees to it), and ``ne`` also finds rows without a value.
"""

import sqlalchemy as sa

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.literals import coerce, mistyped
from transload_sandbox.dataverse.model import Column, Stored
from transload_sandbox.dataverse.operators import Condition, Operators, compare, compare_value, match
from transload_sandbox.dataverse.relationships import ManyToMany, OneToMany, collections
from transload_sandbox.dataverse.scope import Scope, property_column
from transload_sandbox.dataverse.syntax import (
    Call,
    Compare,
    Lambda,
    Literal,
    Logic,
    Node,
    Not,
    Path,
    QueryFunction,
)
from transload_sandbox.dataverse.values import edm_type

_PATTERNS = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}
_FLIPPED = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}
_NAMES = {
    "eq": "Equal",
    "ne": "NotEqual",
    "gt": "GreaterThan",
    "ge": "GreaterThanOrEqual",
    "lt": "LessThan",
    "le": "LessThanOrEqual",
}


class Filters:
    """Builds conditions as one user means them."""

    def __init__(self, operators: Operators) -> None:
        self.operators = operators

    def condition(self, scope: Scope, node: Node) -> Condition:
        """Turn a filter into an SQL condition.

        Raises:
            ODataError: Unknown property, types that do not fit, or a form that is not supported.
        """
        if isinstance(node, Logic):
            operands = [self.condition(scope, operand) for operand in node.operands]
            return sa.and_(*operands) if node.operator == "and" else sa.or_(*operands)
        if isinstance(node, Not):
            return sa.not_(sa.func.coalesce(self.condition(scope, node.operand), sa.false()))
        if isinstance(node, Compare):
            return _compare(scope, node)
        if isinstance(node, Call):
            return _call(scope, node)
        if isinstance(node, QueryFunction):
            return self._function(scope, node)
        if isinstance(node, Lambda):
            return self._lambda(scope, node)
        if isinstance(node, Path):
            expression, column = scope.column(node.names)
            if column.type == "Boolean":
                return expression == 1
        if isinstance(node, Literal) and isinstance(node.value, bool):
            return sa.true() if node.value else sa.false()
        raise ODataError(400, "0x0", "The $filter expression must evaluate to a single boolean value.")

    def _function(self, scope: Scope, node: QueryFunction) -> Condition:
        parameters = dict(node.parameters)
        name = parameters.pop("PropertyName", None)
        if not isinstance(name, str):
            raise errors.unsupported(f"The function {node.name} needs a PropertyName.")
        names = name.split("/")
        if scope.variable and names[0] != scope.variable:
            names = [scope.variable, *names]
        *path, last = scope.own(names)
        table, alias = scope.walk(tuple(path))
        # Query functions name a lookup by its column.
        column = table.columns.get(last)
        if column is None or not column.is_lookup:
            column = property_column(table, last)
        values: list[object] = []
        for key, value in sorted(parameters.items()):
            if not key.startswith("PropertyValue"):
                raise errors.unsupported(f"The function {node.name} has no parameter '{key}'.")
            values += value if isinstance(value, list) else [value]
        return self.operators.condition(node.name, table, alias.c[column.name], column, values)

    def _lambda(self, scope: Scope, node: Lambda) -> Condition:
        names = scope.own(node.path.names)
        if len(names) > 1:
            raise errors.unsupported("Conditions on collections of a lookup are not supported.")
        found = collections(scope.model, scope.table).get(names[0])
        if found is None:
            raise errors.unknown_select(scope.table.name, names[0])
        inner = Scope(scope.environment, found.child, scope, node.variable)
        condition = self.condition(inner, node.condition) if node.condition is not None else sa.true()
        if node.operator == "all":
            condition = sa.not_(sa.func.coalesce(condition, sa.false()))
        matching = scope.primary.in_(related_ids(inner, found, condition))
        return sa.not_(matching) if node.operator == "all" else matching


def related_ids(inner: Scope, found: OneToMany | ManyToMany, condition: Condition) -> sa.Select[tuple[Stored]]:
    """Select the ids of the rows whose collection holds a row that fits a condition."""
    if isinstance(found, OneToMany):
        lookup = inner.alias.c[found.column.name]
        return sa.select(lookup).select_from(inner.joined).where(lookup.is_not(None), *_typed(inner, found), condition)
    intersect = intersect_source(inner, found)
    joined = inner.joined.join(intersect, intersect.c[found.far] == inner.primary)
    return sa.select(intersect.c[found.near]).select_from(joined).where(condition)


def intersect_source(scope: Scope, found: ManyToMany) -> sa.FromClause:
    """Return the SQL alias of the table that keeps a many-to-many relationship."""
    scope.environment.store.statements(scope.model.tables[found.link.intersect])
    return sa.table(found.link.intersect, sa.column(found.near), sa.column(found.far)).alias()


def belonging(scope: Scope, found: OneToMany | ManyToMany, row_ids: list[str]) -> Condition:
    """Return the condition that a row is in the collection of one of these rows."""
    if isinstance(found, OneToMany):
        return sa.and_(scope.alias.c[found.column.name].in_(row_ids), *_typed(scope, found))
    intersect = intersect_source(scope, found)
    return scope.primary.in_(sa.select(intersect.c[found.far]).where(intersect.c[found.near].in_(row_ids)))


def _typed(scope: Scope, found: OneToMany) -> list[Condition]:
    """Return the condition that a polymorphic lookup points to the table in question."""
    kind = found.column.type_column
    return [scope.alias.c[kind] == found.parent] if kind else []


def _compare(scope: Scope, node: Compare) -> Condition:
    if isinstance(node.left, Literal) and isinstance(node.right, Path):
        return _compare(scope, Compare(_FLIPPED.get(node.operator, node.operator), node.right, node.left))
    if isinstance(node.right, Literal) and isinstance(node.right.value, bool) and isinstance(node.left, Call):
        called = _call(scope, node.left)
        return called if node.right.value is (node.operator == "eq") else sa.not_(sa.func.coalesce(called, sa.false()))
    if not isinstance(node.left, Path):
        raise errors.unsupported("A comparison must have a column on its left side.")
    left, column = scope.column(node.left.names)
    if isinstance(node.right, Path):
        right, other = scope.column(node.right.names)
        if not _comparable(column, other):
            raise mistyped(column, edm_type(other), _NAMES[node.operator])
        return compare(node.operator, left, right)
    if not isinstance(node.right, Literal):
        raise errors.unsupported("A comparison must have a value or a column on its right side.")
    return compare_value(node.operator, left, coerce(column, node.right))


def _comparable(left: Column, right: Column) -> bool:
    numbers = {"Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double"}
    kinds = {edm_type(left), edm_type(right)}
    return len(kinds) == 1 or kinds <= numbers


def _call(scope: Scope, node: Call) -> Condition:
    if len(node.arguments) != 2 or not isinstance(node.arguments[0], Path):
        raise errors.unsupported(f"The function {node.name} needs a column and a text.")
    expression, column = scope.column(node.arguments[0].names)
    wanted = node.arguments[1]
    if edm_type(column) != "Edm.String" or not isinstance(wanted, Literal) or not isinstance(wanted.value, str):
        raise ODataError(
            400,
            "0x0",
            f"No function signature for the function with name '{node.name}' matches the specified arguments. "
            f"The function signatures considered are: {node.name}(Edm.String Nullable=true, Edm.String "
            "Nullable=true).",
        )
    return match(expression, _PATTERNS[node.name].format(wanted.value))
