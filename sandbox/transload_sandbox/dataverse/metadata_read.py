"""Metadata queries: ``EntityDefinitions`` and what lies below them.

All matches come at once, there are no pages.
"""

import re
from collections.abc import Iterable

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.definitions import Definitions, Json, cast_name
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.expressions import Call, Compare, Literal, Logic, Node, Not, Path
from transload_sandbox.dataverse.model import Column, Table
from transload_sandbox.dataverse.options import Options, parse_options
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Request, Response, json_response

_KEYED = re.compile(r"(\w+)(?:\((?:(?:LogicalName|Name)='([^']*)'|([0-9a-fA-F-]{36}))\))?")
_NAMESPACE = "Microsoft.Dynamics.CRM."
NO_ID = "00000000-0000-0000-0000-000000000000"


def split_keyed(segment: str) -> tuple[str, str | None, str | None]:
    """Return collection, logical name and MetadataId of a segment such as ``Keys(<guid>)``.

    Raises:
        ODataError: The segment has another form.
    """
    match = _KEYED.fullmatch(segment)
    if not match:
        raise errors.not_found(segment)
    return match.group(1), match.group(2), parse_guid(match.group(3))


class MetadataReader:
    """Answers metadata queries."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.definitions = Definitions(environment)

    def respond(self, request: Request, segments: list[str]) -> Response:
        """Answer a query.

        Raises:
            ODataError: Unknown definition or property.
        """
        collection, name, metadata_id = split_keyed(segments[0])
        if collection != "EntityDefinitions":
            raise errors.unsupported(f"Reading {collection} is not supported.")
        options = parse_options(request.query)
        if name is None and metadata_id is None:
            tables = [self.definitions.table(table) for table in self.environment.model.tables.values()]
            return _many(request, "EntityDefinitions", tables, options)
        table = self.find_table(name, metadata_id)
        path = f"EntityDefinitions('{table.name}')"
        if len(segments) == 1:
            body = self.definitions.table(table)
            if any(expand.name == "Attributes" for expand in options.expand):
                body["Attributes"] = [self._shown(table, column) for column in table.columns.values()]
            if any(expand.name == "Keys" for expand in options.expand):
                body["Keys"] = [self.definitions.key(table, key) for key in table.keys.values()]
            return _one(request, "EntityDefinitions", body, options)
        return self._below(request, table, path, segments[1:], options)

    def find_table(self, name: str | None, metadata_id: str | None) -> Table:
        """Return a table by logical name or MetadataId.

        Raises:
            ODataError: There is none.
        """
        for table in self.environment.model.tables.values():
            if table.name == name or (metadata_id and self.definitions.table_id(table) == metadata_id):
                return table
        raise ODataError(404, "0x80060888", f"Could not find an entity with name {name} and id {metadata_id or NO_ID}.")

    def find_column(self, table: Table, name: str | None, metadata_id: str | None) -> Column:
        """Return a column by logical name or MetadataId.

        Raises:
            ODataError: There is none.
        """
        for column in table.columns.values():
            if column.name == name or (metadata_id and self.definitions.column_id(table, column) == metadata_id):
                return column
        shown = name or metadata_id
        raise ODataError(404, "0x80060888", f"Could not find an attribute with name {shown} on entity {table.name}.")

    def _below(self, request: Request, table: Table, path: str, segments: list[str], options: Options) -> Response:
        collection, name, metadata_id = split_keyed(segments[0])
        if collection == "Attributes":
            return self._attributes(request, table, path, segments, options)
        if collection == "Keys":
            keys = [self.definitions.key(table, key) for key in table.keys.values()]
            if name or metadata_id:
                found = [key for key in keys if name == key["LogicalName"] or metadata_id == key["MetadataId"]]
                if not found:
                    raise ODataError(404, "0x80060888", f"Could not find a key with name {name or metadata_id}.")
                return _one(request, f"{path}/Keys", found[0], options)
            return _many(request, f"{path}/Keys", keys, options)
        relationships = {
            "ManyToOneRelationships": self.definitions.many_to_one,
            "OneToManyRelationships": self.definitions.one_to_many,
            "ManyToManyRelationships": self.definitions.many_to_many,
        }
        if collection not in relationships:
            raise errors.not_found(collection)
        return _many(request, f"{path}/{collection}", relationships[collection](table), options)

    def _attributes(self, request: Request, table: Table, path: str, segments: list[str], options: Options) -> Response:
        _, name, metadata_id = split_keyed(segments[0])
        cast = segments[1].removeprefix(_NAMESPACE) if len(segments) > 1 else None
        context = f"{path}/Attributes" + (f"/{_NAMESPACE}{cast}" if cast else "")
        if name or metadata_id:
            column = self.find_column(table, name, metadata_id)
            if cast and cast_name(column) != cast:
                raise errors.not_found(f"{_NAMESPACE}{cast}")
            body = self._attribute(table, column, options, typed=cast is None)
            return _one(request, context, body, options)
        columns = [column for column in table.columns.values() if cast in {None, cast_name(column)}]
        bodies = [self._attribute(table, column, options, typed=cast is None) for column in columns]
        return _many(request, context, bodies, options)

    def _shown(self, table: Table, column: Column) -> Json:
        return {"@odata.type": f"#{_NAMESPACE}{cast_name(column)}", **self.definitions.column(table, column)}

    def _attribute(self, table: Table, column: Column, options: Options, *, typed: bool) -> Json:
        body = self._shown(table, column) if typed else self.definitions.column(table, column)
        for expand in options.expand:
            if expand.name == "OptionSet" and column.options:
                body["OptionSet"] = _select(self.definitions.option_set(table, column), expand.options)
            elif expand.name == "GlobalOptionSet":
                body["GlobalOptionSet"] = None
        return body


def _one(request: Request, path: str, body: Json, options: Options) -> Response:
    context = f"{request.base}$metadata#{path}{options.context()}/$entity"
    return json_response({"@odata.context": context, **_select(body, options)})


def _many(request: Request, path: str, bodies: Iterable[Json], options: Options) -> Response:
    found = [body for body in bodies if options.filter is None or _matches(options.filter, body)]
    context = f"{request.base}$metadata#{path}{options.context()}"
    return json_response({"@odata.context": context, "value": [_select(body, options) for body in found]})


def _select(body: Json, options: Options) -> Json:
    if options.select is None:
        return body
    kept = ["@odata.type", *options.select, "MetadataId", *(expand.name for expand in options.expand)]
    return {name: body[name] for name in dict.fromkeys(kept) if name in body}


def _matches(node: Node, body: Json) -> bool:
    if isinstance(node, Logic):
        results = (_matches(operand, body) for operand in node.operands)
        return all(results) if node.operator == "and" else any(results)
    if isinstance(node, Not):
        return not _matches(node.operand, body)
    if isinstance(node, Compare) and node.operator in {"eq", "ne"}:
        equal = _value(node.left, body) == _value(node.right, body)
        return equal if node.operator == "eq" else not equal
    if isinstance(node, Call):
        text, part = (str(_value(argument, body)) for argument in node.arguments)
        return {
            "contains": part in text,
            "startswith": text.startswith(part),
            "endswith": text.endswith(part),
        }[node.name]
    raise errors.unsupported("Metadata can be filtered by eq, ne, contains, startswith and endswith only.")


def _value(node: Node, body: Json) -> object:
    if isinstance(node, Literal):
        return node.value
    if not isinstance(node, Path):
        raise errors.unsupported("Metadata can be compared with values only.")
    value: object = body
    for name in node.names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
