"""Control of a system from other processes: JSON over HTTP below ``/_sandbox``, beside its own interface.

Nothing here is logged, delayed or broken by faults.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Generic

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from transload_sandbox._system import StateT, System
from transload_sandbox.kickserv.records import plain

Endpoint = Callable[[Request], Awaitable[Response]]


class ControlError(ValueError):
    """A control request cannot be carried out."""


def with_control(app: ASGIApp, system: System[StateT], more: Mapping[str, tuple[list[str], Endpoint]]) -> ASGIApp:
    """Put the control interface beside an application.

    Args:
        app: The application.
        system: What is controlled.
        more: Further endpoints of this system: path below ``/_sandbox/`` to methods and endpoint.
    """
    control = _Control(system)
    endpoints = {**control.endpoints(), **more}
    routes = [
        Route(f"/_sandbox/{path}", _answering(endpoint), methods=methods)
        for path, (methods, endpoint) in endpoints.items()
    ]

    async def index(_request: Request) -> Response:
        return answer_json({f"/_sandbox/{path}": methods for path, (methods, _) in endpoints.items()})

    return Router([Route("/_sandbox", index), *routes], default=app)


def answer_json(value: object, status: int = 200) -> Response:
    """Answer with JSON; times and decimals are texts."""
    return Response(orjson.dumps(plain(value), default=str), status, media_type="application/json")


async def read_json(request: Request) -> dict[str, object]:
    """Return the object in a request's body; empty without one.

    Raises:
        ControlError: It is no JSON object.
    """
    body = await request.body()
    try:
        value = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise ControlError(str(error)) from error
    if not isinstance(value, dict):
        raise ControlError("a JSON object is expected")
    return value


def number(value: object) -> float:
    """Return a number out of JSON.

    Raises:
        ControlError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ControlError(f"{value!r} is not a number")
    return float(value)


def _answering(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except KeyError as error:
            return answer_json({"error": f"there is no {error.args[0]}"}, 404)
        except ValueError as error:
            return answer_json({"error": str(error)}, 400)

    return answer


class _Control(Generic[StateT]):
    """The endpoints that both systems have."""

    def __init__(self, system: System[StateT]) -> None:
        self._system = system

    def endpoints(self) -> dict[str, tuple[list[str], Endpoint]]:
        return {
            "log": (["GET", "DELETE"], self.log),
            "clock": (["GET", "POST"], self.clock),
            "latency": (["GET", "PUT"], self.latency),
            "digest": (["GET"], self.digest),
            "snapshots/{name}": (["PUT"], self.snapshot),
            "snapshots/{name}/restore": (["POST"], self.restore),
            "snapshots/{name}/changes": (["GET"], self.changes),
        }

    async def log(self, request: Request) -> Response:
        """Show the requests so far, those that hold ``?part=``, or forget them."""
        if request.method == "DELETE":
            self._system.requests.clear()
        part = request.query_params.get("part", "")
        return answer_json([asdict(seen) for seen in self._system.requests.find(part)])

    async def clock(self, request: Request) -> Response:
        """Show the clock, or move it on by ``advance`` seconds."""
        if request.method == "POST":
            self._system.clock.advance(number((await read_json(request)).get("advance")))
        return answer_json({"now": self._system.clock.now()})

    async def latency(self, request: Request) -> Response:
        """Show or set the ``seconds`` that every answer takes at least."""
        if request.method == "PUT":
            self._system.latency.seconds = number((await read_json(request)).get("seconds"))
        return answer_json(asdict(self._system.latency))

    async def digest(self, _request: Request) -> Response:
        """Show a digest per kind of record."""
        return answer_json(self._system.digest())

    async def snapshot(self, request: Request) -> Response:
        """Remember the present state."""
        self._system.snapshot(request.path_params["name"])
        return answer_json(self._system.digest(), 201)

    async def restore(self, request: Request) -> Response:
        """Go back to a remembered state."""
        self._system.restore(request.path_params["name"])
        return answer_json(self._system.digest())

    async def changes(self, request: Request) -> Response:
        """Show what differs from a remembered state."""
        changes = self._system.changes(request.path_params["name"])
        return answer_json([{**asdict(change), "fields": list(change.fields)} for change in changes])
