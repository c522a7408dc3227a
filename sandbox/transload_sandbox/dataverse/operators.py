"""The named conditions of the platform, as ``$filter`` functions and FetchXML operators share them.

A FetchXML operator is the same condition under another spelling: ``on-or-after`` is ``OnOrAfter``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.literals import coerce_text
from transload_sandbox.dataverse.model import Column, Stored, Table
from transload_sandbox.dataverse.periods import COUNTED, FIXED, Period, fiscal_period
from transload_sandbox.dataverse.relationships import tree_column
from transload_sandbox.dataverse.values import edm_type, parse_time

Condition = sa.ColumnElement[bool]
Expression = sa.ColumnElement[Stored]

_COMPARISONS: Mapping[str, Callable[[Expression, Expression], Condition]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
}
_SPELLINGS = {
    "contain-values": "ContainValues",
    "eq-businessid": "EqualBusinessId",
    "eq-or-above": "AboveOrEqual",
    "eq-or-under": "UnderOrEqual",
    "eq-userid": "EqualUserId",
    "eq-userlanguage": "EqualUserLanguage",
    "eq-useroruserhierarchy": "EqualUserOrUserHierarchy",
    "eq-useroruserhierarchyandteams": "EqualUserOrUserHierarchyAndTeams",
    "eq-useroruserteams": "EqualUserOrUserTeams",
    "eq-userteams": "EqualUserTeams",
    "last-seven-days": "Last7Days",
    "ne-businessid": "NotEqualBusinessId",
    "ne-userid": "NotEqualUserId",
    "next-seven-days": "Next7Days",
    "not-contain-values": "DoesNotContainValues",
}
_OTHER_NAMES = {"NotBusinessId": "NotEqualBusinessId", "NotUserId": "NotEqualUserId"}
"""Names that public clients use beside those in the documentation's text."""


def spelled(operator: str) -> str:
    """Return the function name of a FetchXML operator."""
    known = _SPELLINGS.get(operator)
    plain = operator.replace("olderthan", "older-than")
    return known or "".join(part.capitalize() for part in plain.split("-"))


def compare(operator: str, left: Expression, right: Expression) -> Condition:
    """Return a comparison: eq, ne, gt, ge, lt, le."""
    return _COMPARISONS[operator](left, right)


def compare_value(operator: str, left: Expression, value: Stored) -> Condition:
    """Return a comparison with a constant; null has no order, and ``ne`` also finds rows without a value."""
    if value is None:
        return left.is_(None) if operator == "eq" else left.is_not(None)
    if operator == "ne":
        return sa.or_(sa.not_(_equal(left, value)), left.is_(None))
    return _equal(left, value) if operator == "eq" else compare(operator, left, sa.literal(value))


def _equal(left: Expression, value: Stored) -> Condition:
    """Return whether a value is another; the columns' own collation knows the case of plain letters only."""
    if isinstance(value, str) and not value.isascii():
        return match(left, re.sub(r"([%_\[])", r"[\1]", value))
    return left == value


def match(expression: Expression, pattern: str) -> Condition:
    """Return whether a text fits a pattern of the service's database: ``%``, ``_``, ``[a-f]`` and ``[^a-f]``."""
    if "[" not in pattern and pattern.isascii():
        return expression.like(pattern)
    return sa.func.dataverse_like(expression, pattern) == 1


def _one_of(left: Expression, column: Column, values: Sequence[object]) -> Condition:
    wanted = [coerce_text(column, each) for each in values]
    plain = [each for each in wanted if not isinstance(each, str) or each.isascii()]
    return sa.or_(left.in_(plain), *(_equal(left, each) for each in wanted if each not in plain))


