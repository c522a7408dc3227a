"""Metadata queries: definitions of tables, relationships and global choices, and what lies below them.

All matches come at once, there are no pages.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.definitions import Definitions, cast_name
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.labels import Json
from transload_sandbox.dataverse.metadata_filter import matches, select
from transload_sandbox.dataverse.model import Column, OptionSet, Table
from transload_sandbox.dataverse.options import Options, parse_options
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Request, Response, json_response

_KEYED = re.compile(r"(\w+)(?:\((?:(?:LogicalName|Name|SchemaName)='([^']*)'|([0-9a-fA-F-]{36}))\))?")
_NAMESPACE = "Microsoft.Dynamics.CRM."
NO_ID = "00000000-0000-0000-0000-000000000000"
_BELOW = ("Attributes", "Keys", "ManyToOneRelationships", "OneToManyRelationships", "ManyToManyRelationships")


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a path: a collection, and how one definition of it is named."""

    collection: str
    name: str | None
    metadata_id: str | None

    @property
    def is_keyed(self) -> bool:
        """Whether it names one definition."""
        return self.name is not None or self.metadata_id is not None


def split_keyed(segment: str) -> Segment:
    """Return the parts of a segment such as ``Keys(<guid>)``.

    Raises:
        ODataError: The segment has another form.
    """
    match = _KEYED.fullmatch(segment)
    if not match:
        raise errors.not_found(segment)
    return Segment(match.group(1), match.group(2), parse_guid(match.group(3)))


