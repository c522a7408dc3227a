"""The Kickserv XML API as an ASGI application.

    app = build_app(KickservService(Company(customers=200, seed=7)))

Paths are ``/{account}/{resource}.xml`` and the same below ``/v2``. Customers and jobs are
addressed by number, tasks by id. Unknown parameters are ignored; an unknown number is 400, not 404.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from transload_sandbox.kickserv._draw import local
from transload_sandbox.kickserv.answers import Answers
from transload_sandbox.kickserv.resources import Asked, Resources
from transload_sandbox.kickserv.service import KickservService, Viewer, viewer_of
from transload_sandbox.kickserv.writes import Writes

Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(service: KickservService) -> Starlette:
    """Return the application that serves an account."""
    endpoint = _endpoint(service)
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes = [
        Route("/{account}/{resource}.xml", endpoint, methods=methods),
        Route("/{account}/{resource}/{key}.xml", endpoint, methods=methods),
        Route("/{account}/{resource}/{key}/{child}.xml", endpoint, methods=methods),
    ]
    answers = Answers(service)

    async def not_found(_request: Request, _error: Exception) -> Response:
        return answers.not_found()

    return Starlette(routes=[Mount("/v2", routes=routes), *routes], exception_handlers={404: not_found})


def _endpoint(service: KickservService) -> Endpoint:
    answers, resources, writes = Answers(service), Resources(service), Writes(service)

    async def answer(request: Request) -> Response:
        path = request.path_params
        viewer = _viewer(service, path["account"], request)
        if viewer is None:
            return answers.refused()
        if not service.switches.api_allowed:
            return answers.errors(403, "You do not have permission to access that.")
        asked = Asked(
            viewer,
            path["resource"],
            path.get("key", ""),
            path.get("child", ""),
            dict(request.query_params),
            local(datetime.now(UTC)).date(),
        )
        with service.company.lock:
            if request.method == "GET":
                found = resources.find(asked)
            else:
                found = writes.perform(request.method, asked, await request.body())
        if found is None:
            return answers.not_found()
        if found.errors:
            return answers.errors(found.status, *found.errors)
        return answers.document(request, found.text, found.status)

    return answer


def _viewer(service: KickservService, account: str, request: Request) -> Viewer | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = b64decode(encoded, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return None
    return viewer_of(service, account, user, password)
