"""Bad days on demand: scripted, reproducible trouble in front of the Kickserv application.

    faults.answer(429, times=2, match="jobs.xml", retry_after="1")
    faults.cut(after=1)                                    # the second answer breaks off in the middle
    faults.call(lambda: company.delete_customer(3), after=4, match="customers.xml")

A rule looks at requests in order. It lets ``after`` matching requests pass, acts on the next ``times``, and
is spent. The first rule that acts on a request ends its treatment.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from threading import Lock

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from transload_sandbox.kickserv.wire import render_errors

_HTML = "<!DOCTYPE html>\n<html><body><h1>We're sorry, but something went wrong.</h1></body></html>\n"
Treatment = Callable[[ASGIApp, Scope, Receive, Send], Awaitable[None]]


@dataclass(slots=True)
class Rule:
    """One scripted fault."""

    kind: str
    treat: Treatment
    match: re.Pattern[str]
    after: int
    times: int

    def claims(self, target: str) -> bool:
        """Count a request; tell whether this rule acts on it."""
        if self.times == 0 or not self.match.search(target):
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass(slots=True)
class Faults:
    """The faults still to come. Every method adds one.

    ``match`` is a regular expression searched in method, path and query (``GET /acct/jobs.xml?page=2``).
    """

    _rules: list[Rule] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def answer(
        self, status: int, *, match: str = "", after: int = 0, times: int = 1, retry_after: str | None = None
    ) -> None:
        """Answer with an error status, 429 or 503 say, instead of the application."""
        headers = {"retry-after": retry_after} if retry_after is not None else None
        response = Response(render_errors("Try again later."), status, headers, "application/xml; charset=utf-8")
        self._add("answer", _answering(response), match, after, times)

    def html(self, status: int = 500, *, match: str = "", after: int = 0, times: int = 1) -> None:
        """Answer with a web page; with status 200 it even looks like a success."""
        self._add("html", _answering(Response(_HTML, status, media_type="text/html")), match, after, times)

    def delay(self, seconds: float, *, match: str = "", after: int = 0, times: int = 1) -> None:
        """Answer late."""

        async def treat(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(seconds)
            await app(scope, receive, send)

        self._add("delay", treat, match, after, times)

    def truncate(self, keep: float = 0.5, *, match: str = "", after: int = 0, times: int = 1) -> None:
        """Deliver only a share of the body, in an otherwise proper HTTP answer."""
        self._add("truncate", _shortening(keep, honest=True), match, after, times)

    def cut(self, keep: float = 0.5, *, match: str = "", after: int = 0, times: int = 1) -> None:
        """Close the connection after a share of the announced body."""
        self._add("cut", _shortening(keep, honest=False), match, after, times)

    def call(self, action: Callable[[], object], *, match: str = "", after: int = 0) -> None:
        """Run an action just before a request is answered: a list that shifts, a record deleted, a token reset."""

        async def treat(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
            action()
            await app(scope, receive, send)

        self._add("call", treat, match, after, 1)

    def clear(self) -> None:
        """Forget all faults still to come."""
        with self._lock:
            self._rules.clear()

    def claim(self, target: str) -> Treatment | None:
        """Count a request; return what to do to it, or None to serve it."""
        with self._lock:
            claimed = next((rule for rule in self._rules if rule.claims(target)), None)
            self._rules = [rule for rule in self._rules if rule.times]
        return claimed.treat if claimed else None

    def waiting(self) -> list[dict[str, object]]:
        """Return the faults that lie ahead as plain data."""
        with self._lock:
            return [
                {"kind": rule.kind, "match": rule.match.pattern, "after": rule.after, "times": rule.times}
                for rule in self._rules
            ]

    def _add(self, kind: str, treat: Treatment, match: str, after: int, times: int) -> None:
        with self._lock:
            self._rules.append(Rule(kind, treat, re.compile(match), after, times))


def with_faults(app: ASGIApp, faults: Faults) -> ASGIApp:
    """Put scripted faults in front of an application."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        treat = faults.claim(target_of(scope)) if scope["type"] == "http" else None
        if treat is None:
            await app(scope, receive, send)
        else:
            await treat(app, scope, receive, send)

    return guarded


def target_of(scope: Scope) -> str:
    """Return method, path and query of a request, as rules see it."""
    query = scope["query_string"].decode("latin-1")
    return f"{scope['method']} {scope['path']}{'?' if query else ''}{query}"


def _answering(response: Response) -> Treatment:
    async def treat(_app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    return treat


def _shortening(keep: float, *, honest: bool) -> Treatment:
    """Send part of the body; an honest answer announces the shorter length, the other one breaks its word."""

    async def treat(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        # Uncompressed, so that what arrives is a readable half and not an error of the decompressor.
        plain = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]}
        await app(plain, receive, collect)
        body = b"".join(message.get("body", b"") for message in messages[1:])
        part = body[: int(len(body) * keep)]
        start = messages[0]
        if honest:
            kept = [pair for pair in start["headers"] if pair[0] != b"content-length"]
            start = {**start, "headers": [*kept, (b"content-length", str(len(part)).encode())]}
        await send(start)
        await send({"type": "http.response.body", "body": part, "more_body": not honest})

    return treat
