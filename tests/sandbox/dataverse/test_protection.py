"""Sign-in, limits and trouble on request."""

from collections.abc import Iterator

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg, Fault, Limits
from transload_sandbox.dataverse.faults import Kind
from transload_sandbox.dataverse.testing import API, ORIGIN, Clock, InProcess, created_id, sign_in
from transload_sandbox.dataverse.testing import error_code as code


@pytest.fixture
def limited(clock: Clock) -> Iterator[DataverseOrg]:
    """An organisation that allows two requests and one second per window."""
    org = DataverseOrg(clock=clock, limits=Limits(requests=2, body_bytes=1000))
    yield org
    org.close()


def _sign_in(org: DataverseOrg, **changes: str) -> httpx.Response:
    user = org.add_application_user("loader")
    form = {
        "grant_type": "client_credentials",
        "client_id": user.client_id,
        "client_secret": user.client_secret,
        "scope": f"{ORIGIN}/.default",
        "tenant": org.tenant_id,
        **changes,
    }
    with httpx.Client(transport=InProcess(org)) as client:
        return client.post(f"{ORIGIN}/{form.pop('tenant')}/oauth2/v2.0/token", data=form)


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": "nobody"}, 400, "unauthorized_client", 700016),
        ({"scope": ORIGIN}, 400, "invalid_scope", 70011),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"tenant": "elsewhere"}, 400, "invalid_tenant", 90002),
    ],
)
def test_refuses_a_bad_sign_in(
    changes: dict[str, str], status: int, error: str, number: int, org: DataverseOrg
) -> None:
    answer = _sign_in(org, **changes)

    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")


def test_a_token_ends_with_its_time(clock: Clock, api: httpx.Client) -> None:
    clock.advance(3601)

    answer = api.get("WhoAmI")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")


def test_tokens_can_be_revoked(org: DataverseOrg, api: httpx.Client) -> None:
    org.tokens.revoke_all()

    assert api.get("WhoAmI").status_code == 401


def test_a_token_for_another_host_opens_nothing(org: DataverseOrg, api: httpx.Client) -> None:
    elsewhere = _sign_in(org, scope="https://other.example.com/.default").json()["access_token"]

    assert api.get("WhoAmI", headers={"Authorization": f"Bearer {elsewhere}"}).status_code == 401


def test_too_many_requests_wait_for_the_window(limited: DataverseOrg, clock: Clock) -> None:
    api = sign_in(limited)

    first, second, third = (api.get("WhoAmI") for _ in range(3))
    clock.advance(301)
    later = api.get("WhoAmI")

    api.close()
    assert [each.status_code for each in (first, second, third, later)] == [200, 200, 429, 200]
    assert code(third) == (429, "0x80072322")
    assert int(third.headers["Retry-After"]) == 300
    assert second.headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == "1"


def test_every_answer_says_what_is_left_of_the_limits(api: httpx.Client, limited: DataverseOrg) -> None:
    strict = sign_in(limited)

    free, refused = api.post("accounts", json={"name": "A"}), api.get("nothings")
    throttled = [strict.get("WhoAmI") for _ in range(3)][2]

    strict.close()
    for answer in (free, refused):
        assert answer.headers["x-ms-ratelimit-time-remaining-xrm-requests"] == "1,200.00"
        assert answer.headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == "6000"
    assert throttled.headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == "0"
    assert free.headers["x-ms-dop-hint"]
    assert free.headers["x-ms-service-request-id"] != refused.headers["x-ms-service-request-id"]


def test_every_user_has_limits_of_its_own(limited: DataverseOrg) -> None:
    clients = [sign_in(limited, name) for name in ("first", "second")]

    answers = [client.get("WhoAmI").status_code for client in clients for _ in range(2)]

    for client in clients:
        client.close()
    assert answers == [200, 200, 200, 200]


def test_execution_time_is_limited(clock: Clock) -> None:
    org = DataverseOrg(clock=clock, limits=Limits(execution_seconds=0.01, request_seconds=0.02))
    api = sign_in(org)

    answers = [api.get("WhoAmI") for _ in range(2)]

    api.close()
    org.close()
    assert code(answers[1]) == (429, "0x80072321")


