"""The tables of a FetchXML query and its conditions as SQL."""

from collections.abc import Sequence

import sqlalchemy as sa

from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.fetch import Entity, FetchCondition, FetchFilter, invalid, no_attribute
from transload_sandbox.dataverse.literals import coerce_text
from transload_sandbox.dataverse.model import Column, Table
from transload_sandbox.dataverse.operators import Condition, Operators, compare, compare_value, match, spelled
from transload_sandbox.dataverse.scope import Expression, Scope, Source, source
from transload_sandbox.dataverse.visibility import visible

_COMPARISONS = {"eq": "eq", "ne": "ne", "neq": "ne", "gt": "gt", "ge": "ge", "lt": "lt", "le": "le"}
_PATTERNS = {"like": "{}", "begins-with": "{}%", "ends-with": "%{}"}
_NEGATED = {"not-like": "like", "not-begin-with": "begins-with", "not-end-with": "ends-with"}
_SEMI_JOINS = frozenset({"any", "not any", "all", "not all", "exists", "in"})


class Joined:
    """One table of the query."""

    def __init__(self, entity: Entity, table: Table, alias: Source, name: str | None) -> None:
        self.entity = entity
        self.table = table
        self.alias = alias
        self.name = name
        """Alias of a link; None for the queried table."""

    def column(self, name: str) -> tuple[Expression, Column]:
        """Return a column by its logical name.

        Raises:
            ODataError: There is none.
        """
        column = self.table.columns.get(name)
        if column is None or not column.is_stored:
            raise no_attribute(self.table.name, name)
        return self.alias.c[column.name], column


class FetchScope:
    """All tables of one query, joined."""

    def __init__(self, environment: Environment, operators: Operators, entity: Entity, table: Table) -> None:
        self.environment = environment
        self.operators = operators
        self.scope = Scope(environment, table)
        self.root = Joined(entity, table, self.scope.alias, None)
        self.tables: dict[str | None, Joined] = {None: self.root}
        self._deferred: list[Condition] = []
        self._join(self.root)
        self.where = visible(environment, operators, table, self.scope.alias)
        self.where += [self._filter(self.root, each) for each in entity.filters] + self._deferred

    def _table(self, name: str) -> Table:
        table = self.environment.model.tables.get(name)
        if table is None:
            raise ODataError(
                400,
                "0x80041102",
                f"The entity with a name = '{name}' with namemapping = 'Logical' was not found in the MetadataCache.",
            )
        return table

    def _open(self, outer: Joined, link: Entity) -> tuple[Joined, Condition]:
        """Return a linked table with the condition that joins it."""
        table = self._table(link.name)
        self.environment.store.statements(table)
        # Unnamed links are numbered, as the platform does.
        name = link.alias or f"{link.name}{len(self.tables)}"
        if name in self.tables:
            raise invalid(f"The alias '{name}' is not unique.")
        inner = Joined(link, table, source(table).alias(), name)
        to_column = outer.column(link.to_column or table.primary_id)[0]
        from_column = inner.column(link.from_column or table.primary_id)[0]
        return inner, from_column == to_column

    def _join(self, outer: Joined) -> None:
        for link in outer.entity.links:
            inner, on = self._open(outer, link)
            self.tables[inner.name] = inner
            if link.link_type in {"exists", "in"}:
                self._deferred.append(self._semi(outer, inner, "any"))
                continue
            if link.link_type not in {"inner", "outer", "matchfirstrowusingcrossapply"}:
                raise invalid(f"The link-type '{link.link_type}' is not supported.")
            conditions = [on, *(self._filter(inner, each) for each in link.filters)]
            joined = self.scope.joined
            if link.link_type == "outer":
                self.scope.joined = joined.outerjoin(inner.alias, sa.and_(*conditions))
            else:
                self.scope.joined = joined.join(inner.alias, sa.and_(*conditions))
            self._join(inner)

    def _filter(self, owner: Joined, each: FetchFilter) -> Condition:
        parts: list[Condition] = []
        for part in each.parts:
            if isinstance(part, FetchFilter):
                parts.append(self._filter(owner, part))
            elif isinstance(part, Entity):
                parts.append(self._semi(owner, self._open(owner, part)[0], part.link_type))
            else:
                parts.append(self._condition(owner, part))
        if not parts:
            return sa.true()
        return sa.or_(*parts) if each.is_or else sa.and_(*parts)

    def _semi(self, outer: Joined, inner: Joined, link_type: str) -> Condition:
        """Return whether linked rows exist, without joining them."""
        if link_type not in _SEMI_JOINS:
            raise invalid(f"The link-type '{link_type}' is not supported inside a filter.")
        link = inner.entity
        filters = sa.and_(sa.true(), *(self._filter(inner, each) for each in link.filters))
        if link_type.endswith("all"):
            filters = sa.not_(sa.func.coalesce(filters, sa.false()))
        key = inner.column(link.from_column)[0]
        matching = outer.column(link.to_column)[0].in_(sa.select(key).where(key.is_not(None), filters))
        # The platform's "all" means: linked rows exist, and none of them misses the filter.
        if link_type == "all":
            present = outer.column(link.to_column)[0].in_(sa.select(key).where(key.is_not(None)))
            return sa.and_(present, sa.not_(matching))
        return sa.not_(sa.func.coalesce(matching, sa.false())) if link_type == "not any" else matching

    def find(self, owner: Joined, name: str | None) -> Joined:
        """Return the table that a condition or an order names, its own one when it names none.

        Raises:
            ODataError: No such alias.
        """
        if name is None:
            return owner
        found = self.tables.get(name) or next((each for each in self.tables.values() if each.table.name == name), None)
        if found is None:
            raise invalid(f"The entity name or alias '{name}' is not part of the query.")
        return found

    def _condition(self, owner: Joined, condition: FetchCondition) -> Condition:
        joined = self.find(owner, condition.entityname)
        left, column = joined.column(condition.attribute)
        operator, values = condition.operator, condition.values
        if condition.valueof is not None and operator in _COMPARISONS:
            alias, _, name = condition.valueof.rpartition(".")
            return compare(_COMPARISONS[operator], left, self.find(joined, alias or None).column(name)[0])
        if operator == "null":
            return left.is_(None)
        if operator == "not-null":
            return left.is_not(None)
        if operator in _COMPARISONS:
            return compare_value(_COMPARISONS[operator], left, coerce_text(column, _single(operator, values)))
        if operator in _PATTERNS:
            return match(left, _PATTERNS[operator].format(_single(operator, values)))
        if operator in _NEGATED:
            pattern = _PATTERNS[_NEGATED[operator]].format(_single(operator, values))
            return sa.or_(sa.not_(match(left, pattern)), left.is_(None))
        return self.operators.condition(spelled(operator), joined.table, left, column, values)


def _single(operator: str, values: Sequence[str]) -> str:
    if len(values) != 1:
        raise invalid(f"The operator '{operator}' needs one value.")
    return values[0]
