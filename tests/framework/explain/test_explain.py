"""``transload explain``: the whole story of a record, whatever became of it."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from transload._ledger import Ledger
from transload._reports.document import encode_schema
from transload.testing import ClientFolder, CommandResult, Mishap
from transload.values import Cell

PEOPLE = "changed by people"


def explain(client: ClientFolder, entity: str, source_id: str, *options: str) -> CommandResult:
    return client.run("explain", entity, source_id, "--json", *options)


def row_of(client: ClientFolder, table: str, **columns: Cell) -> str:
    rows = client.target.rows(table)
    return next(row_id for row_id, row in rows.items() if columns.items() <= row.items())


def became(told: CommandResult) -> dict[str, dict[str, object]]:
    return {row["record"]: row for row in told.rows("what-became-of-it")}


def steps(told: CommandResult) -> dict[str, str]:
    return {row["what"]: row["told"] for row in told.rows("way")}


def columns(told: CommandResult) -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in told.rows("field-by-field")}


# --- a record that is loaded


def test_a_loaded_record_is_told_from_its_source_to_its_row(loaded: ClientFolder) -> None:
    row = row_of(loaded, "incident", title="Job 3")

    told = explain(loaded, "job", "3")

    assert told.exit_code == 0
    assert told.json["verdict"]["tone"] == "good"
    assert told.json["verdict"]["headline"] == f"job 3 is incident({row})"
    assert became(told)["job 3"]["standing"] == "all 7 columns as wanted"
    assert {row["field"]: (row["kind"], row["value"]) for row in told.rows("source")} == {
        "id": ("whole number", "3"), "name": ("text", "Job 3"), "customer_id": ("whole number", "3"),
        "priority": ("text", "usual"), "due_at": ("time", "2026-03-05T09:00:00+00:00"), "status": ("text", "open"),
    }  # fmt: skip


def test_every_hook_is_told_with_what_went_in_and_what_came_out(loaded: ClientFolder) -> None:
    customer = row_of(loaded, "account", name="Customer 3")

    told = explain(loaded, "job", "3")

    way, by = steps(told), {row["what"]: row["by"] for row in told.rows("way")}
    assert list(way) == [
        "extract job 3", "stage job 3", "transform job, rows", "resolve job, rows", "load job, rows",
        "transform job, finish", "narrow job",
    ]  # fmt: skip
    assert (
        way["transform job, rows"] == "translated: 4 fields \N{RIGHTWARDS ARROW} 5 columns of incident, 1 lookup open"
    )
    assert f"customerid: customer 3 is account({customer})" in way["resolve job, rows"]
    assert way["load job, rows"].startswith("accepted: write ")
    assert way["narrow job"] == "for the next run: nothing, all is as it was written"
    assert (by["extract job 3"], by["transform job, rows"]) == ("memory_source 1.0", "transload")
    assert (by["resolve job, rows"], by["load job, rows"]) == ("the id map", "memory_sink 1.0")


def test_each_value_is_told_with_what_changed_it(ready: ClientFolder) -> None:
    shout = "from transload import hookimpl\n@hookimpl\ndef converters():\n    return {'shop.shout': str.upper}\n"
    ready.offer("shouting", shout)
    plugins = ["memory_source", "memory_sink", "shouting"]
    ready.configure(plugins, memory_sink={"fallback": {"systemuser": "user-0"}})
    document = (
        ready.mapping_file("job")
        .read_text()
        .replace("title: {from: name}", "title: {from: name, convert: [strip, shop.shout]}")
    )
    ready.write_mapping(
        "job", document.replace("    from: name\n", "    from: name\n    convert: [strip, shop.shout]\n")
    )
    ready.run("plan")

    told = explain(ready, "job", "4")

    rules = {row["name"]: row for row in told.rows("rules")}
    assert rules["job.title"]["steps"] == (
        "strip (transload): no change\nshop.shout (shouting): Job 4 \N{RIGHTWARDS ARROW} JOB 4"
    )
    assert rules["job.title"]["result"] == "JOB 4"
    assert rules["job.prioritycode"]["steps"] == "value map: usual \N{RIGHTWARDS ARROW} Normal"
    assert rules["job.prioritycode"]["result"] == "2 (Normal)"
    assert rules["job.statecode"]["result"] == "1 (Resolved)"


def test_a_loss_is_told_where_it_happened_and_as_a_finding(loaded: ClientFolder) -> None:
    loaded.source.change("customer", "5", name="A name that is far too long")
    loaded.run("delta")

    told = explain(loaded, "customer", "5")

    [name] = [row for row in told.rows("rules") if row["name"] == "customer.name"]
    assert name["losses"] == "truncated: A name that is far too long became A name that is far t"
    assert "customer 5: name, truncated" in [finding["title"] for finding in told.json["findings"]]


def test_all_four_sides_of_a_column_are_told_when_people_changed_it(loaded: ClientFolder) -> None:
    loaded.target.put("account", row_of(loaded, "account", name="Customer 2"), emailaddress="theirs@example.com")

    told = explain(loaded, "customer", "2")

    column = columns(told)["customer.emailaddress"]
    assert {name: column[name] for name in ("source", "expected", "written", "now", "verdict")} == {
        "source": "c2@example.com", "expected": "c2@example.com", "written": "c2@example.com",
        "now": "theirs@example.com", "verdict": PEOPLE,
    }  # fmt: skip
    assert [row["name"] for row in told.rows("what-differs")] == ["customer.emailaddress"]
    assert told.json["verdict"]["tone"] == "warn"
    assert told.exit_code == 0


def test_a_value_that_a_fault_has_lost_is_a_problem(loaded: ClientFolder) -> None:
    row = row_of(loaded, "incident", title="Job 3")
    content = json.loads(loaded.target.file.read_text())
    next(item for item in content["rows"] if item["row"] == ["incident", row])["columns"]["title"] = "Job"
    loaded.target.file.write_text(json.dumps(content))

    told = explain(loaded, "job", "3")

    assert told.exit_code == 1
    assert columns(told)["job.title"]["verdict"] == "value differs"
    assert told.json["verdict"]["tone"] == "bad"


def test_a_row_that_somebody_deleted_is_a_problem(loaded: ClientFolder) -> None:
    loaded.target.delete("task", row_of(loaded, "task", subject="Line 6"))

    told = explain(loaded, "line", "6")

    assert told.exit_code == 1
    assert became(told)["line 6"]["standing"] == "it is not in the target any more"


def test_what_the_next_run_would_send_is_told(loaded: ClientFolder) -> None:
    loaded.source.change("job", "3", name="Job 3, renamed", priority="urgent")
    loaded.run("audit")

    told = explain(loaded, "job", "3", "--offline")

    assert steps(told)["narrow job, rows"] == "for the next run: 5 columns \N{RIGHTWARDS ARROW} title, prioritycode"
    assert columns(told)["job.title"]["verdict"] == "not written so"
    assert became(told)["job 3"]["standing"] == "2 columns wait to be written"


def test_records_that_belong_together_are_named_with_the_command_that_explains_them(loaded: ClientFolder) -> None:
    told = explain(loaded, "job", "3")

    kin = {(row["way"], row["record"]): row["command"] for row in told.rows("kin")}
    assert kin == {
        ("points to", "customer 3"): "transload explain customer 3",
        ("is pointed to by", "customer 3"): "transload explain customer 3",
        ("is pointed to by", "line 3"): "transload explain line 3",
    }
    assert told.json["facts"]["Pointed to by"] == "line 3, customer 3"


# --- several documents


def test_one_record_with_several_documents_is_one_story(ready: ClientFolder) -> None:
    ready.write_mapping(
        "bill",
        "entity: bill\nrecords: job\ntable: task\nwhen: {status: [done]}\nkey: {from: id}\n"
        "fields:\n  subject: {from: name}\n  regardingid: {lookup: job, from: id}\n",
    )
    ready.walk("plan", "approve mapping", "prepare", "sample", "run")

    done, still_open = explain(ready, "bill", "4"), explain(ready, "job", "3")

    bill = row_of(ready, "task", subject="Job 4")
    assert list(became(done)) == ["bill 4", "job 4"]
    assert done.json["verdict"]["headline"] == f"bill 4 is task({bill})"
    assert done.json["verdict"]["detail"].splitlines()[1].startswith("Job 4 is incident(")
    assert {"bill.subject", "job.title"} <= columns(done).keys()
    assert list(became(still_open)) == ["job 3"]


def test_a_document_that_does_not_read_the_record_says_why(ready: ClientFolder) -> None:
    ready.write_mapping(
        "bill",
        "entity: bill\nrecords: job\ntable: task\nwhen: {status: [done]}\nkey: {from: id}\n"
        "fields: {subject: {from: name}}\n",
    )
    ready.walk("plan")

    told = explain(ready, "bill", "3")

    assert told.json["verdict"]["headline"] == "bill 3 is not loaded"
    assert told.json["verdict"]["detail"].startswith("The document reads only records with `status` done.")


# --- a record that is not loaded


def test_a_record_that_was_set_aside_is_told_with_error_and_remedy(ready: ClientFolder) -> None:
    ready.target.refuse("job 5", "the title is offensive")
    ready.run("run")

    told = explain(ready, "job", "5")

    [letter] = [finding for finding in told.json["findings"] if finding["code"] == "dead_letter"]
    assert told.exit_code == 1
    assert told.json["verdict"]["headline"] == "job 5 is set aside with an error"
    assert told.json["verdict"]["next_command"] == "transload retry"
    assert "the title is offensive" in letter["title"]
    assert letter["remedy"]
    assert "refused: write " in steps(told)["load job, rows"]


def test_a_record_that_waits_says_for_which(ready: ClientFolder) -> None:
    ready.target.refuse("job 5", "no")
    ready.run("run")

    told = explain(ready, "line", "5")

    assert told.json["verdict"]["headline"] == "line 5 waits for job 5"
    assert steps(told)["resolve line, rows"].endswith("regardingid: job 5 is not there\nwaits for job 5")
    assert "transload explain job 5" in told.json["findings"][0]["remedy"]


def test_a_write_whose_answer_was_lost_is_told_as_open(ready: ClientFolder) -> None:
    ready.target.plan_mishap(Mishap.ANSWER_LOST, table="task")
    ready.run("run")

    told = explain(ready, "line", "2")

    assert told.json["verdict"]["headline"] == "line 2 was sent, and nobody knows whether it arrived"


def test_a_record_that_is_only_staged_is_told_as_not_loaded(client: ClientFolder) -> None:
    client.walk("audit", "plan")

    told = explain(client, "customer", "1")

    assert told.exit_code == 0
    assert told.json["verdict"]["headline"] == "customer 1 is not loaded"
    assert "for the next run" in steps(told)["narrow customer, rows"]


def test_a_record_that_is_gone_from_the_source_says_since_when(loaded: ClientFolder) -> None:
    loaded.source.remove("line", "7")
    loaded.run("delta")

    told = explain(loaded, "line", "7")

    assert [finding["code"] for finding in told.json["findings"]] == ["vanished"]
    assert steps(told)["stage line 7"].startswith("gone from the source")


@pytest.mark.parametrize(("entity", "hint"), [("job", "check the id"), ("jbo", "did you mean `job`?")])
def test_a_record_that_nobody_knows_leaves_no_report(loaded: ClientFolder, entity: str, hint: str) -> None:
    told = explain(loaded, entity, "31337")

    assert told.exit_code == 1
    assert f"The ledger does not know {entity} 31337." in told.errors
    assert hint in told.errors
    assert not list((loaded.path / "reports").glob("10-*"))


# --- the way back


def test_a_row_of_ours_would_be_deleted(loaded: ClientFolder) -> None:
    told = explain(loaded, "line", "3")

    assert became(told)["line 3"]["rollback"] == "delete the row"


def test_a_row_that_people_changed_would_be_spared_and_so_would_what_it_points_to(loaded: ClientFolder) -> None:
    loaded.target.put("task", row_of(loaded, "task", subject="Line 3"), subject="Theirs")

    line, job, customer, other = (
        explain(loaded, *record.split()) for record in ("line 3", "job 3", "customer 3", "job 4")
    )

    assert became(line)["line 3"]["rollback"] == "spared: somebody changed it"
    assert became(job)["job 3"]["rollback"] == "spared: line 3 points to it, and stays"
    assert became(customer)["customer 3"]["rollback"] == "spared: job 3 points to it, and stays"
    assert became(other)["job 4"]["rollback"] == "delete the row"


def test_what_a_row_would_hold_again_is_told_column_by_column(client: ClientFolder) -> None:
    client.target.put("account", "theirs", name="Old Name", emailaddress="C2@example.com", creditlimit=7)
    match = "match: {on: {emailaddress: email}, create: true, write: true}\nkey:"
    client.write_mapping("customer", client.mapping_file("customer").read_text().replace("key:", match, 1))
    client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run")

    told = explain(client, "customer", "2")

    assert told.json["verdict"]["headline"] == "customer 2 is recognised as account(theirs)"
    assert str(became(told)["customer 2"]["rollback"]).startswith("give back what ")
    again = {row["column"]: (row["now"], row["again"]) for row in told.rows("way-back")[1:]}
    assert again["name"] == ("Customer 2", "Old Name")
    assert "recognised: " in steps(told)["match customer"]


def test_a_record_that_was_rolled_back_says_when_and_by_which_run(loaded: ClientFolder) -> None:
    undone = loaded.walk("rollback").json["run_id"]

    told = explain(loaded, "job", "3")

    assert told.json["verdict"]["headline"] == "job 3 was rolled back"
    assert told.json["verdict"]["detail"] == "It is not in the target."
    assert f"by {undone}" in str(became(told)["job 3"]["rollback"])
    assert steps(told)["rollback job"].startswith("undone: incident(")


def test_the_window_of_a_rollback_is_told(loaded: ClientFolder) -> None:
    before = explain(loaded, "job", "3").json["facts"]["Rollback"]
    loaded.walk("delta", "reconcile", "approve cutover")

    after = explain(loaded, "job", "3").json["facts"]["Rollback"]

    assert before == "open: the cut-over is not approved yet"
    assert after.startswith("open until ")


# --- without systems, secrets, a whole mapping


def test_offline_the_ledger_tells_what_it_knows_and_what_was_not_looked_up(loaded: ClientFolder) -> None:
    calls = loaded.target.calls("load")
    loaded.target.put("account", row_of(loaded, "account", name="Customer 2"), emailaddress="theirs@example.com")

    told = explain(loaded, "customer", "2", "--offline")

    column = columns(told)["customer.emailaddress"]
    [finding] = told.json["findings"]
    assert told.exit_code == 0
    assert (column["written"], column["now"], column["verdict"]) == ("c2@example.com", None, "written so")
    assert columns(told)["customer.ownerid"]["expected"] == "systemuser(user-1)"
    assert finding["code"] == "not_looked_up"
    assert finding["evidence"] == "`--offline` was given"
    assert "unless people changed it" in str(became(told)["customer 2"]["rollback"])
    assert loaded.target.calls("load") == calls


def test_without_a_secret_the_ledger_is_enough(loaded: ClientFolder) -> None:
    secretive = (
        "from pydantic import BaseModel, SecretStr\nfrom transload import hookimpl\n"
        "class Settings(BaseModel):\n    token: SecretStr\n"
        "@hookimpl\ndef settings():\n    return Settings\n"
    )
    loaded.offer("secretive", secretive)
    loaded.configure(["memory_source", "memory_sink", "secretive"])

    told = explain(loaded, "job", "3")

    assert told.exit_code == 0
    assert "TRANSLOAD_SECRETIVE__TOKEN" in told.json["findings"][0]["evidence"]
    assert columns(told)["job.title"]["verdict"] == "written so"


def test_a_target_that_does_not_answer_is_named_and_the_rest_is_told(loaded: ClientFolder) -> None:
    deaf = (
        "from transload import hookimpl\nfrom transload.errors import UnreachableError\n"
        "@hookimpl(tryfirst=True)\ndef read_back():\n    raise UnreachableError('nobody is at home', 'Ring again.')\n"
    )
    loaded.offer("deaf", deaf)
    loaded.configure(["deaf", "memory_source", "memory_sink"], memory_sink={"fallback": {"systemuser": "user-0"}})

    told = explain(loaded, "job", "3")

    [finding] = told.json["findings"]
    assert finding["evidence"] == "nobody is at home"
    assert finding["remedy"] == "Ring again."
    assert columns(told)["job.title"]["verdict"] == "written so"


def test_a_mapping_that_does_not_fit_any_more_leaves_what_the_ledger_knows(loaded: ClientFolder) -> None:
    broken = loaded.mapping_file("job").read_text().replace("from: name", "from: name\n    convert: nonsense", 1)
    loaded.write_mapping("job", broken)

    told = explain(loaded, "job", "3")

    [finding] = told.json["findings"]
    assert "nonsense" in finding["title"]
    assert told.json["verdict"]["headline"].startswith("job 3 is incident(")
    assert columns(told)["job.title"]["verdict"] == "as written"


def test_it_works_while_another_command_has_the_ledger(loaded: ClientFolder) -> None:
    with Ledger.open(str(loaded.path / "ledger.sqlite")) as writer, writer.database.writing() as connection:
        connection.exec_driver_sql("update ledger_fact set value = value")

        told = explain(loaded, "job", "3")

    assert told.exit_code == 0


def test_it_writes_nothing_to_the_ledger(loaded: ClientFolder) -> None:
    before = (loaded.path / "ledger.sqlite").read_bytes()

    explain(loaded, "customer", "2")

    assert (loaded.path / "ledger.sqlite").read_bytes() == before


# --- the report


def test_it_leaves_a_page_and_a_document_of_the_published_schema(loaded: ClientFolder) -> None:
    told = explain(loaded, "job", "3")

    reports = loaded.path / "reports"
    assert json.loads((reports / "10-explain-job-3.json").read_text()) == told.json
    jsonschema_rs.validator_for(json.loads(encode_schema())).validate(told.json)
    assert "The story of job 3" in (reports / "10-explain-job-3.html").read_text()
    assert "10-explain-job-3.html" in (reports / "index.html").read_text()


def test_the_terminal_tells_the_way_and_where_the_page_lies(loaded: ClientFolder) -> None:
    told = loaded.run("explain", "job", "3")

    assert "job 3 is incident(" in told.output
    assert "transform job, rows" in told.output
    assert "10-explain-job-3.html" in told.output.replace("\n", "")


def test_the_same_record_gives_the_same_page(loaded: ClientFolder) -> None:
    pages: list[str] = []
    for _ in range(2):
        explain(loaded, "job", "3", "--offline")
        page = (Path(loaded.path) / "reports" / "10-explain-job-3.html").read_text()
        pages.append(page.partition("<time")[0] + page.partition("</time>")[2])

    assert pages[0] == pages[1]
