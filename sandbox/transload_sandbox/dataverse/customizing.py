"""Customisations on paper: what differs from the shipped metadata, in a form that can be stored and compared.

The form is that of the schema files, so that one reader serves both.
"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from transload_sandbox.dataverse.catalog import Model
from transload_sandbox.dataverse.model import Column, Key, Link, OptionSet, State, Table
from transload_sandbox.dataverse.shipped import parse_column, parse_link, parse_states, parse_table, shipped_model

Raw = dict[str, Any]


def dump_customizations(model: Model) -> Raw:
    """Return everything that is not shipped, or not as it is shipped."""
    shipped = shipped_model()  # with every application: what is not installed cannot differ
    custom = [table for table in model.tables.values() if table.metadata_id]
    known = [
        (table, former)
        for name, table in model.tables.items()
        if (former := shipped.tables.get(name)) is not None and former is not table
    ]
    links = {link.schema_name: link for table in model.tables.values() for link in table.links if link.metadata_id}
    return {
        "tables": [_dump_table(table) for table in custom],
        "columns": [column for table, former in known for column in _dump_changed_columns(table, former)],
        "facts": {table.name: dict(table.facts) for table, _ in known if table.facts},
        "states": {
            table.name: _dump_states(table.states) for table, former in known if table.states is not former.states
        },
        "keys": [
            {"table": table.name, **_dump_key(key)} for table in model.tables.values() for key in table.keys.values()
        ],
        "links": [_dump_link(link) for link in links.values()],
        "option_sets": [
            _dump_option_set(option_set)
            for name, option_set in model.option_sets.items()
            if shipped.option_sets.get(name) != option_set
        ],
        "removed_option_sets": sorted(shipped.option_sets.keys() - model.option_sets.keys()),
    }


def load_customizations(model: Model, raw: Mapping[str, Any]) -> None:
    """Apply what `dump_customizations` returned to shipped metadata."""
    for each in raw.get("tables", []):
        model.replace(parse_table(each))
    for each in raw.get("columns", []):
        model.put_column(each["table"], parse_column(each))
    for name, facts in raw.get("facts", {}).items():
        model.amend(name, facts=facts)
    for name, states in raw.get("states", {}).items():
        model.amend(name, states=parse_states(states))
    for each in raw.get("links", []):
        model.put_link(parse_link(each))
    for each in raw.get("option_sets", []):
        options = {int(value): text for value, text in each["options"].items()}
        model.option_sets[each["name"]] = OptionSet(
            each["name"], each["label"], options, each["metadata_id"], each["facts"]
        )
    for each in raw.get("keys", []):
        fields = {name: value for name, value in each.items() if name not in {"table", "columns"}}
        model.put_key(each["table"], Key(**fields, columns=tuple(each["columns"])))


@lru_cache(512)
def _dump_changed_columns(table: Table, former: Table) -> list[Raw]:
    """Return what is new in a table; kept, because every change of one table writes down those of all."""
    return [
        {"table": table.name, **_dump_column(column)}
        for name, column in table.columns.items()
        if not _is_same(former.columns.get(name), column)
    ]


def _is_same(former: Column | None, column: Column) -> bool:
    return former is column or (former is not None and _dump_column(former) == _dump_column(column))


def _dump_states(states: Mapping[int, State]) -> Raw:
    return {
        str(state.value): {
            "label": state.label,
            "statuses": {str(value): label for value, label in state.statuses.items()},
            "default_status": state.default_status,
        }
        for state in states.values()
    }


def _dump_table(table: Table) -> Raw:
    return {
        "name": table.name,
        "schema_name": table.schema_name,
        "entity_set": table.entity_set,
        "primary_id": table.primary_id,
        "primary_name": table.primary_name,
        "ownership": table.ownership,
        "solution": table.solution,
        "activity": table.is_activity,
        "custom": table.is_custom,
        "bulk": table.has_bulk_messages,
        "states": _dump_states(table.states),
        "columns": [_dump_column(column) for column in table.columns.values()],
        "metadata_id": table.metadata_id,
        "facts": dict(table.facts),
    }


def _dump_column(column: Column) -> Raw:
    flags = (("c", column.valid_for_create), ("r", column.valid_for_read), ("u", column.valid_for_update))
    plain = {
        "name": column.name,
        "schema_name": column.schema_name,
        "type": column.type,
        "valid": "".join(letter for letter, valid in flags if valid),
        "required": column.required,
        "custom": column.custom,
        "label": column.label,
        "metadata_id": column.metadata_id,
        "targets": list(column.targets),
        "navigation": dict(column.navigation),
        "on_delete": dict(column.on_delete),
        "on_assign": dict(column.on_assign),
        "options": {str(value): label for value, label in column.options.items()},
        "relations": {target: asdict(relation) for target, relation in column.relations.items()},
        "facts": dict(column.facts),
    }
    optional = {
        "max_length": column.max_length,
        "min": column.minimum,
        "max": column.maximum,
        "precision": column.precision,
        "precision_source": column.precision_source,
        "format": column.format,
        "behavior": column.behavior,
        "default": column.default,
        "navigation_base": column.navigation_base,
        "source_type": column.source_type,
        "max_kilobytes": column.max_kilobytes,
        "option_set": column.option_set,
    }
    return plain | {name: value for name, value in optional.items() if value is not None}


def _dump_key(key: Key) -> Raw:
    return {**asdict(key), "columns": list(key.columns)}


def _dump_link(link: Link) -> Raw:
    return {
        "schema_name": link.schema_name,
        "intersect": link.intersect,
        "entities": list(link.tables),
        "intersect_attributes": list(link.columns),
        "navigation": list(link.navigation),
        "metadata_id": link.metadata_id,
    }


def _dump_option_set(option_set: OptionSet) -> Raw:
    options = {str(value): label for value, label in option_set.options.items()}
    return {
        "name": option_set.name,
        "label": option_set.label,
        "options": options,
        "metadata_id": option_set.metadata_id,
        "facts": dict(option_set.facts),
    }
