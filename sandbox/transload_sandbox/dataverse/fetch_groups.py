"""Groups and aggregates of FetchXML queries."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from transload_sandbox.dataverse.aggregates import COUNTS, Output
from transload_sandbox.dataverse.fetch import Attribute, Fetch, invalid
from transload_sandbox.dataverse.fetch_scope import FetchScope, Joined
from transload_sandbox.dataverse.model import Stored
from transload_sandbox.dataverse.scope import Expression

_FUNCTIONS: Mapping[str | None, Callable[[Expression], sa.ColumnElement[Any]]] = {
    "sum": lambda each: sa.func.sum(each),
    "avg": lambda each: sa.func.avg(each),
    "min": lambda each: sa.func.min(each),
    "max": lambda each: sa.func.max(each),
}
_DATE_PARTS: Mapping[str, Callable[[Expression], sa.ColumnElement[Any]]] = {
    "day": lambda moment: sa.cast(sa.func.strftime("%d", moment), sa.Integer),
    "week": lambda moment: sa.cast(sa.func.strftime("%W", moment), sa.Integer) + 1,
    "month": lambda moment: sa.cast(sa.func.strftime("%m", moment), sa.Integer),
    "quarter": lambda moment: (sa.cast(sa.func.strftime("%m", moment), sa.Integer) + 2).op("/")(3),
    "year": lambda moment: sa.cast(sa.func.strftime("%Y", moment), sa.Integer),
    "fiscal-year": lambda moment: sa.cast(sa.func.strftime("%Y", moment), sa.Integer),
    "fiscal-period": lambda moment: (sa.cast(sa.func.strftime("%m", moment), sa.Integer) + 2).op("/")(3),
}


def output_of(joined: Joined, attribute: Attribute) -> Output:
    """Return what an attribute of an aggregate query gives.

    Raises:
        ODataError: It has no alias, or asks for what there is not.
    """
    if not attribute.alias:
        raise invalid(f"The attribute '{attribute.name}' of an aggregate query needs an alias.")
    expression, column = joined.column(attribute.name)
    if attribute.groups:
        if attribute.dategrouping is None:
            return Output(attribute.alias, expression, column)
        part = _DATE_PARTS.get(attribute.dategrouping)
        if part is None:
            raise invalid(f"The dategrouping '{attribute.dategrouping}' is not supported.")
        return Output(attribute.alias, part(expression), None)
    if attribute.aggregate == "count":
        return Output(attribute.alias, sa.func.count(), None)
    if attribute.aggregate == "countcolumn":
        counted: sa.ColumnElement[Stored] = sa.distinct(expression) if attribute.distinct else expression
        return Output(attribute.alias, sa.func.count(counted), None)
    if attribute.aggregate not in _FUNCTIONS or attribute.aggregate in COUNTS:
        raise invalid(f"The aggregate '{attribute.aggregate}' is not supported.")
    return Output(attribute.alias, _FUNCTIONS[attribute.aggregate](expression), column)


def group_order(fetch: Fetch, scope: FetchScope, outputs: Sequence[Output]) -> list[sa.UnaryExpression[Stored]]:
    """Return what the groups are ordered by.

    Raises:
        ODataError: An order names no alias of the query.
    """
    by_name = {output.name: output.expression for output in outputs}
    orders = [order for joined in scope.tables.values() for order in joined.entity.orders]
    for order in orders:
        if order.alias not in by_name:
            raise invalid("An order of an aggregate query needs the alias of one of its attributes.")
    return [
        by_name[order.alias].desc() if order.descends else by_name[order.alias].asc()
        for order in orders
        if order.alias is not None
    ]
