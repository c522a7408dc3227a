"""Run: one entity alone, an error budget, and what another terminal sees of it."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from transload._ledger import Ledger
from transload._pace import Pace
from transload._stages.progress import ProgressKeeper
from transload.testing import ClientFolder, Mishap
from transload.values import Event

WATCHER = """\
import json, time
from pathlib import Path
from transload import hookimpl

@hookimpl(wrapper=True)
def load(batch):
    time.sleep(0.1)
    return (yield)

@hookimpl
def observe(event):
    if event.name == "batch_loaded" and event.subject == "line":
        rows = json.loads(Path("target.json").read_text())["rows"]
        there = sum(row["row"][0] == "task" for row in rows)
        with Path("progress.txt").open("a") as file:
            file.write(f"{event.done} {there}\\n")
"""


def configure(client: ClientFolder, text: str) -> None:
    file = client.path / "transload.toml"
    file.write_text(file.read_text().replace("[run]", f"[run]\n{text}"))


def test_one_entity_is_loaded_when_its_parents_are_there(ready: ClientFolder) -> None:
    ready.walk("run --only customer")
    jobs_before = len(ready.target.rows("incident"))

    result = ready.walk("run --only job")

    assert result.exit_code == 0
    assert jobs_before < 8
    assert [len(ready.target.rows(table)) for table in ("account", "incident")] == [8, 8]
    assert len(ready.target.rows("task")) < 8
    assert result.json["facts"]["Only"].startswith("job")
    assert ready.walk("run", "reconcile").exit_code == 0


def test_an_entity_whose_parents_are_not_loaded_is_refused_with_what_to_run_first(ready: ClientFolder) -> None:
    ready.run("rollback", "--entity", "customer")

    result = ready.walk("run --only job")

    assert result.exit_code == 2
    assert "transload run --only customer" in result.json["error"]["remedy"]


def test_an_entity_that_nobody_maps_is_refused(ready: ClientFolder) -> None:
    result = ready.walk("run --only jobb")

    assert result.exit_code == 2
    assert "job" in result.json["error"]["remedy"]


@pytest.mark.parametrize("budget", ["2", '"9%"'])
def test_a_run_stops_when_too_many_records_were_set_aside_and_goes_on_when_they_are_right(
    ready: ClientFolder, budget: str
) -> None:
    configure(ready, f"stop_after_errors = {budget}")
    for number in range(1, 9):
        ready.source.change("customer", str(number), limit=-1)

    stopped = ready.walk("run")
    delta = ready.walk("delta")
    for number in range(1, 9):
        ready.source.change("customer", str(number), limit=1)
    again = ready.walk("run", "reconcile")

    assert stopped.exit_code == 1
    assert stopped.json["verdict"]["headline"].startswith("Stopped: ")
    assert len(stopped.rows("dead-letters")) < 8
    assert delta.exit_code == 2
    assert again.exit_code == 0


@pytest.mark.parametrize("wrong", ["0", '"many"', '"200%"'])
def test_an_error_budget_is_a_number_or_a_share(ready: ClientFolder, wrong: str) -> None:
    configure(ready, f"stop_after_errors = {wrong}")

    assert ready.walk("run").exit_code == 2


def test_ctrl_c_stops_a_run_with_a_code_of_its_own_and_the_same_run_is_taken_up_again(ready: ClientFolder) -> None:
    ready.target.plan_mishap(Mishap.INTERRUPTED, 2)

    stopped = ready.walk("run")
    result = ready.walk("run")

    with Ledger.open(str(ready.path / "ledger.sqlite"), read_only=True) as ledger:
        assert ledger.journal.open_intents() == []
        assert len([run for run in ledger.runs.all() if run.stage == "run"]) == 1
    assert stopped.exit_code == 130
    assert (result.exit_code, len(ready.target.rows("task"))) == (0, 8)


def test_progress_counts_what_has_arrived(ready: ClientFolder) -> None:
    ready.offer("watcher", WATCHER)
    file = ready.path / "transload.toml"
    file.write_text(file.read_text().replace('"memory_sink"]', '"memory_sink", "watcher"]'))

    result = ready.walk("plan", "approve mapping", "run")

    told = [line.split() for line in (ready.path / "progress.txt").read_text().splitlines()]
    assert result.exit_code == 0
    assert [int(done) for done, _ in told][-1] == 8
    assert all(int(done) <= int(there) for done, there in told)


def test_another_terminal_sees_the_pass_that_is_running_with_its_pace(ready: ClientFolder) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    moments = iter([start, start + timedelta(seconds=10)])
    with Ledger.open(str(ready.path / "ledger.sqlite")) as ledger:
        keeper = ProgressKeeper(ledger, ledger.runs.start("run", {}), lambda: next(moments))
        keeper.note(Event("pass_started", "customer", 0, 500, "rows"))
        keeper.note(Event("batch_loaded", "customer", 200, 500, "rows"))

        told, document = ready.run("status"), ready.run("status", "--json").json["live"]

    assert "customer rows, 200 of 500, 20/s, 15 s left at this rate" in told.output.replace(os.linesep, " ")
    assert (document["pass"], document["per_second"], document["seconds_left"]) == ("customer rows", 20.0, 15.0)


def test_when_nothing_runs_no_pass_is_shown(loaded: ClientFolder) -> None:
    assert loaded.run("status", "--json").json["live"] is None
    assert "Running" not in loaded.run("status").output


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (0, 100, 60.0, ""),
        (50, 100, 1.0, ""),
        (50, None, 10.0, "5/s"),
        (5, 10, 300.0, "1/min, 5 min 00 s left at this rate"),
        (100, 800_000, 10.0, "10/s, 22 h 13 min left at this rate"),
    ],
)
def test_a_pace_is_measured_and_silent_as_long_as_it_says_nothing(
    done: int, total: int | None, seconds: float, said: str
) -> None:
    assert str(Pace(done, total, seconds)) == said
