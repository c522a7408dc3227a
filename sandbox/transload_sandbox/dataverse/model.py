"""Tables, columns, states and keys of an organisation.

The shipped tables come from ``schema/*.json`` (one file per table, one column per line), a compact form of
Microsoft's entity reference and of live metadata. They are frozen and shared between organisations; a
customisation replaces the table in one organisation's `Model`, so whoever holds the former object notices by
identity.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

LOOKUP_TYPES = frozenset({"Lookup", "Owner", "Customer"})
NUMBER_TYPES = frozenset({"Decimal", "Double", "Money"})
OPTION_TYPES = frozenset({"Picklist", "State", "Status"})
UNSTORED_TYPES = frozenset({"PartyList", "CalendarRules", "ManagedProperty", "Virtual"})

Stored = str | int | float | None
"""A value as it lies in the database: text, whole number (also for booleans), floating number, or null."""

Row = dict[str, Stored]
"""All columns of one row by storage name, in the order of the table's storage columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column; limits are in the units of the Web API metadata."""

    name: str
    schema_name: str
    type: str
    valid_for_create: bool = True
    valid_for_read: bool = True
    valid_for_update: bool = True
    required: str = "None"
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    precision: int | None = None
    precision_source: int | None = None
    format: str | None = None
    behavior: str | None = None
    targets: tuple[str, ...] = ()
    navigation: Mapping[str, str] = field(default_factory=dict)
    """Target table to the single-valued navigation property that binds it."""
    navigation_base: str | None = None
    """Activities only: the name inherited from activitypointer."""
    on_delete: Mapping[str, str] = field(default_factory=dict)
    on_assign: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[int, str] = field(default_factory=dict)
    default: int | bool | None = None
    source_type: str | None = None
    custom: bool = False
    label: str = ""
    metadata_id: str = ""

    @property
    def is_lookup(self) -> bool:
        """Whether the column points to rows."""
        return self.type in LOOKUP_TYPES

    @property
    def is_stored(self) -> bool:
        """Whether the column has a place of its own in the table."""
        return self.type not in UNSTORED_TYPES

    @property
    def type_column(self) -> str | None:
        """Name of the storage column that holds the target table of a polymorphic lookup."""
        return f"{self.name}__type" if self.is_lookup and len(self.targets) > 1 else None

    @property
    def property_name(self) -> str:
        """Name of the column in answers, ``$select`` and ``$filter``."""
        return f"_{self.name}_value" if self.is_lookup else self.name

    def navigations(self) -> Iterator[tuple[str, str]]:
        """Yield (navigation property, target table) pairs, inherited names included."""
        for target in self.targets:
            yield self.navigation.get(target, self.name), target
            if self.navigation_base and len(self.targets) <= 2:
                yield self.navigation_base, target


@dataclass(frozen=True, slots=True)
class State:
    """One value of statecode with its status reasons."""

    value: int
    label: str
    statuses: Mapping[int, str]
    default_status: int


@dataclass(frozen=True, slots=True)
class Key:
    """An alternate key. It can be used once its index is active."""

    name: str
    schema_name: str
    label: str
    columns: tuple[str, ...]
    metadata_id: str
    status: str
    requested_at: float
    """When the index was asked for, in epoch seconds."""


@dataclass(frozen=True, slots=True)
class Link:
    """A many-to-many relationship; the two sides stand in the order of the metadata."""

    schema_name: str
    intersect: str
    tables: tuple[str, str]
    columns: tuple[str, str]
    navigation: tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One table with everything the Web API says about it."""

    name: str
    schema_name: str
    entity_set: str
    primary_id: str
    primary_name: str | None
    ownership: str
    solution: str
    is_activity: bool
    is_custom: bool
    has_bulk_messages: bool
    columns: Mapping[str, Column]
    states: Mapping[int, State]
    keys: Mapping[str, Key]
    links: tuple[Link, ...]

    def lookups(self) -> Iterator[Column]:
        """Yield the stored lookup columns."""
        return (column for column in self.columns.values() if column.is_lookup)

    def storage_columns(self) -> Iterator[tuple[str, Column | None]]:
        """Yield (storage name, column); the type part of a polymorphic lookup has no column of its own."""
        for column in self.columns.values():
            if column.is_stored:
                yield column.name, column
                if column.type_column:
                    yield column.type_column, None

    @property
    def initial_state(self) -> int:
        """The state in which rows are born."""
        default = self.columns["statecode"].default
        return int(default) if default is not None else next(iter(self.states))

    def state_of(self, status: int) -> int | None:
        """Return the state that a status reason belongs to, None when there is none."""
        return next((value for value, state in self.states.items() if status in state.statuses), None)


class Model:
    """The live metadata of one organisation."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = dict(shipped_tables())
        self.by_set: dict[str, str] = {table.entity_set: name for name, table in self.tables.items()}
        self.external_sets: dict[str, str] = {name: table for table, name in external_sets().items()}
        self.version = 1
        """Grows with every change; answers call it globalmetadataversion."""

    def find_set(self, entity_set: str) -> Table | None:
        """Return the table of an entity set; names are case-sensitive."""
        name = self.by_set.get(entity_set)
        return self.tables[name] if name else None

    def replace(self, table: Table) -> None:
        """Put a changed table in place of the former one."""
        self.tables[table.name] = table
        self.version += 1

    def add_column(self, table: str, column: Column) -> None:
        """Add a custom column to a table."""
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


@cache
def shipped_tables() -> Mapping[str, Table]:
    """Return every shipped table by logical name."""
    folder = files(__package__) / "schema"
    names = sorted(file.name for file in folder.iterdir() if not file.name.startswith("_"))
    tables = [parse_table(orjson.loads((folder / name).read_bytes())) for name in names]
    return {table.name: table for table in tables}


@cache
def external_sets() -> Mapping[str, str]:
    """Return the entity sets of tables that exist but stay empty here, by logical name."""
    raw = orjson.loads((files(__package__) / "schema" / "_external.json").read_bytes())
    return {table: entity_set for table, entity_set in raw.items() if entity_set}


def parse_table(raw: Mapping[str, Any]) -> Table:
    """Read one schema file."""
    states = {
        int(value): State(
            int(value),
            state["label"],
            {int(status): label for status, label in state["statuses"].items()},
            int(state["default_status"]),
        )
        for value, state in raw.get("states", {}).items()
    }
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
        states=states,
        keys={},
        links=tuple(parse_link(link) for link in raw.get("many_to_many", ())),
    )


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
    )


def parse_link(raw: Mapping[str, Any]) -> Link:
    """Read one many-to-many relationship; names that no source gave follow the platform's pattern."""
    first, second = raw["entities"]
    # A self-link needs two column names; the platform numbers them the same way.
    columns = (f"{first}id", f"{second}id") if first != second else (f"{first}idone", f"{first}idtwo")
    attributes = raw.get("intersect_attributes")
    if attributes and len(attributes) == 2:
        columns = (attributes[0], attributes[1])
    navigation = raw.get("navigation") or [raw["schema_name"]] * 2
    return Link(raw["schema_name"], raw["intersect"], (first, second), columns, (navigation[0], navigation[1]))


def _words(schema_name: str) -> str:
    """Turn a schema name into a display name: ``msdyn_WorkOrder`` becomes ``Work Order``."""
    bare = schema_name.split("_", 1)[-1] if schema_name.startswith("msdyn_") else schema_name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", bare).replace("_", " ").strip().capitalize()
