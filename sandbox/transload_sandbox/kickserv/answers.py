"""Builds HTTP answers with the recorded headers: gzip for a 200 if accepted, plain for errors."""

import gzip
from collections.abc import Iterator
from itertools import count

from starlette.requests import Request
from starlette.responses import Response

from transload_sandbox.kickserv.service import KickservService
from transload_sandbox.kickserv.wire import render_errors

_XML, _HTML = "application/xml; charset=utf-8", "text/html; charset=utf-8"
_GUARDS = {
    "server": "nginx",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "x-xss-protection": "1; mode=block",
}
_OLDER_HOST = {
    "server": "Kickserv",
    "set-cookie": "_ksa_secure_session=FAKE--0000; domain=.kickservapp.com; path=/; secure; HttpOnly",
    "x-revision": "0000000000000000000000000000000000000000",
}
"""What hosts that carry the account in their name answered in 2017."""
_FRESH = {
    "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
    "expires": "Fri, 01 Jan 1990 00:00:00 GMT",
    "pragma": "no-cache",
    "set-cookie": "_kickserv_secure_session=FAKE--0000; path=/; secure; HttpOnly",
    "x-revision": "unknown",
    "x-served-by": "example-host",
}
_NOT_FOUND = "<!DOCTYPE html>\n<html><head><title>404</title></head><body><h1>Not found</h1></body></html>\n"


def in_host(request: Request) -> bool:
    """Tell whether the account stood in the host name of a request."""
    return bool(request.scope.get("kickserv.in_host"))


class Answers:
    """Makes the answers of one service."""

    def __init__(self, service: KickservService) -> None:
        self._service = service
        self._requests: Iterator[int] = count(1)
        self._transactions = 0

    def document(self, request: Request, text: str, status: int = 200) -> Response:
        """Answer with a document."""
        body, headers = text.encode(), self._headers(request) | {"vary": "Accept-Encoding"}
        if status == 200 and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers["content-encoding"] = "gzip"
        return self._finish(Response(body, status, headers))

    def errors(self, request: Request, status: int, *messages: str) -> Response:
        """Answer with an error document, never compressed."""
        return self._finish(Response(render_errors(*messages), status, self._headers(request)))

    def refused(self, request: Request) -> Response:
        """Answer that token or account is wrong, in one of the two recorded ways."""
        headers = _GUARDS | {"cache-control": "no-cache"}
        if self._service.switches.wrong_token == "path" and not in_host(request):
            return self._finish(Response(render_errors("Invalid Username, Account or password."), 401, headers))
        headers["www-authenticate"] = 'Basic realm="Application"'
        return self._finish(Response("HTTP Basic: Access denied.\n", 401, headers))

    def not_found(self, status: int = 404) -> Response:
        """Answer that there is no such page, as a web site would."""
        return self._finish(Response(_NOT_FOUND, status, _GUARDS), _HTML)

    def missing(self, request: Request) -> Response:
        """Answer that this account has no such endpoint, in the way of the switch."""
        status = self._service.switches.off_status
        return self.not_found(status) if status in (200, 404) else self.errors(request, status, "Not available.")

    def file(self, response: Response) -> Response:
        """Answer with a file, or with the way to it."""
        return self._finish(response, response.headers.get("content-type", _HTML))

    def _headers(self, request: Request) -> dict[str, str]:
        self._transactions += 1
        marked = {"x-transaction": f"00000000-0000-4000-8000-{self._transactions:012}"}
        return _GUARDS | _FRESH | (_OLDER_HOST if in_host(request) else {}) | marked

    def _finish(self, response: Response, content_type: str = _XML) -> Response:
        number = next(self._requests)
        response.headers["content-type"] = content_type
        response.headers["x-request-id"] = f"00000000-0000-4000-8000-{number:012}"
        response.headers["x-runtime"] = "0.010000"
        if self._service.switches.close_connections:
            response.headers["connection"] = "close"
        return response
