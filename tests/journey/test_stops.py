"""A run that is killed or stopped, anywhere, goes on where it was: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from transload_sandbox.dataverse.faults import Fault
from transload_sandbox.kickserv.company import number_of

if TYPE_CHECKING:
    from journey.conftest import Answer, Client, Company, Row

SECONDS = 1.0
MOMENTS = ("accounts/*UpsertMultiple", "contacts/*UpsertMultiple", "incidents/*UpsertMultiple", "$batch")
"""Requests in whose middle the run is killed: rows of three tables, then notes, states and links."""
TABLES = ("account", "contact", "incident", "incidentresolution", "annotation")
MADE_BY_THE_TARGET = {
    "@odata.etag", "versionnumber", "modifiedon", "overriddencreatedon", "activityid", "_createdby_value",
    "_modifiedby_value",
}  # fmt: skip


@dataclass(frozen=True)
class Survived:
    """A company whose run was killed several times, and what the rows of its tables mean without."""

    client: Client
    undisturbed: dict[str, list[str]]
    codes: list[int]
    finished: Answer
    second: Answer
    written_by_second: list[str]


def business(client: Client, table: str) -> list[str]:
    """Return what a table's rows mean, without what the target makes up for each."""
    loaded = [row for row in client.rows(table) if table != "account" or row["ks_kickservid"]]
    if table == "contact":
        loaded = [row for row in loaded if row["ks_kickservcontactid"]]
    return sorted(json.dumps(_meaning(row, table), sort_keys=True) for row in loaded)


def _meaning(row: Row, table: str) -> Row:
    made = MADE_BY_THE_TARGET | ({"createdon"} if table == "incidentresolution" else set())
    return {name: value for name, value in row.items() if name not in made and value is not None}


def bring_work(client: Client) -> None:
    """Add records that no sample has loaded."""
    company, then = client.sandbox.kickserv.company, datetime(2020, 2, 3, 9, 30, tzinfo=UTC)
    stamps = {"created_at": then, "updated_at": then}
    for number in range(12):
        customer = company.add_customer(f"Late Bloomer {number}", **stamps)
        company.add_contact(number_of(customer), first_name="Odalys", last_name=f"Fenwright {number}", **stamps)
        job = company.add_job(number_of(customer), "Boiler inspection", status="complete", completed_on=then, **stamps)
        note = company.add_note(f"Call before noon, {number}.", job=number_of(job))
        company.update_note(number_of(note), stale=True, **stamps)


def wait_for(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def kill_in_the_middle(client: Client, moment: str, command: str = "run", method: str = "POST") -> Answer:
    """Start a command, and kill it while the target works on a request."""
    org = client.sandbox.dataverse.org
    org.faults.add(Fault("delay", path=moment, method=method, seconds=SECONDS))
    answered = len(org.requests)
    child = client.start(command)
    wait_for(lambda: not org.faults.waiting())
    answer = client.finish(child, kill=True)
    # The target knows nothing of the kill, and goes on with what it has begun.
    wait_for(lambda: any(request.seconds >= SECONDS for request in list(org.requests)[answered:]))
    return answer


@pytest.fixture(scope="module")
def survived(open_client: Callable[..., Client], to_the_sample: tuple[tuple[str, ...], ...]) -> Survived:
    client = open_client(customers=3)
    with client.project_file.open("a", encoding="utf-8") as stream:
        stream.write("\n[run]\nbatch_size = 5\n\n[sample]\nrecords = 1\n")
    client.walk(*to_the_sample)
    bring_work(client)
    client.sandbox.snapshot()
    undisturbed = replace(client, folder=shutil.copytree(client.folder, client.folder.with_name("undisturbed")))
    undisturbed.walk(("run",))
    expected = {table: business(undisturbed, table) for table in TABLES}
    client.sandbox.restore()
    killed = [kill_in_the_middle(client, moment).code for moment in MOMENTS]
    finished = client.do("run", "--json")
    with client.written() as written:
        second = client.do("run")
    return Survived(client, expected, killed, finished, second, written)


def test_every_kill_hit_a_running_process(survived: Survived) -> None:
    assert survived.codes == [-signal.SIGKILL] * len(MOMENTS)


def test_the_next_run_settles_what_was_open_and_finishes(survived: Survived) -> None:
    facts = survived.finished.report()["facts"]

    assert survived.finished.code == 0, str(survived.finished)
    assert facts["Set aside"] == "0"  # type: ignore[index]  # it is a mapping
    assert survived.second.code == 0
    assert survived.written_by_second == []


@pytest.mark.parametrize("table", TABLES)
def test_the_target_holds_what_an_undisturbed_run_brings(survived: Survived, table: str) -> None:
    rows, expected = business(survived.client, table), survived.undisturbed[table]

    assert len(rows) == len(expected) > 0
    if table != "incidentresolution":  # its lookups are enough: the target gives it an id of its own
        assert rows == expected


def test_the_ledger_is_sound_and_all_of_it_can_be_taken_back(survived: Survived) -> None:
    verified = survived.client.do("audit-log", "verify")

    reconciled = survived.client.do("reconcile")

    assert (verified.code, reconciled.code) == (0, 0), str(reconciled)


def test_a_prepare_and_a_rollback_that_are_killed_go_on_when_they_are_called_again(
    open_client: Callable[..., Client], to_the_sample: tuple[tuple[str, ...], ...]
) -> None:
    client = open_client(customers=1)
    before = client.digest()
    audit, plan, approve, prepare, sample = to_the_sample
    client.walk(audit, plan, approve)

    prepares = [kill_in_the_middle(client, "EntityDefinitions*Attributes*", "prepare").code]
    client.walk(prepare, sample, ("run",), ("reconcile",))
    rollbacks = [
        kill_in_the_middle(client, "$batch", "rollback").code,
        kill_in_the_middle(client, "EntityDefinitions*Attributes*", "rollback", method="DELETE").code,
    ]
    (last,) = client.walk(("rollback", "--json"))

    assert prepares + rollbacks == [-signal.SIGKILL] * 3
    assert "spared" not in last.report()["tables"]  # type: ignore[operator]  # it is a mapping
    assert client.digest() == before
    client.walk(("audit-log", "verify"))


def test_a_run_that_a_person_stops_says_so_and_goes_on_later(load_company: Callable[..., Company]) -> None:
    client = load_company().client
    company, org = client.sandbox.kickserv.company, client.sandbox.dataverse.org
    for _ in range(2):
        company.add_customer("Late Bloomer Heating")
    org.faults.add(Fault("delay", path="accounts/*", method="POST", seconds=SECONDS))
    child = client.start("run")
    wait_for(lambda: not org.faults.waiting())

    child.send_signal(signal.SIGINT)
    stopped = client.finish(child)

    assert stopped.code == 130
    assert "Traceback" not in stopped.err
    assert "Run the same command again" in stopped.err
    client.walk(("run",))
    assert len(client.rows("account", name="Late Bloomer Heating")) == 2
