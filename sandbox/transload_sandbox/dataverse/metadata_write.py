"""Customisation: columns and alternate keys come and go, within the rules for names and types."""

import re
from collections.abc import Callable, Mapping

from lxml import etree

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.columns import label_text, parse_definition
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.metadata_read import MetadataReader, split_keyed
from transload_sandbox.dataverse.model import Column, Key, Table
from transload_sandbox.dataverse.wire import Request, Response, no_content

_KEY_TYPES = frozenset({"Decimal", "Integer", "String", "DateTime", "Lookup", "Picklist", "Customer"})
_KEY_BYTES = {"Integer": 4, "Picklist": 4, "Decimal": 13, "DateTime": 8, "Lookup": 16, "Customer": 16}
MAX_KEYS = 10
MAX_KEY_COLUMNS = 16
MAX_KEY_BYTES = 900


class MetadataWriter:
    """Carries customisations out."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._reader = MetadataReader(environment)
        self._actions: Mapping[str, Callable[[Request], Response]] = {
            "PublishXml": self._publish,
            "PublishAllXml": lambda _: no_content(),
            "ReactivateEntityKey": self._reactivate,
        }

    def respond_action(self, request: Request, name: str) -> Response | None:
        """Answer an action of customisation; None when there is none of that name."""
        if name not in self._actions:
            return None
        if request.method != "POST":
            raise errors.no_such_method(request.url)
        return self._actions[name](request)

    def respond(self, request: Request, segments: list[str]) -> Response:
        """Answer a change below ``EntityDefinitions``.

        Raises:
            ODataError: The change is refused.
        """
        collection, name, metadata_id = split_keyed(segments[0])
        if collection != "EntityDefinitions" or len(segments) != 2:
            raise errors.unsupported(f"{request.method} is not supported on {request.path}.")
        table = self._reader.find_table(name, metadata_id)
        below, child, child_id = split_keyed(segments[1])
        handlers = {
            ("POST", "Attributes"): lambda: self._create_column(request, table),
            ("DELETE", "Attributes"): lambda: self._delete_column(table, child, child_id),
            ("POST", "Keys"): lambda: self._create_key(request, table),
            ("DELETE", "Keys"): lambda: self._delete_key(table, child, child_id),
        }
        if (request.method, below) not in handlers:
            raise errors.unsupported(f"{request.method} is not supported on {request.path}.")
        if request.content_ids is not None:
            raise errors.unsupported("Metadata cannot be changed inside a change set.")
        self._check_solution(request)
        with self.environment.transaction():
            return handlers[request.method, below]()

    # -- names

    def _check_solution(self, request: Request) -> None:
        wanted = request.headers.get("mscrm.solutionuniquename")
        if wanted is None:
            return
        solutions = self.environment.model.tables["solution"]
        found = self.environment.store.find(solutions, {"uniquename": wanted}, 1)
        if not found:
            raise errors.invalid_argument(f"The solution '{wanted}' was not found.")
        if found[0]["ismanaged"]:
            raise errors.invalid_argument(f"The solution '{wanted}' is managed; components cannot be added to it.")

    def _check_prefix(self, schema_name: object) -> str:
        """Return a schema name that carries the prefix of a known publisher."""
        if not isinstance(schema_name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", schema_name):
            raise errors.invalid_argument("A schema name must consist of letters, digits and underscores.")
        prefix = schema_name.partition("_")[0].lower()
        publishers = self.environment.store.iterate(self.environment.model.tables["publisher"])
        if "_" not in schema_name or prefix not in {str(row["customizationprefix"]).lower() for row in publishers}:
            raise ODataError(
                400,
                "0x80044366",
                f"The name '{schema_name}' does not begin with the customization prefix of a publisher.",
            )
        return schema_name

    # -- columns

    def _create_column(self, request: Request, table: Table) -> Response:
        body = request.json("EntityDefinitions")
        schema_name = self._check_prefix(body.get("SchemaName"))
        if schema_name.lower() in table.columns:
            raise ODataError(400, "0x80047013", "An attribute with the specified name already exists")
        for column in parse_definition(body, schema_name, self.environment.new_id):
            self._add_column(column, table.name)
        created = self.environment.model.tables[table.name].columns[schema_name.lower()]
        path = f"EntityDefinitions(LogicalName='{table.name}')/Attributes({created.metadata_id})"
        return no_content(("OData-EntityId", request.base + path))

    def _add_column(self, column: Column, table_name: str) -> None:
        self.environment.store.add_column(self.environment.model.tables[table_name], column)
        self.environment.model.add_column(table_name, column)
        self.environment.save_customizations()

    def _delete_column(self, table: Table, name: str | None, metadata_id: str | None) -> Response:
        column = self._reader.find_column(table, name, metadata_id)
        if not column.metadata_id:
            raise errors.invalid_argument(f"The column '{column.name}' is part of a managed solution.")
        if any(column.name in key.columns for key in table.keys.values()):
            raise ODataError(
                400,
                "0x8004f01f",
                f"The column '{column.name}' cannot be deleted because other components depend on it.",
            )
        for each in (column.name, f"{column.name}_base"):
            if each in table.columns:
                self.environment.store.drop_column(table, each)
                self.environment.model.remove_column(table.name, each)
        self.environment.save_customizations()
        return no_content()

    # -- keys

    def _create_key(self, request: Request, table: Table) -> Response:
        body = request.json("EntityDefinitions")
        schema_name = self._check_prefix(body.get("SchemaName"))
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
        path = f"EntityDefinitions(LogicalName='{table.name}')/Keys({key.metadata_id})"
        return no_content(("OData-EntityId", request.base + path))

    def _find_key(self, table: Table, name: str | None, metadata_id: str | None) -> Key:
        for key in table.keys.values():
            if key.name == name or key.metadata_id == metadata_id:
                return key
        raise ODataError(404, "0x80060888", f"Could not find a key with name {name or metadata_id}.")

    def _delete_key(self, table: Table, name: str | None, metadata_id: str | None) -> Response:
        self.environment.remove_key(table, self._find_key(table, name, metadata_id))
        return no_content()

    def _reactivate(self, request: Request) -> Response:
        body = request.json("EntityDefinitions")
        table = self._reader.find_table(str(body.get("EntityLogicalName")), None)
        key = self._find_key(table, str(body.get("EntityKeyLogicalName")), None)
        if key.status != "Failed":
            raise ODataError(400, "0x80060897", "Only a failed entity key index can be reactivated.")
        again = Key(
            key.name,
            key.schema_name,
            key.label,
            key.columns,
            key.metadata_id,
            "Pending",
            self.environment.clock(),
        )
        with self.environment.transaction():
            self.environment.put_key(table, again)
        return no_content()

    # -- publishing

    def _publish(self, request: Request) -> Response:
        text = request.json("PublishXml").get("ParameterXml")
        if not isinstance(text, str):
            raise errors.invalid_argument("Required parameter 'ParameterXml' is missing.")
        try:
            etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError as error:
            raise errors.invalid_argument("ParameterXml is not well-formed.") from error
        return no_content()


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
