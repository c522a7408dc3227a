"""Whatever stops a run, nothing is lost and nothing is doubled."""

import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from transload.testing import ClientFolder, Mishap

TABLES = ("account", "incident", "task")


def keys(client: ClientFolder) -> dict[str, Counter[str]]:
    """Return by table how often each source key is there."""
    columns = {"account": "mem_customerid", "incident": "mem_jobid", "task": "subject"}
    return {
        table: Counter(str(row[column]) for row in client.target.rows(table).values())
        for table, column in columns.items()
    }


def contents(client: ClientFolder) -> dict[str, object]:
    return {table: client.target.rows(table) for table in TABLES}


@pytest.mark.parametrize("mishap", [Mishap.REFUSED, Mishap.ANSWER_LOST])
@pytest.mark.parametrize("call", [1, 8])
def test_a_broken_connection_loses_and_doubles_nothing(
    ready: ClientFolder, finished: ClientFolder, mishap: Mishap, call: int
) -> None:
    ready.target.plan_mishap(mishap, call)

    broken = ready.walk("run")
    again = ready.walk("run")

    assert (broken.exit_code, broken.json["error"]["code"]) == (2, "unreachable")
    assert again.exit_code == 0
    assert contents(ready) == contents(finished)
    assert all(set(counts.values()) == {1} for counts in keys(ready).values())


def test_writes_whose_answer_was_lost_are_looked_up_and_not_sent_again(ready: ClientFolder) -> None:
    ready.target.plan_mishap(Mishap.ANSWER_LOST, 2)
    ready.walk("run")
    rows = sum(len(ready.target.rows(table)) for table in TABLES)

    again = ready.walk("run")

    creations = sum(row["created"] for row in again.rows("passes"))
    assert again.json["facts"]["Settled after a stop"] in {"1", "2", "3", "4"}
    assert creations == 24 - rows


def test_a_person_may_stop_a_run_at_any_time(ready: ClientFolder, finished: ClientFolder) -> None:
    ready.target.plan_mishap(Mishap.INTERRUPTED, 3)

    stopped = ready.walk("run")
    refused = ready.walk("reconcile")
    again = ready.walk("run")

    assert (stopped.exit_code, stopped.json["error"]["code"]) == (130, "cut_short")
    assert refused.exit_code == 2
    assert again.exit_code == 0
    assert contents(ready) == contents(finished)


@pytest.mark.parametrize("mishap", [Mishap.KILLED, Mishap.KILLED_AFTER])
def test_a_killed_process_loses_and_doubles_nothing(
    ready: ClientFolder, finished: ClientFolder, mishap: Mishap
) -> None:
    ready.target.plan_mishap(mishap, 5)

    killed = ready.run("run", process=True)
    again = ready.run("run", "--json", process=True)

    assert killed.exit_code == -9
    assert again.exit_code == 0, again.errors
    assert contents(ready) == contents(finished)
    assert ready.run("audit-log", "verify").exit_code == 0


def test_a_resumed_run_does_not_read_the_source_again(ready: ClientFolder) -> None:
    ready.target.plan_mishap(Mishap.REFUSED, 3)
    ready.walk("run")
    ready.source.break_off("customer", after=0)

    again = ready.walk("run")

    assert again.exit_code == 0


def test_a_folder_that_takes_no_reports_stops_the_stage_and_says_so(ready: ClientFolder) -> None:
    reports = ready.path / "reports"
    (ready.path / "kept").mkdir()
    reports.rename(ready.path / "kept" / "reports")
    reports.write_text("A file where the folder should be.")

    broken = ready.walk("run")
    reports.unlink()
    again = ready.walk("run")

    assert (broken.exit_code, broken.json["error"]["code"]) == (2, "folder")
    assert "Make room" in broken.json["error"]["remedy"]
    assert again.exit_code == 0
    assert sum(row["created"] for row in again.rows("passes")) == 0


def test_a_full_disk_stops_the_run_and_leaves_a_ledger_to_go_on_with(
    ready: ClientFolder, finished: ClientFolder
) -> None:
    fill_disk(ready.path / "ledger.sqlite")

    broken = ready.walk("run")
    free_disk(ready.path / "ledger.sqlite")
    again = ready.walk("run")

    assert (broken.exit_code, broken.json["error"]["code"]) == (2, "ledger")
    assert "full" in broken.json["error"]["message"]
    assert "Free space" in broken.json["error"]["remedy"]
    assert again.exit_code == 0
    assert contents(ready) == contents(finished)


def fill_disk(ledger: Path) -> None:
    """Let the database refuse new rows as a full disk does: SQLite says the very same then."""
    with sqlite3.connect(ledger) as connection:
        connection.execute(
            "create trigger no_room before insert on ledger_journal when (select count(*) from ledger_journal) > 16 "
            "begin select raise(abort, 'database or disk is full'); end"
        )
    connection.close()


def free_disk(ledger: Path) -> None:
    with sqlite3.connect(ledger) as connection:
        connection.execute("drop trigger no_room")
    connection.close()
