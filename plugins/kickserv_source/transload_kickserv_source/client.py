"""Asks Kickserv and reads its answers.

Decides by status first and looks into the body second: a refused token is answered
with XML or with plain text, an unknown number with 400 and not 404, and a missing
endpoint may be a web page. Pages and records are other modules' matter.
"""

import threading
import time
from collections.abc import Callable, Mapping

import httpx

from transload import RunContext
from transload.errors import AuthenticationError, NotOfferedError, ProtocolError, UnreachableError
from transload.http import Exchange, HttpClient, Patience, Time
from transload.values import Event
from transload_kickserv_source.inferred import MIXED_ROOT, OTHER_ROOTS
from transload_kickserv_source.secrets import SECRET_WORDS
from transload_kickserv_source.settings import KickservSettings
from transload_kickserv_source.xml import Document, excerpt, read_errors, read_list, read_record

_READ_TIMEOUT = 120.0  # seconds; what the best-known public client of this API allows
_READINGS = 3
_NOT_OFFERED = frozenset({400, 404, 405, 406, 410, 415, 422, 501})
_PAUSE_BETWEEN_READINGS = 1.0


class GoneError(NotOfferedError):
    """Kickserv has no record of that number any more."""


class ForbiddenError(NotOfferedError):
    """The token may not read it, or the account's plan does not include it."""


class ServerFaultError(UnreachableError):
    """Kickserv failed on this request, again and again."""


class KickservClient:
    """A reading client of one account, safe to use from several threads.

    Args:
        settings: Address, account and token.
        ca_file: Certificates to trust instead of the usual ones.
        listen: Told of every exchange.
        patience: When to give up.
        transport: The seam for tests; ``None`` means the network.
        clock: The seam for tests; ``None`` means real time.
    """

    def __init__(
        self,
        settings: KickservSettings,
        *,
        listen: Callable[[Exchange], None] | None = None,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Time | None = None,
    ) -> None:
        self.settings = settings
        self._token = settings.api_token.get_secret_value()
        self._clock: Time = clock or time
        self._lock, self._started = threading.Lock(), False
        self._http = HttpClient(
            system="Kickserv",
            base_url=settings.address,
            auth=httpx.BasicAuth(self._token, self._token),
            headers={"Accept": "application/xml", "Accept-Encoding": "gzip"},
            read_timeout=_READ_TIMEOUT,
            connections=settings.connections,
            ca_file=settings.ca_file,
            patience=patience,
            listen=listen,
            secret_words=SECRET_WORDS,
            transport=transport,
            clock=clock,
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def get_list(self, path: str, root: str, params: Mapping[str, str] | None = None) -> Document:
        """Read one page of a list.

        Args:
            path: Below the account: ``jobs.xml``.
            root: Name of the answer's root element.
            params: The query.

        Raises:
            GoneError: The record in the path does not exist.
            RunError: The list cannot be read.
        """
        return self._get(path, params or {}, lambda body: read_list(body, root, *OTHER_ROOTS.get(root, ()), MIXED_ROOT))

    def get_record(self, path: str, *roots: str, params: Mapping[str, str] | None = None) -> Document:
        """Read one record by its number.

        Args:
            path: Below the account: ``jobs/7.xml``.
            roots: Names that the answer's root element may have.
            params: The query.

        Raises:
            GoneError: There is none.
            RunError: It cannot be read.
        """
        return self._get(path, params or {}, lambda body: read_record(body, *roots))

    def _get(self, path: str, params: Mapping[str, str], read: Callable[[bytes], Document]) -> Document:
        """Ask until an answer can be read: a cut or broken one is asked for again, a refusal is not."""
        reading = 1
        while True:
            self._keep_pace()
            answer = self._http.send("GET", path, repeatable=True, params=params)
            try:
                self._check(answer, path)
                return read(answer.content)
            except (ProtocolError, UnreachableError) as error:
                if reading == _READINGS or answer.status_code not in {200, 500}:
                    # A page may echo the request: neither the message nor its cause shows the token.
                    raise type(error)(str(error).replace(self._token, "***"), error.remedy) from None
            self._clock.sleep(_PAUSE_BETWEEN_READINGS * reading)
            reading += 1

    def _keep_pace(self) -> None:
        with self._lock:
            first, self._started = not self._started, True
        if not first and self.settings.pause:
            self._clock.sleep(self.settings.pause)

    def _check(self, answer: httpx.Response, path: str) -> None:
        """Raise what a status other than 200 means."""
        status = answer.status_code
        if status == 200:
            return
        said = "; ".join(read_errors(answer.content)) or excerpt(answer.content, self._token) or "nothing"
        told = f"Kickserv answered {path} with {status}: {said}"
        if status == 401 and (moved := _moved_to(answer, self.settings.address)):
            raise ProtocolError(
                f"Kickserv sent the request on to {moved}, where the token is not shown: {said}",
                f"If that is Kickserv's present address, write it into base_url: it stands before {path} and, unless "
                "the host is named after the account, before the account.",
            )
        if status == 401:
            raise AuthenticationError(
                f"Kickserv refuses the API token for the account {self.settings.account}: {said}",
                "Changing the employee's password in Kickserv makes a new token. Copy the present one from "
                "the employee's record (or My Account, API token) into TRANSLOAD_KICKSERV_SOURCE__API_TOKEN, "
                "check `account`, and run the same command again.",
            )
        if status == 403:
            raise ForbiddenError(
                told,
                "The API belongs to Kickserv's Premium plan, and the token sees what its employee may see. "
                "Check the plan, and use the token of the account owner.",
            )
        if status == 400 and said.startswith("Invalid "):
            raise GoneError(told, "Nothing to do: the record was deleted in Kickserv.")
        if status in _NOT_OFFERED:
            raise NotOfferedError(told, "Check base_url, account and api_prefix in [kickserv_source].")
        if status == 500:
            raise ServerFaultError(told, "Run the same command again later; if it stays, ask for fewer associations.")
        if status == 429 or status >= 500:
            raise UnreachableError(told, "Kickserv is overloaded or under repair. Run the same command again later.")
        raise ProtocolError(told, "Check base_url: the answer does not come from Kickserv's API.")


def _moved_to(answer: httpx.Response, address: str) -> str | None:
    """Return where an answer comes from, when a redirect led away from the account's host."""
    url = answer.url.copy_with(query=None)
    return str(url) if url.host != httpx.URL(address).host else None


def open_client(context: RunContext) -> KickservClient:
    """Make the client of a run, for :meth:`transload.RunContext.resource`."""
    settings = context.settings_of(KickservSettings)
    named = {"ca_file": settings.ca_file, "labels": settings.labels}
    places = {name: context.folder / path for name, path in named.items() if path is not None}
    settings = settings.model_copy(update=places)

    def listen(exchange: Exchange) -> None:
        if exchange.status == 429:
            context.observe(Event("throttled", "kickserv", text="Kickserv asks to slow down"))

    return KickservClient(settings, listen=listen, patience=context.patience)
