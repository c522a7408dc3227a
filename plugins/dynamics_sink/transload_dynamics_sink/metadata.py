"""Reads the live metadata of tables: columns, options, keys, states, navigation names.

Nothing about a table is assumed: lengths, options and even the name that a lookup is
written by differ between environments.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from transload import RunContext, TableName, TargetKey, TargetTable
from transload.errors import NotOfferedError
from transload_dynamics_sink.client import STRONG, Dataverse, Json, open_dataverse, query, quoted
from transload_dynamics_sink.columns import (
    CASTS,
    FileColumn,
    build_column,
    build_states,
    find_file_column,
    is_column,
    label_of,
)
from transload_dynamics_sink.lifecycles import LINES, Lifecycle, lifecycle_of

_AT_ONCE = 6
"""Metadata queries in flight; they are slow and do not lock each other."""
_TABLE = "LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,DisplayName,IsActivity"
_SETS = "LogicalName,EntitySetName,OwnershipType,IsCustomEntity,IsManaged,IsIntersect,IsActivity,HasNotes"
_KEYS = "LogicalName,SchemaName,KeyAttributes,EntityKeyIndexStatus"
_LOOKUPS = "ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName"
_CHILDREN = "ReferencingEntity,ReferencingAttribute,CascadeConfiguration"
_LINKS = "SchemaName,Entity1LogicalName,Entity2LogicalName,Entity1NavigationPropertyName,Entity2NavigationPropertyName"
_PARTS = (
    f"Attributes,Keys($select={_KEYS}),ManyToOneRelationships($select={_LOOKUPS}),"
    f"ManyToManyRelationships($select={_LINKS})"
)
"""What comes with a definition. Columns come whole: a selection would leave out what only their type has."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with what the wire needs to know about it.

    Attributes:
        shape: The table as the framework sees it.
        entity_set: Its name in addresses.
        navigation: Column and target table to the case-sensitive name that a lookup is written by.
        collections: Schema name of a many-to-many relationship, in lower case, to this table's end of it.
        files: Columns that hold a file.
        lifecycle: How its rows change their state.
    """

    shape: TargetTable
    entity_set: str
    navigation: Mapping[tuple[str, str], str]
    collections: Mapping[str, "Collection"] = field(default_factory=dict)
    files: Mapping[str, FileColumn] = field(default_factory=dict)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)

    @property
    def name(self) -> TableName:
        """The table's logical name."""
        return self.shape.name


@dataclass(frozen=True, slots=True)
class Collection:
    """One end of a many-to-many relationship: its collection property, and the table at the other end."""

    navigation: str
    other: TableName


