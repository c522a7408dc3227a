"""The Kickserv XML API as an ASGI application.

    app = build_app(KickservService(Company(customers=200, seed=7)))

Paths are ``/{account}/{resource}.xml`` and the same below ``/v2``; where the host begins with the account's name,
the account is left out of the path. Customers and jobs are addressed by number, tasks by id. Unknown parameters
are ignored; an unknown number is 400, not 404.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from datetime import datetime

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from transload_sandbox.kickserv.answers import Answers
from transload_sandbox.kickserv.downloads import Downloads
from transload_sandbox.kickserv.resources import Asked, Found, Resources
from transload_sandbox.kickserv.service import KickservService, Viewer, viewer_of
from transload_sandbox.kickserv.storage import send_file
from transload_sandbox.kickserv.writes import Writes


def build_app(service: KickservService) -> ASGIApp:
    """Return the application that serves an account."""
    api = _Api(service)
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes = [
        Route("/{account}/attachments/{key:int}/download", api.download),
        Route("/{account}/{resource}.xml", api.answer, methods=methods),
        Route("/{account}/{resource}/{key}.xml", api.answer, methods=methods),
        Route("/{account}/{resource}/{key}/{child}.xml", api.answer, methods=methods),
    ]

    async def not_found(_request: Request, _error: Exception) -> Response:
        return api.answers.not_found()

    app = Starlette(routes=[Mount("/v2", routes=routes), *routes], exception_handlers={404: not_found, 405: not_found})
    return _with_account_in_host(app, service)


class _Api:
    """Takes requests apart and hands them on."""

    def __init__(self, service: KickservService) -> None:
        self._service = service
        self._downloads = Downloads(service, self._now)
        self._resources = Resources(service, self._downloads)
        self._writes = Writes(service, self._resources)
        self.answers = Answers(service)

    def _now(self) -> datetime:
        return self._service.company.now()

    async def answer(self, request: Request) -> Response:
        """Answer a request for XML."""
        viewer = self._viewer(request)
        if isinstance(viewer, Response):
            return viewer
        path = request.path_params
        asked = Asked(
            viewer,
            path["resource"],
            path.get("key", ""),
            path.get("child", ""),
            dict(request.query_params),
            self._now(),
            f"{request.url.scheme}://{request.url.netloc}",
        )
        body = b"" if request.method in ("GET", "HEAD") else await request.body()
        with self._service.company.lock:
            found = self._perform(request.method, asked, body)
        if found is None:
            return self.answers.missing(request) if _is_off(self._service, asked) else self.answers.not_found()
        if found.errors:
            return self.answers.errors(request, found.status, *found.errors)
        return self.answers.document(request, found.text, found.status)

    def _perform(self, method: str, asked: Asked, body: bytes) -> Found | None:
        if method in ("GET", "HEAD"):
            return self._resources.find(asked)
        return self._writes.perform(method, asked, body)

    async def download(self, request: Request) -> Response:
        """Answer with the file of an attachment, or with the way to it."""
        viewer, ident = self._viewer(request), request.path_params["key"]
        if isinstance(viewer, Response):
            return viewer
        with self._service.company.lock:
            attachment = self._service.company.attachments.get(ident)
            if attachment is None or not viewer.sees(attachment):
                return self.answers.errors(request, 400, "Invalid attachment.")
        if self._downloads.redirects(attachment):
            return self.answers.file(RedirectResponse(self._downloads.signed_url(attachment), 302))
        found = self._downloads.file(ident)
        return self.answers.file(send_file(found)) if found else self.answers.not_found()

    def _viewer(self, request: Request) -> Viewer | Response:
        """Return who asks, or the answer that sends them away."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        user = password = ""
        if scheme.lower() == "basic":
            try:
                user, _, password = b64decode(encoded, validate=True).decode().partition(":")
            except (Base64Error, UnicodeDecodeError):
                return self.answers.refused(request)
        viewer = viewer_of(self._service, request.path_params["account"], user, password)
        if viewer is None:
            return self.answers.refused(request)
        if not self._service.switches.api_allowed:
            return self.answers.errors(request, 403, "You do not have permission to access that.")
        return viewer


def _is_off(service: KickservService, asked: Asked) -> bool:
    return not service.serves(asked.resource, asked.child)


def _with_account_in_host(app: ASGIApp, service: KickservService) -> ASGIApp:
    """Put the account into the path where only the host names it.

    A host of ``somebody.`` and an address or ``localhost`` names an account, be it this one or not.
    """

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host, _, rest = Headers(scope=scope).get("host", "").partition(".")
            named = rest.partition(":")[0] in ("127.0.0.1", "localhost") or host == service.account
            account = host if named else service.account if service.switches.subdomain else ""
            if account:
                scope = {**scope, "path": _below_account(scope["path"], account), "kickserv.in_host": True}
        await app(scope, receive, send)

    return routed


def _below_account(path: str, account: str) -> str:
    prefix = "/v2" if path.startswith("/v2/") else ""
    rest = path.removeprefix(prefix)
    return path if rest.startswith(f"/{account}/") else f"{prefix}/{account}{rest}"
