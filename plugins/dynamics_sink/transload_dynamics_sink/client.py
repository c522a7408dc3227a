"""Talks to the Dataverse Web API: addresses, headers, JSON, pages."""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx

from transload import RunContext
from transload.errors import ConfigError, ProtocolError
from transload.http import HttpClient, excerpt
from transload_dynamics_sink.auth import ClientCredentials
from transload_dynamics_sink.errors import read_refusal, unexpected
from transload_dynamics_sink.settings import DynamicsSettings

API = "/api/data/v9.2"
PAGE_SIZE = 5000
"""Most rows of a page."""

Json: TypeAlias = dict[str, Any]
"""A parsed object; numbers with a fraction are Decimal."""

_HEADERS = {"Accept": "application/json", "OData-MaxVersion": "4.0", "OData-Version": "4.0"}
_BYPASS = {
    "MSCRM.BypassBusinessLogicExecution": "CustomSync,CustomAsync",
    "MSCRM.SuppressCallbackRegistrationExpanderJob": "true",
}
_TELLING = ("OData-EntityId", "REQ_ID", *_BYPASS)
"""Headers that say which row it was, by which number support finds the request, and what was skipped."""
_READABLE = "'()"
_NO_CONTENT, _NOT_FOUND = 204, 404
STRONG: Mapping[str, str] = {"Consistency": "Strong"}
"""Skips the caches of metadata, which are some 30 seconds late."""