class Metadata:
    """The metadata of one environment, each table read once; safe to use from several threads."""

    def __init__(self, dataverse: Dataverse) -> None:
        self._dataverse = dataverse
        self._lock = threading.RLock()
        self._tables: dict[str, Table | None] = {}
        self._listed: dict[str, Json] | None = None
        self._messages: dict[tuple[str, str], bool] = {}
        self._cascades: dict[str, list[tuple[str, str]]] = {}

    def find_table(self, name: str) -> Table | None:
        """Return a table, or None when the environment has none of that name."""
        with self._lock:
            self.read_ahead([name])
            return self._tables[name]

    def read_ahead(self, names: Iterable[str]) -> None:
        """Read those of some tables that are not known yet, several at a time."""
        with self._lock:
            unknown = [name for name in dict.fromkeys(names) if name not in self._tables]
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                self._tables.update(zip(unknown, pool.map(self._read_table, unknown), strict=True))

    def get_table(self, name: str) -> Table:
        """Return a table.

        Raises:
            NotOfferedError: The environment has none of that name.
        """
        if (table := self.find_table(name)) is None:
            raise NotOfferedError(
                f"the environment has no table {name}",
                "Check that the app which brings the table is installed, or map the entity elsewhere.",
            )
        return table

    def has_table(self, name: str) -> bool:
        """Return whether a table exists, without reading all of its metadata."""
        return self._find_entity_set(name) is not None

    def count_custom_tables(self) -> int:
        """Return how many tables the client has made itself; apps bring theirs, and links have theirs beside."""
        made = (raw for raw in self._list().values() if raw.get("IsCustomEntity") and not raw.get("IsManaged"))
        return sum(not raw.get("IsIntersect") for raw in made)

    def find_facts(self, name: str) -> Json:
        """Return what the list of all tables says of one; nothing when the environment has none of that name."""
        with self._lock:
            return self._list().get(name, {})

    def get_entity_set(self, name: str) -> str:
        """Return the name of a table in addresses, without reading all of its metadata.

        Raises:
            NotOfferedError: The environment has no such table.
        """
        if (entity_set := self._find_entity_set(name)) is None:
            raise NotOfferedError(f"the environment has no table {name}")
        return entity_set

    def offers(self, message: str, table: str) -> bool:
        """Return whether a table has a bulk message."""
        with self._lock:
            if (message, table) not in self._messages:
                path = query(
                    "sdkmessagefilters",
                    select="sdkmessagefilterid",
                    filter=f"sdkmessageid/name eq {quoted(message)} and primaryobjecttypecode eq {quoted(table)}",
                )
                found = self._dataverse.get(path, f"say whether {table} has {message}")
                self._messages[message, table] = bool(found["value"])
            return self._messages[message, table]

    def get_collection(self, table: str, relationship: str) -> Collection:
        """Return the end of a many-to-many relationship at a table.

        Args:
            table: The table at this end.
            relationship: Schema name of the relationship.

        Raises:
            NotOfferedError: The table has no such relationship.
        """
        if (found := self.get_table(table).collections.get(relationship.lower())) is None:
            raise NotOfferedError(
                f"{table} has no many-to-many relationship {relationship}",
                "Run `transload prepare`, or correct the name of the relationship in the mapping, then plan again.",
            )
        return found

    def get_cascading_children(self, table: str) -> list[tuple[str, str]]:
        """Return the tables whose rows are deleted with a row of a table, with the lookup that ties them."""
        with self._lock:
            if table not in self._cascades:
                self._cascades[table] = [
                    (raw["ReferencingEntity"], raw["ReferencingAttribute"])
                    for raw in self._part(table, "OneToManyRelationships", _CHILDREN)
                    if raw["CascadeConfiguration"]["Delete"] == "Cascade"
                ]
            return self._cascades[table]

    def forget(self, table: str = "") -> None:
        """Read a table anew when it is asked for again; without a name, all of them."""
        with self._lock:
            self._listed = None
            if table:
                self._tables.pop(table, None)
            else:
                self._tables.clear()
                self._cascades.clear()

    def read_keys(self, table: str) -> list[Json]:
        """Return the alternate keys of a table as they are now, with their ``MetadataId``."""
        return self._part(table, "Keys", _KEYS)

    def find_relationships(self, table: str, column: str) -> list[Json]:
        """Return the relationships by which a lookup column points to tables, as they are now."""
        found = self._part(table, "ManyToOneRelationships", f"SchemaName,{_LOOKUPS}")
        return [raw for raw in found if raw["ReferencingAttribute"] == column]

    def _find_entity_set(self, name: str) -> str | None:
        with self._lock:
            if (known := self._tables.get(name)) is not None:
                return known.entity_set
            listed = self._list().get(name)
            return listed["EntitySetName"] if listed is not None else None

    def _list(self) -> dict[str, Json]:
        """Return the names of all tables, which take one request together."""
        with self._lock:
            if self._listed is None:
                found = self._dataverse.get(query("EntityDefinitions", select=_SETS), "list its tables", STRONG)
                self._listed = {raw["LogicalName"]: raw for raw in found["value"]}
            return self._listed

    def _part(self, table: str, part: str, select: str, expand: str = "") -> list[Json]:
        path = query(f"{_definition(table)}/{part}", select=select, expand=expand)
        found: list[Json] = self._dataverse.get(path, f"describe {table}", STRONG)["value"]
        return found

    def _read_table(self, name: str) -> Table | None:
        """Read a table: all of it but the options in one request, and one for each type of column with options."""
        definition = self._dataverse.find(
            query(_definition(name), select=_TABLE, expand=_PARTS), f"describe {name}", STRONG
        )
        if definition is None:
            return None
        columns = [raw for raw in definition["Attributes"] if is_column(raw)]
        details: dict[str, Json] = {raw["LogicalName"]: raw for raw in columns}
        for cast, (types, select, expand) in CASTS.items():
            shown = (expand or select).split(",")[-1].partition("(")[0]
            if any(raw["AttributeTypeName"]["Value"] in types and shown not in raw for raw in columns):
                for raw in self._part(name, f"Attributes/Microsoft.Dynamics.CRM.{cast}", select, expand):
                    details[raw["LogicalName"]] = {**details.get(raw["LogicalName"], {}), **raw}
        return _build_table(name, definition, columns, details)


def open_metadata(context: RunContext) -> Metadata:
    """Return the metadata of the run's environment; use it as ``context.resource(open_metadata)``."""
    return Metadata(context.resource(open_dataverse))


def _definition(table: str) -> str:
    return f"EntityDefinitions(LogicalName={quoted(table)})"


def _build_table(name: str, definition: Json, columns: Sequence[Json], details: Mapping[str, Json]) -> Table:
    """Return a table from what the service says of it.

    Args:
        name: Its name.
        definition: Its definition, with keys and relationships.
        columns: Its columns.
        details: What only columns of their type have, by name.
    """
    pairs = [(raw, details[raw["LogicalName"]]) for raw in columns]
    links = definition["ManyToManyRelationships"]
    lifecycle = lifecycle_of(name, is_activity=bool(definition.get("IsActivity")))
    shape = TargetTable(
        name=TableName(name),
        label=label_of(definition.get("DisplayName")) or name,
        id_column=definition["PrimaryIdAttribute"],
        name_column=definition.get("PrimaryNameAttribute") or "",
        columns={raw["LogicalName"]: build_column(name, raw, detail) for raw, detail in pairs},
        keys=_keys(definition["Keys"]),
        states=build_states(lifecycle, details),
        links=frozenset(raw["SchemaName"] for raw in links),
        locked_by=LINES[name].document if name in LINES else "",
    )
    navigation = {
        (raw["ReferencingAttribute"], raw["ReferencedEntity"]): raw["ReferencingEntityNavigationPropertyName"]
        for raw in definition["ManyToOneRelationships"]
    }
    files = {
        raw["LogicalName"]: found for raw, detail in pairs if (found := find_file_column(name, raw, detail)) is not None
    }
    collections = {raw["SchemaName"].lower(): _collection(name, raw) for raw in links}
    return Table(shape, definition["EntitySetName"], navigation, collections, files, lifecycle)


def _keys(found: Sequence[Json]) -> list[TargetKey]:
    return [
        TargetKey(raw["LogicalName"], tuple(raw["KeyAttributes"]), raw["EntityKeyIndexStatus"] == "Active")
        for raw in found
    ]


def _collection(table: str, link: Json) -> Collection:
    """Return the end of a relationship at a table; between rows of one table, the first end."""
    if link["Entity1LogicalName"] == table:
        return Collection(link["Entity1NavigationPropertyName"], TableName(link["Entity2LogicalName"]))
    return Collection(link["Entity2NavigationPropertyName"], TableName(link["Entity1LogicalName"]))
