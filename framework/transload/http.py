"""One polite HTTP client for every plugin.

It knows what no plugin should have to think about: explicit timeouts, which
failures may be sent again, waiting when told to (all threads of the client, not
only the one that was told), credentials that stay with their origin, no cookies, no
proxies from the environment, and nothing secret in a message.

It does not interpret answers. A plugin sees every status except 429, 502, 503 and
504: those are waited out, and when patience ends they are an
:class:`~transload.errors.UnreachableError`.
"""

import random
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from urllib.request import Request

import httpx

from transload._recording import Passed, recorder
from transload.errors import UnreachableError

T = TypeVar("T")
R = TypeVar("R")

_THROTTLED = 429
_UNAVAILABLE = 503
_GATEWAY_TROUBLE = frozenset({502, 503, 504})
_MOST_REDIRECTS = 5
_HARMLESS_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)


class _NoCookies(CookieJar):
    """Keeps and sends nothing: an affinity cookie would pin every request to one server."""

    def extract_cookies(self, response: Any, request: Request) -> None:
        return

    def add_cookie_header(self, request: Request) -> None:
        return


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on.

    Attributes:
        attempts: How often a request may fail before the system counts as gone. Being
            throttled is not a failure: only ``total`` bounds it.
        first_pause: Seconds before the second attempt; doubled each time, with jitter.
        longest_pause: Upper bound of a pause that we choose ourselves, in seconds.
        total: Seconds that one request may spend waiting, the server's demands included.
    """

    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 30.0
    total: float = 1800.0


class Time(Protocol):
    """A clock that can wait; tests pass one whose ``sleep`` only moves it on."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, without anything secret."""

    method: str
    url: str
    status: int | None
    seconds: float
    problem: str = ""


