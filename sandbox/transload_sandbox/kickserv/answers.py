"""Builds HTTP answers with the recorded headers: gzip for a 200 if accepted, plain for errors."""

import gzip
from collections.abc import Iterator
from itertools import count

from starlette.requests import Request
from starlette.responses import Response

from transload_sandbox.kickserv.service import KickservService
from transload_sandbox.kickserv.wire import render_errors

_XML = "application/xml; charset=utf-8"
_GUARDS = {
    "server": "nginx",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "x-xss-protection": "1; mode=block",
}
_FRESH = {
    "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
    "expires": "Fri, 01 Jan 1990 00:00:00 GMT",
    "pragma": "no-cache",
    "set-cookie": "_kickserv_secure_session=FAKE--0000; path=/; secure; HttpOnly",
    "x-revision": "unknown",
    "x-served-by": "example-host",
}
_NOT_FOUND = "<!DOCTYPE html>\n<html><head><title>404</title></head><body><h1>Not found</h1></body></html>\n"


class Answers:
    """Makes the answers of one service."""

    def __init__(self, service: KickservService) -> None:
        self._service = service
        self._requests: Iterator[int] = count(1)

    def document(self, request: Request, text: str, status: int = 200) -> Response:
        """Answer with a document."""
        body, headers = text.encode(), _GUARDS | _FRESH | {"vary": "Accept-Encoding"}
        if status == 200 and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers["content-encoding"] = "gzip"
        return self._finish(Response(body, status, headers))

    def errors(self, status: int, *messages: str) -> Response:
        """Answer with an error document, never compressed."""
        return self._finish(Response(render_errors(*messages), status, _GUARDS | _FRESH))

    def refused(self) -> Response:
        """Answer that token or account is wrong, in one of the two recorded ways."""
        headers = _GUARDS | {"cache-control": "no-cache"}
        if self._service.switches.wrong_token == "path":
            return self._finish(Response(render_errors("Invalid Username, Account or password."), 401, headers))
        headers["www-authenticate"] = 'Basic realm="Application"'
        return self._finish(Response("HTTP Basic: Access denied.\n", 401, headers))

    def not_found(self) -> Response:
        """Answer that there is no such page, as a web site would."""
        return self._finish(Response(_NOT_FOUND, 404, _GUARDS), "text/html; charset=utf-8")

    def _finish(self, response: Response, content_type: str = _XML) -> Response:
        number = next(self._requests)
        response.headers["content-type"] = content_type
        response.headers["x-request-id"] = f"00000000-0000-4000-8000-{number:012}"
        response.headers["x-runtime"] = "0.010000"
        if self._service.switches.close_connections:
            response.headers["connection"] = "close"
        return response
