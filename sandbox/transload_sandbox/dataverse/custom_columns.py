"""Columns and alternate keys that come, change and go."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

from transload_sandbox.dataverse import components, errors
from transload_sandbox.dataverse.columns import Draft, kind_of, parse_definition
from transload_sandbox.dataverse.components import Components, in_use, is_managed
from transload_sandbox.dataverse.definitions import Definitions
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.files import Contents
from transload_sandbox.dataverse.labels import label_text, read_label
from transload_sandbox.dataverse.model import Column, Key, OptionSet, Row, Table
from transload_sandbox.dataverse.shipped import shipped_tables
from transload_sandbox.dataverse.wire import Request

Json = Mapping[str, object]

_KEY_TYPES = frozenset({"Decimal", "Integer", "String", "DateTime", "Lookup", "Picklist", "Customer"})
_KEY_BYTES = {"Integer": 4, "Picklist": 4, "Decimal": 13, "DateTime": 8, "Lookup": 16, "Customer": 16}
_WITH_CURRENCY = "territory"
"""A plain table whose currency columns are like those of every other one."""
MAX_KEYS = 10
MAX_KEY_COLUMNS = 16
MAX_KEY_BYTES = 900


class CustomColumns:
    """Changes the columns and keys of an environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.components = Components(environment)
        self._definitions = Definitions(environment)

    # -- columns

    def draft(self, body: Json, schema_name: str, solution: Row | None) -> Draft:
        """Return a definition with what it needs from the environment.

        Raises:
            ODataError: A language that is not provisioned, or a global choice that does not exist.
        """
        labels = {
            name: read_label(body[name], self.environment.languages)
            for name in ("DisplayName", "Description")
            if body.get(name) is not None
        }
        first = self.components.option_prefix(solution) * 10_000
        return Draft({**body, **labels}, schema_name, self.environment.new_id, first, self._global_options(body))

    def _global_options(self, body: Json) -> OptionSet | None:
        named: object = body.get("GlobalOptionSet@odata.bind")
        option_set = body.get("OptionSet")
        if named is None and isinstance(option_set, Mapping) and option_set.get("IsGlobal") is True:
            named = option_set.get("Name") or option_set.get("MetadataId")
        if named is None:
            return None
        wanted = str(named).rpartition("(")[2].rstrip(")").removeprefix("Name=").strip("'").lower()
        for each in self.environment.model.option_sets.values():
            if wanted in {each.name.lower(), self._definitions.option_set_id(each)}:
                return each
        raise errors.invalid_argument(f"The global option set '{named}' was not found.")

    def create(self, request: Request, table: Table, body: Json) -> Column:
        """Add a column to a table.

        Raises:
            ODataError: The definition is refused, or the name is taken.
        """
        schema_name = self.components.check_name(body.get("SchemaName"))
        if schema_name.lower() in table.columns:
            raise ODataError(400, "0x80047013", "An attribute with the specified name already exists")
        solution = self.components.solution(request)
        columns = parse_definition(self.draft(body, schema_name, solution))
        for column in (*columns, *currency_columns(table.columns, columns)):
            self.put(table.name, column)
        self.components.add(solution, components.COLUMN, columns[0].metadata_id)
        return columns[0]

    def put(self, table: str, column: Column) -> None:
        """Add a column to metadata and database, past all checks."""
        self.environment.store.layout.add_column(self.environment.model.tables[table], column)
        self.environment.model.put_column(table, column)

    def change(self, request: Request, table: Table, column: Column, body: Json) -> None:
        """Put a definition in place of a column's former one; options and type stay.

        Raises:
            ODataError: Another type or name, or limits that the platform does not allow.
        """
        if body.get("SchemaName", column.schema_name) != column.schema_name:
            raise errors.invalid_argument(f"The SchemaName of '{column.name}' cannot be changed.")
        kind = {"Lookup": column.type}.get(kind_of(body), kind_of(body))
        if kind != column.type:
            raise errors.invalid_argument(f"The type of '{column.name}' is {column.type}; it cannot become {kind}.")
        merge = request.headers.get("mscrm.mergelabels", "").lower() == "true"
        former = self._definitions.column(table, column)
        labels = {
            name: read_label(body[name], self.environment.languages, former[name], merge=merge)
            for name in ("DisplayName", "Description")
            if body.get(name) is not None
        }
        required = body.get("RequiredLevel")
        level = required.get("Value") if isinstance(required, Mapping) else None
        common: dict[str, Any] = {
            "label": label_text(labels.get("DisplayName")) or column.label,
            "required": str(level or column.required),
            "facts": {**column.facts, **labels},
        }
        if column.required == "SystemRequired" or level == "SystemRequired":
            common["required"] = column.required
        if column.is_lookup or column.type in {"State", "Status", "Uniqueidentifier", "EntityName", "PartyList"}:
            self.environment.model.put_column(table.name, replace(column, **common))
            return
        sent = {name: value for name, value in body.items() if value is not None}
        draft = self.draft({**former, **sent, "RequiredLevel": None, "OptionSet": None}, column.schema_name, None)
        options = OptionSet("", "", column.options)
        [parsed, *_] = parse_definition(replace(draft, options=options))
        fields = ("max_length", "minimum", "maximum", "precision", "precision_source", "format", "max_kilobytes")
        limits = {name: getattr(parsed, name) for name in fields}
        behavior = parsed.behavior if column.type == "DateTime" else column.behavior
        default = parsed.default if column.type in {"Boolean", "Picklist"} else column.default
        facts = {**parsed.facts, **labels}
        changed = replace(column, **common | limits | {"behavior": behavior, "default": default, "facts": facts})
        self.environment.model.put_column(table.name, changed)

    def delete(self, table: Table, column: Column) -> None:
        """Remove a custom column with its values.

        Raises:
            ODataError: It is shipped, it names the rows, or a key needs it.
        """
        if not column.metadata_id:
            raise is_managed("column", column.name)
        if column.name in {table.primary_name, table.primary_id}:
            raise in_use("column", column.name)
        if any(column.name in key.columns for key in table.keys.values()):
            raise in_use("column", column.name)
        if column.type == "File" and table.name in self.environment.store.existing:
            rows = self.environment.store.iterate(table)
            ids = [str(row[column.name]) for row in rows if row[column.name] is not None]
            Contents(self.environment).delete(ids)
        for relation in column.relations.values():
            self.components.remove(relation.metadata_id)
        for each in list(table.columns.values()):
            name = each.name
            comes_with = each.facts.get("AttributeOf") == column.name or name == f"{column.name}_base"
            if (each is column or comes_with) and each.metadata_id:
                self.environment.store.layout.drop_column(table, each)
                self.environment.model.remove_column(table.name, name)
                self.components.remove(each.metadata_id)

    # -- keys

    def create_key(self, request: Request, table: Table, body: Json) -> Key:
        """Add an alternate key whose index is yet to be built.

        Raises:
            ODataError: The definition is refused, or there is such a key.
        """
        schema_name = self.components.check_name(body.get("SchemaName"))
        raw = body.get("KeyAttributes")
        columns = tuple(str(name) for name in raw) if isinstance(raw, list) else ()
        if schema_name.lower() in table.keys:
            raise ODataError(400, "0x80060893", "An entity key with the same name already exists.")
        if any(set(key.columns) == set(columns) for key in table.keys.values()):
            raise ODataError(400, "0x80060894", "An entity key with the selected attributes already exists.")
        _check_key(table, columns)
        key = Key(
            schema_name.lower(),
            schema_name,
            label_text(body.get("DisplayName")) or schema_name,
            columns,
            self.environment.new_id(),
            "Pending",
            self.environment.clock(),
        )
        self.environment.put_key(table, key)
        self.components.add(self.components.solution(request), components.KEY, key.metadata_id)
        return key

    def find_key(self, table: Table, name: str | None, metadata_id: str | None) -> Key:
        """Return a key by name or MetadataId.

        Raises:
            ODataError: There is none.
        """
        for key in table.keys.values():
            if key.name == name or key.metadata_id == metadata_id:
                return key
        raise ODataError(404, "0x80060888", f"Could not find a key with name {name or metadata_id}.")

    def delete_key(self, table: Table, key: Key) -> None:
        """Remove a key with its index."""
        self.environment.remove_key(table, key)
        self.components.remove(key.metadata_id)

    def reactivate(self, table: Table, key: Key) -> None:
        """Build the index of a key once more.

        Raises:
            ODataError: It did not fail.
        """
        if key.status != "Failed":
            raise ODataError(400, "0x80060897", "Only a failed entity key index can be reactivated.")
        self.environment.put_key(table, replace(key, status="Pending", requested_at=self.environment.clock()))


