"""Tables in the database: made when they are touched, changed when a customiser changes them."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from transload_sandbox.dataverse.model import Column, Key, Stored, Table
from transload_sandbox.dataverse.statements import Statements, column_definition, compile_statements, creation, indexes

POINTER = "activitypointer"
"""The table that holds no rows of its own but shows those of all activity tables."""


class Layout:
    """The tables of one database."""

    def __init__(self, execute: Callable[[str], list[tuple[Stored, ...]]]) -> None:
        """Find out which tables there are.

        Args:
            execute: Runs one statement and returns its rows.
        """
        self._execute = execute
        self._pointer: Table | None = None
        self._statements: dict[str, Statements] = {}
        self._existing = self._list_tables()

    @property
    def existing(self) -> frozenset[str]:
        """Tables that have been touched so far; all others are empty."""
        return frozenset(self._existing)

    def close(self) -> None:
        """Forget the view of all activities, which would not survive that the database is replaced."""
        if self._pointer is not None:
            self._execute(f'DROP VIEW IF EXISTS temp."{self._pointer.name}"')
            self._pointer = None

    def look_again(self) -> None:
        """Find out which tables there are, after the database was replaced or a change was taken back."""
        self._statements.clear()
        self._existing = self._list_tables()

    def _list_tables(self) -> set[str]:
        rows = self._execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {str(name) for (name,) in rows if not str(name).startswith(("_", "sqlite_"))}

    def statements(self, table: Table) -> Statements:
        """Return the SQL of a table, making the table when it is missing."""
        if table.name == POINTER and table is not self._pointer:
            self.show_activities(table)
        elif table.name not in self._existing and table.name != POINTER:
            for statement in creation(table):
                self._execute(statement)
            self._existing.add(table.name)
            if table.is_activity:
                self._view_activities()
        known = self._statements.get(table.name)
        if known is None or known.table is not table:
            known = self._statements[table.name] = compile_statements(table)
        return known

    def show_activities(self, pointer: Table) -> None:
        """Let a table show the rows of all activity tables, read-only and with its own columns."""
        self._pointer = pointer
        self._view_activities()

    def _view_activities(self) -> None:
        if self._pointer is None:
            return
        columns = self._pointer.storage_columns()
        names = [name for name, _ in columns]
        selects = []
        for table in sorted(self._existing - {self._pointer.name}):
            own = {str(row[1]) for row in self._execute(f'PRAGMA table_info("{table}")')}
            if {"activityid", "activitytypecode"} <= own:
                shown = ", ".join(f'"{name}"' if name in own else f'NULL AS "{name}"' for name in names)
                selects.append(f'SELECT {shown} FROM "{table}"')
        nothing = ", ".join(f'NULL AS "{name}"' for name in names)
        union = " UNION ALL ".join(selects) or f"SELECT {nothing} WHERE 0"
        self._execute(f'DROP VIEW IF EXISTS temp."{self._pointer.name}"')
        self._execute(f'CREATE TEMP VIEW "{self._pointer.name}" AS {union}')

    def add_column(self, table: Table, column: Column) -> None:
        """Add a column to a table that may or may not have been touched."""
        if table.name in self._existing:
            self._execute(f'ALTER TABLE "{table.name}" ADD COLUMN {column_definition(column.name, column, table)}')
            if column.type_column:
                self._execute(f'ALTER TABLE "{table.name}" ADD COLUMN "{column.type_column}" TEXT')
            for statement in indexes(table, [column]):
                self._execute(statement)
            if table.is_activity:
                self._view_activities()

    def drop_column(self, table: Table, column: Column) -> None:
        """Drop a column and its values."""
        if table.name not in self._existing:
            return
        if not (table.keys or self._execute(f'SELECT 1 FROM "{table.name}" LIMIT 1')):
            # SQLite reads the definition of every table again for each column that is dropped, 40 ms each time;
            # an empty table is made anew when it is touched.
            self.drop_table(table)
            return
        with self._without_view(table):
            self._execute(f'DROP INDEX IF EXISTS "{table.name}__{column.name}"')
            for name in (column.name, column.type_column):
                if name:
                    self._execute(f'ALTER TABLE "{table.name}" DROP COLUMN "{name}"')

    def drop_table(self, table: Table) -> None:
        """Drop a table with its rows."""
        if table.name in self._existing:
            with self._without_view(table):
                self._execute(f'DROP TABLE "{table.name}"')
                self._existing.discard(table.name)

    @contextmanager
    def _without_view(self, table: Table) -> Iterator[None]:
        """Take the view of all activities away: nothing can be dropped from a table that it stands on."""
        if table.is_activity:
            self._execute(f'DROP VIEW IF EXISTS temp."{POINTER}"')
        yield
        if table.is_activity:
            self._view_activities()

    def create_index(self, table: Table, key: Key) -> bool:
        """Build the unique index of a key; False when rows hold duplicates."""
        self.statements(table)
        columns = ", ".join(f'"{column}"' for column in key.columns)
        try:
            self._execute(f'CREATE UNIQUE INDEX "{table.name}__{key.name}" ON "{table.name}" ({columns})')
        except sqlite3.IntegrityError:
            return False
        return True

    def drop_index(self, table: Table, key: Key) -> None:
        """Drop the unique index of a key."""
        self._execute(f'DROP INDEX IF EXISTS "{table.name}__{key.name}"')
