"""What run and delta send, and what they leave alone."""

from decimal import Decimal

import pytest

from transload.testing import ClientFolder
from transload.values import Cell, RowRef


def account(client: ClientFolder, source_id: str) -> dict[str, Cell]:
    return next(row for row in client.target.rows("account").values() if row.get("mem_customerid") == source_id)


def incident(client: ClientFolder, source_id: str) -> dict[str, Cell]:
    return next(row for row in client.target.rows("incident").values() if row["mem_jobid"] == source_id)


def row_id_of(client: ClientFolder, table: str, **columns: Cell) -> str:
    rows = client.target.rows(table)
    return next(row_id for row_id, row in rows.items() if columns.items() <= row.items())


def test_everything_arrives_with_its_relations_and_states(loaded: ClientFolder) -> None:
    customer, job = account(loaded, "4"), incident(loaded, "4")

    assert [len(loaded.target.rows(table)) for table in ("account", "incident", "task")] == [8, 8, 8]
    assert customer["creditlimit"] == Decimal("402.00")
    assert customer["parentaccountid"] == RowRef("account", row_id_of(loaded, "account", mem_customerid="8"))  # type: ignore[arg-type]  # new types
    assert customer["primaryincidentid"] == job["mem_jobid"] or isinstance(customer["primaryincidentid"], RowRef)
    assert customer["ownerid"] == RowRef("systemuser", "user-1")  # type: ignore[arg-type]  # new types
    assert (job["statecode"], job["statuscode"], job["prioritycode"]) == (1, 5, 2)


def test_a_lookup_that_is_left_empty_stands_in_the_lossy_ledger(ready: ClientFolder) -> None:
    ready.source.change("customer", "3", parent_id=99)

    result = ready.walk("run")

    (loss,) = result.rows("lossy-ledger")
    assert result.exit_code == 0
    assert (loss["record"], loss["column"], loss["original"]) == ("customer 3", "parentaccountid", "customer 99")
    assert "parentaccountid" not in account(ready, "3")


def test_a_second_run_sends_nothing(loaded: ClientFolder) -> None:
    before = loaded.target.calls()

    run, delta = loaded.walk("run"), loaded.walk("delta")

    assert (run.exit_code, delta.exit_code) == (0, 0)
    assert loaded.target.calls() == before
    assert "Nothing to write" in delta.json["verdict"]["headline"]


def test_only_the_columns_that_changed_are_sent(loaded: ClientFolder) -> None:
    row_id = row_id_of(loaded, "account", mem_customerid="2")
    loaded.target.put("account", row_id, emailaddress="by-hand@example.com")
    loaded.source.change("customer", "2", name="Customer II")

    result = loaded.walk("delta")

    assert result.exit_code == 0
    assert account(loaded, "2")["name"] == "Customer II"
    assert account(loaded, "2")["emailaddress"] == "by-hand@example.com"
    assert result.json["facts"]["Writes"] == "1"


@pytest.mark.parametrize(("prefer", "kept"), [("target", "By hand"), ("source", "Customer II")])
def test_a_conflict_is_settled_by_the_setting_and_reported(loaded: ClientFolder, prefer: str, kept: str) -> None:
    file = loaded.path / "transload.toml"
    file.write_text(f'{file.read_text()}\n[delta]\nconflict = "{prefer}"\n')
    loaded.target.put("account", row_id_of(loaded, "account", mem_customerid="2"), name="By hand")
    loaded.source.change("customer", "2", name="Customer II")

    result = loaded.walk("delta")

    (conflict,) = result.rows("conflicts-changed-in-the-source-and-in-the-target")
    assert account(loaded, "2")["name"] == kept
    assert (conflict["record"], conflict["column"], conflict["kept"]) == ("customer 2", "name", kept)
    assert (conflict["wrote"], conflict["source"], conflict["target"]) == ("Customer 2", "Customer II", "By hand")


def test_a_value_that_the_source_empties_is_emptied(loaded: ClientFolder) -> None:
    loaded.source.change("customer", "2", email=None, parent_id=None)

    loaded.walk("delta")

    assert "emailaddress" not in account(loaded, "2")
    assert "parentaccountid" not in account(loaded, "2")


def test_a_locked_row_is_opened_changed_and_closed_again(loaded: ClientFolder) -> None:
    loaded.source.change("job", "4", name="Job IV")

    result = loaded.walk("delta")

    assert result.exit_code == 0
    assert incident(loaded, "4")["title"] == "Job IV"
    assert (incident(loaded, "4")["statecode"], incident(loaded, "4")["statuscode"]) == (1, 5)


def test_a_job_that_is_done_since_is_closed(loaded: ClientFolder) -> None:
    loaded.source.change("job", "1", status="done")

    loaded.walk("delta")

    assert incident(loaded, "1")["statecode"] == 1