class Operators:
    """Named conditions as one user means them."""

    def __init__(self, environment: Environment, caller_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id
        self._special: Mapping[str, Callable[[Table, Expression, Column, Sequence[object]], Condition]] = {
            "Between": lambda _t, left, column, values: self._between(left, column, values),
            "NotBetween": lambda _t, left, column, values: sa.not_(self._between(left, column, values)),
            "In": lambda _t, left, column, values: _one_of(left, column, values),
            "NotIn": lambda _t, left, column, values: sa.or_(sa.not_(_one_of(left, column, values)), left.is_(None)),
            "ContainValues": lambda _t, left, column, values: self._contains(left, column, values),
            "DoesNotContainValues": lambda _t, left, column, values: sa.or_(
                sa.not_(self._contains(left, column, values)), left.is_(None)
            ),
            "On": lambda _t, left, column, values: self._on(left, column, values, "On"),
            "NotOn": lambda _t, left, column, values: sa.not_(self._on(left, column, values, "On")),
            "OnOrAfter": lambda _t, left, column, values: self._on(left, column, values, "OnOrAfter"),
            "OnOrBefore": lambda _t, left, column, values: self._on(left, column, values, "OnOrBefore"),
            "EqualUserLanguage": lambda _t, left, _c, _v: left == 1033,
            "InFiscalPeriod": lambda _t, left, _c, values: _in_quarter(left, _count(values)),
        }

    def condition(
        self, name: str, table: Table, expression: Expression, column: Column, values: Sequence[object]
    ) -> Condition:
        """Build a condition.

        Args:
            name: The query function without its namespace.
            table: Table of the column.
            expression: The column in SQL.
            column: The column.
            values: Parameters other than the property, as text or numbers.

        Raises:
            ODataError: No such function, or values that do not fit.
        """
        name = _OTHER_NAMES.get(name, name)
        if name in self._special:
            return self._special[name](table, expression, column, values)
        if name in FIXED:
            return _within(expression, column, FIXED[name](self._now()))
        if name in COUNTED:
            return _within(expression, column, COUNTED[name](self._now(), _count(values)))
        if "FiscalPeriodAndYear" in name and len(values) == 2:
            return self._fiscal(name, expression, column, values)
        if name.startswith(("Above", "Under", "NotUnder")):
            return self._hierarchy(name, table, expression, column, values)
        if name.startswith(("Equal", "NotEqual")):
            return self._principal(name, expression)
        raise errors.unsupported(f"The query function {name} is not supported.")

    def _now(self) -> datetime:
        return datetime.fromisoformat(self.environment.now())

    def _between(self, left: Expression, column: Column, values: Sequence[object]) -> Condition:
        if len(values) != 2:
            raise errors.unsupported("The function Between needs two values.")
        first, last = (coerce_text(column, value) for value in values)
        return left.between(sa.literal(first), sa.literal(last))

    def _contains(self, left: Expression, column: Column, values: Sequence[object]) -> Condition:
        wanted = [str(value).strip() for value in values]
        if column.type != "MultiSelectPicklist":
            raise errors.unsupported("The function ContainValues needs a choices column.")
        if not all(value.lstrip("-").isdigit() for value in wanted):
            raise errors.invalid_argument(f"{wanted} are not values of {column.name}.")
        padded = sa.literal(",").concat(left).concat(",")
        return sa.or_(*(padded.contains(f",{value},") for value in wanted))

    def _on(self, left: Expression, column: Column, values: Sequence[object], name: str) -> Condition:
        moment = parse_time(values[0]) if len(values) == 1 else None
        if moment is None:
            raise errors.unsupported(f"The function {name} needs a date.")
        start = datetime.fromisoformat(moment).replace(hour=0, minute=0, second=0)
        end = start + timedelta(days=1)
        period: Mapping[str, Period] = {"On": (start, end), "OnOrAfter": (start, None), "OnOrBefore": (None, end)}
        return _within(left, column, period[name])

    def _fiscal(self, name: str, left: Expression, column: Column, values: Sequence[object]) -> Condition:
        start, end = fiscal_period(_count(values[:1]), _count(values[1:]))
        if name.startswith("InOrAfter"):
            return _within(left, column, (start, None))
        if name.startswith("InOrBefore"):
            return _within(left, column, (None, end))
        return _within(left, column, (start, end))

    def _hierarchy(
        self, name: str, table: Table, left: Expression, column: Column, values: Sequence[object]
    ) -> Condition:
        target = self.environment.model.tables.get(column.targets[0]) if column.targets else table
        if target is None or tree_column(target) is None or len(values) != 1:
            raise errors.unsupported(f"The function {name} needs a row of a hierarchical table.")
        row_id = str(coerce_text(target.columns[target.primary_id], values[0]))
        found = self._ancestors(target, row_id) if name.startswith("Above") else self.below(target, [row_id])
        if name.endswith("OrEqual"):
            found = [*found, row_id]
        return sa.or_(left.not_in(found), left.is_(None)) if name == "NotUnder" else left.in_(found)

    def _ancestors(self, table: Table, row_id: str) -> list[str]:
        found: list[str] = []
        row = self.environment.store.fetch(table, [row_id]).get(row_id)
        while row is not None and row[str(tree_column(table))] is not None:
            parent = str(row[str(tree_column(table))])
            if parent in found:
                break
            found.append(parent)
            row = self.environment.store.fetch(table, [parent]).get(parent)
        return found

    def below(self, table: Table, row_ids: list[str]) -> list[str]:
        """Return the ids of all rows below some rows of a hierarchical table."""
        found: dict[str, None] = {}
        level = row_ids
        while level:
            rows = self.environment.store.find_in(table, str(tree_column(table)), level)
            level = [str(row[table.primary_id]) for row in rows if str(row[table.primary_id]) not in found]
            found |= dict.fromkeys(level)
        return list(found)

    def _principal(self, name: str, left: Expression) -> Condition:
        tables = self.environment.model.tables
        me = [self.caller_id]
        unit = self.environment.business_unit("systemuser", self.caller_id)
        reports = self.below(tables["systemuser"], me) if "Hierarchy" in name else []
        groups: Mapping[str, list[str]] = {
            "EqualUserId": me,
            "EqualBusinessId": [str(unit)],
            "EqualUserTeams": self._teams(me),
            "EqualUserOrUserTeams": [*me, *self._teams(me)],
            "EqualUserOrUserHierarchy": [*me, *reports],
            "EqualUserOrUserHierarchyAndTeams": [*me, *reports, *self._teams([*me, *reports])],
        }
        wanted = groups.get(name.removeprefix("Not"))
        if wanted is None:
            raise errors.unsupported(f"The query function {name} is not supported.")
        return sa.or_(left.not_in(wanted), left.is_(None)) if name.startswith("Not") else left.in_(wanted)

    def _teams(self, users: list[str]) -> list[str]:
        membership = self.environment.model.tables.get("teammembership")
        if membership is None:
            return []
        return [str(row["teamid"]) for row in self.environment.store.find_in(membership, "systemuserid", users)]


def _count(values: Sequence[object]) -> int:
    text = str(values[0]) if len(values) == 1 else ""
    if not re.fullmatch(r"-?\d{1,6}", text):
        raise errors.unsupported("The query function needs a whole number.")
    return int(text)


def _within(left: Expression, column: Column, period: Period) -> Condition:
    if edm_type(column) not in {"Edm.DateTimeOffset", "Edm.Date"}:
        raise errors.unsupported(f"The column {column.name} holds no date.")
    length = 10 if edm_type(column) == "Edm.Date" else 20
    start, end = (
        moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")[:length] if moment else None for moment in period
    )
    bounds = [left >= start] if start else [left.is_not(None)]
    return sa.and_(*bounds, left < end) if end else sa.and_(*bounds)


def _in_quarter(left: Expression, period: int) -> Condition:
    months = [f"{month:02d}" for month in range(3 * period - 2, 3 * period + 1)]
    return sa.func.substr(left, 6, 2).in_(months)
