"""Tables, columns, states and keys of an organisation.

Definitions are frozen, and the shipped ones are shared between organisations; a customisation replaces the table in
the `Model` of one organisation, so whoever holds the former object notices by identity.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LOOKUP_TYPES = frozenset({"Lookup", "Owner", "Customer"})
NUMBER_TYPES = frozenset({"Decimal", "Double", "Money"})
OPTION_TYPES = frozenset({"Picklist", "State", "Status"})
UNSTORED_TYPES = frozenset({"PartyList", "CalendarRules", "ManagedProperty", "Virtual"})

Stored = str | int | float | None
"""A value as it lies in the database: text, whole number (also for booleans), floating number, or null."""

Row = dict[str, Stored]
"""All columns of one row by storage name, in the order of the table's storage columns."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A one-to-many relationship as a customiser made it; shipped ones follow the platform's patterns."""

    schema_name: str
    collection: str
    """The collection on the table that the lookup points to."""
    metadata_id: str
    cascade: Mapping[str, str]
    """What follows from Assign, Delete, Merge, Reparent, Share and Unshare of the row pointed to."""
    is_hierarchical: bool = False
    """Whether the rows of the table form a tree by it."""


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
    max_kilobytes: int | None = None
    """Files and images: the largest content."""
    option_set: str | None = None
    """The global choice that the options come from."""
    relations: Mapping[str, Relation] = field(default_factory=dict)
    """Target table to the relationship, where a customiser made it."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """Metadata properties that a customiser set and that nothing here depends on, as the wire has them."""

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
    metadata_id: str = ""
    """Given by customisation; empty for shipped relationships."""


@dataclass(frozen=True, slots=True)
class OptionSet:
    """A global choice."""

    name: str
    label: str
    options: Mapping[int, str]
    metadata_id: str = ""
    """Given by customisation; empty for shipped ones."""
    facts: Mapping[str, object] = field(default_factory=dict)


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
    is_intersect: bool = False
    metadata_id: str = ""
    """Given by customisation; empty for shipped tables."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """Metadata properties that a customiser set and that nothing here depends on, as the wire has them."""

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


_INTERSECT_SETS = {
    "teammembership": "teammemberships",
    "queuemembership": "queuememberships",
    "leadproduct": "leadproducts",
    "competitorproduct": "competitorproducts",
}


def intersect_table(link: Link) -> Table:
    """Return the table in which a many-to-many relationship keeps its links."""
    plural = link.intersect + ("set" if link.metadata_id or "_" in link.intersect else "collection")
    singular = link.intersect if link.metadata_id else link.intersect.removesuffix("s")
    primary_id = f"{singular}id"
    columns = [
        Column(name, name, "Uniqueidentifier", required="SystemRequired") for name in (primary_id, *link.columns)
    ]
    if link.intersect == "roleprivileges":
        columns.append(Column("privilegedepthmask", "PrivilegeDepthMask", "Integer"))
    columns.append(Column("versionnumber", "VersionNumber", "BigInt", valid_for_create=False, valid_for_update=False))
    return Table(
        name=link.intersect,
        schema_name=link.intersect,
        entity_set=_INTERSECT_SETS.get(link.intersect, plural),
        primary_id=primary_id,
        primary_name=None,
        ownership="None",
        solution="platform",
        is_activity=False,
        is_custom=bool(link.metadata_id),
        has_bulk_messages=False,
        columns={column.name: column for column in columns},
        states={},
        keys={},
        links=(),
        is_intersect=True,
    )
