"""Requests to entity sets and rows: create, upsert, read, delete, single properties, links."""

from collections.abc import Mapping
from urllib.parse import quote

from transload_sandbox.dataverse import addressing, errors
from transload_sandbox.dataverse.addressing import RowKey
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.filters import navigation, property_column
from transload_sandbox.dataverse.model import Row, Stored, Table
from transload_sandbox.dataverse.options import Options, parse_options
from transload_sandbox.dataverse.reader import Reader
from transload_sandbox.dataverse.shapes import Shape, etag
from transload_sandbox.dataverse.wire import Request, Response, json_response, no_content
from transload_sandbox.dataverse.writer import Writer


class RowsApi:
    """Serves entity sets on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id

    def respond(self, request: Request, table: Table, key_text: str | None, rest: list[str]) -> Response:
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
            return self._set(request, table, rest)
        key = addressing.parse_key(table, key_text)
        if not rest:
            return self._row(request, table, key)
        if len(rest) == 1:
            return self._property(request, table, key, rest[0])
        if len(rest) == 2 and rest[1] in {"$ref", "$value"}:
            if rest[1] == "$value" and request.method == "GET":
                return self._raw_value(table, key, rest[0])
            return self._link(request, table, key, rest[0])
        raise errors.not_found(rest[-1])

    # -- sets

    def _set(self, request: Request, table: Table, rest: list[str]) -> Response:
        if rest == ["$count"] and request.method == "GET":
            count = Reader(self.environment, request).count(table, parse_options(request.query))
            headers = (("Content-Type", "text/plain"), ("OData-Version", "4.0"))
            # The live service starts the number with a byte order mark.
            return Response(200, headers, f"\ufeff{count}".encode())
        if rest:
            raise errors.not_found(rest[0])
        if request.method == "GET":
            reader = Reader(self.environment, request)
            body = reader.collection(table, parse_options(request.query))
            return json_response(body, 200, *reader.applied())
        if request.method == "POST":
            with self.environment.transaction():
                [row] = self._writer().create(table, [request.json(table.entity_set)])
            return self._written(request, table, row, row_address(table, row), created=True)
        raise _wrong_method(request)

    # -- rows

    def _row(self, request: Request, table: Table, key: RowKey) -> Response:
        if request.method == "GET":
            return self._retrieve(request, table, key)
        if request.method == "PATCH":
            return self._upsert(request, table, key)
        if request.method == "DELETE":
            with self.environment.transaction():
                row = self.get(table, key)
                _check_etag(request, row)
                self._writer().delete(table, str(row[table.primary_id]))
            return no_content()
        raise _wrong_method(request)

    def _retrieve(self, request: Request, table: Table, key: RowKey) -> Response:
        row = self.get(table, key)
        options = parse_options(request.query)
        reader = Reader(self.environment, request)
        unchanged = request.headers.get("if-none-match") == etag(row)
        if unchanged and not options.expand and not reader.annotator.wanted:
            return Response(304, (("OData-Version", "4.0"),))
        body = reader.entity(table, row, options)
        return json_response(body, 200, ("ETag", etag(row)), *reader.applied())

    def _upsert(self, request: Request, table: Table, key: RowKey) -> Response:
        body = request.json(table.entity_set)
        with self.environment.transaction():
            former = self.find(table, key)
            if former is None:
                if "if-match" in request.headers:
                    raise _missing(table, key)
                [row] = self._writer().create(table, [body_for_create(table, key, body)], [preset(table, key)])
            else:
                if request.headers.get("if-none-match") == "*":
                    raise errors.duplicate_row()
                _check_etag(request, former)
                [row] = self._writer().update(table, [(former, body_for_update(table, key, body))])
        address = quote(request.path, safe="()=',$")
        return self._written(request, table, row, address, created=former is None)

    def _written(self, request: Request, table: Table, row: Row, address: str, *, created: bool) -> Response:
        url = request.base + address
        if request.preferences().get("return") != "representation":
            return no_content(("OData-EntityId", url))
        reader = Reader(self.environment, request)
        body = reader.entity(table, row, parse_options(request.query))
        headers = (("ETag", etag(row)), *reader.applied())
        return json_response(body, 201 if created else 200, *headers)

    # -- single properties

    def _property(self, request: Request, table: Table, key: RowKey, name: str) -> Response:
        if request.method == "GET":
            row = self.get(table, key)
            if name not in table.columns or table.columns[name].is_lookup:
                return self._related(request, table, row, name)
            column = property_column(table, name)
            shown = Shape(table, Options(select=(name,))).show(row)
            context = f"{request.base}$metadata#{table.entity_set}({row[table.primary_id]})/{name}"
            return json_response({"@odata.context": context, "value": shown[column.property_name]})
        if request.method not in {"PUT", "DELETE"}:
            raise _wrong_method(request)
        column = property_column(table, name)
        if column.is_lookup:
            raise _wrong_method(request)
        value = request.json(table.entity_set).get("value") if request.method == "PUT" else None
        self._update(table, key, {name: value})
        return no_content()

    def _related(self, request: Request, table: Table, row: Row, name: str) -> Response:
        lookup, target = navigation(self.environment.model, table, name)
        found = self.environment.store.fetch(target, [str(row[lookup.name])]) if row[lookup.name] else {}
        if not found:
            return no_content()
        [related] = found.values()
        reader = Reader(self.environment, request)
        body = reader.entity(target, related, parse_options(request.query))
        return json_response(body, 200, ("ETag", etag(related)), *reader.applied())

    def _raw_value(self, table: Table, key: RowKey, name: str) -> Response:
        value = self.get(table, key)[property_column(table, name).name]
        if value is None:
            return no_content()
        headers = (("Content-Type", "text/plain"), ("OData-Version", "4.0"))
        return Response(200, headers, str(value).encode())

    def _link(self, request: Request, table: Table, key: RowKey, name: str) -> Response:
        plan = self.environment.plan(table)
        if name not in plan.bindings:
            raise errors.not_found(name)
        if request.method == "PUT":
            self._update(table, key, {f"{name}@odata.bind": request.json(table.entity_set).get("@odata.id")})
        elif request.method == "DELETE":
            self._update(table, key, {f"{name}@odata.bind": None})
        else:
            raise _wrong_method(request)
        return no_content()

    def _update(self, table: Table, key: RowKey, body: Mapping[str, object]) -> None:
        with self.environment.transaction():
            self._writer().update(table, [(self.get(table, key), body)])

    # -- shared

    def _writer(self) -> Writer:
        return Writer(self.environment, self.caller_id)

    def find(self, table: Table, key: RowKey) -> Row | None:
        """Return the row that a key names, None when there is none."""
        if key.row_id is not None:
            return self.environment.store.fetch(table, [key.row_id]).get(key.row_id)
        found = self.environment.store.find(table, key.values, 1)
        return found[0] if found else None

    def get(self, table: Table, key: RowKey) -> Row:
        """Return the row that a key names.

        Raises:
            ODataError: There is none.
        """
        row = self.find(table, key)
        if row is None:
            raise _missing(table, key)
        return row


def row_address(table: Table, row: Row) -> str:
    """Return the address of a row below the base."""
    return f"{table.entity_set}({row[table.primary_id]})"


def preset(table: Table, key: RowKey) -> dict[str, Stored]:
    """Return the values that the key itself gives to a new row."""
    return {table.primary_id: key.row_id} if key.row_id else dict(key.values)


def body_for_create(table: Table, key: RowKey, body: Mapping[str, object]) -> Mapping[str, object]:
    """Return what an upsert creates: the id of the address stands, alternate key values of the body win."""
    return {name: value for name, value in body.items() if key.row_id is None or name != table.primary_id}


def body_for_update(table: Table, key: RowKey, body: Mapping[str, object]) -> Mapping[str, object]:
    """Return what an upsert changes: values for the key columns are dropped."""
    return {name: value for name, value in body.items() if name not in key.values and name != table.primary_id}


def _missing(table: Table, key: RowKey) -> ODataError:
    return errors.row_missing(table.name, key.row_id) if key.row_id else errors.key_row_missing(table.name)


def _check_etag(request: Request, row: Row) -> None:
    wanted = request.headers.get("if-match")
    if wanted and wanted != "*" and wanted != etag(row):
        raise ODataError(
            412,
            "0x80060882",
            "The version of the existing record doesn't match the RowVersion property provided.",
        )


def _wrong_method(request: Request) -> ODataError:
    return ODataError(405, "0x0", f"The requested resource does not support http method '{request.method}'.")