def currency_columns(former: Container[str], added: Iterable[Column]) -> list[Column]:
    """Return the columns that the platform adds with the first money column of a table: its currency and the rate.

    Args:
        former: Names of the columns that the table has.
        added: The new columns.
    """
    if not any(column.type == "Money" for column in added):
        return []
    columns = shipped_tables()[_WITH_CURRENCY].columns
    return [columns[name] for name in ("transactioncurrencyid", "exchangerate") if name not in former]


def _check_key(table: Table, columns: tuple[str, ...]) -> None:
    if not 1 <= len(columns) <= MAX_KEY_COLUMNS or len(table.keys) >= MAX_KEYS:
        raise errors.invalid_argument(f"A key has 1 to {MAX_KEY_COLUMNS} columns, and a table at most {MAX_KEYS} keys.")
    size = 0
    for name in columns:
        column = table.columns.get(name)
        if column is None or column.type not in _KEY_TYPES:
            raise errors.invalid_argument(f"The attribute '{name}' cannot be part of a key of '{table.name}'.")
        size += (column.max_length or 0) * 2 if column.type == "String" else _KEY_BYTES[column.type]
    if size > MAX_KEY_BYTES:
        raise errors.invalid_argument(f"The key is larger than {MAX_KEY_BYTES} bytes.")