def test_a_row_that_people_deleted_is_not_made_again_and_is_reported(loaded: ClientFolder) -> None:
    loaded.target.delete("task", row_id_of(loaded, "task", subject="Line 3"))
    loaded.source.change("line", "3", text="Line III")

    result = loaded.walk("delta")

    (conflict,) = result.rows("conflicts-changed-in-the-source-and-in-the-target")
    assert len(loaded.target.rows("task")) == 7
    assert (conflict["record"], conflict["target"]) == ("line 3", "deleted")


def test_a_record_that_vanished_is_reported_and_its_row_stays(loaded: ClientFolder) -> None:
    loaded.source.remove("line", "3")

    result = loaded.walk("delta")

    assert [(finding["code"], finding["evidence"]) for finding in result.json["findings"]] == [("vanished", "3")]
    assert len(loaded.target.rows("task")) == 8


def test_a_missing_parent_becomes_the_placeholder_until_it_arrives(ready: ClientFolder) -> None:
    ready.source.put("job", "20", id=20, name="Orphan", customer_id=99, priority="usual", status="open")
    ready.source.put("job", "21", id=21, name="Nobody's", customer_id=None, priority="usual", status="open")

    ready.walk("run")
    stand_in = account(ready, "placeholder")
    pointed = {incident(ready, "20")["customerid"], incident(ready, "21")["customerid"]}
    ready.source.put("customer", "99", id=99, name="Late", agent="ada@example.com")
    ready.walk("delta")

    assert stand_in["name"] == "Unknown customer"
    assert {str(ref) for ref in pointed} == {f"account({row_id_of(ready, 'account', mem_customerid='placeholder')})"}
    assert str(incident(ready, "20")["customerid"]) == f"account({row_id_of(ready, 'account', mem_customerid='99')})"
    assert incident(ready, "21")["customerid"] in pointed


def test_an_owner_who_is_unknown_becomes_the_fallback_and_the_row_says_so(ready: ClientFolder) -> None:
    ready.source.change("customer", "2", agent="gone@example.com")

    result = ready.walk("run")

    assert str(account(ready, "2")["ownerid"]) == "systemuser(user-0)"
    assert "ownerid is the fallback" in str(account(ready, "2")["mem_review"])
    assert [row["record"] for row in result.rows("flagged-records")] == ["customer 2"]


def test_a_text_that_is_too_long_is_cut_and_kept_in_the_lossy_ledger(ready: ClientFolder) -> None:
    long = "The Very Long Name of a Customer"
    ready.source.change("customer", "2", name=long)

    cut = ready.walk("run")
    ready.source.change("customer", "2", name="Short")
    mended = ready.walk("delta")

    (loss,) = cut.rows("lossy-ledger")
    assert (loss["record"], loss["column"], loss["original"], loss["kept"]) == ("customer 2", "name", long, long[:20])
    assert mended.rows("lossy-ledger") == []
    assert account(ready, "2")["name"] == "Short"


def test_a_child_waits_until_its_parent_arrives(ready: ClientFolder) -> None:
    ready.source.put("line", "20", id=20, text="Early", job_id=50)

    early = ready.walk("run")
    ready.source.put("job", "50", id=50, name="Late", customer_id=1, priority="usual", status="done")
    later = ready.walk("run")

    assert early.exit_code == 1
    assert early.rows("parked-records") == [{"record": "line 20", "phase": "rows", "waits": "job 50"}]
    assert later.exit_code == 0
    assert later.rows("parked-records") == []
    assert row_id_of(ready, "task", subject="Early")


def test_a_refused_record_becomes_a_dead_letter_and_is_loaded_when_its_cause_is_gone(ready: ClientFolder) -> None:
    ready.target.refuse("customer 2", "not on a Sunday")

    failed = ready.walk("run")
    waiting = [letter["record"] for letter in failed.rows("dead-letters")]
    ready.target.accept("customer 2")
    mended = ready.walk("run")

    assert failed.exit_code == 1
    assert waiting == ["customer 2"]
    assert "not on a Sunday" in failed.rows("dead-letters")[0]["message"]
    assert mended.exit_code == 0
    assert mended.rows("dead-letters") == []
    assert account(ready, "2")["name"] == "Customer 2"
    assert str(incident(ready, "2")["customerid"]) == f"account({row_id_of(ready, 'account', mem_customerid='2')})"


def test_a_value_that_no_rule_knows_stops_the_plan(client: ClientFolder) -> None:
    client.source.change("job", "3", priority="whenever")
    client.walk("audit")

    result = client.walk("plan")

    assert result.exit_code == 1
    assert "whenever" in result.json["findings"][0]["title"]
    assert client.target.calls() == []


