"""The rows of a sample: recognised by the full run, or taken back before it."""

import pytest

from transload.testing import ClientFolder, Mishap
from transload.values import RowId

TABLES = ("systemuser", "account", "incident", "task")
REMOVE = "sample --remove"


@pytest.fixture
def passing(ready: ClientFolder) -> ClientFolder:
    """A client after the sample, whose rows are to be taken back before the full run."""
    file = ready.path / "transload.toml"
    file.write_text(file.read_text().replace("[sample]", '[sample]\nrows = "remove"'))
    return ready


def change_a_row(client: ClientFolder) -> RowId:
    row_id = next(iter(client.target.rows("task")))
    client.target.put("task", row_id, subject="By hand")
    return row_id


def test_rows_that_are_kept_are_recognised_by_the_full_run(ready: ClientFolder) -> None:
    before = len(ready.target.rows("account"))

    result = ready.walk("run")

    [accounts] = [row for row in result.rows("passes") if row["step"].endswith("customer rows")]
    assert (accounts["unchanged"], accounts["created"]) == (before, 8 - before)


def test_the_full_run_waits_until_the_rows_are_taken_back(client: ClientFolder, passing: ClientFolder) -> None:
    early = passing.walk("run")
    removed = passing.walk(REMOVE)
    there = {table: passing.target.rows(table) for table in TABLES}
    last = passing.walk("run", "reconcile")

    assert early.exit_code == 2
    assert f"transload {REMOVE}" in early.json["error"]["remedy"]
    assert (removed.exit_code, removed.json["verdict"]["next_command"]) == (0, "transload run")
    assert there == {table: client.target.rows(table) for table in TABLES}
    assert last.exit_code == 0


def test_what_was_taken_back_is_proved_also_when_it_was_done_already(passing: ClientFolder) -> None:
    passing.walk(REMOVE)
    calls = passing.target.calls("rollback")

    again = passing.walk(REMOVE)

    proof = {row["table"]: (row["left"], row["tone"]) for row in again.rows("proof-of-the-final-state")}
    assert again.exit_code == 0
    assert proof == {"account": (0, "good"), "incident": (0, "good"), "task": (0, "good")}
    assert passing.target.calls("rollback") == calls


def test_rows_that_people_changed_stay_until_that_is_approved(passing: ClientFolder) -> None:
    row_id = change_a_row(passing)

    spared = passing.walk(REMOVE)
    refused = passing.walk("run")
    early = passing.walk(f"{REMOVE} --force")
    approved = passing.walk("approve rollback")
    forced = passing.walk(f"{REMOVE} --force", "run")

    assert spared.json["verdict"]["tone"] == "warn"
    assert "somebody changed it" in {row["reason"] for row in spared.rows("spared")}
    assert (refused.exit_code, early.exit_code) == (2, 2)
    assert approved.json["verdict"]["next_command"] == f"transload {REMOVE} --force"
    assert forced.exit_code == 0
    assert passing.target.rows("task")[row_id]["subject"] != "By hand"


def test_an_approval_of_what_people_changed_holds_when_the_rows_beside_it_are_gone(passing: ClientFolder) -> None:
    [head_office] = [key for key, row in passing.target.rows("account").items() if row["mem_customerid"] == "8"]
    passing.target.put("account", head_office, emailaddress="by-hand@example.com")

    passing.walk(REMOVE)
    left = list(passing.target.rows("account"))
    forced = passing.walk("approve rollback", f"{REMOVE} --force")

    assert left == [head_office]
    assert forced.exit_code == 0
    assert passing.target.rows("account") == {}


def test_rows_that_people_changed_may_stay_for_the_full_run(passing: ClientFolder) -> None:
    row_id = change_a_row(passing)
    passing.walk(REMOVE)
    file = passing.path / "transload.toml"
    file.write_text(file.read_text().replace('rows = "remove"', 'rows = "keep"'))

    result = passing.walk("run")

    assert result.exit_code == 0
    assert passing.target.rows("task")[row_id]["subject"] == "By hand"


@pytest.mark.parametrize("mishap", [Mishap.KILLED, Mishap.KILLED_AFTER])
def test_taking_back_goes_on_where_it_was_killed(passing: ClientFolder, mishap: Mishap) -> None:
    passing.target.plan_mishap(mishap, 2, hook="rollback")

    killed = passing.run(*REMOVE.split(), process=True)
    early = passing.walk("run")
    last = passing.walk(REMOVE, "run", "reconcile")

    assert killed.exit_code < 0
    assert f"transload {REMOVE}" in early.json["error"]["remedy"]
    assert last.exit_code == 0


def test_rows_on_which_later_loads_have_built_are_a_matter_of_a_rollback(loaded: ClientFolder) -> None:
    result = loaded.walk(REMOVE)

    assert result.exit_code == 2
    assert "transload rollback" in result.json["error"]["remedy"]
    assert loaded.target.calls("rollback") == []


def test_without_a_sample_there_is_nothing_to_take_back(client: ClientFolder) -> None:
    client.walk("audit", "plan", "approve mapping", "prepare")

    result = client.walk(REMOVE)

    assert result.exit_code == 2
    assert "transload sample" in result.json["error"]["remedy"]


def test_a_sample_forces_nothing(ready: ClientFolder) -> None:
    result = ready.run("sample", "--force")

    assert result.exit_code == 2
    assert "goes with `--remove`" in result.errors


def test_status_says_what_the_last_report_says_comes_next(passing: ClientFolder) -> None:
    passing.walk("sample")
    after_sample = passing.run("status", "--json").json["next"]
    passing.walk(REMOVE)
    after_removal = passing.run("status", "--json").json["next"]

    assert (after_sample, after_removal) == (f"transload {REMOVE}", "transload run")


def test_status_repeats_a_command_that_came_to_no_report(passing: ClientFolder) -> None:
    passing.target.plan_mishap(Mishap.REFUSED, hook="rollback")

    failed = passing.walk(REMOVE)

    assert failed.exit_code == 2
    assert passing.run("status", "--json").json["next"] == f"transload {REMOVE}"
