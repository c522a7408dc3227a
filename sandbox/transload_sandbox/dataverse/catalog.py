"""The live metadata of one organisation: which tables and choices it has now."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from transload_sandbox.dataverse.model import Column, Key, Link, OptionSet, Table, intersect_table


class Model:
    """The live metadata of one organisation."""

    def __init__(
        self, tables: Mapping[str, Table], external_sets: Mapping[str, str], option_sets: Mapping[str, OptionSet]
    ) -> None:
        """Start with what is shipped.

        Args:
            tables: Tables by logical name.
            external_sets: Tables that exist but stay empty here, by entity set.
            option_sets: Global choices by name.
        """
        self.tables = dict(tables)
        self.by_set: dict[str, str] = {table.entity_set: name for name, table in tables.items()}
        self.external_sets = dict(external_sets)
        self.option_sets = dict(option_sets)
        self.version = 1
        """Grows with every change; answers call it globalmetadataversion."""

    def remember(self) -> Callable[[], None]:
        """Return a function that brings the metadata back to what it is now."""
        tables, sets, options = dict(self.tables), dict(self.by_set), dict(self.option_sets)

        def bring_back() -> None:
            self.tables, self.by_set, self.option_sets = tables, sets, options
            self.version += 1

        return bring_back

    def find_set(self, entity_set: str) -> Table | None:
        """Return the table of an entity set; names are case-sensitive."""
        name = self.by_set.get(entity_set)
        return self.tables[name] if name else None

    def replace(self, table: Table) -> None:
        """Put a new or changed table in place of the former one."""
        self.tables[table.name] = table
        self.by_set[table.entity_set] = table.name
        self.version += 1

    def remove(self, name: str) -> None:
        """Remove a table."""
        self.by_set.pop(self.tables.pop(name).entity_set)
        self.version += 1

    def amend(self, name: str, **changes: Any) -> None:
        """Change single fields of a table."""
        self.replace(replace(self.tables[name], **changes))

    def put_column(self, table: str, column: Column) -> None:
        """Add a column to a table or replace the one of the same name."""
        former = self.tables[table]
        self.replace(replace(former, columns={**former.columns, column.name: column}))

    def remove_column(self, table: str, column: str) -> None:
        """Remove a custom column from a table."""
        former = self.tables[table]
        columns = {name: each for name, each in former.columns.items() if name != column}
        self.replace(replace(former, columns=columns))

    def put_key(self, table: str, key: Key) -> None:
        """Add a key or replace the one of the same name."""
        former = self.tables[table]
        self.replace(replace(former, keys={**former.keys, key.name: key}))

    def remove_key(self, table: str, key: str) -> None:
        """Remove a key."""
        former = self.tables[table]
        self.replace(replace(former, keys={name: each for name, each in former.keys.items() if name != key}))

    def put_link(self, link: Link) -> None:
        """Add a many-to-many relationship to both of its tables, and its intersect table."""
        for name in dict.fromkeys(link.tables):
            former = self.tables[name]
            others = tuple(each for each in former.links if each.schema_name != link.schema_name)
            self.replace(replace(former, links=(*others, link)))
        self.replace(intersect_table(link))

    def remove_link(self, link: Link) -> None:
        """Remove a many-to-many relationship with its intersect table."""
        for name in dict.fromkeys(link.tables):
            former = self.tables[name]
            others = tuple(each for each in former.links if each.schema_name != link.schema_name)
            self.replace(replace(former, links=others))
        self.remove(link.intersect)

    def put_option_set(self, option_set: OptionSet) -> None:
        """Add a global choice or replace the one of the same name, in every column that uses it."""
        self.option_sets[option_set.name] = option_set
        for table in list(self.tables.values()):
            for column in table.columns.values():
                if column.option_set == option_set.name:
                    self.put_column(table.name, replace(column, options=option_set.options))
        self.version += 1