class MetadataReader:
    """Answers metadata queries."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.definitions = Definitions(environment)

    # -- finding

    def find_table(self, named: Segment) -> Table:
        """Return a table by logical name or MetadataId.

        Raises:
            ODataError: There is none.
        """
        for table in self.environment.model.tables.values():
            if table.name == named.name or (
                named.metadata_id and self.definitions.table_id(table) == named.metadata_id
            ):
                return table
        shown = named.metadata_id or NO_ID
        raise ODataError(404, "0x80060888", f"Could not find an entity with name {named.name} and id {shown}.")

    def find_column(self, table: Table, named: Segment) -> Column:
        """Return a column by logical name or MetadataId.

        Raises:
            ODataError: There is none.
        """
        for column in table.columns.values():
            found = named.metadata_id and self.definitions.column_id(table, column) == named.metadata_id
            if column.name == named.name or found:
                return column
        shown = named.name or named.metadata_id
        raise ODataError(404, "0x80060888", f"Could not find an attribute with name {shown} on entity {table.name}.")

    def find_relationship(self, named: Segment) -> Json:
        """Return a relationship by schema name or MetadataId, with its type.

        Raises:
            ODataError: There is none.
        """
        for kind, each in self.definitions.relationships():
            if each["SchemaName"] == named.name or each["MetadataId"] == named.metadata_id:
                return {"@odata.type": f"#{_NAMESPACE}{kind}", **each}
        shown = named.name or named.metadata_id
        raise ODataError(404, "0x80060888", f"Could not find a relationship with name or id {shown}.")

    def find_option_set(self, named: Segment) -> OptionSet:
        """Return a global choice by name or MetadataId.

        Raises:
            ODataError: There is none.
        """
        for each in self.environment.model.option_sets.values():
            if each.name == named.name or self.definitions.option_set_id(each) == named.metadata_id:
                return each
        shown = named.name or named.metadata_id
        raise ODataError(404, "0x80060888", f"Could not find an optionset with name or id {shown}.")

    # -- answering

    def respond(self, request: Request, segments: list[str]) -> Response:
        """Answer a query.

        Raises:
            ODataError: Unknown definition or property.
        """
        first, rest = split_keyed(segments[0]), segments[1:]
        options = parse_options(request.query)
        if first.collection == "EntityDefinitions":
            return self._tables(request, first, rest, options)
        cast = rest.pop(0).removeprefix(_NAMESPACE) if rest and rest[0].startswith(_NAMESPACE) else None
        if first.collection == "RelationshipDefinitions":
            return self._relationships(request, first, cast, rest, options)
        return self._option_sets(request, first, cast, rest, options)

    def _tables(self, request: Request, named: Segment, rest: list[str], options: Options) -> Response:
        if not named.is_keyed:
            if rest == ["$count"]:
                return _count(len(self.environment.model.tables))
            tables = (self._table(table, options) for table in self.environment.model.tables.values())
            return _many(request, "EntityDefinitions", tables, options)
        table = self.find_table(named)
        if not rest:
            return _one(request, "EntityDefinitions", self._table(table, options), options)
        path = f"EntityDefinitions('{table.name}')"
        below = split_keyed(rest[0])
        if below.collection == "Attributes":
            return self._attributes(request, table, f"{path}/Attributes", rest, options)
        if below.collection not in _BELOW:
            return _property(request, path, self.definitions.table(table), rest)
        bodies = list(self._below(table, below.collection))
        if rest[1:] == ["$count"]:
            return _count(len(bodies))
        if not below.is_keyed:
            return _many(request, f"{path}/{below.collection}", bodies, options)
        names = ("LogicalName", "SchemaName")
        found = [
            each
            for each in bodies
            if below.metadata_id == each["MetadataId"] or below.name in {each.get(name) for name in names}
        ]
        if not found:
            raise ODataError(404, "0x80060888", f"Could not find a key with name {below.name or below.metadata_id}.")
        if rest[1:]:
            return _property(request, f"{path}/{below.collection}", found[0], rest[1:])
        return _one(request, f"{path}/{below.collection}", found[0], options)

    def _table(self, table: Table, options: Options) -> Json:
        body = self.definitions.table(table)
        for expand in options.expand:
            if expand.name not in _BELOW:
                raise errors.unknown_select("EntityMetadata", expand.name)
            bodies = [each for each in self._below(table, expand.name) if matches(expand.options.filter, each)]
            body[expand.name] = [select(each, expand.options) for each in bodies]
        return body

    def _below(self, table: Table, collection: str) -> Iterable[Json]:
        if collection == "Attributes":
            return (self._shown(table, column) for column in table.columns.values())
        if collection == "Keys":
            return (self.definitions.key(table, key) for key in table.keys.values())
        return {
            "ManyToOneRelationships": self.definitions.many_to_one,
            "OneToManyRelationships": self.definitions.one_to_many,
            "ManyToManyRelationships": self.definitions.many_to_many,
        }[collection](table)

    # -- columns

    def _attributes(self, request: Request, table: Table, path: str, rest: list[str], options: Options) -> Response:
        named, rest = split_keyed(rest[0]), rest[1:]
        cast = rest.pop(0).removeprefix(_NAMESPACE) if rest and rest[0].startswith(_NAMESPACE) else None
        context = path + (f"/{_NAMESPACE}{cast}" if cast else "")
        if not named.is_keyed:
            columns = [column for column in table.columns.values() if cast in {None, cast_name(column)}]
            if rest == ["$count"]:
                return _count(len(columns))
            bodies = [self._attribute(table, column, options, typed=cast is None) for column in columns]
            return _many(request, context, bodies, options)
        column = self.find_column(table, named)
        if cast and cast_name(column) != cast:
            raise errors.not_found(f"{_NAMESPACE}{cast}")
        if not rest:
            return _one(request, context, self._attribute(table, column, options, typed=cast is None), options)
        if rest[0] in {"OptionSet", "GlobalOptionSet"} and column.options:
            is_global = column.option_set is not None
            if rest[0] == "GlobalOptionSet" and not is_global:
                return Response(204, (("OData-Version", "4.0"),))
            body = self.definitions.option_set(table, column)
            if rest[1:]:
                return _property(request, context, body, rest[1:])
            return _one(request, f"{context}/{rest[0]}", body, options)
        return _property(request, context, self.definitions.column(table, column), rest)

    def _shown(self, table: Table, column: Column) -> Json:
        return {"@odata.type": f"#{_NAMESPACE}{cast_name(column)}", **self.definitions.column(table, column)}

    def _attribute(self, table: Table, column: Column, options: Options, *, typed: bool) -> Json:
        body = self._shown(table, column) if typed else self.definitions.column(table, column)
        for expand in options.expand:
            if expand.name == "OptionSet" and column.options:
                body["OptionSet"] = select(self.definitions.option_set(table, column), expand.options)
            elif expand.name == "GlobalOptionSet":
                shared = self.environment.model.option_sets.get(column.option_set or "")
                shown = select(self.definitions.global_option_set(shared), expand.options) if shared else None
                body["GlobalOptionSet"] = shown
        return body

    # -- relationships and choices

    def _relationships(
        self, request: Request, named: Segment, cast: str | None, rest: list[str], options: Options
    ) -> Response:
        context = "RelationshipDefinitions" + (f"/{_NAMESPACE}{cast}" if cast else "")
        if named.is_keyed:
            body = self.find_relationship(named)
            if cast and not str(body["@odata.type"]).endswith(f".{cast}"):
                raise errors.not_found(f"{_NAMESPACE}{cast}")
            return _property(request, context, body, rest) if rest else _one(request, context, body, options)
        bodies = (
            each if cast else {"@odata.type": f"#{_NAMESPACE}{kind}", **each}
            for kind, each in self.definitions.relationships()
            if cast in {None, kind, "RelationshipMetadataBase"}
        )
        return _many(request, context, bodies, options)

    def _option_sets(
        self, request: Request, named: Segment, cast: str | None, rest: list[str], options: Options
    ) -> Response:
        context = "GlobalOptionSetDefinitions" + (f"/{_NAMESPACE}{cast}" if cast else "")
        if cast not in {None, "OptionSetMetadata"}:
            raise errors.not_found(f"{_NAMESPACE}{cast}")
        shown = {} if cast else {"@odata.type": f"#{_NAMESPACE}OptionSetMetadata"}
        if not named.is_keyed:
            sets = self.environment.model.option_sets.values()
            bodies = ({**shown, **self.definitions.global_option_set(each)} for each in sets)
            return _many(request, context, bodies, options)
        body = {**shown, **self.definitions.global_option_set(self.find_option_set(named))}
        return _property(request, context, body, rest) if rest else _one(request, context, body, options)


def _one(request: Request, path: str, body: Json, options: Options) -> Response:
    context = f"{request.base}$metadata#{path}{options.context()}/$entity"
    return json_response({"@odata.context": context, **select(body, options)})


def _many(request: Request, path: str, bodies: Iterable[Json], options: Options) -> Response:
    found = [select(body, options) for body in bodies if matches(options.filter, body)]
    context = f"{request.base}$metadata#{path}{options.context()}"
    count = {"@odata.count": len(found)} if options.count else {}
    return json_response({"@odata.context": context, **count, "value": found[: options.top]})


def _property(request: Request, path: str, body: Json, names: list[str]) -> Response:
    """Answer with a single property of a definition, or a property of that one."""
    value: object = body
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise errors.not_found(name)
        value = value[name]
    context = f"{request.base}$metadata#{path}/{'/'.join(names)}"
    shown = value if isinstance(value, dict) else {"value": value}
    return json_response({"@odata.context": context, **shown})


def _count(number: int) -> Response:
    return Response(200, (("Content-Type", "text/plain"), ("OData-Version", "4.0")), f"\ufeff{number}".encode())
