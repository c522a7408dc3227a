"""Signs in as an application: OAuth client credentials of Microsoft Entra ID.

MSAL keeps the token and renews it before it expires. A token that the environment
refuses all the same is thrown away and asked for once more, so a long run survives a
revoked token.
"""

import threading
from collections.abc import Generator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import httpx

from transload.errors import AuthenticationError
from transload.http import HttpClient, Patience, Time

if TYPE_CHECKING:
    import msal

_MICROSOFT_HOSTS = (
    ".microsoftonline.com",
    ".microsoftonline.us",
    ".chinacloudapi.cn",
    ".microsoftonline.cn",
    ".windows.net",
)
_REMEDIES = {
    "AADSTS7000215": "The secret is wrong: take its value, not its id, from the app registration.",
    "AADSTS7000222": "The secret has expired: create a new one in the app registration.",
    "AADSTS700016": "The tenant has no such application: check client_id, and tenant_id or authority.",
    "AADSTS90002": "There is no such tenant: check tenant_id or authority.",
    "AADSTS500011": "The tenant knows no environment at this address: check url.",
}
_REMEDY = "Check tenant_id or authority, client_id and the client secret of [dynamics_sink]."


class _MsalHttp:
    """What MSAL wants of an HTTP client, done by ours: with patience, and without the machine's proxies."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def get(
        self, url: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self._http.send("GET", url, repeatable=True, headers=headers, params=params)

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        content = urlencode(data or {}).encode("ascii")
        return self._http.send("POST", url, repeatable=True, content=content, headers=form, params=params)

    def close(self) -> None:
        self._http.close()


class ClientCredentials(httpx.Auth):
    """Puts a bearer token on every request.

    Args:
        authority: Where to sign in, with the tenant.
        client_id: The application.
        client_secret: Its secret.
        resource: Address of the environment that the token is for.
        ca_file: Certificates to trust instead of the usual ones.
        patience: When to give up.
        transport: The seam for tests; ``None`` means the network.
        clock: The seam for tests; ``None`` means real time.
    """

    def __init__(  # noqa: PLR0913 - every argument is a keyword
        self,
        *,
        authority: str,
        client_id: str,
        client_secret: str,
        resource: str,
        ca_file: Path | None = None,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Time | None = None,
    ) -> None:
        self._authority, self._client_id, self._client_secret = authority, client_id, client_secret
        self._scope = f"{resource}/.default"
        self._lock = threading.Lock()
        self._http = HttpClient(
            system="Microsoft Entra ID",
            base_url=authority,
            read_timeout=30.0,
            ca_file=ca_file,
            patience=patience or Patience(total=120.0),
            private=True,
            transport=transport,
            clock=clock,
        )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send with the token we have; when it is refused, once more with a new one."""
        token = self._token()
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == 401:
            request.headers["Authorization"] = f"Bearer {self._token(refused=token)}"
            yield request

    def close(self) -> None:
        """Close the connections to the authority."""
        self._http.close()

    def _token(self, refused: str = "") -> str:
        with self._lock:
            try:
                answer = self._app.acquire_token_for_client([self._scope])
                if refused and answer.get("access_token") == refused:
                    self._app.remove_tokens_for_client()
                    answer = self._app.acquire_token_for_client([self._scope])
            except ValueError as error:
                raise AuthenticationError(
                    f"{self._authority} is no place to sign in: the tenant is unknown there",
                    "Check tenant_id or authority of [dynamics_sink].",
                ) from error
        token = answer.get("access_token")
        if not isinstance(token, str):
            raise _refused(answer)
        return token

    @cached_property
    def _app(self) -> "msal.ConfidentialClientApplication":
        import msal  # it takes a quarter of a second, and nobody pays who does not sign in

        host = urlsplit(self._authority).hostname or ""
        return msal.ConfidentialClientApplication(
            self._client_id,
            client_credential=self._client_secret,
            authority=self._authority,
            http_client=_MsalHttp(self._http),
            # The discovery asks Microsoft about hosts that are not Microsoft's.
            instance_discovery=None if host.endswith(_MICROSOFT_HOSTS) else False,
        )


def _refused(answer: dict[str, object]) -> AuthenticationError:
    lines = str(answer.get("error_description") or answer.get("error") or "no reason given").splitlines()
    reason = lines[0].strip() if lines else "no reason given"
    return AuthenticationError(
        f"Microsoft Entra ID refuses the sign-in: {reason}",
        _REMEDIES.get(reason.partition(":")[0], _REMEDY),
    )
