"""Requests about links: ``$ref`` below lookups and collections, and rows that are written into a collection."""

import re

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.links import Links
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.relationships import Collection, OneToMany
from transload_sandbox.dataverse.wire import Request, Response, json_response, no_content, resolve_content_id
from transload_sandbox.dataverse.writer import Writer

_SEGMENT = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)


class LinksApi:
    """Serves links on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id

    def respond(self, request: Request, table: Table, row: Row, segment: str) -> Response:
        """Answer ``<row>/<navigation property>/$ref``.

        Raises:
            ODataError: No such navigation property, or the link is refused.
        """
        match = _SEGMENT.fullmatch(segment)
        name, key_text = match.groups() if match else (segment, None)
        if name in self.environment.plan(table).bindings:
            return self._lookup(request, table, row, name)
        collection = self._links().find(table, name)
        if collection is None:
            raise errors.not_found(name)
        row_id = str(row[table.primary_id])
        if request.method == "GET" and key_text is None:
            return self._list(request, collection, row_id)
        if request.method == "POST" and key_text is None:
            reference = _reference(request, table)
        elif request.method == "DELETE":
            reference = self._departing(request, collection, key_text)
        else:
            raise _wrong_method(request)
        with self.environment.transaction():
            links = self._links()
            other, other_id = links.resolve(collection, reference)
            if request.method == "POST":
                links.associate(collection, table, row_id, other, other_id)
            else:
                links.disassociate(collection, table, row_id, other, other_id)
        return no_content()

    def write(self, request: Request, table: Table, row: Row, collection: Collection) -> Response:
        """Answer a POST or PUT to a collection: a new row in it, or all its rows anew.

        Raises:
            ODataError: A row is refused, or the collection cannot be replaced.
        """
        row_id = str(row[table.primary_id])
        body = request.json(table.entity_set)
        with self.environment.transaction():
            if request.method == "POST":
                child = collection.child
                [created] = self._links().create(collection, table, row_id, [body])
                address = f"{child.entity_set}({created[child.primary_id]})"
                return no_content(("OData-EntityId", request.base + address))
            values = body.get("value")
            if not isinstance(values, list) or not isinstance(collection, OneToMany):
                raise errors.unsupported(f"The collection '{collection.name}' cannot be replaced.")
            self._links().replace(collection, table, row_id, values)
        return no_content()

    def find(self, table: Table, name: str) -> Collection | None:
        """Return a collection of a table, None when there is none of that name."""
        return self._links().find(table, name)

    def _links(self) -> Links:
        return Links(Writer(self.environment, self.caller_id))

    def _lookup(self, request: Request, table: Table, row: Row, name: str) -> Response:
        binding = self.environment.plan(table).bindings[name]
        column = binding.column
        if request.method == "GET":
            value = row[column.name]
            kind = str(row[column.type_column]) if column.type_column else binding.targets[0]
            target = self.environment.model.tables.get(kind)
            if value is None or target is None or kind not in binding.targets:
                return no_content()
            body = {
                "@odata.context": f"{request.base}$metadata#$ref",
                "@odata.id": f"{request.base}{target.entity_set}({value})",
            }
            return json_response(body)
        if request.method == "PUT":
            reference: str | None = _reference(request, table)
        elif request.method == "DELETE":
            reference = None
        else:
            raise _wrong_method(request)
        with self.environment.transaction():
            Writer(self.environment, self.caller_id).update(table, [(row, {f"{name}@odata.bind": reference})])
        return no_content()

    def _list(self, request: Request, collection: Collection, row_id: str) -> Response:
        entity_set = collection.child.entity_set
        ids = self._links().related(collection, row_id)
        value = [{"@odata.id": f"{request.base}{entity_set}({each})"} for each in ids]
        return json_response({"@odata.context": f"{request.base}$metadata#Collection($ref)", "value": value})

    def _departing(self, request: Request, collection: Collection, key_text: str | None) -> str:
        """Return the reference to the row that a DELETE takes out of a collection."""
        if key_text is not None:
            return f"{collection.child.entity_set}({key_text})"
        reference = request.query.get("$id")
        if reference is None:
            raise ODataError(400, "0x80060888", "The query option '$id' is missing: it names the row to take out.")
        if request.content_ids is not None:
            reference = resolve_content_id(reference, request.content_ids)
        # Relative addresses are relative to the request in OData, to the service root in the platform's samples.
        return re.sub(r"^(?:\.\./)+", "", reference)


def _reference(request: Request, table: Table) -> str:
    reference = request.json(table.entity_set).get("@odata.id")
    if not isinstance(reference, str):
        raise errors.payload(
            table.entity_set,
            "Microsoft.OData.ODataException: The required instance annotation 'odata.id' was not found in the entity "
            "reference link.",
        )
    return reference


def _wrong_method(request: Request) -> ODataError:
    return ODataError(405, "0x0", f"The requested resource does not support http method '{request.method}'.")