def test_a_body_that_is_too_large_is_refused(limited: DataverseOrg) -> None:
    api = sign_in(limited)

    answer = api.post("accounts", json={"description": "x" * 1000})

    api.close()
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("throttle_requests", (429, "0x80072322")),
        ("throttle_time", (429, "0x80072321")),
        ("throttle_concurrency", (429, "0x80072326")),
        ("server_error", (500, "0x80040216")),
        ("sql_timeout", (500, "0x80044151")),
        ("deadlock", (500, "0x80044150")),
    ],
)
def test_a_fault_answers_in_place_of_the_service_once(
    kind: Kind, expected: tuple[int, str], org: DataverseOrg, api: httpx.Client
) -> None:
    org.faults.add(Fault(kind, method="POST", path="acc*"))

    read, failed, created = api.get("accounts"), *(api.post("accounts", json={"name": "A"}) for _ in range(2))

    assert (read.status_code, created.status_code) == (200, 204)
    assert code(failed) == expected
    assert org.count("account") == 1


def test_an_unavailable_service_answers_in_html(org: DataverseOrg, api: httpx.Client) -> None:
    org.faults.add(Fault("unavailable", seconds=30))

    answer = api.get("WhoAmI")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert answer.text.startswith("<html>")


def test_a_plug_in_refuses_one_row_of_many(org: DataverseOrg, api: httpx.Client) -> None:
    org.faults.add(Fault("refuse_row", times=9, table="account", column="name", value="B", message="Not this one."))

    answers = [api.post("accounts", json={"name": name}) for name in ("A", "B", "C")]

    assert [answer.status_code for answer in answers] == [204, 400, 204]
    assert code(answers[1]) == (400, "0x80040265")


def test_every_request_is_on_record(org: DataverseOrg, api: httpx.Client) -> None:
    org.requests.clear()

    api.get("WhoAmI")
    api.get("nothing", headers={"Authorization": ""})

    seen = [(each.method, each.path, each.status) for each in org.requests]
    assert seen == [("GET", "WhoAmI", 200), ("GET", "nothing", 401)]


def test_same_seed_and_same_requests_give_same_ids(clock: Clock) -> None:
    def load() -> tuple[list[str], dict[str, str]]:
        org = DataverseOrg(clock=Clock())
        api = sign_in(org)
        ids = [created_id(api.post("accounts", json={"name": str(number)})) for number in range(3)]
        digest = org.digest()
        api.close()
        org.close()
        return ids, digest

    assert load() == load()


def test_the_older_token_endpoint_is_asked_for_a_resource(org: DataverseOrg) -> None:
    user = org.add_application_user("loader")
    form = {"grant_type": "client_credentials", "client_id": user.client_id, "client_secret": user.client_secret}

    with httpx.Client(transport=InProcess(org)) as client:
        asked = client.post(f"{ORIGIN}/{org.tenant_id}/oauth2/token", data={**form, "resource": f"{ORIGIN}/"})
        nothing = client.post(f"{ORIGIN}/{org.tenant_id}/oauth2/token", data=form)
        bearer = {"Authorization": f"Bearer {asked.json()['access_token']}"}
        answer = client.get(f"{API}WhoAmI", headers=bearer)

    assert (asked.json()["expires_in"], asked.json()["resource"]) == ("3600", f"{ORIGIN}/")
    assert answer.json()["UserId"] == user.user_id
    assert (nothing.status_code, nothing.json()["error_codes"]) == (400, [900144])


@pytest.mark.parametrize("version", ["/v2.0", ""])
def test_a_client_finds_the_token_endpoint_from_a_refusal(version: str, org: DataverseOrg) -> None:
    user = org.add_application_user("loader")

    with httpx.Client(transport=InProcess(org)) as client:
        challenge = client.get(f"{API}WhoAmI").headers["WWW-Authenticate"]
        authority = challenge.partition("authorization_uri=")[2].partition("/oauth2/authorize")[0]
        endpoint = client.get(f"{authority}{version}/.well-known/openid-configuration").json()["token_endpoint"]
        form = {"grant_type": "client_credentials", "scope": f"{ORIGIN}/.default", "resource": ORIGIN}
        issued = client.post(endpoint, data=form, auth=(user.client_id, user.client_secret))
        wrong = client.post(endpoint, data=form, headers={"Authorization": "Basic ###"})

    assert issued.json()["token_type"] == "Bearer"
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
