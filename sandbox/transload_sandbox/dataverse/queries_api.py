"""Everything that is read: sets, rows, what lies behind their navigation properties, single values, counts."""

import re
from collections.abc import Sequence

from transload_sandbox.dataverse import addressing, errors
from transload_sandbox.dataverse.aggregates import Aggregates
from transload_sandbox.dataverse.changes import Changes
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.fetch_reader import FetchReader, find_query
from transload_sandbox.dataverse.filters import belonging
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.options import Options, parse_options
from transload_sandbox.dataverse.reader import Json, Reader, Within
from transload_sandbox.dataverse.relationships import Collection, collections
from transload_sandbox.dataverse.retrieval import get_row
from transload_sandbox.dataverse.scope import find_navigations, navigation_names, property_column
from transload_sandbox.dataverse.shapes import Shape, etag
from transload_sandbox.dataverse.wire import Request, Response, json_response, no_content

_SEGMENT = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)


class QueriesApi:
    """Answers GET requests on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id

    def respond(self, request: Request, table: Table, key_text: str | None, rest: Sequence[str]) -> Response:
        """Answer a request to a set or to something below it.

        Args:
            request: The request.
            table: The table of the set.
            key_text: What stands in the brackets behind the set, None when there are none.
            rest: The segments that follow.

        Raises:
            ODataError: The request is refused.
        """
        if key_text is None:
            return self._set(request, table, rest, None)
        row = get_row(self.environment, table, addressing.parse_key(table, key_text))
        if not table.is_intersect:
            self.environment.security.check(table, "Read", row)
        return self._row(request, table, row, rest)

    # -- sets

    def _set(self, request: Request, table: Table, rest: Sequence[str], within: Within | None) -> Response:
        reader = Reader(self.environment, request, self.caller_id)
        options = parse_options(request.query)
        if list(rest) == ["$count"]:
            return self._count(reader, table, options, within)
        if list(rest) == ["$ref"]:
            return self._references(reader, table, options, within)
        if rest:
            raise errors.not_found(rest[0])
        fetch_xml = find_query(self.environment, request)
        changes = Changes(reader)
        if fetch_xml is not None:
            body = FetchReader(reader).read(table, fetch_xml, options)
        elif options.apply is not None:
            body = Aggregates(reader).read(table, options, within)
        elif changes.concerns(options):
            body = changes.read(table, options)
        else:
            body = reader.collection(table, options, within)
        return reader.answer(body)

    def _count(self, reader: Reader, table: Table, options: Options, within: Within | None) -> Response:
        if options.deltatoken is not None:
            number = Changes(reader).count(table, options)
        else:
            number = reader.count(table, options, within)
        headers = (("Content-Type", "text/plain"), ("OData-Version", "4.0"))
        # The live service starts the number with a byte order mark.
        return Response(200, headers, f"\ufeff{number}".encode())

    def _references(self, reader: Reader, table: Table, options: Options, within: Within | None) -> Response:
        body = reader.collection(table, options, within)
        rows = body["value"]
        assert isinstance(rows, list)
        base = reader.request.base
        body["@odata.context"] = f"{base}$metadata#Collection($ref)"
        body["value"] = [{"@odata.id": f"{base}{table.entity_set}({row[table.primary_id]})"} for row in rows]
        return reader.answer(body)

    # -- rows

    def _row(self, request: Request, table: Table, row: Row, rest: Sequence[str]) -> Response:
        if not rest:
            return self._retrieve(request, table, row)
        match = _SEGMENT.fullmatch(rest[0])
        if not match:
            raise errors.not_found(rest[0])
        name, key_text = match.groups()
        if name in navigation_names(table) and key_text is None:
            return self._lookup(request, table, row, name, rest[1:])
        found = collections(self.environment.model, table).get(name)
        if found is not None:
            return self._collection(request, str(row[table.primary_id]), found, key_text, rest[1:])
        return self._value(request, table, row, rest)

    def _retrieve(self, request: Request, table: Table, row: Row) -> Response:
        options = parse_options(request.query)
        reader = Reader(self.environment, request, self.caller_id)
        unchanged = request.headers.get("if-none-match") == etag(row)
        if unchanged and not options.expand and not reader.annotator.wanted:
            return Response(304, (("OData-Version", "4.0"),))
        return reader.answer(reader.entity(table, row, options), ("ETag", etag(row)))

    def _lookup(self, request: Request, table: Table, row: Row, name: str, rest: Sequence[str]) -> Response:
        for lookup, target in find_navigations(self.environment.model, table, name):
            row_id = str(row[lookup.name])
            typed = lookup.type_column is None or row[lookup.type_column] == target.name
            related = self.environment.store.fetch(target, [row_id]) if typed and row[lookup.name] else {}
            if related and list(rest) == ["$ref"]:
                context = f"{request.base}$metadata#$ref"
                address = f"{request.base}{target.entity_set}({row_id})"
                return json_response({"@odata.context": context, "@odata.id": address})
            if related:
                return self._row(request, target, related[row_id], rest)
        return no_content()

    def _collection(
        self, request: Request, row_id: str, found: Collection, key_text: str | None, rest: Sequence[str]
    ) -> Response:
        if key_text is None:
            return self._set(request, found.child, rest, lambda scope: belonging(scope, found, [row_id]))
        key = addressing.parse_key(found.child, key_text)
        row = get_row(self.environment, found.child, key)
        child_id = str(row[found.child.primary_id])
        reader = Reader(self.environment, request, self.caller_id)
        belongs = reader.count(
            found.child, Options(), lambda scope: belonging(scope, found, [row_id]) & (scope.primary == child_id)
        )
        if not belongs:
            raise errors.row_missing(found.child.name, child_id)
        return self._row(request, found.child, row, rest)

    # -- values

    def _value(self, request: Request, table: Table, row: Row, rest: Sequence[str]) -> Response:
        name = rest[0]
        column = property_column(table, name)
        if list(rest[1:]) == ["$value"]:
            value = row[column.name]
            if value is None:
                return no_content()
            text = str(bool(value)).lower() if column.type == "Boolean" else str(value)
            return Response(200, (("Content-Type", "text/plain"), ("OData-Version", "4.0")), text.encode())
        if rest[1:]:
            raise errors.not_found(rest[1])
        shown = Shape(table, Options(select=(name,))).show(row)
        context = f"{request.base}$metadata#{table.entity_set}({row[table.primary_id]})/{name}"
        body: Json = {"@odata.context": context, "value": shown[column.property_name]}
        return json_response(body)
