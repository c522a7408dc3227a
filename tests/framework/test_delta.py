"""Delta: what becomes of rows whose records are gone, whose value stays, and the certificate."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from transload._ledger import Ledger
from transload.testing import ClientFolder
from transload.values import Cell, ColumnType, TableName, TargetColumn


def configure(client: ClientFolder, text: str) -> None:
    file = client.path / "transload.toml"
    file.write_text(f"{file.read_text()}\n[delta]\n{text}\n")


def account(client: ClientFolder, source_id: str) -> tuple[str, dict[str, Cell]]:
    rows = client.target.rows("account").items()
    return next((row_id, row) for row_id, row in rows if row.get("mem_customerid") == source_id)


def jobs(client: ClientFolder) -> dict[object, object]:
    return {row["mem_jobid"]: row.get("statecode", 0) for row in client.target.rows("incident").values()}


def certificate(client: ClientFolder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((client.path / "reports" / "07-delta-certificate.json").read_text())
    return found


def put_job_nine(client: ClientFolder) -> None:
    client.source.put("job", "9", id=9, name="Job 9", customer_id=1, priority="usual", status="open")


def test_a_delta_with_nothing_to_write_leaves_a_certificate_with_the_head_of_the_audit_log(
    loaded: ClientFolder,
) -> None:
    report = loaded.walk("delta").json

    facts = certificate(loaded)["facts"]
    with Ledger.open(str(loaded.path / "ledger.sqlite"), read_only=True) as ledger:
        hashes = {entry.hash for entry in ledger.audit_log.entries()}
    assert facts["Head of the audit log"] in hashes
    assert facts["Records in the source"] == facts["Rows of the migration"] == "24"
    assert facts["Window begins"] <= facts["Window ends"]
    assert {"07-delta-certificate.html", "07-delta-certificate.json"} <= set(report["files"])
    assert " to " in report["facts"]["Window"]


def test_a_delta_that_writes_leaves_no_certificate(loaded: ClientFolder) -> None:
    loaded.source.change("customer", "2", name="Customer II")

    loaded.walk("delta")

    assert not (loaded.path / "reports" / "07-delta-certificate.json").exists()


def test_a_row_whose_record_is_gone_is_deactivated_once_and_rollback_goes_past_it(loaded: ClientFolder) -> None:
    configure(loaded, 'deleted = "deactivate"\ninactive = ["Resolved"]')
    put_job_nine(loaded)
    loaded.walk("delta")
    loaded.source.remove("job", "9")

    first = loaded.walk("delta")
    second = loaded.walk("delta")

    assert first.exit_code == second.exit_code == 0
    assert first.json["facts"]["Writes"] == "1"
    assert second.json["facts"]["Writes"] == "0"
    assert jobs(loaded)["9"] == 1
    assert loaded.walk("rollback").exit_code == 0
    assert jobs(loaded) == {}


def test_a_row_of_a_table_without_such_a_state_is_listed(loaded: ClientFolder) -> None:
    configure(loaded, 'deleted = "deactivate"')
    loaded.source.remove("line", "3")

    result = loaded.walk("delta")

    assert [row["record"] for row in result.rows("gone-from-the-source-and-left")] == ["line 3"]
    assert len(loaded.target.rows("task")) == 8


def test_a_row_that_the_migration_made_is_taken_back_when_the_policy_is_to_delete(loaded: ClientFolder) -> None:
    configure(loaded, 'deleted = "delete"')
    loaded.source.remove("line", "3")

    result = loaded.walk("delta")
    again = loaded.walk("delta")

    assert (result.exit_code, again.exit_code) == (0, 0)
    assert "Line 3" not in {row["subject"] for row in loaded.target.rows("task").values()}
    assert (result.json["facts"]["Writes"], again.json["facts"]["Writes"]) == ("1", "0")
    assert loaded.walk("reconcile").exit_code == 0
    assert loaded.walk("rollback").json["facts"]["Rows undone"] == "23"


def test_nothing_is_deleted_that_people_changed_or_that_rows_of_the_source_belong_to(loaded: ClientFolder) -> None:
    configure(loaded, 'deleted = "delete"')
    task = next(row_id for row_id, row in loaded.target.rows("task").items() if row["subject"] == "Line 3")
    loaded.target.put("task", task, subject="Line 3, settled by phone")
    loaded.source.remove("line", "3")
    loaded.source.remove("customer", "5")

    result = loaded.walk("delta")

    left = {row["record"]: row["reason"] for row in result.rows("gone-from-the-source-and-left")}
    assert left == {"line 3": "somebody changed it", "customer 5": "job 5 points to it, and stays"}
    assert len(loaded.target.rows("account")) == 8


@pytest.mark.parametrize(("policy", "kept"), [("source", "Customer II"), ("target", "By hand"), ("ask", "By hand")])
def test_a_column_may_have_a_policy_of_its_own(loaded: ClientFolder, policy: str, kept: str) -> None:
    default = "target" if policy == "source" else "source"
    configure(loaded, f'conflict = "{default}"\n[delta.fields]\n"customer.name" = "{policy}"')
    row_id, _ = account(loaded, "2")
    loaded.target.put("account", row_id, name="By hand")
    loaded.source.change("customer", "2", name="Customer II")

    result = loaded.walk("delta")

    (conflict,) = result.rows("conflicts-changed-in-the-source-and-in-the-target")
    assert account(loaded, "2")[1]["name"] == kept
    assert (conflict["kept"], conflict["rule"]) == (kept, policy)


@pytest.mark.parametrize(("changed_on", "kept"), [(1, "Customer II"), (3, "By hand"), (None, "By hand")])
def test_the_newest_value_stays_and_the_target_s_when_nobody_knows(
    client: ClientFolder, changed_on: int | None, kept: str
) -> None:
    configure(client, '[delta.fields]\n"customer.name" = "newest"')
    tables, users = client.target.tables(), client.target.rows("systemuser")
    table = tables[TableName("account")]
    modified = TargetColumn("modifiedon", ColumnType.DATETIME)
    dated = replace(table, columns={**table.columns, modified.name: modified})
    client.target.build(*{**tables, table.name: dated}.values())
    for user, columns in users.items():
        client.target.put("systemuser", user, **columns)
    client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run")
    there = {"modifiedon": datetime(2026, 3, changed_on, tzinfo=UTC)} if changed_on else {}
    client.target.put("account", account(client, "2")[0], name="By hand", **there)
    old = next(record for record in client.source.records() if str(record.key) == "customer 2")
    new = replace(old, fields={**old.fields, "name": "Customer II"}, modified_at=datetime(2026, 3, 2, tzinfo=UTC))
    client.source.put_record(new)

    result = client.walk("delta")

    (conflict,) = result.rows("conflicts-changed-in-the-source-and-in-the-target")
    assert account(client, "2")[1]["name"] == kept
    assert (conflict["kept"], conflict["rule"]) == (kept, "newest")


def test_a_policy_for_a_column_that_no_mapping_fills_is_refused(loaded: ClientFolder) -> None:
    configure(loaded, '[delta.fields]\n"customer.nmae" = "source"')

    result = loaded.walk("delta")

    assert result.exit_code == 2
    assert "customer.name" in result.errors


def test_a_row_that_was_deactivated_is_opened_again_when_its_record_is_back(client: ClientFolder) -> None:
    document = client.mapping_file("job").read_text()
    dropped = "dropped: {status: The state is set by hand}\n"
    client.write_mapping("job", document[: document.index("finish:")] + dropped)
    configure(client, 'deleted = "deactivate"\ninactive = ["Resolved"]')
    put_job_nine(client)
    client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run")
    client.source.remove("job", "9")
    client.walk("delta")
    while_gone = jobs(client)["9"]
    put_job_nine(client)

    result = client.walk("delta")

    assert while_gone == 1
    assert result.exit_code == 0
    assert jobs(client)["9"] == 0
