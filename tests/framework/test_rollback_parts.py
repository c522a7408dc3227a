"""Rollback of a part, what a person must say for it, and what is left to keep: manifest and proof."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from transload._ledger import Ledger
from transload._stages.approvals import CUT_OVER
from transload.testing import ClientFolder
from transload.values import Cell


def row_id_of(client: ClientFolder, table: str, **columns: Cell) -> str:
    rows = client.target.rows(table)
    return next(row_id for row_id, row in rows.items() if columns.items() <= row.items())


def names(client: ClientFolder, table: str, column: str) -> set[object]:
    return {row.get(column) for row in client.target.rows(table).values()}


def manifest(client: ClientFolder) -> list[dict[str, Any]]:
    lines = (client.path / "reports" / "rollback-manifest.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def end_window(client: ClientFolder) -> None:
    with Ledger.open(str(client.path / "ledger.sqlite")) as ledger:
        ledger.runs.set_fact(CUT_OVER, (datetime.now(UTC) - timedelta(hours=73)).isoformat())


def test_each_load_leaves_a_manifest_of_all_rows_that_a_rollback_would_undo(loaded: ClientFolder) -> None:
    report = loaded.walk("delta").json

    head, *rows = manifest(loaded)

    assert head["rows"] == len(rows) == 24
    assert [row["order"] for row in rows] == list(range(1, 25))
    assert rows[0]["table"] == "task"
    assert rows[-1] | {"row": "", "run": ""} == {
        "order": 24, "table": "account", "row": "", "record": rows[-1]["record"], "origin": "created", "before": None,
        "links": 0, "run": "", "first_write": 1,
    }  # fmt: skip
    assert rows[-1]["run"].split("-")[1] == "sample"
    digest = sha256((loaded.path / "reports" / "rollback-manifest.jsonl").read_bytes()).hexdigest()
    assert digest in report["facts"]["Rollback manifest"]
    assert "rollback-manifest.jsonl" in report["files"]


def test_a_row_that_was_there_before_stands_in_the_manifest_with_a_digest_of_what_it_held(
    client: ClientFolder,
) -> None:
    client.target.put("account", "old-1", name="As before", emailaddress="c2@example.com")
    match = "match: {on: {emailaddress: email}, create: true, write: true}\n"
    client.write_mapping("customer", client.mapping_file("customer").read_text() + match)

    client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run")

    changed = [row for row in manifest(client)[1:] if row["origin"] == "changed"]
    assert [row["record"] for row in changed] == ["customer 2"]
    assert len(changed[0]["before"]) == 32
    assert "As before" not in str(changed)


def test_after_a_whole_rollback_the_manifest_is_empty_and_every_row_is_read_back(loaded: ClientFolder) -> None:
    result = loaded.walk("rollback")

    proof = {row["table"]: row for row in result.rows("proof-of-the-final-state")}
    assert [line["rows"] for line in manifest(loaded)] == [0]
    assert {table: (row["made"], row["undone"], row["read"], row["left"]) for table, row in proof.items()} == {
        "account": (8, 8, 8, 0),
        "incident": (8, 8, 8, 0),
        "task": (8, 8, 8, 0),
    }
    assert all(row["before"] == row["now"] != "" for row in proof.values())


def test_one_record_is_undone_with_what_was_made_for_it_and_nothing_else(loaded: ClientFolder) -> None:
    loaded.source.put("customer", "9", id=9, name="Customer 9", email="c9@example.com", etag="x")
    loaded.source.put("job", "9", id=9, name="Job 9", customer_id=9, priority="usual", status="open")
    loaded.source.put("line", "9", id=9, text="Line 9", job_id=9)
    loaded.walk("delta")

    result = loaded.run("rollback", "--record", "customer 9", "--json")

    assert result.exit_code == 0
    assert result.json["facts"]["Rows undone"] == "3"
    assert result.json["facts"]["Rows that belong to them"] == "2"
    assert "9" not in names(loaded, "account", "mem_customerid") | names(loaded, "incident", "mem_jobid")
    assert len(loaded.target.rows("task")) == 8
    assert "mem_jobid" in loaded.target.tables()["incident"].columns  # type: ignore[index]  # a new type


def test_a_row_to_which_an_older_row_points_is_spared_when_only_it_is_chosen(loaded: ClientFolder) -> None:
    result = loaded.run("rollback", "--record", "job 3", "--json")

    assert result.exit_code == 0
    assert [(row["record"], row["reason"]) for row in result.rows("spared")] == [
        ("job 3", "customer 3 points to it, and stays")
    ]
    assert "3" in names(loaded, "incident", "mem_jobid")
    assert "Line 3" not in names(loaded, "task", "subject")


def test_an_entity_is_undone_and_made_again_by_the_next_run(loaded: ClientFolder) -> None:
    before = names(loaded, "task", "subject")

    undone = loaded.run("rollback", "--entity", "line", "--json")
    without = loaded.target.rows("task")
    again = loaded.walk("run", "reconcile")

    assert undone.json["facts"]["Rows undone"] == "8"
    assert without == {}
    assert again.exit_code == 0
    assert names(loaded, "task", "subject") == before


def test_what_one_run_wrote_first_is_undone(loaded: ClientFolder) -> None:
    loaded.source.put("line", "9", id=9, text="Line 9", job_id=3)
    run_id = loaded.walk("delta").json["run_id"]

    result = loaded.run("rollback", "--run", run_id, "--json")

    assert result.json["facts"]["Rows undone"] == "1"
    assert len(loaded.target.rows("task")) == 8


def test_a_record_that_nobody_knows_is_refused(loaded: ClientFolder) -> None:
    result = loaded.run("rollback", "--record", "customer 99", "--json")

    assert result.exit_code == 2
    assert "customer 99" in result.json["error"]["message"]
    assert loaded.target.calls("rollback") == []


def test_a_part_that_was_undone_makes_an_earlier_reconciliation_void(loaded: ClientFolder) -> None:
    loaded.walk("reconcile")
    loaded.run("rollback", "--entity", "line")

    result = loaded.walk("approve cutover")

    assert result.exit_code == 2
    assert "rollback" in result.json["error"]["message"]


def test_after_the_window_a_reason_is_needed_and_kept(loaded: ClientFolder) -> None:
    end_window(loaded)

    refused = loaded.run("rollback", "--json")
    silent = loaded.run("rollback", "--after-window", "--json")
    result = loaded.run("rollback", "--after-window", "--reason", "The client left", "--json")

    assert refused.exit_code == silent.exit_code == 2
    assert "--after-window" in refused.json["error"]["remedy"]
    assert result.exit_code == 0
    assert result.json["facts"]["Reason to undo after the window"] == "The client left"
    with Ledger.open(str(loaded.path / "ledger.sqlite"), read_only=True) as ledger:
        said = [entry.body["reason"] for entry in ledger.audit_log.entries() if "after the window" in entry.event]
    assert said == ["The client left"]


def test_what_people_changed_is_undone_only_under_an_approval_of_exactly_that(loaded: ClientFolder) -> None:
    task = row_id_of(loaded, "task", subject="Line 3")
    loaded.target.put("task", task, subject="Line 3, settled by phone")

    alone = loaded.run("rollback", "--force", "--json")
    loaded.walk("rollback --dry-run", "approve rollback")
    loaded.target.put("task", task, subject="Line 3, settled twice")
    changed = loaded.run("rollback", "--force", "--json")
    loaded.walk("rollback --dry-run", "approve rollback")
    result = loaded.run("rollback", "--force", "--json")

    assert "nobody has approved" in alone.json["error"]["message"]
    assert "Ada Example is not for" in changed.json["error"]["message"]
    assert result.exit_code == 0
    assert result.rows("spared") == []
    assert loaded.target.rows("task") == {}


def test_nothing_is_to_be_approved_when_nobody_changed_anything(loaded: ClientFolder) -> None:
    loaded.walk("rollback --dry-run")

    result = loaded.walk("approve rollback")

    assert result.exit_code == 2
    assert "no rollback has spared a row" in result.json["error"]["message"]
