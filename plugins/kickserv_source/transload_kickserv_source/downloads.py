"""Fetches files: from Kickserv's own host with the token, from any other host without.

A file's address may lead to a storage host, at once or by a redirect. Credentials never
go there. What arrives is passed on part by part, so that no file stands in memory.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from transload.errors import RecordError
from transload.files import FileStore
from transload.http import Time, retry_after, trust
from transload.values import FileRef
from transload_kickserv_source.settings import KickservSettings

_MOST_REDIRECTS = 5
_ATTEMPTS = 3
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_PART = 1 << 16
_LONGEST_NAME, _LONGEST_ENDING = 255, 20
_RESERVED = frozenset('<>:"|?*')
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class DownloadError(RecordError):
    """A file cannot be fetched.

    Attributes:
        stale: Whether a fresh address may help.
    """

    def __init__(self, reason: str, *, stale: bool = False) -> None:
        super().__init__(reason, "Open the file in Kickserv. If it is there, run the same command again.")
        self.stale = stale


class _PassingError(Exception):
    """Something that may be gone in a moment."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class Downloads:
    """Fetches the files of one account, from several threads if need be.

    Args:
        settings: Address and token.
        transport: The seam for tests; None means the network.
        clock: The seam for tests; None means real time.
    """

    def __init__(
        self, settings: KickservSettings, *, transport: httpx.BaseTransport | None = None, clock: Time | None = None
    ) -> None:
        token = settings.api_token.get_secret_value()
        self._home, self._auth = httpx.URL(settings.base_url), httpx.BasicAuth(token, token)
        self._clock: Time = clock or time
        self._client = httpx.Client(
            headers={"Accept": "*/*"},
            timeout=httpx.Timeout(120.0, connect=10.0, pool=None),
            limits=httpx.Limits(max_connections=settings.connections, max_keepalive_connections=settings.connections),
            verify=trust(settings.ca_file),
            trust_env=False,
            follow_redirects=False,
            transport=transport,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def fetch(self, url: str, files: FileStore, name: str, media_type: str) -> FileRef:
        """Fetch a file into the store.

        Args:
            url: Where it is; may be relative to Kickserv's address.
            files: Where it is kept.
            name: Its name.
            media_type: Its type, as its record has it; empty when that says none.

        Raises:
            DownloadError: It cannot be fetched.
            FolderError: It cannot be kept.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._open(url, media_type) as answer:
                    kind = media_type or answer.headers.get("content-type", "").partition(";")[0].strip()
                    return files.keep(_parts(answer), name, kind)
            except (_PassingError, httpx.TransportError, httpx.DecodingError) as error:
                if attempt == _ATTEMPTS:
                    raise DownloadError(_told(error)) from None
                pause = error.pause if isinstance(error, _PassingError) and error.pause else _PAUSE * attempt
                self._clock.sleep(min(pause, _LONGEST_PAUSE))
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _open(self, url: str, media_type: str) -> Iterator[httpx.Response]:
        """Follow an address to the file's bytes."""
        place = self._locate(url)
        for _ in range(_MOST_REDIRECTS):
            home = _origin(place) == _origin(self._home)
            with self._client.stream("GET", place, auth=self._auth if home else None) as answer:
                self._client.cookies.clear()
                if not answer.is_redirect:
                    _check(answer, media_type)
                    yield answer
                    return
                place = self._locate(answer.headers.get("location", ""), place)
        raise DownloadError(f"more than {_MOST_REDIRECTS} redirects")

    def _locate(self, url: str, base: httpx.URL | None = None) -> httpx.URL:
        try:
            place = (base or self._home).join(url)
        except httpx.InvalidURL:
            raise DownloadError("its address is no address") from None
        allowed = {"https"} if self._home.host not in _LOOPBACK else {"http", "https"}
        if not url or place.scheme not in allowed or not place.host:
            raise DownloadError("its address is missing" if not url else "its address is none that may be fetched")
        return place


def _check(answer: httpx.Response, media_type: str) -> None:
    status = answer.status_code
    if status in _PASSING:
        raise _PassingError(f"status {status}", retry_after(answer))
    if status != 200:
        raise DownloadError(f"status {status}", stale=True)
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/html" and media_type.lower() not in {"", kind, "application/xhtml+xml"}:
        raise DownloadError("a web page instead of the file", stale=True)


def _parts(answer: httpx.Response) -> Iterator[bytes]:
    yield from answer.iter_bytes(_PART)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _told(error: Exception) -> str:
    # What a transport error says may quote headers.
    return str(error) if isinstance(error, _PassingError) else type(error).__name__


def safe_name(name: str) -> str:
    """Return a file's name without folders and without what no file system takes."""
    text = name.replace("\\", "/").rpartition("/")[2]
    text = "".join("_" if letter in _RESERVED or not letter.isprintable() else letter for letter in text).strip(" .")
    stem, dot, ending = text.rpartition(".")
    if len(text) > _LONGEST_NAME and dot and len(ending) < _LONGEST_ENDING:
        return f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}"
    return text[:_LONGEST_NAME] or "file"
