"""What the columns of Field Service are called elsewhere, so that fields of other systems find them."""

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from transload import TargetSchema, TargetTable


def with_names(schema: TargetSchema) -> TargetSchema:
    """Return a target whose columns say what else they are called, as far as Field Service brings them."""
    known = _read_names()
    named = {name: _named(table, known[name]) for name, table in schema.tables.items() if name in known}
    return replace(schema, tables={**schema.tables, **named})


def _named(table: TargetTable, names: dict[str, list[str]]) -> TargetTable:
    called = {
        name: replace(column, also_called=tuple(names[name])) for name, column in table.columns.items() if name in names
    }
    return replace(table, columns={**table.columns, **called})


@cache
def _read_names() -> Any:
    """Read the names by table and column."""
    return yaml.safe_load((files(__package__) / "names.yaml").read_text(encoding="utf-8"))
