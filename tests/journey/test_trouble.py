"""Bad days: every one ends with one clear message and a remedy, and the same command works when it is over."""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from transload_sandbox.dataverse.faults import Fault
from transload_sandbox.kickserv.company import number_of

if TYPE_CHECKING:
    from journey.conftest import Client, Company

Explained = Callable[..., None]
KICKSERV_TOKEN = "TRANSLOAD_KICKSERV_SOURCE__API_TOKEN"


@pytest.fixture(scope="module")
def loaded(load_company: Callable[..., Company]) -> Client:
    return load_company().client


@pytest.fixture
def client(loaded: Client) -> Iterator[Client]:
    """A loaded company with fresh work in its source, and afterwards the proof that all is well again."""
    company = loaded.sandbox.kickserv.company
    for _ in range(2):
        customer = company.add_customer(f"Fresh Customer {company.customers.next_key()}")
        job = company.add_job(number_of(customer), "Fresh job", status="complete")
        company.add_note("Fresh note", job=number_of(job))
    yield loaded
    loaded.sandbox.kickserv.faults.clear()
    loaded.sandbox.dataverse.org.faults.clear()
    loaded.walk(("run",))
    names = sorted(str(row["name"]) for row in loaded.rows("account") if row["ks_kickservid"])
    assert names == sorted([*(str(row["name"]) for row in company.customers.rows()), "Unassigned Customer"])
    assert len(loaded.rows("incident")) == len([row for row in company.jobs.rows() if company.is_job(row)])
    fresh = [row for row in loaded.rows("annotation") if row["notetext"] == "Fresh note"]
    assert len(fresh) == len([row for row in company.notes.rows() if row["note"] == "Fresh note"])


def dataverse(client: Client, kind: Any, path: str = "*", times: int = 1, seconds: float = 0.05) -> None:
    """Let requests to the target go wrong."""
    client.sandbox.dataverse.org.faults.add(Fault(kind, times=times, path=path, seconds=seconds))


# --- while the source is read


def test_a_cut_answer_of_the_source_stops_the_run_and_says_so(client: Client, assert_explained: Explained) -> None:
    client.sandbox.kickserv.faults.truncate(match="customers.xml", times=10)

    answer = client.do("run")

    assert_explained(answer, "Kickserv", "XML")


def test_a_web_page_instead_of_xml_stops_the_run_and_says_so(client: Client, assert_explained: Explained) -> None:
    client.sandbox.kickserv.faults.html(200, match="jobs.xml", times=10)

    answer = client.do("run")

    assert_explained(answer, "Kickserv", "login page")


def test_a_token_that_is_reset_while_the_source_is_read_stops_the_run(
    client: Client, assert_explained: Explained
) -> None:
    kickserv = client.sandbox.kickserv
    kickserv.faults.call(kickserv.reset_token, match="jobs.xml")
    old = str(client.secrets[KICKSERV_TOKEN])

    answer = client.do("run")

    kickserv.service.reset_token(old)
    assert_explained(answer, "Kickserv", "token")


def test_throttling_on_both_sides_is_waited_out(client: Client) -> None:
    client.sandbox.kickserv.faults.answer(429, match="customers.xml", times=3, retry_after="0.05")
    client.sandbox.kickserv.faults.answer(503, match="jobs.xml", times=2, retry_after="0.05")
    dataverse(client, "throttle_requests", times=5)
    dataverse(client, "throttle_concurrency", "accounts*", times=2)

    answer = client.do("run")

    assert answer.code == 0, str(answer)


# --- while the target is written


def test_a_page_that_says_unavailable_is_waited_out(client: Client) -> None:
    dataverse(client, "unavailable", "accounts*", times=2)
    dataverse(client, "unavailable", times=2)

    answer = client.do("run")

    assert answer.code == 0, str(answer)


@pytest.mark.parametrize("kind", ["cut_after", "cut_before", "truncate", "sql_timeout", "deadlock", "server_error"])
def test_whatever_happens_to_a_write_no_row_is_lost_or_doubled(client: Client, kind: str) -> None:
    for path in ("accounts/*", "incidents/*", "$batch"):
        dataverse(client, kind, path)

    answers = [client.do("run")]
    while answers[-1].code != 0 and len(answers) < 4:
        answers.append(client.do("run"))

    # The fixture counts the rows after one more run.
    assert client.sandbox.dataverse.org.faults.waiting() == []
    assert [answer.raised for answer in answers] == [None] * len(answers)
    assert [answer.code for answer in answers] == [2] * (len(answers) - 1) + [0]


