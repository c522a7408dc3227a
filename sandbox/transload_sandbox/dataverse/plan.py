"""What a table does with the properties of a body, compiled once per table and customisation.

Applying a body is the hot path of a bulk load: everything that depends on metadata alone is decided here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from transload_sandbox.dataverse.model import Column, Row, Table
from transload_sandbox.dataverse.relationships import is_hierarchical
from transload_sandbox.dataverse.values import Parser, compile_parser

Property = tuple[str, Parser] | None
"""Storage column and parser; None for a property that exists but cannot be written by this operation."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A single-valued navigation property."""

    column: Column
    targets: tuple[str, ...]
    create: bool
    update: bool


@dataclass(frozen=True, slots=True)
class Composite:
    """An address whose lines the platform joins into one text."""

    column: str
    lines: tuple[str, ...]
    city: str
    state: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a write to one table needs to know."""

    table: Table
    template: Row
    """A new row: every storage column, defaults filled in."""
    create: Mapping[str, Property]
    update: Mapping[str, Property]
    bindings: Mapping[str, Binding]
    lookups: Mapping[str, Column]
    """Lookup columns by their read-only ``_x_value`` name."""
    required: tuple[str, ...]
    """Columns that the platform itself insists on, the ones that it fills in left out."""
    money: tuple[tuple[Column, str | None], ...]
    """Money columns, each with the column that holds its value in the base currency."""
    composites: tuple[Composite, ...]
    parents: tuple[Column, ...]
    """Lookups by which the rows form a tree."""
    names_person: bool
    """Whether ``fullname`` is made of first and last name."""


@lru_cache(1024)
def compile_plan(table: Table) -> Plan:
    """Work a table's metadata out into a plan; that of a shipped table serves every organisation."""
    template: Row = {name: _default(table, column) for name, column in table.storage_columns()}
    create: dict[str, Property] = {}
    update: dict[str, Property] = {}
    for column in table.columns.values():
        if column.is_lookup or not column.is_stored or not _is_exposed(column):
            continue
        entry = (column.name, compile_parser(table, column))
        writable = column.source_type is None
        create[column.name] = entry if writable and column.valid_for_create else None
        update[column.name] = entry if writable and column.valid_for_update else None
    filled = _filled_by_platform(table)
    required = tuple(
        column.name
        for column in table.columns.values()
        if column.required == "SystemRequired" and column.name not in filled
    )
    money = tuple(
        (column, f"{column.name}_base" if f"{column.name}_base" in table.columns else None)
        for column in table.columns.values()
        if column.type == "Money" and not column.name.endswith("_base")
    )
    return Plan(
        table=table,
        template=template,
        create=create,
        update=update,
        bindings=_bindings(table),
        lookups={column.property_name: column for column in table.lookups()},
        required=required,
        money=money,
        composites=_composites(table),
        parents=tuple(column for column in table.lookups() if is_hierarchical(table, column, table.name)),
        names_person={"fullname", "firstname", "lastname"} <= set(table.columns),
    )


def _is_exposed(column: Column) -> bool:
    return column.valid_for_read or column.valid_for_create or column.valid_for_update


def _default(table: Table, column: Column | None) -> int | None:
    if column is None or column.default is None:
        return None
    if column.type == "Boolean":
        return int(column.default)
    if column.type == "Picklist" and column.default in column.options:
        return int(column.default)
    return None


_NUMBERED = {
    "incident": "ticketnumber",
    "quote": "quotenumber",
    "salesorder": "ordernumber",
    "invoice": "invoicenumber",
}
"""Columns that the platform numbers when they are empty."""


def _filled_by_platform(table: Table) -> set[str]:
    """Name the required columns that a create may leave out."""
    filled = {table.primary_id, "ownerid", "statecode", "statuscode", "objecttypecode", "owningbusinessunit"}
    filled |= {_NUMBERED.get(table.name, ""), "attachmentnumber"}
    for column in table.columns.values():
        unwritable = not column.valid_for_create or column.type in {"Boolean", "Image"}
        if unwritable or column.default is not None or column.type == "Uniqueidentifier":
            filled.add(column.name)
    return filled


def _bindings(table: Table) -> dict[str, Binding]:
    found: dict[str, Binding] = {}
    for column in table.lookups():
        for navigation, target in column.navigations():
            former = found.get(navigation)
            targets = (*former.targets, target) if former and former.column is column else (target,)
            found[navigation] = Binding(column, targets, column.valid_for_create, column.valid_for_update)
    return found


_ADDRESS = re.compile(r"(.+)_composite")


def _composites(table: Table) -> tuple[Composite, ...]:
    found = []
    for name in table.columns:
        match = _ADDRESS.fullmatch(name)
        prefix = match.group(1) if match else ""
        if match and f"{prefix}_city" in table.columns:
            lines = tuple(f"{prefix}_line{number}" for number in (1, 2, 3) if f"{prefix}_line{number}" in table.columns)
            parts = [f"{prefix}_{part}" for part in ("city", "stateorprovince", "postalcode", "country")]
            if all(part in table.columns for part in parts):
                found.append(Composite(name, lines, *parts))
    return tuple(found)
