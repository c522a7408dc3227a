"""Keeps what was said to a system and what it answered, so that a record can be explained hours later.

Whoever calls a hook that sends something listens with :func:`recorded`; the HTTP clients of all plugins note here
what passes on that thread. The body of a batch is kept once and as a whole, compressed: some 10 us of a worker thread
and 250 bytes for a row. Which part of it is about which record is found out when somebody asks.

Nothing secret is kept. Of headers only those that are known to matter, of addresses no query, of bodies only JSON, XML
and batches of these; in them the settings' secrets and values with a telling name are masked, and files are left out.
"""

import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from transload._redaction import TELLING_WORDS, redact
from transload.settings import secrets_in

if TYPE_CHECKING:
    import httpx

    from transload.context import RunContext

MOST_BYTES = 1 << 20
"""Bytes of a body that are kept; the batches of a load are smaller."""
_LONGEST, _SHOWN = 2000, 80
"""A value that goes on for longer without an escape is a file; so much of it is kept."""

_TEXTUAL = re.compile(r"multipart/mixed|[^;]*\b(?:json|xml)\b", re.IGNORECASE)
_TELLING = frozenset(
    {
        "content-length", "content-range", "content-type", "etag", "if-match", "if-none-match", "location", "prefer",
        "preference-applied", "retry-after",
    }
)  # fmt: skip
_TELLING_ALIKE = re.compile(r"(?:request|correlation|trace)-?id$|ratelimit")
_FILE = re.compile(rb'"([^"\\]{%d})[^"\\]{%d,}"' % (_SHOWN, _LONGEST - _SHOWN))


@dataclass(frozen=True, slots=True)
class Passed:
    """What a client tells of one request and what came of it.

    Attributes:
        url: The address without what may be secret in it.
        content: The body of the answer, as far as the client has read it.
        telling: Names of headers that matter beside the usual ones, in lower case.
        secret_words: Words in names that make a value secret beside the usual ones, in lower case.
    """

    request: "httpx.Request"
    answer: "httpx.Response | None"
    url: str
    seconds: float
    problem: str
    content: bytes
    telling: Collection[str]
    secret_words: Collection[str]


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer, as far as it may be kept.

    Attributes:
        headers: Those that matter.
        size: Bytes of the body as it travelled.
        packed: The body, compressed; empty when none is kept.
    """

    headers: Mapping[str, str]
    size: int
    packed: bytes = b""

    @property
    def body(self) -> bytes:
        """What is kept of the body."""
        return zlib.decompress(self.packed) if self.packed else b""


@dataclass(frozen=True, slots=True)
class KeptExchange:
    """One request and what came of it.

    Attributes:
        at: When the answer was there, or the attempt had failed.
        status: None when there was no answer; ``problem`` says why.
    """

    at: datetime
    method: str
    url: str
    status: int | None
    milliseconds: int
    problem: str
    sent: Message
    received: Message | None


class Recorder:
    """Collects what passes.

    Args:
        clock: Gives the present time in UTC.
        secrets: Texts that must not be kept wherever they stand.
    """

    def __init__(self, clock: Callable[[], datetime], secrets: Collection[str]) -> None:
        self._clock, self._secrets = clock, [secret.encode() for secret in secrets]
        self.exchanges: list[KeptExchange] = []

    def note(self, passed: Passed) -> None:
        """Keep an exchange."""
        request, answer = passed.request, passed.answer
        sent = self._message(request.headers, request.content, passed)
        received = None if answer is None else self._message(answer.headers, passed.content, passed)
        self.exchanges.append(
            KeptExchange(
                self._clock(),
                request.method,
                passed.url,
                answer.status_code if answer is not None else None,
                round(passed.seconds * 1000),
                passed.problem,
                sent,
                received,
            )
        )

    def _message(self, headers: Mapping[str, str], content: bytes, passed: Passed) -> Message:
        words = [word.encode() for word in (*TELLING_WORDS, *passed.secret_words)]
        matter = {
            name: redact(value.partition("?")[0].encode(), self._secrets, words).decode()
            for name, value in headers.items()
            if name in _TELLING or name in passed.telling or _TELLING_ALIKE.search(name)
        }
        kind = headers.get("content-type", "")
        if not content or not _TEXTUAL.match(kind):
            return Message(matter, len(content))
        kept = redact(content if "xml" in kind.lower() else _without_files(content), self._secrets, words)
        return Message(matter, len(content), zlib.compress(kept[:MOST_BYTES], 1))


def _without_files(content: bytes) -> bytes:
    """Return JSON with the beginning of values that go on and on: files in base64."""
    if max(map(len, content.split(b'"'))) < _LONGEST:
        return content
    return _FILE.sub(lambda value: b'"%s... (%d characters)"' % (value[1], len(value[0]) - 2), content)


_RECORDER: ContextVar[Recorder | None] = ContextVar("transload_recorder", default=None)


def recorder() -> Recorder | None:
    """Return who listens on this thread; None when nobody does."""
    return _RECORDER.get()


@contextmanager
def recorded(context: "RunContext") -> Iterator[list[KeptExchange]]:
    """Keep what this thread exchanges with any system, until the end; the list may be emptied meanwhile."""
    listening = Recorder(context.clock, secrets_in(context.settings.values()))
    before = _RECORDER.set(listening)
    try:
        yield listening.exchanges
    finally:
        _RECORDER.reset(before)
