"""Remembers the requests that an application answered."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request and how it was answered."""

    system: str
    method: str
    path: str
    query: str
    status: int
    """0 when the connection was cut before an answer."""
    seconds: float
    at: datetime
    authorized: bool = False
    """Whether it brought credentials, right or wrong ones."""

    @property
    def target(self) -> str:
        """Method, path and query: ``GET /acct/jobs.xml?page=1``."""
        return f"{self.method} {self.path}?{self.query}"


OnRequest = Callable[[SeenRequest], None]


@dataclass(slots=True)
class RequestLog:
    """The newest requests of one system, oldest first."""

    system: str
    on_request: OnRequest | None = None
    """Told of each request after its answer, on the server's thread."""
    seen: deque[SeenRequest] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def add(self, request: SeenRequest) -> None:
        """Remember a request."""
        self.seen.append(request)
        if self.on_request is not None:
            self.on_request(request)

    def count(self, part: str = "") -> int:
        """Return how many requests hold a text in method, path and query (``GET /acct/jobs.xml?page=1``)."""
        return len(self.find(part))

    def find(self, part: str = "") -> list[SeenRequest]:
        """Return the requests that hold a text in method, path and query, oldest first."""
        return [request for request in list(self.seen) if part in request.target]

    def clear(self) -> None:
        """Forget all requests."""
        self.seen.clear()


def with_log(app: ASGIApp, log: RequestLog) -> ASGIApp:
    """Write each request of an application to a log."""

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        status, began, open_still = 0, time.perf_counter(), True

        def note() -> None:
            nonlocal open_still
            open_still = False
            seconds = time.perf_counter() - began
            query = scope["query_string"].decode("latin-1")
            now = datetime.now(UTC)
            signed = any(name == b"authorization" for name, _ in scope["headers"])
            log.add(SeenRequest(log.system, scope["method"], scope["path"], query, status, seconds, now, signed))

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif not message.get("more_body") and open_still:
                note()  # before the last byte leaves, so that whoever has the answer finds it in the log
            await send(message)

        try:
            await app(scope, receive, watch)
        finally:
            if open_still:
                note()

    return logged
