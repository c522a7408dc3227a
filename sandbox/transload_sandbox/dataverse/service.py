"""Finds out what a request is about and hands it to whom it concerns."""

import re
from collections.abc import Callable
from dataclasses import replace

from transload_sandbox.dataverse import addressing, callers, csdl, errors, sql
from transload_sandbox.dataverse.batch import BatchApi
from transload_sandbox.dataverse.blocks import BlocksApi
from transload_sandbox.dataverse.bulk import NAMESPACE, BulkApi
from transload_sandbox.dataverse.business import activities, bulk_delete, documents, pricing
from transload_sandbox.dataverse.business.inquiries import InquiriesApi
from transload_sandbox.dataverse.business.registry import ACTIONS, ActionsApi
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.functions import FunctionsApi
from transload_sandbox.dataverse.metadata_changes import MetadataChangesApi
from transload_sandbox.dataverse.metadata_read import MetadataReader
from transload_sandbox.dataverse.metadata_write import MetadataWriter
from transload_sandbox.dataverse.model import Table
from transload_sandbox.dataverse.rows_api import RowsApi
from transload_sandbox.dataverse.wire import Request, Response, error_response, json_response
from transload_sandbox.dataverse.writer import Writer

_NAMED = re.compile(r"(\$?[A-Za-z_][\w.]*)(?:\((.*)\))?", re.DOTALL)
_INHERITED = (
    "callerobjectid",
    "mscrmcallerid",
    "mscrm.bypassbusinesslogicexecution",
    "mscrm.bypasscustompluginexecution",
)
"""Headers of a batch that hold for its parts."""
_DEFINITIONS = frozenset({"EntityDefinitions", "GlobalOptionSetDefinitions", "RelationshipDefinitions"})


class Service:
    """The Web API for one user."""

    def __init__(self, environment: Environment, caller_id: str, tenant_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id
        self.tenant_id = tenant_id
        self._actions = ActionsApi(environment, caller_id)
        self._inquiries = InquiriesApi(environment)
        self._rows = RowsApi(environment, caller_id)
        self._bulk = BulkApi(environment, caller_id)
        self._functions = FunctionsApi(environment, caller_id, tenant_id)
        self._blocks = BlocksApi(environment, caller_id)
        self._changes = MetadataChangesApi(environment)
        self._metadata = MetadataReader(environment)
        self._customizer = MetadataWriter(environment)

    def handle(self, request: Request) -> Response:
        """Answer a request; refusals become error bodies."""
        with self.environment.store.reading():
            self.environment.settle_keys()
            bulk_delete.run_jobs(self.environment)
            try:
                if request.path == "$batch":
                    return self._batch(request)
                return self.respond(request)
            except ODataError as error:
                return error_response(error, request)

    def _batch(self, request: Request) -> Response:
        if request.method != "POST":
            raise errors.no_such_method(request.url)
        callers.acting_user(self.environment, self.caller_id, request.headers)
        inherited = {name: request.headers[name] for name in _INHERITED if name in request.headers}

        def respond(part: Request) -> Response:
            return self.respond(replace(part, headers={**inherited, **part.headers}))

        return BatchApi(self.environment, respond).respond(request)

    def respond(self, request: Request) -> Response:
        """Answer a single request with the rights of whom it is made for.

        Raises:
            ODataError: The request is refused.
        """
        user_id = callers.acting_user(self.environment, self.caller_id, request.headers)
        is_customizing = request.method != "GET" and not self._is_about_rows(request)
        cache = self.environment.metadata_cache
        with (
            callers.acting(self.environment, self.caller_id, user_id, request),
            cache.seen_by(self.environment, request, is_customizing=is_customizing),
        ):
            impersonated = user_id != self.caller_id
            service = Service(self.environment, user_id, self.tenant_id) if impersonated else self
            return service.dispatch(request)

    def _is_about_rows(self, request: Request) -> bool:
        name = request.path.partition("(")[0].partition("/")[0]
        return name in self.environment.model.by_set or name in ACTIONS

    def dispatch(self, request: Request) -> Response:
        """Hand a request to whom it concerns.

        Raises:
            ODataError: The request is refused.
        """
        segments = request.segments()
        if not segments:
            return self._service_document(request)
        if segments == ["$metadata"] and request.method == "GET":
            return csdl.respond(self.environment.model, request)
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
            return self._define(request, segments)
        table = self.environment.model.find_set(name)
        if table is None:
            return self._external(request, name)
        return self._on_table(request, table, brackets, rest)

    def _on_table(self, request: Request, table: Table, brackets: str | None, rest: list[str]) -> Response:
        if request.method == "GET" and not table.is_intersect:
            self.environment.security.check(table, "Read")
        if request.method == "GET" and "sql" in request.query and brackets is None and not rest:
            return sql.respond(self.environment, request, table)
        if brackets is not None:
            response = self._about_row(request, table, brackets, rest)
            return response or self._rows.respond(request, table, brackets, rest)
        if table.name in {"activityparty", "privilege"} and request.method == "POST" and not rest:
            raise errors.no_such_message("Create", table.name)
        if len(rest) != 1 or not rest[0].startswith(NAMESPACE):
            return self._rows.respond(request, table, brackets, rest)
        message = rest[0][len(NAMESPACE) :]
        response = self._actions.on_set(request, table.name, message)
        if response is None and request.method != "POST":
            raise errors.no_such_method(request.url)
        return response or self._bulk.respond(request, table, message)

    def _about_row(self, request: Request, table: Table, brackets: str, rest: list[str]) -> Response | None:
        """Answer what rules know about a row; None when it is for the rows themselves."""
        if not rest:
            if request.method == "GET" and table.name in documents.DOCUMENTS:
                row = self._rows.find(table, addressing.parse_key(table, brackets))
                if row is not None:
                    pricing.on_retrieve(self.environment, table.name, row)
            return None
        if len(rest) != 1:
            return None
        if rest[0].startswith(NAMESPACE):
            row = self._rows.get(table, addressing.parse_key(table, brackets))
            name = rest[0][len(NAMESPACE) :]
            response = self._actions.on_row(request, table.name, name, row) or self._inquiries.on_row(
                request, table, name, row
            )
            if response is None and request.method == "POST":
                raise errors.not_found(rest[0])
            return response
        if request.method == "PUT" and table.is_activity and rest[0] == f"{table.name}_activity_parties":
            row = self._rows.get(table, addressing.parse_key(table, brackets))
            return activities.replace_parties(Writer(self.environment, self.caller_id), request, table, row)
        return None

    def _define(self, request: Request, segments: list[str]) -> Response:
        if request.method == "GET":
            return self._metadata.respond(request, segments)
        self.environment.security.demand("prvCreateEntity")
        return self._customizer.respond(request, segments)

    def _unbound(self, _name: str) -> list[Callable[[Request, str], Response | None]]:
        return [
            self._functions.respond,
            self._actions.unbound,
            self._inquiries.unbound,
            self._customizer.respond_action,
            self._blocks.respond,
            self._changes.respond,
        ]

    def _external(self, request: Request, name: str) -> Response:
        """Answer for a table that exists in the live service but has no schema here: it is empty."""
        if name in self.environment.model.external_sets and request.method == "GET":
            return json_response({"@odata.context": f"{request.base}$metadata#{name}", "value": []})
        raise errors.not_found(name)

    def _service_document(self, request: Request) -> Response:
        model = self.environment.model
        names = sorted({*model.by_set, *model.external_sets})
        sets = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
        return json_response({"@odata.context": f"{request.base}$metadata", "value": sets})
