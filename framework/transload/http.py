"""One polite HTTP client for every plugin.

It knows what no plugin should have to think about: explicit timeouts, which
failures may be sent again, waiting when told to (all threads of the client, not
only the one that was told), credentials that stay with their host, no cookies, no
proxies from the environment, and nothing secret in a message.

It does not interpret answers: every answer that is not worth another attempt goes
back to the plugin, whatever its status.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.request import Request

import httpx

from transload.errors import UnreachableError

_WORTH_ANOTHER_TRY = frozenset({429, 502, 503, 504})
_SECRET_HEADERS = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization"})


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
        attempts: How often a request is sent before the system counts as gone.
        first_pause: Seconds before the second attempt; doubled each time, with jitter.
        longest_pause: Upper bound of a pause that we choose ourselves, in seconds.
        total: Seconds that one request may spend waiting, the server's demands included.
    """

    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 30.0
    total: float = 1800.0


class Time(Protocol):
    """A clock that can wait; tests pass one that does not."""

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
        transport: httpx.BaseTransport | None = None,
        clock: Time | None = None,
    ) -> None:
        self.system, self.base_url = system, base_url.rstrip("/")
        self._host = httpx.URL(base_url).host
        self._auth, self._patience, self._listen = auth, patience or Patience(), listen
        self._clock: Time = clock or time
        self._jitter = random.Random()
        self._lock = threading.Lock()
        self._resume_at = 0.0
        self._client = httpx.Client(
            base_url=self.base_url + "/",
            headers=dict(headers or {}),
            timeout=httpx.Timeout(read_timeout, connect=10.0, pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            verify=_trust(ca_file),
            cookies=_NoCookies(),
            trust_env=False,
            follow_redirects=True,
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
    ) -> httpx.Response:
        """Send a request until it is answered, and return the answer, read to its end.

        Args:
            method: ``GET``, ``POST``, ...
            url: A path below ``base_url``, or a full URL.
            repeatable: Whether sending it twice does what sending it once does. A
                request that is not is sent again only if the server cannot have acted on it.
            content: The body.
            headers: Beside those of the client.
            params: The query.

        Raises:
            UnreachableError: No answer within the client's patience.
        """
        request = self._client.build_request(method, url, content=content, headers=headers, params=params)
        auth = self._auth if request.url.host == self._host else None
        waited = 0.0
        for attempt in range(1, self._patience.attempts + 1):
            self._wait_for_all_clear()
            answer, problem = self._try(request, auth, repeatable)
            if answer is not None and answer.status_code not in _WORTH_ANOTHER_TRY:
                return answer
            if (
                answer is not None
                and answer.status_code != 429
                and not (repeatable or answer.status_code == 503)
            ):
                return answer
            pause = self._pause(attempt, answer)
            waited += pause
            if attempt == self._patience.attempts or waited > self._patience.total:
                break
            if answer is not None and answer.status_code == 429:
                self._hold_everyone(pause)
            else:
                self._clock.sleep(pause)
        if answer is not None:
            return answer
        raise UnreachableError(
            f"{self.system} does not answer: {method} {_bare(request.url)} failed "
            f"{self._patience.attempts} times, the last time with {problem}",
            f"Check that {self.base_url} is right and reachable from this machine, "
            "then run the same command again.",
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _try(
        self, request: httpx.Request, auth: httpx.Auth | None, repeatable: bool
    ) -> tuple[httpx.Response | None, str]:
        started = self._clock.monotonic()
        answer, problem = None, ""
        try:
            answer = self._client.send(request, auth=auth)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            problem = _name(error)
        except (httpx.TransportError, httpx.DecodingError) as error:
            problem = _name(error)
            if not repeatable:
                raise UnreachableError(
                    f"{self.system} did not answer {request.method} {_bare(request.url)} ({problem}); "
                    "whether it acted on it is unknown",
                    "Run the same command again: it first looks what the target has.",
                ) from error
        if self._listen is not None:
            status = answer.status_code if answer is not None else None
            took = self._clock.monotonic() - started
            self._listen(Exchange(request.method, _bare(request.url), status, took, problem))
        return answer, problem

    def _pause(self, attempt: int, answer: httpx.Response | None) -> float:
        asked = retry_after(answer) if answer is not None else None
        if asked is not None:
            return asked
        bound = min(self._patience.first_pause * 2 ** (attempt - 1), self._patience.longest_pause)
        return bound * (0.5 + self._jitter.random() / 2)

    def _hold_everyone(self, seconds: float) -> None:
        with self._lock:
            self._resume_at = max(self._resume_at, self._clock.monotonic() + seconds)

    def _wait_for_all_clear(self) -> None:
        with self._lock:
            pause = self._resume_at - self._clock.monotonic()
        if pause > 0:
            self._clock.sleep(pause)


def retry_after(answer: httpx.Response) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, given as a number or a date; else None."""
    asked = answer.headers.get("Retry-After", "").strip()
    if not asked:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        at, now = parsedate_to_datetime(asked), parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return None
    return max(0.0, float((at - now).total_seconds()))


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with the secret ones masked, fit for a log or a report."""
    return {name: "***" if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}


def excerpt(answer: httpx.Response, length: int = 200) -> str:
    """Return the beginning of an answer's text on one line, for a message."""
    return " ".join(answer.text[: 4 * length].split())[:length]


def _trust(ca_file: Path | None) -> Any:
    if ca_file is None:
        return True
    return httpx.create_ssl_context(verify=str(ca_file), trust_env=False)


def _bare(url: httpx.URL) -> str:
    """Return the URL without user, password and query: those may hold what nobody should read."""
    return str(url.copy_with(username="", password="", query=None))


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
