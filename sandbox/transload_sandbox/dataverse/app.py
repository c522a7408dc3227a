"""The organisation on the web: its Web API, and the sign-in of its tenant."""

import asyncio
import itertools
import time

from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import Response as WebResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from transload_sandbox.dataverse.connection import cut, send_half
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.faults import Fault, replace_answer
from transload_sandbox.dataverse.org import DataverseOrg
from transload_sandbox.dataverse.request_log import LoggedRequest
from transload_sandbox.dataverse.sign_in import SignIn, origin_of
from transload_sandbox.dataverse.tokens import AppUser
from transload_sandbox.dataverse.wire import Request, Response, build_request, error_response

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
_VERSIONS = frozenset({"v9.0", "v9.1", "v9.2"})


def build_app(org: DataverseOrg) -> Starlette:
    """Return an application that serves an organisation below ``/api/data``, and its sign-in below ``/{tenant}``."""
    return Starlette(
        routes=[
            Route("/api/data/{version}", WebApi(org), methods=_METHODS),
            Route("/api/data/{version}/{path:path}", WebApi(org), methods=_METHODS),
            *SignIn(org).routes(),
        ]
    )


DOP_HINT = 10
"""How many requests at the same time the service recommends."""


class WebApi:
    """The Web API as an ASGI application; requests are worked on one at a time, on the event loop.

    The database has one writer anyway, and an answer takes less time than the way to a thread and back.
    """

    def __init__(self, org: DataverseOrg) -> None:
        self.org = org
        self._numbers = itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or do to it what a fault says."""
        web = WebRequest(scope, receive)
        body = await web.body()
        started = time.perf_counter()
        target = _target(web)
        self.org.interruptions.before(self.org, web.method, target.partition("?")[0])
        fault = self.org.faults.take(web.method, target.partition("?")[0])
        user = self.org.tokens.check(web.headers.get("authorization", ""), origin_of(web))
        if fault and fault.kind == "cut_before":
            self._log(web, target, 0, started, user)
            await cut(receive)
            return
        response = await self._answer(web, target, body, user, fault)
        self._log(web, target, 0 if fault and fault.kind == "cut_after" else response.status, started, user)
        if fault and fault.kind == "cut_after":
            await cut(receive)
            return
        answer = WebResponse(response.body, response.status, dict(response.headers))
        if fault and fault.kind == "truncate":
            await send_half(answer, receive, send)
            return
        await answer(scope, receive, send)

    async def _answer(
        self, web: WebRequest, target: str, body: bytes, user: AppUser | None, fault: Fault | None
    ) -> Response:
        version = web.path_params["version"]
        base = f"{origin_of(web)}/api/data/{version}/"
        # A header may come several times, Prefer often does: together they are one list.
        headers = {name: ", ".join(web.headers.getlist(name)) for name in web.headers}
        request = build_request(web.method, base, target, headers, body)
        if version not in _VERSIONS:
            return error_response(ODataError(404, "0x8006088a", f"Unknown version '{version}'."), request)
        if user is None or (fault and fault.kind == "unauthorized"):
            return _unauthorized(base, self.org.tenant_id)
        replaced = _replaced(fault, request) if fault else None
        if replaced:
            return replaced
        try:
            self.org.meter.begin(user.client_id)
        except ODataError as error:
            return self._marked(error_response(error, request), user)
        started = time.perf_counter()
        try:
            return self._marked(await self._work(request, user, fault), user)
        finally:
            self.org.meter.end(user.client_id, time.perf_counter() - started)

    def _marked(self, response: Response, user: AppUser) -> Response:
        """Return an answer with the headers that every answer has."""
        number = self.org.environment.fixed_id(f"answer {next(self._numbers)}")
        common = {"REQ_ID": number, "x-ms-service-request-id": number, "x-ms-dop-hint": str(DOP_HINT)}
        headers = (*response.headers, *common.items(), *self.org.meter.remaining(user.client_id).items())
        return Response(response.status, headers, response.body)

    async def _work(self, request: Request, user: AppUser, fault: Fault | None) -> Response:
        if fault and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        limits = self.org.meter.limits
        if limits and len(request.body) > limits.body_bytes:
            error = ODataError(413, "0x80040203", "The request body is too large.")
            return error_response(error, request)
        version = self.org.store.version
        try:
            service = self.org.service(user)
        except ODataError as error:
            return error_response(error, request)
        response = service.handle(request)
        if limits and (limits.request_seconds or limits.row_seconds):
            rows = self.org.store.version - version
            await asyncio.sleep(limits.request_seconds + rows * limits.row_seconds)
        return response

    def _log(self, web: WebRequest, target: str, status: int, started: float, user: AppUser | None) -> None:
        seconds = time.perf_counter() - started
        client = user.client_id if user else None
        self.org.requests.append(LoggedRequest(web.method, target, status, seconds, client))


def _target(web: WebRequest) -> str:
    """Return path and query below the API's base, still percent-encoded."""
    raw: bytes = web.scope.get("raw_path") or web.url.path.encode()
    path = raw.partition(b"?")[0].decode("ascii", "replace").split("/", 4)
    query: bytes = web.scope["query_string"]
    return (path[4] if len(path) > 4 else "") + (f"?{query.decode('latin-1')}" if query else "")


def _unauthorized(base: str, tenant_id: str) -> Response:
    root = base.partition("api/data/")[0]
    challenge = f"Bearer authorization_uri={root}{tenant_id}/oauth2/authorize, resource_id={root}"
    return Response(401, (("WWW-Authenticate", challenge),))


def _replaced(fault: Fault, request: Request) -> Response | None:
    if fault.kind == "unavailable":
        wait = (("Retry-After", f"{fault.seconds:g}"),) if fault.seconds else ()
        body = b"<html><body>The service is unavailable.</body></html>"
        return Response(503, (("Content-Type", "text/html"), *wait), body)
    answer = replace_answer(fault)
    if answer is None:
        return None
    status, headers, code, message = answer
    return error_response(ODataError(status, code, message, headers=headers), request)
