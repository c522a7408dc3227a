"""Reads the live metadata of tables: columns, options, keys, states, navigation names.

Nothing about a table is assumed: lengths, options and even the name that a lookup is
written by differ between environments.
"""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from transload import RunContext, TableName, TargetKey, TargetTable
from transload.errors import NotOfferedError
from transload_dynamics_sink.client import STRONG, Dataverse, Json, open_dataverse, query, quoted
from transload_dynamics_sink.columns import CASTS, build_column, build_states, is_column, label_of

_AT_ONCE = 6
"""Metadata queries in flight; they are slow and do not lock each other."""
_TABLE = "LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,DisplayName"
_COLUMNS = (
    "LogicalName,AttributeOf,AttributeType,AttributeTypeName,DisplayName,IsCustomAttribute,"
    "IsValidForCreate,IsValidForUpdate,RequiredLevel"
)
_KEYS = "LogicalName,SchemaName,KeyAttributes,EntityKeyIndexStatus"
_LOOKUPS = "ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName"
_CHILDREN = "ReferencingEntity,ReferencingAttribute,CascadeConfiguration"
_LINKS = "SchemaName,Entity1LogicalName,Entity2LogicalName,Entity1NavigationPropertyName,Entity2NavigationPropertyName"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with what the wire needs to know about it.

    Attributes:
        shape: The table as the framework sees it.
        entity_set: Its name in addresses.
        navigation: Column and target table to the case-sensitive name that a lookup is written by.
    """

    shape: TargetTable
    entity_set: str
    navigation: Mapping[tuple[str, str], str]

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
        self._sets: dict[str, str | None] = {}
        self._messages: dict[tuple[str, str], bool] = {}
        self._cascades: dict[str, list[tuple[str, str]]] = {}
        self._collections: dict[tuple[str, str], Collection] = {}

    def find_table(self, name: str) -> Table | None:
        """Return a table, or None when the environment has none of that name."""
        with self._lock:
            if name not in self._tables:
                self._tables[name] = self._read_table(name)
            return self._tables[name]

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
        with self._lock:
            if (table, relationship) not in self._collections:
                for link in self._part(table, "ManyToManyRelationships", _LINKS):
                    self._collections[table, link["SchemaName"]] = _collection(table, link)
            if (found := self._collections.get((table, relationship))) is None:
                raise NotOfferedError(f"{table} has no many-to-many relationship {relationship}")
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

    def forget(self, table: str) -> None:
        """Read a table anew when it is asked for again."""
        with self._lock:
            self._tables.pop(table, None)

    def read_keys(self, table: str) -> list[Json]:
        """Return the alternate keys of a table as they are now, with their ``MetadataId``."""
        return self._part(table, "Keys", _KEYS)

    def _find_entity_set(self, name: str) -> str | None:
        with self._lock:
            if name not in self._sets:
                found = self._definition(name)
                self._sets[name] = found["EntitySetName"] if found is not None else None
            return self._sets[name]

    def _definition(self, table: str) -> Json | None:
        path = query(f"EntityDefinitions(LogicalName={quoted(table)})", select=_TABLE)
        return self._dataverse.find(path, f"describe {table}", STRONG)

    def _part(self, table: str, part: str, select: str, expand: str = "") -> list[Json]:
        path = query(f"EntityDefinitions(LogicalName={quoted(table)})/{part}", select=select, expand=expand)
        found: list[Json] = self._dataverse.get(path, f"describe {table}", STRONG)["value"]
        return found

    def _read_table(self, name: str) -> Table | None:
        definition = self._definition(name)
        if definition is None:
            return None
        columns = [raw for raw in self._part(name, "Attributes", _COLUMNS) if is_column(raw)]
        details: dict[str, Json] = {}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            keys = pool.submit(self._part, name, "Keys", _KEYS)
            lookups = pool.submit(self._part, name, "ManyToOneRelationships", _LOOKUPS)
            for answer in [
                pool.submit(self._part, name, f"Attributes/Microsoft.Dynamics.CRM.{cast}", select, expand)
                for cast, (types, select, expand) in CASTS.items()
                if any(raw["AttributeTypeName"]["Value"] in types for raw in columns)
            ]:
                details.update((raw["LogicalName"], raw) for raw in answer.result())
        navigation = {
            (raw["ReferencingAttribute"], raw["ReferencedEntity"]): raw["ReferencingEntityNavigationPropertyName"]
            for raw in lookups.result()
        }
        shape = TargetTable(
            name=TableName(name),
            label=label_of(definition.get("DisplayName")) or name,
            id_column=definition["PrimaryIdAttribute"],
            name_column=definition.get("PrimaryNameAttribute") or "",
            columns={raw["LogicalName"]: build_column(raw, details.get(raw["LogicalName"], {})) for raw in columns},
            keys=_keys(keys.result()),
            states=build_states(name, details),
        )
        self._sets[name] = definition["EntitySetName"]
        return Table(shape, definition["EntitySetName"], navigation)


def open_metadata(context: RunContext) -> Metadata:
    """Return the metadata of the run's environment; use it as ``context.resource(open_metadata)``."""
    return Metadata(context.resource(open_dataverse))


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
