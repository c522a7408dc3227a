"""Finds, in what was exchanged for a whole batch, the part that is about one row.

Knows HTTP and JSON and no system: a row is known by its id. In a batch of requests its part is the one that names the
row, and the answer's part the one in the same place; in a list it is the element that holds the id as a value of its
own, or else names it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from transload._recording import MOST_BYTES, KeptExchange, Message

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_HTTP = re.compile(r"^(?:[A-Z]+ \S+ )?HTTP/1\.\d", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """What a request or an answer says of one row.

    Attributes:
        text: The head lines and the body, JSON indented.
        shared: Whether it stands for all rows of the request: nothing in it is about this one alone.
    """

    text: str
    shared: bool = False


@dataclass(frozen=True, slots=True)
class OwnExchange:
    """An exchange, as far as it is about one row."""

    exchange: KeptExchange
    sent: Part
    received: Part


def own_exchange(exchange: KeptExchange, row_id: str, *, alone: bool) -> OwnExchange | None:
    """Return what an exchange says of a row; None when it says nothing of it.

    Args:
        exchange: The exchange.
        row_id: The row.
        alone: Whether the batch held no other write.
    """
    mark = row_id.lower()
    asked, answered = _pieces(exchange.sent), _pieces(exchange.received)
    place = _place(asked, mark)
    sent = _own(asked[place], mark) if place is not None else None
    batched = len(asked) > 1 or len(answered) > 1
    if batched and place is not None and place < len(answered):
        received = answered[place]
    elif batched:
        received = None
    else:
        received = next((own for piece in answered if (own := _own(piece, mark)) is not None), None)
    addressed = mark in exchange.url.lower()
    if sent is None and received is None and not addressed and not alone:
        return None
    whole = addressed or alone
    return OwnExchange(
        exchange,
        Part(sent) if sent is not None else _whole(asked, exchange.sent, shared=not whole),
        Part(received) if received is not None else _whole(answered, exchange.received, shared=not whole),
    )


def _whole(pieces: Sequence[str], message: Message | None, *, shared: bool) -> Part:
    """Return a message that has no part for the row alone."""
    if message is None:
        return Part("")
    if len(pieces) != 1:
        return Part("", shared)
    text = _indented(pieces[0])
    if message.size > MOST_BYTES:
        text = f"({message.size:,} bytes, of which the part of this row is not kept)"
    return Part(text, shared and bool(text))


def _pieces(message: Message | None) -> list[str]:
    """Return the bodies of a message: the requests or answers of a batch, or its one body."""
    if message is None or not message.packed:
        return [""]
    text = message.body.decode(errors="replace")
    boundary = _BOUNDARY.search(message.headers.get("content-type", ""))
    if boundary is None:
        return [text]
    inner = re.split(rf"(?:^|\r?\n)--{re.escape(boundary[1])}(?:--)?[ \t]*(?:\r?\n|$)", text)
    return [_without_envelope(piece) for piece in inner if piece.strip()]


def _without_envelope(piece: str) -> str:
    """Return the HTTP message in a part of a batch, without the headers of the part."""
    piece = piece.replace("\r\n", "\n").strip()
    found = _HTTP.search(piece)
    return piece[found.start() :] if found is not None else piece


def _place(pieces: Sequence[str], mark: str) -> int | None:
    """Return which piece is about a row: one that addresses it before one that only names it."""
    addressing = (i for i, piece in enumerate(pieces) if mark in piece.partition("\n")[0].lower())
    naming = (i for i, piece in enumerate(pieces) if mark in piece.lower())
    return next(addressing, next(naming, None))


def _own(piece: str, mark: str) -> str | None:
    """Return what a body says of a row; None when it does not name it."""
    if mark not in piece.lower():
        return None
    try:
        content = json.loads(piece)
    except ValueError:
        return _indented(piece)
    lists = [value for value in content.values() if isinstance(value, list)] if isinstance(content, dict) else [content]
    elements = [element for one in lists if isinstance(one, list) for element in one]
    ranked = sorted((rank, i) for i, element in enumerate(elements) if (rank := _rank(element, mark)) is not None)
    return dumped(elements[ranked[0][1]] if ranked else content)


def _rank(element: object, mark: str) -> tuple[bool, int] | None:
    """Return how well an element fits a row, the best first; None when it does not name it."""
    values = [value.lower() for value in _texts(element)]
    if mark in values:
        return False, values.index(mark)
    return (True, 0) if any(mark in value for value in values) else None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _indented(text: str) -> str:
    """Return an HTTP message or a body with its JSON indented."""
    head, blank, body = text.partition("\n\n") if _HTTP.match(text) else ("", "", text)
    with suppress(ValueError):
        body = dumped(json.loads(body))
    return f"{head}{blank}{body}".strip()


def dumped(content: object) -> str:
    """Return JSON for people."""
    return json.dumps(content, ensure_ascii=False, indent=1)
