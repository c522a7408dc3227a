"""Requests to entity sets and rows: create, upsert, read, delete, single properties, links."""

from collections.abc import Mapping
from urllib.parse import quote

from transload_sandbox.dataverse import addressing, errors
from transload_sandbox.dataverse.addressing import RowKey
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.files_api import FilesApi
from transload_sandbox.dataverse.layout import POINTER
from transload_sandbox.dataverse.links_api import LinksApi
from transload_sandbox.dataverse.model import Row, Stored, Table
from transload_sandbox.dataverse.options import parse_options
from transload_sandbox.dataverse.queries_api import QueriesApi
from transload_sandbox.dataverse.reader import Reader
from transload_sandbox.dataverse.retrieval import find_row, get_row
from transload_sandbox.dataverse.scope import property_column
from transload_sandbox.dataverse.shapes import etag
from transload_sandbox.dataverse.wire import Request, Response, json_response, no_content
from transload_sandbox.dataverse.writer import Writer


class RowsApi:
    """Serves entity sets on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id
        self._links = LinksApi(environment, caller_id)
        self._files = FilesApi(environment, caller_id)
        self._queries = QueriesApi(environment, caller_id)

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
        if table.is_intersect and request.method != "GET":
            raise _unsupported_message(request, table)
        if request.method == "GET" and not _is_content(table, rest):
            return self._queries.respond(request, table, key_text, rest)
        if key_text is None:
            return self._set(request, table, rest)
        key = addressing.parse_key(table, key_text)
        if table.name == POINTER:
            # The rows of this table are those of the activity tables.
            row = self.get(table, key)
            table = self.environment.model.tables[str(row["activitytypecode"])]
        if not rest:
            return self._row(request, table, key)
        if len(rest) == 1:
            return self._property(request, table, key, rest[0])
        if rest[1:] == ["$value"] and request.method == "GET":
            return self._files.download(request, self.get(table, key), property_column(table, rest[0]))
        if rest[1:] == ["$ref"]:
            return self._links.respond(request, table, self.get(table, key), rest[0])
        raise errors.not_found(rest[-1])

    # -- sets

    def _set(self, request: Request, table: Table, rest: list[str]) -> Response:
        if rest:
            raise errors.not_found(rest[0])
        if table.name == POINTER:
            raise _unsupported_message(request, table)
        if request.method == "POST":
            with self.environment.transaction():
                [row] = self._writer().create(table, [request.json(table.entity_set)])
            return self._written(request, table, row, row_address(table, row), created=True)
        raise _wrong_method(request)

    # -- rows

    def _row(self, request: Request, table: Table, key: RowKey) -> Response:
        if request.method == "PATCH":
            return self._upsert(request, table, key)
        if request.method == "DELETE":
            with self.environment.transaction():
                row = self.get(table, key)
                _check_etag(request, row)
                self._writer().delete(table, str(row[table.primary_id]))
            return no_content()
        raise _wrong_method(request)

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
        reader = Reader(self.environment, request, self.caller_id)
        body = reader.entity(table, row, parse_options(request.query))
        headers = (("ETag", etag(row)), *reader.applied())
        return json_response(body, 201 if created else 200, *headers)

    # -- single properties

    def _property(self, request: Request, table: Table, key: RowKey, name: str) -> Response:
        held = table.columns.get(name)
        if held is not None and held.type == "File":
            return self._files.respond(request, table, self.get(table, key), held)
        collection = self._links.find(table, name) if request.method in {"POST", "PUT"} else None
        if collection is not None:
            return self._links.write(request, table, self.get(table, key), collection)
        if request.method == "PATCH" and held is not None and held.type == "Image":
            return self._files.upload_image(request, table, self.get(table, key), held)
        if request.method not in {"PUT", "DELETE"}:
            raise _wrong_method(request)
        column = property_column(table, name)
        if column.is_lookup:
            raise _wrong_method(request)
        value = _value(request, table) if request.method == "PUT" else None
        self._update(table, key, {name: value})
        return no_content()

    def _update(self, table: Table, key: RowKey, body: Mapping[str, object]) -> None:
        with self.environment.transaction():
            self._writer().update(table, [(self.get(table, key), body)])

    # -- shared

    def _writer(self) -> Writer:
        return Writer(self.environment, self.caller_id)

    def find(self, table: Table, key: RowKey) -> Row | None:
        """Return the row that a key names, None when there is none."""
        return find_row(self.environment, table, key)

    def get(self, table: Table, key: RowKey) -> Row:
        """Return the row that a key names.

        Raises:
            ODataError: There is none.
        """
        return get_row(self.environment, table, key)


def _value(request: Request, table: Table) -> object:
    """Return the value that the body of a single property carries."""
    body = request.json(table.entity_set)
    if "value" not in body:
        raise errors.payload(
            table.entity_set,
            "Microsoft.OData.ODataException: A top-level property with name 'value' was expected and is missing.",
        )
    return body["value"]


def _is_content(table: Table, rest: list[str]) -> bool:
    """Whether a path leads to the content of a file or image."""
    column = table.columns.get(rest[0]) if rest else None
    if column is None:
        return False
    return column.type == "File" or (column.type == "Image" and rest[1:] == ["$value"])


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


def _unsupported_message(request: Request, table: Table) -> ODataError:
    message = {"POST": "Create", "DELETE": "Delete"}.get(request.method, "Update")
    return ODataError(
        405,
        "0x80040800",
        f"The '{message}' method does not support entities of type '{table.name}'. "
        "MessageProcessorCache returned MessageProcessor.Empty.",
    )


def _wrong_method(request: Request) -> ODataError:
    return ODataError(405, "0x0", f"The requested resource does not support http method '{request.method}'.")
