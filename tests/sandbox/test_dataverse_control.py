"""Dataverse under control of another process."""

from collections.abc import Iterator

import httpx
import pytest

from transload_sandbox import KickservSandbox
from transload_sandbox._dataverse import DataverseSandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DataverseSandbox]:
    with DataverseSandbox(KickservSandbox(customers=1).company) as sandbox:
        yield sandbox


def control(sandbox: DataverseSandbox, method: str, path: str = "", body: object = None) -> httpx.Response:
    return httpx.request(method, f"{sandbox.http_url}/_sandbox{path}", json=body)


def ask(sandbox: DataverseSandbox, token: str = "") -> int:
    url = f"{sandbox.http_url}/api/data/v9.2/WhoAmI"
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code


def sign_in(sandbox: DataverseSandbox) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "scope": f"{sandbox.http_url}/.default",
    }
    answer = httpx.post(f"{sandbox.http_url}/{sandbox.tenant_id}/oauth2/v2.0/token", data=form)
    return str(answer.json()["access_token"])


def test_the_index_lists_what_only_dataverse_has(sandbox: DataverseSandbox) -> None:
    index = control(sandbox, "GET").json()

    assert {path: index[f"/_sandbox/{path}"] for path in ("requests", "faults", "tokens")} == {
        "requests": ["GET"],
        "faults": ["GET", "POST", "DELETE"],
        "tokens": ["DELETE"],
    }


def test_a_fault_is_queued_shown_and_forgotten(sandbox: DataverseSandbox) -> None:
    queued = control(sandbox, "POST", "/faults", {"kind": "throttle_requests", "path": "WhoAmI", "seconds": 3})
    shown = control(sandbox, "GET", "/faults").json()
    forgotten = control(sandbox, "DELETE", "/faults").json()

    assert [(each["kind"], each["path"], each["seconds"]) for each in shown] == [("throttle_requests", "WhoAmI", 3)]
    assert (queued.json(), forgotten) == (shown, [])


@pytest.mark.parametrize("body", [{"kind": "flood"}, {"kind": "delay", "color": "red"}, {"path": "accounts"}])
def test_an_unknown_fault_is_refused(sandbox: DataverseSandbox, body: object) -> None:
    answer = control(sandbox, "POST", "/faults", body)

    assert answer.status_code == 400
    assert sandbox.org.faults.waiting() == []


def test_tokens_are_revoked(sandbox: DataverseSandbox) -> None:
    token = sign_in(sandbox)
    before = ask(sandbox, token)

    control(sandbox, "DELETE", "/tokens").raise_for_status()

    assert (before, ask(sandbox, token)) == (200, 401)


def test_the_log_of_the_organisation_names_the_application(sandbox: DataverseSandbox) -> None:
    sandbox.org.requests.clear()

    ask(sandbox, sign_in(sandbox))

    log = control(sandbox, "GET", "/requests").json()
    assert [(each["path"], each["status"], each["user"]) for each in log] == [("WhoAmI", 200, sandbox.client_id)]
