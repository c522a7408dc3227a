"""The organisation on the web: sign-in, Web API and a control route for tests in other processes."""

import asyncio
import base64
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from urllib.parse import parse_qs, unquote

import orjson
from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import JSONResponse
from starlette.responses import Response as WebResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from transload_sandbox.dataverse.connection import cut, send_half
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.faults import Fault, replace_answer
from transload_sandbox.dataverse.org import DataverseOrg, LoggedRequest
from transload_sandbox.dataverse.tokens import AppUser, SignInError
from transload_sandbox.dataverse.wire import Request, Response, build_request, error_response

Endpoint = Callable[[WebRequest], Awaitable[WebResponse]]

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
_VERSIONS = frozenset({"v9.0", "v9.1", "v9.2"})


def build_app(org: DataverseOrg) -> Starlette:
    """Return an application that serves an organisation.

    It answers below ``/api/data/v9.0`` to ``v9.2``, below ``/{tenant}`` for sign-in, and below ``/_sandbox``
    for control: ``digest``, ``requests`` and ``faults`` (GET, POST a fault as JSON, DELETE).
    """
    control = Control(org)
    return Starlette(
        routes=[
            Route("/api/data/{version}", WebApi(org), methods=_METHODS),
            Route("/api/data/{version}/{path:path}", WebApi(org), methods=_METHODS),
            Route("/_sandbox/digest", control.digest),
            Route("/_sandbox/requests", control.requests),
            Route("/_sandbox/faults", control.faults, methods=["GET", "POST", "DELETE"]),
            Route("/_sandbox/tokens", control.revoke_tokens, methods=["DELETE"]),
            *SignIn(org).routes(),
        ]
    )


def _origin(request: WebRequest) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


class SignIn:
    """The token endpoints of the organisation's tenant, of both versions."""

    def __init__(self, org: DataverseOrg) -> None:
        self.org = org

    def routes(self) -> list[Route]:
        """Return where a tenant is discovered and where its tokens are issued."""
        tokens = self.org.tokens
        return [
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._discover(tokens.openid_configuration)),
            Route("/{tenant}/.well-known/openid-configuration", self._discover(tokens.openid_configuration_v1)),
            Route("/{tenant}/oauth2/v2.0/token", self._issue(tokens.issue), methods=["POST"]),
            Route("/{tenant}/oauth2/token", self._issue(tokens.issue_v1), methods=["POST"]),
        ]

    def _check_tenant(self, request: WebRequest) -> None:
        tenant = request.path_params["tenant"]
        if tenant.lower() != self.org.tenant_id:
            raise SignInError(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found.")

    def _discover(self, configure: Callable[[str], dict[str, object]]) -> Endpoint:
        async def discover(request: WebRequest) -> WebResponse:
            try:
                self._check_tenant(request)
            except SignInError as error:
                return self._refuse(error)
            return JSONResponse(configure(_origin(request)))

        return discover

    def _issue(self, answer: Callable[[Mapping[str, str]], dict[str, object]]) -> Endpoint:
        async def issue(request: WebRequest) -> WebResponse:
            body = (await request.body()).decode()
            form = {name: values[-1] for name, values in parse_qs(body).items()}
            try:
                self._check_tenant(request)
                form |= _basic(request.headers.get("authorization", ""))
                return JSONResponse(answer(form), headers={"Cache-Control": "no-store, no-cache"})
            except SignInError as error:
                return self._refuse(error)

        return issue

    def _refuse(self, error: SignInError) -> WebResponse:
        trace = self.org.tokens.derive("trace")
        body = {
            "error": error.error,
            "error_description": f"AADSTS{error.code}: {error.text} Trace ID: {trace} "
            f"Correlation ID: {trace} Timestamp: {self.org.environment.now()}",
            "error_codes": [error.code],
            "timestamp": self.org.environment.now(),
            "trace_id": trace,
            "correlation_id": trace,
        }
        return JSONResponse(body, status_code=error.status)


class Control:
    """What tests in other processes ask for."""

    def __init__(self, org: DataverseOrg) -> None:
        self.org = org

    async def digest(self, _request: WebRequest) -> WebResponse:
        """Answer with the digest of all rows."""
        return JSONResponse(self.org.digest())

    async def requests(self, _request: WebRequest) -> WebResponse:
        """Answer with the log of requests."""
        return JSONResponse([asdict(logged) for logged in self.org.requests])

    async def faults(self, request: WebRequest) -> WebResponse:
        """Show, queue or clear faults."""
        if request.method == "POST":
            try:
                self.org.faults.add(Fault(**orjson.loads(await request.body())))
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        elif request.method == "DELETE":
            self.org.faults.clear()
        return JSONResponse(self.org.faults.waiting())

    async def revoke_tokens(self, _request: WebRequest) -> WebResponse:
        """Revoke all tokens."""
        self.org.tokens.revoke_all()
        return WebResponse(status_code=204)


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
        user = self.org.tokens.check(web.headers.get("authorization", ""), _origin(web))
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
        base = f"{_origin(web)}/api/data/{version}/"
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


def _basic(authorization: str) -> dict[str, str]:
    """Return application and secret when a client sends them in a header, percent-encoded as RFC 6749 asks.

    Raises:
        SignInError: The header cannot be read.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError as error:
        text = "The 'Authorization' header cannot be read."
        raise SignInError(401, "invalid_client", 7000216, text) from error
    return {"client_id": unquote(client_id), "client_secret": unquote(secret)}


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
