"""The SQL of one table: its columns, its indexes, and the statements that read and write whole rows."""

from collections.abc import Iterable
from dataclasses import dataclass

from transload_sandbox.dataverse.model import Column, Table

_INTEGERS = frozenset({"Boolean", "Integer", "BigInt", "Picklist", "State", "Status"})
_NUMBERS = frozenset({"Decimal", "Double", "Money"})
# Pointing to rows that live as long as the organisation: an index would cost every insert and serve no
# delete.
_UNINDEXED = frozenset({"systemuser", "team", "businessunit", "organization", "transactioncurrency"})
_SEARCHED = {"quote": ("quotenumber",)}
"""Columns that the platform itself looks for on every create."""


@dataclass(frozen=True, slots=True)
class Statements:
    """The SQL of one table as it stands now."""

    table: Table
    columns: tuple[str, ...]
    select: str
    insert: str
    update: str


def column_definition(name: str, column: Column | None, table: Table) -> str:
    """Return the SQL definition of a column; without one it is the type part of a polymorphic lookup."""
    if column is None or column.is_lookup:
        return f'"{name}" TEXT'
    if column.name == table.primary_id:
        return f'"{name}" TEXT PRIMARY KEY NOT NULL'
    if column.type in _INTEGERS:
        return f'"{name}" INTEGER'
    if column.type in _NUMBERS:
        return f'"{name}" REAL'
    if column.type in {"DateTime", "Uniqueidentifier"}:
        return f'"{name}" TEXT'
    # The service's database compares text without regard to case.
    return f'"{name}" TEXT COLLATE NOCASE'


def compile_statements(table: Table) -> Statements:
    """Return the SQL of a table as it stands now."""
    columns = tuple(name for name, _ in table.storage_columns())
    quoted = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join("?" * len(columns))
    assignments = ", ".join(f'"{name}" = ?' for name in columns)
    return Statements(
        table,
        columns,
        f'SELECT {quoted} FROM "{table.name}"',
        f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks})',
        f'UPDATE "{table.name}" SET {assignments} WHERE "{table.primary_id}" = ?',
    )


def creation(table: Table) -> list[str]:
    """Return the statements that make a table."""
    columns = ", ".join(column_definition(name, column, table) for name, column in table.storage_columns())
    made = [f'CREATE TABLE "{table.name}" ({columns})', *indexes(table, table.lookups())]
    made += [
        f'CREATE INDEX "{table.name}__{name}" ON "{table.name}" ("{name}")' for name in _SEARCHED.get(table.name, ())
    ]
    if table.is_intersect:
        ids = (name for name, column in table.columns.items() if column.type == "Uniqueidentifier")
        first, second = (name for name in ids if name != table.primary_id)
        made.append(f'CREATE UNIQUE INDEX "{table.name}__pair" ON "{table.name}" ("{first}", "{second}")')
        made.append(f'CREATE INDEX "{table.name}__second" ON "{table.name}" ("{second}")')
    return made


def indexes(table: Table, lookups: Iterable[Column]) -> list[str]:
    """Return the statements that make the indexes of lookups."""
    indexed = [column.name for column in lookups if column.is_lookup and not _UNINDEXED.issuperset(column.targets)]
    # Most lookups of most rows are empty: a partial index costs those nothing.
    return [
        f'CREATE INDEX "{table.name}__{name}" ON "{table.name}" ("{name}") WHERE "{name}" IS NOT NULL'
        for name in indexed
    ]
