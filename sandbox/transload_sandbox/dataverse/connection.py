"""Broken connections: ends one without an answer, or in the middle of it."""

from asyncio import BaseTransport, sleep

from starlette.responses import Response
from starlette.types import Receive, Send


class ConnectionCutError(ConnectionResetError):
    """The connection was cut on purpose; in-process clients see this instead of a broken socket."""


def _transport(receive: Receive) -> BaseTransport | None:
    """Return the socket's transport under uvicorn, None under an in-process client.

    ASGI has no way to drop a connection silently: an application that just fails is answered with 500. The
    bound ``receive`` of uvicorn's request cycle is the one thing that Starlette hands through unwrapped.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    return transport if isinstance(transport, BaseTransport) else None


async def cut(receive: Receive) -> None:
    """Drop the connection without a byte of an answer."""
    transport = _transport(receive)
    if transport is None:
        raise ConnectionCutError("the connection was cut")
    transport.close()
    # The server must notice before this request ends, or it would try to answer it with 500.
    while (await receive())["type"] != "http.disconnect":
        await sleep(0)


async def send_half(response: Response, receive: Receive, send: Send) -> None:
    """Announce the whole answer, send half of it and drop the connection."""
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    half = bytes(response.body)[: len(response.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    await cut(receive)