class HttpClient:
    """A synchronous client of one system, safe to use from several threads.

    Args:
        system: Name of the system for messages: ``Kickserv``.
        base_url: Where paths start.
        auth: Credentials; they go to the host of ``base_url`` only.
        headers: Sent with every request.
        read_timeout: Seconds to wait for an answer.
        connections: How many requests may be in flight.
        ca_file: Certificates to trust instead of the usual ones.
        patience: When to give up.
        listen: Told of every exchange.
        telling: Names of headers that `transload explain` may show beside the usual ones.
        secret_words: Words in the names of properties and elements whose values `transload explain` must not show,
            beside the usual ones such as ``token``.
        private: Whether nothing of what passes may be kept for `transload explain`: a sign-in.
        transport: The seam for tests; ``None`` means the network.
        clock: The seam for tests; ``None`` means real time.
    """

    def __init__(  # noqa: PLR0913 - every argument is a keyword with a default that fits
        self,
        *,
        system: str,
        base_url: str,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        read_timeout: float = 150.0,
        connections: int = 16,
        ca_file: Path | None = None,
        patience: Patience | None = None,
        listen: Callable[[Exchange], None] | None = None,
        telling: Collection[str] = (),
        secret_words: Collection[str] = (),
        private: bool = False,
        transport: httpx.BaseTransport | None = None,
        clock: Time | None = None,
    ) -> None:
        self.system, self.base_url = system, base_url.rstrip("/")
        self._origin = _origin(httpx.URL(base_url))
        self._auth, self._patience, self._listen = auth, patience or Patience(), listen
        self._telling, self._private = frozenset(map(str.lower, telling)), private
        self._secret_words = frozenset(map(str.lower, secret_words))
        self._clock: Time = clock or time
        self._jitter = random.Random()
        self._lock = threading.Lock()
        self._resume_at = 0.0
        self._client = httpx.Client(
            base_url=self.base_url + "/",
            headers=dict(headers or {}),
            timeout=httpx.Timeout(read_timeout, connect=10.0, pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            verify=trust(ca_file),
            cookies=_NoCookies(),
            trust_env=False,
            follow_redirects=False,
            transport=transport,
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        repeatable: bool,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        take: Callable[[Iterator[bytes]], None] | None = None,
    ) -> httpx.Response:
        """Send a request until it is answered, and return the answer, read to its end.

        Redirects are followed for GET and HEAD; to another origin the request goes without
        credentials and without the client's own headers. Any other redirect is an answer like others.

        Args:
            method: ``GET``, ``POST``, ...
            url: A path below ``base_url``, or a full URL.
            repeatable: Whether sending it twice does what sending it once does. A
                request that is not is sent again only if the server cannot have acted on it.
            content: The body.
            headers: Beside those of the client.
            params: The query.
            take: Given the body of a good answer (2xx) part by part, which the answer then does not keep. Called
                anew from the beginning when the connection broke on the way.

        Raises:
            UnreachableError: No answer within the client's patience, or no telling
                whether a request that is not repeatable was acted on.
        """
        request = self._client.build_request(method, url, content=content, headers=headers, params=params)
        waited, failures, throttles = 0.0, 0, 0
        while True:
            waited += self._wait_for_all_clear()
            answer, problem = self._exchange(request, repeatable, take)
            if answer is not None and answer.status_code == _THROTTLED:
                throttles += 1
                pause = self._pause(throttles, answer)
            elif answer is not None and answer.status_code not in _GATEWAY_TROUBLE:
                return answer
            else:
                failures += 1
                pause = self._pause(failures, answer)
                if answer is not None and not repeatable and answer.status_code != _UNAVAILABLE:
                    raise self._unknown(request, problem)
            if failures >= self._patience.attempts or waited + pause > self._patience.total:
                raise self._gone(request, problem, waited, failures + throttles)
            if answer is not None and _for_everyone(answer):
                self._hold_everyone(pause)
            else:
                waited += pause
                self._clock.sleep(pause)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _exchange(
        self, request: httpx.Request, repeatable: bool, take: Callable[[Iterator[bytes]], None] | None
    ) -> tuple[httpx.Response | None, str]:
        """Send once; return the answer, or None, and what was wrong."""
        started = self._clock.monotonic()
        answer, trouble, problem = None, None, ""
        try:
            answer = self._follow(request, take)
        except (httpx.TransportError, httpx.DecodingError) as error:
            trouble, problem = error, _name(error)
        if answer is not None and answer.status_code in {_THROTTLED, *_GATEWAY_TROUBLE}:
            problem = f"status {answer.status_code}"
        self._tell(request, answer, self._clock.monotonic() - started, problem, handed_on=take is not None)
        if trouble is not None and "CERTIFICATE_VERIFY_FAILED" in problem:
            raise self._untrusted(problem) from trouble
        if isinstance(trouble, httpx.ProxyError | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            raise self._gone(request, problem, 0.0, 1) from trouble
        if trouble is not None and not repeatable and not _never_left(trouble):
            raise self._unknown(request, problem) from trouble
        return answer, problem

    def _tell(
        self, request: httpx.Request, answer: httpx.Response | None, seconds: float, problem: str, *, handed_on: bool
    ) -> None:
        """Tell whoever listens of an exchange; the body of a good answer may have been handed on already."""
        url, status = _bare(request.url), answer.status_code if answer is not None else None
        if self._listen is not None:
            self._listen(Exchange(request.method, url, status, seconds, problem))
        if (listening := recorder()) is not None and not self._private:
            content = b"" if answer is None or (handed_on and answer.is_success) else answer.content
            listening.note(Passed(request, answer, url, seconds, problem, content, self._telling, self._secret_words))

    def _follow(self, request: httpx.Request, take: Callable[[Iterator[bytes]], None] | None = None) -> httpx.Response:
        """Send, follow redirects of reading requests, and read the last answer or hand it on part by part."""
        for _ in range(_MOST_REDIRECTS):
            home = _origin(request.url) == self._origin
            if not home:
                _undress(request)
            answer = self._client.send(request, auth=self._auth if home else None, stream=True)
            with closing(answer):
                if take is not None and answer.is_success:
                    take(answer.iter_bytes())
                else:
                    answer.read()
            if answer.next_request is None or request.method not in {"GET", "HEAD"}:
                return answer
            request = answer.next_request
        return answer

    def _pause(self, times: int, answer: httpx.Response | None) -> float:
        """Return the seconds the server asks for; else, or when it asks for none, our own choice."""
        asked = retry_after(answer) if answer is not None else None
        bound = min(self._patience.first_pause * 2 ** min(times - 1, 16), self._patience.longest_pause)
        return asked or bound * (0.5 + self._jitter.random() / 2)

    def _hold_everyone(self, seconds: float) -> None:
        with self._lock:
            self._resume_at = max(self._resume_at, self._clock.monotonic() + seconds)

    def _wait_for_all_clear(self) -> float:
        """Wait while the server wants nobody; return for how long it was."""
        waited, until = 0.0, None
        while until != self._resume_at:  # somebody may have been told to wait longer while we slept
            with self._lock:
                until = self._resume_at
                pause = until - self._clock.monotonic()
            if pause > 0:
                waited += pause
                self._clock.sleep(pause)
        return waited

    def _gone(self, request: httpx.Request, problem: str, waited: float, times: int) -> UnreachableError:
        return UnreachableError(
            f"{self.system} does not answer: {request.method} {_bare(request.url)} was sent {times} "
            f"time{'s' if times != 1 else ''}, with {waited:.0f} s of waiting; the last time: {problem}",
            f"Check that {self.base_url} is right and reachable from this machine, and that nothing else "
            "uses up the system's limits; then run the same command again.",
        )

    def _unknown(self, request: httpx.Request, problem: str) -> UnreachableError:
        return UnreachableError(
            f"{self.system} did not answer {request.method} {_bare(request.url)} ({problem}); "
            "whether it acted on it is unknown",
            "Run the same command again: it first looks what the target has.",
        )

    def _untrusted(self, problem: str) -> UnreachableError:
        return UnreachableError(
            f"{self.system} at {self.base_url} shows a certificate that this machine does not trust: {problem}",
            "If the address is right and a company proxy or a private authority signs its certificates, "
            "name that authority's certificate file in the plugin's `ca_file`.",
        )


def in_this_context(function: Callable[[T], R]) -> Callable[[T], R]:
    """Return a function for a pool of threads whose requests `transload explain` takes for the caller's."""
    here = copy_context()
    return lambda argument: here.copy().run(function, argument)


def retry_after(answer: httpx.Response) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, given as a number or a date; else None."""
    asked = answer.headers.get("Retry-After", "").strip()
    if asked.replace(".", "", 1).isdecimal():
        return float(asked)
    try:
        at, now = parsedate_to_datetime(asked), parsedate_to_datetime(answer.headers["Date"])
        return max(0.0, float((at - now).total_seconds()))
    except (KeyError, TypeError, ValueError):
        return None


def excerpt(answer: httpx.Response, length: int = 200) -> str:
    """Return the beginning of an answer's text on one printable line, for a message."""
    text = "".join(c if c.isprintable() else " " for c in answer.text[: 4 * length])
    return " ".join(text.split())[:length]


def trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    """Return what httpx should verify certificates with.

    Args:
        ca_file: Certificates to trust instead of the usual ones, in PEM.

    Raises:
        OSError: The file cannot be read, or holds no certificates.
    """
    if ca_file is None:
        return True
    return ssl.create_default_context(cafile=str(ca_file))


def _for_everyone(answer: httpx.Response) -> bool:
    """Whether the pause an answer asks for is meant for every thread of the client."""
    return answer.status_code == _THROTTLED or "Retry-After" in answer.headers


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, port


def _undress(request: httpx.Request) -> None:
    """Take off what is not a stranger's business."""
    for name in [name for name in request.headers if name not in _HARMLESS_HEADERS]:
        del request.headers[name]


def _never_left(error: Exception) -> bool:
    """Whether the request cannot have reached the server."""
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)


def _bare(url: httpx.URL) -> str:
    """Return the URL without user, password and query: those may hold what nobody should read."""
    return str(url.copy_with(username="", password="", query=None))


def _name(error: Exception) -> str:
    # A LocalProtocolError quotes the header it dislikes, which may be the credentials.
    quotable = str(error) and not isinstance(error, httpx.LocalProtocolError)
    return f"{type(error).__name__}: {error}" if quotable else type(error).__name__
