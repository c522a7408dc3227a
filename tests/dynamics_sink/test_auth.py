"""Signing in, and what is said when it fails."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest

from transload.errors import AuthenticationError, TransloadError, UnreachableError
from transload.http import HttpClient
from transload_dynamics_sink.auth import ClientCredentials

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected


class Clock:
    """Time in which waiting takes no time."""

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float, /) -> None:
        return


AUTHORITY = "https://login.example.com/tenant"


def sign_in(authority: Callable[[httpx.Request], httpx.Response]) -> httpx.Response:
    auth = ClientCredentials(
        authority=AUTHORITY,
        client_id="app",
        client_secret="top secret",
        resource="https://contoso.example.com",
        transport=httpx.MockTransport(authority),
        clock=Clock(),
    )
    client = HttpClient(
        system="Dataverse",
        base_url="https://contoso.example.com",
        auth=auth,
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json=dict(request.headers))),
    )
    try:
        return client.send("GET", "WhoAmI", repeatable=True)
    finally:
        client.close()
        auth.close()


def authority(answer: httpx.Response) -> Callable[[httpx.Request], httpx.Response]:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("openid-configuration"):
            endpoints = {"authorization_endpoint": f"{AUTHORITY}/a", "token_endpoint": f"{AUTHORITY}/t"}
            return httpx.Response(200, json={"issuer": AUTHORITY, **endpoints})
        return answer

    return handle


def test_asks_for_a_token_for_the_environment_and_sends_it() -> None:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.content.decode())
        token = {"access_token": "abc", "expires_in": 3600, "token_type": "Bearer"}
        return authority(httpx.Response(200, json=token))(request)

    answer = sign_in(handle)

    assert answer.json()["authorization"] == "Bearer abc"
    assert "scope=https%3A%2F%2Fcontoso.example.com%2F.default" in asked[-1]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("AADSTS7000215", "take its value, not its id"), ("AADSTS700016", "no such application")],
)
def test_a_refusal_shows_the_first_line_and_a_remedy(code: str, remedy: str) -> None:
    text = f"{code}: It is refused.\r\nTrace ID: 1\r\nTimestamp: 2"
    refused = httpx.Response(401, json={"error": "invalid_client", "error_description": text})

    with pytest.raises(AuthenticationError) as caught:
        sign_in(authority(refused))

    assert str(caught.value) == f"Microsoft Entra ID refuses the sign-in: {code}: It is refused."
    assert remedy in caught.value.remedy
    assert "top secret" not in repr(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404, json={"error": "invalid_tenant"}), AuthenticationError),
        (httpx.Response(503), UnreachableError),
    ],
)
def test_an_unknown_tenant_and_a_silent_authority_are_told_apart(
    answer: httpx.Response, error: type[TransloadError]
) -> None:
    with pytest.raises(error):
        sign_in(lambda request: answer)


def test_a_token_that_stays_refused_ends_the_run(connected: "Connected") -> None:
    user = connected.org.tokens.applications.popitem()[1]

    with pytest.raises(AuthenticationError):
        _ = connected.dataverse.who_am_i

    assert user.client_secret