def test_tokens_that_expire_in_the_middle_are_renewed(client: Client) -> None:
    org, seen = client.sandbox.dataverse.org, client.sandbox.dataverse.requests

    def revoke(request: Any) -> None:
        if request.method == "POST" and "accounts" in request.path:
            seen.on_request = None
            org.tokens.revoke_all()

    seen.on_request = revoke

    answer = client.do("run")

    assert answer.code == 0, str(answer)
    assert seen.on_request is None


def test_a_refused_record_becomes_a_dead_letter_and_all_others_land(client: Client) -> None:
    company = client.sandbox.kickserv.company
    bad = company.add_customer("Refused & Sons")
    job = company.add_job(number_of(bad), "Job of a refused customer")
    refusal = Fault("refuse_row", times=1000, table="account", column="name", value="Refused & Sons")
    client.sandbox.dataverse.org.faults.add(refusal)

    answer = client.do("run", "--json")

    tables: Any = answer.report()["tables"]
    (letter,) = tables["dead-letters"]["rows"]
    assert (answer.code, answer.raised) == (1, None)
    assert letter["record"] == f"customer {bad['id']}"
    assert "plug-in" in letter["remedy"]
    assert [row["record"] for row in tables["parked-records"]["rows"]] == [f"job {job['id']}"]
    assert json.loads(client.do("status", "--json").out)["dead_letters"] == 1

    client.sandbox.dataverse.org.faults.clear()
    (healed,) = client.walk(("run", "--json"))
    assert "dead-letters" not in healed.report()["tables"]  # type: ignore[operator]  # it is a mapping


def test_a_target_that_dies_in_the_middle_stops_the_run_and_the_next_one_goes_on(
    client: Client, assert_explained: Explained
) -> None:
    dataverse(client, "cut_before", "incidents*", times=10_000)

    answer = client.do("run")

    assert_explained(answer, "Dataverse", "run the same command again")
    stopped = json.loads(client.do("status", "--json").out)["runs"][-1]
    client.sandbox.dataverse.org.faults.clear()
    client.walk(("run",))
    resumed = json.loads(client.do("status", "--json").out)["runs"][-1]
    assert (stopped["status"], resumed["status"]) == ("stopped", "passed")
    assert stopped["run_id"] == resumed["run_id"]


# --- this machine


def test_a_reports_folder_that_cannot_be_written_is_named(client: Client, assert_explained: Explained) -> None:
    reports, kept = client.folder / "reports", client.folder / "kept"
    reports.rename(kept)
    reports.touch()

    answer = client.do("run")

    reports.unlink()
    kept.rename(reports)
    assert_explained(answer, "reports", "cannot be written")


def test_a_full_disk_under_the_ledger_is_named(client: Client, assert_explained: Explained) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    answer = client.finish(client.start("run", limit=small_files))

    assert_explained(answer, "ledger")


def test_a_ledger_that_somebody_else_writes_to_is_left_alone(client: Client, assert_explained: Explained) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, filelock; l = filelock.FileLock(sys.argv[1]); l.acquire(); print('held', flush=True); input()",
            f"{client.ledger}.lock",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    holder.stdout.readline()

    answer, status = client.do("run"), client.do("status")

    holder.communicate("\n")
    assert_explained(answer, "in use")
    assert status.code == 0


def test_a_damaged_ledger_is_named(client: Client, assert_explained: Explained) -> None:
    kept = client.ledger.read_bytes()
    client.ledger.write_bytes(b"not a database" * 1000)

    answer = client.do("status")

    client.ledger.write_bytes(kept)
    assert_explained(answer, "ledger")


def test_a_ledger_keeps_its_integrity_after_all_this(client: Client) -> None:
    with closing(sqlite3.connect(client.ledger)) as connection:
        (verdict,) = connection.execute("pragma integrity_check").fetchone()

    assert verdict == "ok"
    assert client.do("audit-log", "verify").code == 0
