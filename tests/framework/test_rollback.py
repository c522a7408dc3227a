"""Rollback: the target is what it was, and what people did since is spared."""

import pytest

from transload.testing import ClientFolder, Mishap
from transload.values import Cell


def row_id_of(client: ClientFolder, table: str, **columns: Cell) -> str:
    rows = client.target.rows(table)
    return next(row_id for row_id, row in rows.items() if columns.items() <= row.items())


def names(client: ClientFolder, table: str, column: str) -> set[object]:
    return {row.get(column) for row in client.target.rows(table).values()}


def test_everything_is_undone_schema_included(client: ClientFolder, loaded: ClientFolder) -> None:
    result = loaded.walk("rollback")

    assert result.exit_code == 0
    assert result.json["facts"]["Rows undone"] == "24"
    assert loaded.target.tables() == client.target.tables()
    for table in ("systemuser", "account", "incident", "task"):
        assert loaded.target.rows(table) == client.target.rows(table)


def test_a_dry_run_says_the_same_and_does_nothing(loaded: ClientFolder) -> None:
    result = loaded.walk("rollback --dry-run")

    assert result.exit_code == 0
    assert "24 rows would be undone" in result.json["verdict"]["headline"]
    assert loaded.target.calls("rollback") == []
    assert len(loaded.target.rows("task")) == 8


def test_undoing_twice_does_no_harm(loaded: ClientFolder) -> None:
    loaded.walk("rollback")
    calls = loaded.target.calls("rollback")

    again = loaded.walk("rollback")

    assert again.exit_code == 0
    assert again.json["facts"]["Rows undone"] == "0"
    assert loaded.target.calls("rollback") == calls


def test_after_a_rollback_the_migration_can_be_made_again(loaded: ClientFolder) -> None:
    before = {table: loaded.target.rows(table) for table in ("account", "incident", "task")}
    loaded.walk("rollback")

    refused = loaded.walk("run")
    again = loaded.walk("prepare", "sample", "run", "reconcile")

    assert "transload prepare" in refused.json["error"]["remedy"]
    assert again.exit_code == 0
    assert {table: loaded.target.rows(table) for table in ("account", "incident", "task")} == before


def test_a_row_that_people_changed_is_spared_with_all_that_it_points_to(loaded: ClientFolder) -> None:
    task = row_id_of(loaded, "task", subject="Line 3")
    loaded.target.put("task", task, subject="Line 3, settled by phone")

    result = loaded.walk("rollback")

    spared = {(row["record"], row["reason"]) for row in result.rows("spared")}
    assert result.exit_code == 0
    assert ("line 3", "somebody changed it") in spared
    assert {record for record, _ in spared} == {"line 3", "job 3", "customer 3", "customer 8", "job 8"}
    assert names(loaded, "task", "subject") == {"Line 3, settled by phone"}
    assert names(loaded, "incident", "mem_jobid") == {"3", "8"}
    assert names(loaded, "account", "mem_customerid") == {"3", "8"}
    assert "mem_jobid" in loaded.target.tables()["incident"].columns  # type: ignore[index]  # a new type


def test_a_spared_row_keeps_its_parent_of_the_same_kind_and_its_children_that_it_points_to(
    ready: ClientFolder,
) -> None:
    ready.source.put("customer", "20", id=20, name="Branch", parent_id=21, main_job_id=20)
    ready.source.put("customer", "21", id=21, name="Head office")
    ready.source.put("job", "20", id=20, name="Main job", customer_id=20, priority="usual", status="open")
    ready.walk("run")
    branch = row_id_of(ready, "account", mem_customerid="20")
    ready.target.put("account", branch, emailaddress="by-hand@example.com")
    before = ready.target.rows("account")[branch]  # type: ignore[index]  # a new type

    ready.walk("rollback")

    assert ready.target.rows("account")[branch] == before  # type: ignore[index]  # a new type
    assert names(ready, "account", "name") == {"Branch", "Head office"}
    assert names(ready, "incident", "title") == {"Main job"}


def test_a_row_that_was_there_before_gets_its_former_values_back(client: ClientFolder) -> None:
    client.target.put("account", "old-1", name="As before", emailaddress="c2@example.com")
    client.target.put("account", "old-9", name="Another", emailaddress="other@example.com")
    before = client.target.rows("account")
    document = client.mapping_file("customer").read_text()
    match = "match: {on: {emailaddress: email}, create: true, write: true}\n"
    client.write_mapping("customer", document + match)
    client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run")
    during = client.target.rows("account")

    result = client.walk("rollback")

    assert result.exit_code == 0
    assert during["old-1"]["name"] == "Customer 2"  # type: ignore[index]  # a new type
    assert len(during) == 9
    assert client.target.rows("account") == before


@pytest.mark.parametrize("mishap", [Mishap.REFUSED, Mishap.ANSWER_LOST, Mishap.INTERRUPTED])
def test_a_rollback_that_is_interrupted_again_and_again_goes_on(
    loaded: ClientFolder, client: ClientFolder, mishap: Mishap
) -> None:
    codes = []
    for _ in range(4):
        loaded.target.plan_mishap(mishap, 2, hook="rollback")
        codes.append(loaded.walk("rollback").exit_code)

    result = loaded.walk("rollback")

    assert codes[0] in (2, 130)
    assert result.exit_code == 0
    assert result.rows("spared") == []
    assert loaded.target.rows("account") == {}
    assert loaded.target.tables() == client.target.tables()


def test_a_restored_row_whose_answer_was_lost_is_not_taken_for_changed(client: ClientFolder) -> None:
    for number in range(1, 9):
        client.target.put("account", f"old-{number}", name="As before", emailaddress=f"c{number}@example.com")
    before = client.target.rows("account")
    match = "match: {on: {emailaddress: email}, write: true}\n"
    client.write_mapping("customer", client.mapping_file("customer").read_text() + match)
    client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run")
    client.target.plan_mishap(Mishap.ANSWER_LOST, 3, hook="rollback")
    client.walk("rollback")

    result = client.walk("rollback")

    assert result.exit_code == 0
    assert result.rows("spared") == []
    assert client.target.rows("account") == before


def test_a_row_that_the_target_will_not_delete_is_reported(loaded: ClientFolder) -> None:
    job = row_id_of(loaded, "incident", mem_jobid="3")
    customer = row_id_of(loaded, "account", mem_customerid="5")
    stranger = loaded.target.put("account", "stranger", name="Bought by hand")
    reference = next(row["customerid"] for row in loaded.target.rows("incident").values() if row["mem_jobid"] == "5")
    loaded.target.put("incident", "by-hand", title="By hand", customerid=reference)

    result = loaded.walk("rollback")

    assert result.exit_code == 1
    assert [row["record"] for row in result.rows("not-undone")] == ["customer 5"]
    assert {customer, stranger.row_id} <= set(loaded.target.rows("account"))
    assert [row["record"] for row in result.rows("spared")] == ["customer 8"]
    assert job not in loaded.target.rows("incident")


def test_a_row_that_people_changed_before_a_later_write_is_spared_too(loaded: ClientFolder) -> None:
    customer = row_id_of(loaded, "account", mem_customerid="3")
    loaded.source.change("customer", "3", email=None)
    loaded.walk("delta")
    loaded.target.put("account", customer, emailaddress="by-hand@example.com")
    loaded.source.change("customer", "3", name="Customer III")
    loaded.walk("delta")

    result = loaded.walk("rollback")

    assert customer in loaded.target.rows("account")
    assert "customer 3" in {row["record"] for row in result.rows("spared")}
