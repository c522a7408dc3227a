"""What both stand-ins have in common: trouble, delay, time, states and the log."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from transload_sandbox import Sandbox
from transload_sandbox._faults import FaultFileError


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(customers=20, seed=7) as sandbox:
        sandbox.snapshot("fresh")
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """The sandbox as it was when it was new, except for its requests."""
    yield running
    running.restore("fresh")
    running.faults.clear()
    for log in (running.kickserv.requests, running.dataverse.requests):
        log.clear()


def ask_kickserv(sandbox: Sandbox) -> int:
    kickserv = sandbox.kickserv
    return httpx.get(f"{kickserv.base_url}/{kickserv.account}/tags.xml", auth=(kickserv.token,) * 2).status_code


def sign_in(sandbox: Sandbox) -> dict[str, str]:
    dataverse = sandbox.dataverse
    form = {
        "grant_type": "client_credentials",
        "client_id": dataverse.client_id,
        "client_secret": dataverse.client_secret,
        "scope": f"{dataverse.http_url}/.default",
    }
    answer = httpx.post(f"{dataverse.http_url}/{dataverse.tenant_id}/oauth2/v2.0/token", data=form)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def ask_dataverse(sandbox: Sandbox, path: str = "accounts?$select=name") -> httpx.Response:
    return httpx.get(f"{sandbox.dataverse.http_url}/api/data/v9.2/{path}", headers=sign_in(sandbox))


def test_both_systems_throttle_and_recover(sandbox: Sandbox) -> None:
    sandbox.faults.throttle(times=1, seconds=7)

    first, second = ask_dataverse(sandbox), ask_dataverse(sandbox)

    assert [ask_kickserv(sandbox), ask_kickserv(sandbox)] == [429, 200]
    assert (first.status_code, first.headers["retry-after"], second.status_code) == (429, "7", 200)


def test_a_file_describes_a_bad_day(sandbox: Sandbox, tmp_path: Path) -> None:
    script = tmp_path / "bad-day.toml"
    script.write_text(
        '[[fault]]\nsystem = "kickserv"\nkind = "unavailable"\nmatch = "tags"\n'
        '[[fault]]\nsystem = "dataverse"\nkind = "sql_timeout"\npath = "accounts*"\n'
    )

    queued = sandbox.faults.load(script)

    assert queued == 2
    assert {system: len(waiting) for system, waiting in sandbox.faults.waiting().items()} == {
        "kickserv": 1,
        "dataverse": 1,
    }
    assert (ask_kickserv(sandbox), ask_dataverse(sandbox).status_code) == (503, 500)


@pytest.mark.parametrize(
    "text", ["[[fault", '[[fault]]\nsystem = "nobody"', '[[fault]]\nsystem = "kickserv"\nkind = "rain"']
)
def test_a_file_that_cannot_be_understood_is_refused(sandbox: Sandbox, tmp_path: Path, text: str) -> None:
    script = tmp_path / "bad-day.toml"
    script.write_text(text)

    with pytest.raises(FaultFileError, match="bad-day"):
        sandbox.faults.load(script)


def test_one_log_has_the_requests_of_both_in_one_shape(sandbox: Sandbox) -> None:
    ask_kickserv(sandbox)
    ask_dataverse(sandbox)

    assert [request.system for request in sandbox.requests] == ["kickserv", "dataverse", "dataverse"]
    log = httpx.get(f"{sandbox.dataverse.http_url}/_sandbox/log?part=accounts").json()
    assert [(request["method"], request["status"], request["authorized"]) for request in log] == [("GET", 200, True)]


def test_rows_and_customisations_of_dataverse_are_restored_and_compared(sandbox: Sandbox) -> None:
    org = sandbox.dataverse.org
    before = org.digest()

    created = org.create("account", {"name": "Brief"})
    changes = sandbox.changes("fresh")
    sandbox.restore("fresh")

    assert [(change.kind, change.key, change.before) for change in changes["dataverse"]] == [("account", created, None)]
    assert changes["kickserv"] == []
    assert org.digest() == before
    assert ask_dataverse(sandbox, "accounts?$count=true").json()["@odata.count"] == 3


def test_a_token_grows_old_when_the_clock_is_turned(sandbox: Sandbox) -> None:
    url, headers = f"{sandbox.dataverse.http_url}/api/data/v9.2/WhoAmI", sign_in(sandbox)
    fresh = httpx.get(url, headers=headers)

    sandbox.clock.advance(3601)

    old = httpx.get(url, headers=headers)
    sandbox.clock.advance(-3601)
    assert (fresh.status_code, old.status_code) == (200, 401)


def test_every_answer_takes_as_long_as_asked(sandbox: Sandbox) -> None:
    sandbox.kickserv.latency.seconds = sandbox.dataverse.latency.seconds = 0.05

    answer = ask_dataverse(sandbox)

    sandbox.kickserv.latency.seconds = sandbox.dataverse.latency.seconds = 0.0
    assert answer.elapsed.total_seconds() >= 0.05
    assert sandbox.dataverse.requests.find("accounts")[0].seconds >= 0.05