def test_a_value_that_turns_up_later_sets_one_record_aside(ready: ClientFolder) -> None:
    ready.source.change("job", "3", priority="whenever")

    result = ready.walk("run")

    assert [letter["record"] for letter in result.rows("dead-letters")] == ["job 3"]
    assert [parked["record"] for parked in result.rows("parked-records")][-1] == "line 3"


def test_a_placeholder_that_is_refused_sets_aside_those_who_need_it(ready: ClientFolder) -> None:
    ready.target.refuse("customer placeholder", "no placeholders here")
    ready.source.put("job", "20", id=20, name="Orphan", customer_id=99, priority="usual", status="open")

    result = ready.walk("run")

    assert result.exit_code == 1
    assert {"job 20", "customer placeholder"} == {letter["record"] for letter in result.rows("dead-letters")}
    assert len(ready.target.rows("task")) == 8


def test_reconcile_says_go_when_both_sides_agree(loaded: ClientFolder) -> None:
    result = loaded.walk("reconcile")

    assert result.exit_code == 0
    assert result.json["verdict"]["headline"].startswith("Go")


def test_reconcile_finds_a_doubled_row_and_a_wrong_value(loaded: ClientFolder) -> None:
    loaded.target.put("task", "a-stranger", subject="Line 1")
    broken = row_id_of(loaded, "account", mem_customerid="2")
    loaded.target.put("account", broken, name="Other")
    loaded.target.put("account", "another", name="Twin", mem_customerid="2000")

    result = loaded.walk("reconcile")

    rules = {rule["rule"]: rule["fired"] for rule in result.rows("go-no-go")}
    assert result.exit_code == 1
    assert rules["unknown or doubled row"] == 1
    assert rules["changed by people"] == 1


def test_a_source_that_breaks_off_concludes_nothing_and_goes_on(loaded: ClientFolder) -> None:
    loaded.source.break_off("line", after=2)

    broken = loaded.walk("delta")
    again = loaded.walk("delta")

    assert broken.exit_code == 2
    assert broken.json["error"]["code"] == "unreachable"
    assert again.exit_code == 0
    assert again.json["findings"] == []


def test_two_clients_of_one_product_never_share_row_ids(finished: ClientFolder) -> None:
    ids = [row_id for table in ("account", "incident", "task") for row_id in finished.target.rows(table)]

    assert len(set(ids)) == len(ids) == 24


def with_match(client: ClientFolder, match: str) -> None:
    document = client.mapping_file("customer").read_text()
    client.write_mapping("customer", f"{document}match: {{on: {{emailaddress: email}}, {match}}}\n")
    client.walk("audit", "plan", "approve mapping", "prepare", "sample")


def test_a_row_that_is_only_recognised_is_left_as_it_is(client: ClientFolder) -> None:
    client.target.put("account", "old-2", name="As before", emailaddress="C2@example.com")
    before = client.target.rows("account")["old-2"]  # type: ignore[index]  # a new type
    with_match(client, "create: true")

    run, reconcile = client.walk("run"), client.walk("reconcile")

    assert (run.exit_code, reconcile.exit_code) == (0, 0)
    assert client.target.rows("account")["old-2"] == before  # type: ignore[index]  # a new type
    assert str(incident(client, "2")["customerid"]) == "account(old-2)"
    assert len(client.target.rows("account")) == 8


def test_a_row_that_several_fit_is_not_recognised(client: ClientFolder) -> None:
    client.target.put("account", "old-a", name="One", emailaddress="c2@example.com")
    client.target.put("account", "old-b", name="Two", emailaddress="c2@example.com")
    with_match(client, "create: true, write: true")

    client.walk("run")

    assert len(client.target.rows("account")) == 10


def test_a_placeholder_is_recognised_like_a_record(client: ClientFolder) -> None:
    client.target.put("account", "old", name="unknown customer")
    document = client.mapping_file("customer").read_text()
    client.write_mapping("customer", f"{document}match: {{on: {{name: name}}, create: true}}\n")
    client.source.put("job", "20", id=20, name="Orphan", customer_id=99, priority="usual", status="open")

    run = client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run", "reconcile")
    pointed = str(incident(client, "20")["customerid"])
    client.walk("rollback")

    assert (run.exit_code, pointed) == (0, "account(old)")
    assert list(client.target.rows("account")) == ["old"]


def test_two_records_never_write_to_one_row(client: ClientFolder) -> None:
    client.target.put("account", "old-2", name="As before", emailaddress="c2@example.com")
    client.source.change("customer", "3", email="c2@example.com")
    with_match(client, "create: true, write: true")

    first = client.walk("run")
    second = client.walk("run")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert len(client.target.rows("account")) == 8
    assert "Nothing to write" in second.json["verdict"]["headline"]
