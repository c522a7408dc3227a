"""Finds out what a request is about and hands it to whom it concerns."""

import re
from collections.abc import Callable

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.batch import BatchApi
from transload_sandbox.dataverse.bulk import NAMESPACE, BulkApi
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.functions import FunctionsApi
from transload_sandbox.dataverse.metadata_read import MetadataReader
from transload_sandbox.dataverse.metadata_write import MetadataWriter
from transload_sandbox.dataverse.rows_api import RowsApi
from transload_sandbox.dataverse.wire import Request, Response, error_response, json_response

_NAMED = re.compile(r"(\$?[A-Za-z_][\w.]*)(?:\((.*)\))?", re.DOTALL)
_DEFINITIONS = frozenset({"EntityDefinitions", "GlobalOptionSetDefinitions", "RelationshipDefinitions"})


class Service:
    """The Web API for one user."""

    def __init__(self, environment: Environment, caller_id: str, tenant_id: str) -> None:
        self.environment = environment
        self._rows = RowsApi(environment, caller_id)
        self._bulk = BulkApi(environment, caller_id)
        self._functions = FunctionsApi(environment, caller_id, tenant_id)
        self._metadata = MetadataReader(environment)
        self._customizer = MetadataWriter(environment)

    def handle(self, request: Request) -> Response:
        """Answer a request; refusals become error bodies."""
        with self.environment.store.reading():
            self.environment.settle_keys()
            try:
                if request.path == "$batch":
                    return self._batch(request)
                return self.respond(request)
            except ODataError as error:
                return error_response(error, request)

    def _batch(self, request: Request) -> Response:
        if request.method != "POST":
            raise errors.no_such_method(request.url)
        return BatchApi(self.environment, self.respond).respond(request)

    def respond(self, request: Request) -> Response:
        """Answer a single request.

        Raises:
            ODataError: The request is refused.
        """
        segments = request.segments()
        if not segments:
            return self._service_document(request)
        first, rest = segments[0], segments[1:]
        match = _NAMED.fullmatch(first)
        if not match:
            raise errors.not_found(first)
        name, brackets = match.group(1), match.group(2)
        for answer in self._unbound(name):
            response = answer(request, name)
            if response is not None:
                return response
        if name in _DEFINITIONS:
            handler = self._metadata if request.method == "GET" else self._customizer
            return handler.respond(request, segments)
        table = self.environment.model.find_set(name)
        if table is None:
            return self._external(request, name)
        if brackets is None and len(rest) == 1 and rest[0].startswith(NAMESPACE):
            if request.method != "POST":
                raise errors.no_such_method(request.url)
            return self._bulk.respond(request, table, rest[0][len(NAMESPACE) :])
        return self._rows.respond(request, table, brackets, rest)

    def _unbound(self, _name: str) -> list[Callable[[Request, str], Response | None]]:
        return [self._functions.respond, self._customizer.respond_action]

    def _external(self, request: Request, name: str) -> Response:
        """Answer for a table that exists in the live service but has no schema here: it is empty."""
        if name in self.environment.model.external_sets and request.method == "GET":
            return json_response({"@odata.context": f"{request.base}$metadata#{name}", "value": []})
        raise errors.not_found(name)

    def _service_document(self, request: Request) -> Response:
        sets = [
            {"name": table.entity_set, "kind": "EntitySet", "url": table.entity_set}
            for table in self.environment.model.tables.values()
        ]
        return json_response({"@odata.context": f"{request.base}$metadata", "value": sets})