class Dataverse:
    """One environment, as the application user sees it; safe to use from several threads.

    Args:
        http: A client whose base address is the environment's Web API.
        auth: What signs its requests, to be closed with it.
        bypass_custom_logic: Whether writes skip the environment's own plug-ins and flows.
        sleep: Waits some seconds; the seam for tests.
    """

    def __init__(
        self,
        http: HttpClient,
        auth: ClientCredentials | None = None,
        *,
        bypass_custom_logic: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http, self._auth, self.sleep = http, auth, sleep
        self.write_headers: Mapping[str, str] = _BYPASS if bypass_custom_logic else {}
        """What every write carries, inside a batch too."""
        self._jitter = random.Random()

    @property
    def root(self) -> str:
        """Full address of the Web API, which rows are named by."""
        return self._http.base_url

    def get(self, path: str, what: str, headers: Mapping[str, str] | None = None) -> Json:
        """Return the JSON object at a path, as encoded by :func:`query`.

        Args:
            path: Below the Web API, or a full URL that an answer named.
            what: What it is for, to be read after "Dataverse refused to".
            headers: Beside the usual ones.

        Raises:
            NotOfferedError: There is no such thing, or no right to read it.
            ProtocolError: Any other refusal, or no JSON.
        """
        answer = self._http.send("GET", path, repeatable=True, headers=headers)
        return self._parse(answer, what)

    def find(self, path: str, what: str, headers: Mapping[str, str] | None = None) -> Json | None:
        """Return the JSON object at a path, or None when there is none (404)."""
        answer = self._http.send("GET", path, repeatable=True, headers=headers)
        return None if answer.status_code == _NOT_FOUND else self._parse(answer, what)

    def rows(self, path: str, what: str, prefer: str = "") -> Iterator[Json]:
        """Yield every row of a query, page by page.

        Args:
            path: The query.
            what: What it is for.
            prefer: Preferences beside the page size; they are repeated on every page.
        """
        wishes = ",".join(filter(None, [f"odata.maxpagesize={PAGE_SIZE}", prefer]))
        link: str | None = path
        while link is not None:
            page = self.get(link, what, {"Prefer": wishes})
            yield from page.get("value", [])
            link = page.get("@odata.nextLink")

    def write(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a write that may be repeated, and return the answer whatever its status."""
        sent = {**self.write_headers, **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json; charset=utf-8")
        return self._http.send(method, path, repeatable=True, content=body, headers=sent)

    def download(self, path: str, what: str, take: Callable[[Iterator[bytes]], None]) -> bool:
        """Hand on the bytes at a path, part by part.

        Args:
            path: Below the Web API.
            what: What it is for.
            take: Given the parts; called anew from the beginning when the connection broke on the way.

        Returns:
            False when there is nothing: no content (204), or no such row or value (404).

        Raises:
            NotOfferedError: No right to read it.
            ProtocolError: Any other refusal.
        """
        answer = self._http.send("GET", path, repeatable=True, headers={"Accept": "*/*"}, take=take)
        if answer.is_success:
            return answer.status_code != _NO_CONTENT
        if answer.status_code == _NOT_FOUND:
            return False
        raise unexpected(read_refusal(answer.status_code, answer.content), what)

    def pause(self, times: int) -> None:
        """Wait before sending something again for the n-th time: about 1, 4, 16, ... seconds."""
        self.sleep(4.0 ** (times - 1) * (0.75 + self._jitter.random() / 2))

    @cached_property
    def who_am_i(self) -> Json:
        """Ids of our user, business unit and organisation, and the advised number of requests in flight.

        Raises:
            AuthenticationError: The credentials are refused or stand for no user of the environment.
        """
        answer = self._http.send("GET", "WhoAmI", repeatable=True)
        found = self._parse(answer, "say who we are")
        return {**found, "dop_hint": answer.headers.get("x-ms-dop-hint", "")}

    @property
    def own_user(self) -> str:
        """Id of the user that we write as, in lower case."""
        return str(self.who_am_i["UserId"]).lower()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        if self._auth is not None:
            self._auth.close()

    def _parse(self, answer: httpx.Response, what: str) -> Json:
        if not answer.is_success:
            raise unexpected(read_refusal(answer.status_code, answer.content), what)
        try:
            parsed = json.loads(answer.content, parse_float=Decimal)
        except ValueError as error:
            raise _not_json(answer, what) from error
        if not isinstance(parsed, dict):
            raise _not_json(answer, what)
        return parsed


def query(path: str, **options: str) -> str:
    """Return a path with system query options, encoded: ``query("accounts", select="name")``."""
    encoded = [f"${name}={quote(value, safe=_READABLE)}" for name, value in options.items() if value]
    return f"{path}?{'&'.join(encoded)}" if encoded else path


def quoted(text: str) -> str:
    """Return a text as an OData literal."""
    return "'" + text.replace("'", "''") + "'"


def any_of(column: str, values: list[str]) -> str:
    """Return a filter that holds where a column has one of the values.

    Double quotes let the values carry apostrophes.
    """
    listed = ",".join(json.dumps(value, ensure_ascii=False) for value in values)
    return f"Microsoft.Dynamics.CRM.In(PropertyName='{column}',PropertyValues=[{listed}])"


def open_dataverse(context: RunContext) -> Dataverse:
    """Connect to the environment of the settings; use it as ``context.resource(open_dataverse)``."""
    settings = context.settings_of(DynamicsSettings)
    ca_file = context.folder / settings.ca_file if settings.ca_file is not None else None
    try:
        auth = ClientCredentials(
            authority=settings.sign_in_address,
            client_id=settings.client_id,
            client_secret=settings.client_secret.get_secret_value(),
            resource=settings.address,
            ca_file=ca_file,
            patience=context.patience,
        )
        http = HttpClient(
            system="Dataverse",
            base_url=settings.address + API,
            auth=auth,
            headers=_HEADERS,
            ca_file=ca_file,
            patience=context.patience,
            telling=_TELLING,
        )
    except OSError as error:
        raise ConfigError(
            f"[dynamics_sink] ca_file: {ca_file} cannot be used ({type(error).__name__})",
            "Name a file with certificates in PEM, relative to the client's folder.",
        ) from error
    return Dataverse(http, auth, bypass_custom_logic=settings.bypass_custom_logic)


def _not_json(answer: httpx.Response, what: str) -> ProtocolError:
    return ProtocolError(
        f"Dataverse was asked to {what} and answered {answer.status_code} with something else than "
        f"JSON: {excerpt(answer)}",
        "Check that `url` of [dynamics_sink] is the environment itself, not a sign-in or proxy page.",
    )
