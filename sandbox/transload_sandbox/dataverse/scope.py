"""The tables of one query: where it starts, and the lookups that its properties walk along."""

from collections.abc import Sequence
from functools import cache

import sqlalchemy as sa

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.catalog import Model
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Column, Stored, Table

Source = sa.FromClause
Expression = sa.ColumnElement[Stored]


@cache
def source(table: Table) -> sa.TableClause:
    """Return the SQL table of a table."""
    return sa.table(table.name, *(sa.column(name) for name, _ in table.storage_columns()))


class Scope:
    """One table of a query with the lookups that the query walks along."""

    def __init__(
        self, environment: Environment, table: Table, outer: "Scope | None" = None, variable: str = ""
    ) -> None:
        """Open a scope.

        Args:
            environment: The organisation.
            table: Where the query starts.
            outer: The scope around it, in the condition of a lambda operator.
            variable: The name by which that condition calls a row.
        """
        self.environment = environment
        self.table = table
        self.outer = outer
        self.variable = variable
        environment.store.statements(table)
        self.alias = source(table).alias()
        self.joined: Source = self.alias
        self._aliases: dict[tuple[str, ...], tuple[Table, Source]] = {(): (table, self.alias)}

    @property
    def model(self) -> Model:
        """The metadata."""
        return self.environment.model

    @property
    def primary(self) -> Expression:
        """The primary key."""
        return self.alias.c[self.table.primary_id]

    def own(self, names: Sequence[str]) -> Sequence[str]:
        """Return a property path without the variable of a lambda operator.

        Raises:
            ODataError: The path starts at another row than the one that the condition is about.
        """
        if not self.variable:
            return names
        if names[0] != self.variable or len(names) < 2:
            raise errors.unsupported("A lambda expression can only use properties of its own range variable.")
        return names[1:]

    def column(self, names: Sequence[str]) -> tuple[Expression, Column]:
        """Return the SQL column of a property path.

        Raises:
            ODataError: A name on the way is no property.
        """
        names = self.own(names)
        table, alias = self.walk(tuple(names[:-1]))
        column = property_column(table, names[-1])
        return alias.c[column.name], column

    def walk(self, path: tuple[str, ...]) -> tuple[Table, Source]:
        """Return table and SQL alias behind a path of lookups.

        Raises:
            ODataError: A name on the way is no lookup.
        """
        if path not in self._aliases:
            table, alias = self.walk(path[:-1])
            lookup, target = navigation(self.model, table, path[-1])
            self._aliases[path] = (target, self._join(alias, lookup, target))
        return self._aliases[path]

    def _join(self, alias: Source, lookup: Column, target: Table) -> Source:
        self.environment.store.statements(target)
        joined = source(target).alias()
        self.joined = self.joined.outerjoin(joined, alias.c[lookup.name] == joined.c[target.primary_id])
        return joined

    def order(self, names: Sequence[str]) -> tuple[Expression, Column]:
        """Return what a property path sorts by, and its column; a lookup sorts by the name that it shows.

        Raises:
            ODataError: A name on the way is no property.
        """
        names = self.own(names)
        table, alias = self.walk(tuple(names[:-1]))
        column = property_column(table, names[-1])
        if not column.is_lookup:
            return alias.c[column.name], column
        existing = self.environment.store.existing
        targets = [self.model.tables[name] for name in column.targets if name in existing]
        shown = [self._join(alias, column, each).c[each.primary_name] for each in targets if each.primary_name]
        if not shown:
            return alias.c[column.name], column
        return (sa.func.coalesce(*shown) if len(shown) > 1 else shown[0]), column


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
    found = find_navigations(model, table, name)
    if not found:
        raise errors.unknown_select(table.name, name)
    return found


def find_navigations(model: Model, table: Table, name: str) -> list[tuple[Column, Table]]:
    """Return lookup and target table for every target; empty when there is no such navigation property."""
    return [
        (column, model.tables[target])
        for column in table.lookups()
        for each, target in column.navigations()
        if each == name and target in model.tables
    ]


def navigation_names(table: Table) -> set[str]:
    """Return the single-valued navigation properties of a table, those of tables that are not here included."""
    return {name for column in table.lookups() for name, _ in column.navigations()}
