"""What Microsoft ships: reads the definitions that every new organisation starts with.

``schema/*.json`` (one file per table, one column per line) is a compact form of Microsoft's entity reference and of
live metadata. A customisation is stored in the same form, so `parse_table`, `parse_column` and `parse_link` read both.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from transload_sandbox.dataverse.catalog import Model
from transload_sandbox.dataverse.model import Column, Link, OptionSet, Relation, State, Table, intersect_table


def shipped_model(absent: frozenset[str] = frozenset()) -> Model:
    """Return the metadata of a new organisation.

    Args:
        absent: Solutions whose tables are not installed.
    """
    tables = {name: table for name, table in shipped_tables().items() if table.solution not in absent}
    sets = {entity_set: name for name, entity_set in external_sets().items()}
    return Model(tables, sets, dict(_option_sets(tables)))


@cache
def shipped_tables() -> Mapping[str, Table]:
    """Return every shipped table by logical name."""
    folder = files(__package__) / "schema"
    names = sorted(file.name for file in folder.iterdir() if not file.name.startswith("_"))
    tables = {
        table.name: table for table in (parse_table(orjson.loads((folder / name).read_bytes())) for name in names)
    }
    links = {link.intersect: link for table in tables.values() for link in table.links}
    known = {name: intersect_table(link) for name, link in links.items() if tables.keys() >= set(link.tables)}
    return tables | known


# Choices of leads that opportunities share.
_SHARED_CHOICES = ("budgetstatus", "initialcommunication", "need", "purchaseprocess", "purchasetimeframe")


def _option_sets(tables: Mapping[str, Table]) -> Iterator[tuple[str, OptionSet]]:
    """Yield name and global choice of those that are shipped."""
    for name in _SHARED_CHOICES:
        column = tables["lead"].columns.get(name) if "lead" in tables else None
        if column is not None:
            yield name, OptionSet(name, column.label, column.options)


@cache
def external_sets() -> Mapping[str, str]:
    """Return the entity sets of tables that exist but stay empty here, by logical name."""
    raw = orjson.loads((files(__package__) / "schema" / "_external.json").read_bytes())
    return {table: entity_set for table, entity_set in raw.items() if entity_set}


def parse_table(raw: Mapping[str, Any]) -> Table:
    """Read one schema file."""
    columns = [parse_column(column) for column in raw["columns"]]
    return Table(
        name=raw["name"],
        schema_name=raw["schema_name"],
        entity_set=raw["entity_set"],
        primary_id=raw["primary_id"],
        primary_name=raw.get("primary_name"),
        ownership=raw["ownership"],
        solution=raw["solution"],
        is_activity=raw.get("activity", False),
        is_custom=raw.get("custom", False),
        has_bulk_messages=raw.get("bulk", False),
        columns={column.name: column for column in columns},
        states=parse_states(raw.get("states", {})),
        keys={},
        links=tuple(parse_link(link) for link in raw.get("many_to_many", ())),
        metadata_id=raw.get("metadata_id", ""),
        facts=raw.get("facts", {}),
    )


def parse_states(raw: Mapping[str, Any]) -> dict[int, State]:
    """Read the states of a table."""
    return {
        int(value): State(
            int(value),
            state["label"],
            {int(status): label for status, label in state["statuses"].items()},
            int(state["default_status"]),
        )
        for value, state in raw.items()
    }


def parse_column(raw: Mapping[str, Any]) -> Column:
    """Read one column of a schema file, or a custom column as the store keeps it."""
    return Column(
        name=raw["name"],
        schema_name=raw["schema_name"],
        type=raw["type"],
        valid_for_create="c" in raw["valid"],
        valid_for_read="r" in raw["valid"],
        valid_for_update="u" in raw["valid"],
        required=raw.get("required", "None"),
        max_length=raw.get("max_length"),
        minimum=raw.get("min"),
        maximum=raw.get("max"),
        precision=raw.get("precision"),
        precision_source=raw.get("precision_source"),
        format=raw.get("format"),
        behavior=raw.get("behavior"),
        targets=tuple(raw.get("targets", ())),
        navigation=raw.get("navigation", {}),
        navigation_base=raw.get("navigation_base"),
        on_delete=raw.get("on_delete", {}),
        on_assign=raw.get("on_assign", {}),
        options={int(value): label for value, label in raw.get("options", {}).items()},
        default=raw.get("default"),
        source_type=raw.get("source_type"),
        custom=raw.get("custom", False),
        label=raw.get("label") or _words(raw["schema_name"]),
        metadata_id=raw.get("metadata_id", ""),
        max_kilobytes=raw.get("max_kilobytes"),
        option_set=raw.get("option_set") or (raw["name"] if raw["name"] in _SHARED_CHOICES else None),
        relations={target: Relation(**each) for target, each in raw.get("relations", {}).items()},
        facts=raw.get("facts", {}),
    )


def parse_link(raw: Mapping[str, Any]) -> Link:
    """Read one many-to-many relationship; names that no source gave follow the platform's pattern."""
    first, second = raw["entities"]
    # A self-link needs two column names; the platform numbers them the same way.
    columns = (f"{first}id", f"{second}id") if first != second else (f"{first}idone", f"{first}idtwo")
    attributes = raw.get("intersect_attributes")
    if attributes and len(attributes) == 2 and set(attributes) != set(columns):
        columns = (attributes[0], attributes[1])
    navigation = raw.get("navigation") or [raw["schema_name"]] * 2
    return Link(
        raw["schema_name"],
        raw["intersect"],
        (first, second),
        columns,
        (navigation[0], navigation[1]),
        raw.get("metadata_id", ""),
    )


def _words(schema_name: str) -> str:
    """Turn a schema name into a display name: ``msdyn_WorkOrder`` becomes ``Work Order``."""
    bare = schema_name.split("_", 1)[-1] if schema_name.startswith("msdyn_") else schema_name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", bare).replace("_", " ").strip().capitalize()
