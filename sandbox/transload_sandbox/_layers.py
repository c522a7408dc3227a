"""Layers around an application that both systems have: delay, date, control."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(slots=True)
class Latency:
    """How long every answer takes at least. It may be changed while the system serves."""

    seconds: float = 0.0


def with_latency(app: ASGIApp, latency: Latency) -> ASGIApp:
    """Make every request wait before it is worked on."""

    async def delayed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and latency.seconds > 0:
            await asyncio.sleep(latency.seconds)
        await app(scope, receive, send)

    return delayed


def with_date(app: ASGIApp, now: Callable[[], datetime]) -> ASGIApp:
    """Put the time of a clock into every answer's ``Date``; the server itself writes none."""

    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def stamp(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = (b"date", format_datetime(now(), usegmt=True).encode())
                message = {**message, "headers": [*message["headers"], date]}
            await send(message)

        await app(scope, receive, stamp if scope["type"] == "http" else send)

    return dated
