"""Sample: few records that show all that occurs, a bound on how many, and what could not be shown."""

import json
from decimal import Decimal
from typing import Any, TypeAlias

from transload.testing import ClientFolder, CommandResult

Row: TypeAlias = dict[str, Any]
READY = ("audit", "plan", "approve mapping", "prepare", "sample")
SHOWN, HIDDEN = "what-the-sample-shows", "what-it-does-not-show"


def bound(client: ClientFolder, most: int) -> None:
    file = client.path / "transload.toml"
    file.write_text(file.read_text().replace("[sample]", f"[sample]\nmost = {most}"))


def last_sample(client: ClientFolder) -> CommandResult:
    """Return the report that the sample of a shared fixture left."""
    return CommandResult(0, (client.path / "reports" / "05-sample.json").read_text(), "")


def sampled_records(result: CommandResult) -> set[str]:
    return {row["record"] for row in result.rows("record-by-record")}


def hidden(result: CommandResult, document: str) -> dict[tuple[str, str], tuple[str, int]]:
    rows = [row for row in result.rows(HIDDEN) if row["document"] == document]
    return {(row["kind"], row["what"]): (row["why"], row["records"]) for row in rows}


def test_all_that_occurs_is_shown_and_what_does_not_occur_is_listed_with_why(ready: ClientFolder) -> None:
    result = last_sample(ready)

    [job] = [row for row in result.rows(SHOWN) if row["document"] == "job"]
    missing = hidden(result, "job")
    assert (job["rules"], job["values"]) == ("5 of 5", "3 of 3")
    assert missing["value", "urgent"] == ("no record has it", 0)
    assert missing["branch", "empty, so the placeholder"] == ("no record takes it", 0)
    assert "not in the source: 1 value" in job["why"]
    assert result.json["verdict"]["tone"] == "good"


def test_values_that_are_strange_or_extreme_are_in_the_sample(client: ClientFolder) -> None:
    for number in range(100, 150):
        client.source.put(
            "customer", str(number), id=number, name=f"Plain {number}", email="c@example.com", limit=Decimal(5)
        )
    strange: dict[str, Row] = {
        "201": {"name": "Ωmega"}, "202": {"name": "Party 🎉"}, "203": {"name": "Two\nlines"}, "204": {"name": "x" * 30},
        "205": {"limit": Decimal(0)}, "206": {"limit": Decimal(10**6)}, "207": {"email": ""}, "208": {"email": None},
    }  # fmt: skip
    for source_id, fields in strange.items():
        plain: Row = {"name": "Plain", "email": "c@example.com", "limit": Decimal(5)}
        client.source.put("customer", source_id, id=int(source_id), **{**plain, **fields})
    bound(client, 40)

    result = client.walk(*READY)

    assert result.exit_code == 0
    assert {f"customer {source_id}" for source_id in strange} <= sampled_records(result)
    assert len(sampled_records(result)) <= 40


def test_a_sample_never_has_more_records_than_it_may_and_says_what_it_had_no_room_for(client: ClientFolder) -> None:
    bound(client, 3)

    result = client.walk(*READY)

    rows = {row["document"]: row for row in result.rows(SHOWN)}
    missing = [row for row in result.rows(HIDDEN) if row["tone"] == "warn"]
    assert (result.exit_code, result.json["verdict"]["tone"]) == (0, "warn")
    # The head office with its job and the line of that: a branch would come with a job of its own.
    assert sampled_records(result) == {"customer 8", "job 8", "line 8"}
    assert (rows["customer"]["tone"], rows["line"]["tone"]) == ("warn", "good")
    assert {(row["document"], row["place"], row["why"], row["records"]) for row in missing} == {
        ("customer", "parentaccountid", "no room", 7),
        ("job", "statecode (finish)", "no room", 6),
    }


def test_a_sample_brings_along_all_that_it_needs(client: ClientFolder) -> None:
    bound(client, 8)

    result = client.walk(*READY)

    rows = client.target.rows
    assert {(row["parked"], row["failed"]) for row in result.rows("passes")} == {(0, 0)}
    assert {str(row["regardingid"]) for row in rows("task").values()} <= {
        f"incident({key})" for key in rows("incident")
    }
    # Job 8 is closed, so its line could not be added later.
    assert {"job 8", "line 8"} <= sampled_records(result)


def test_the_same_company_gives_the_same_sample(ready: ClientFolder) -> None:
    first = last_sample(ready)

    again = ready.walk("sample")

    assert sampled_records(again) == sampled_records(first)
    assert again.rows(SHOWN) == first.rows(SHOWN)


def test_a_record_that_would_be_set_aside_is_shown_before_it_is_one_of_many(client: ClientFolder) -> None:
    client.source.change("line", "5", job_id=99)

    result = client.walk(*READY)

    assert result.exit_code == 1
    assert "line 5" in {row["record"] for row in result.rows("parked-records")}
    assert "1 record set aside" in result.json["verdict"]["headline"]


def test_a_sample_is_filled_up_to_the_number_that_a_person_wants(client: ClientFolder) -> None:
    for number in range(100, 140):
        client.source.put("line", str(number), id=number, text="Same", job_id=1)
    file = client.path / "transload.toml"
    file.write_text(file.read_text().replace("records = 1", "records = 50"))

    result = client.walk(*READY)

    assert 50 <= int(result.json["facts"]["Records"]) < 64


def test_more_records_than_there_may_be_are_a_mistake_of_the_project_file(client: ClientFolder) -> None:
    bound(client, 1)
    file = client.path / "transload.toml"
    file.write_text(file.read_text().replace("records = 1", "records = 2"))

    result = client.run("audit")

    assert result.exit_code == 2
    assert "raise `most` too" in result.errors


def test_the_diff_speaks_of_labels_records_and_fields_of_the_source(ready: ClientFolder) -> None:
    rows = {(row["record"], row["column"]): row for row in last_sample(ready).rows("field-level-diff")}

    told = {column: rows["job 8", column] for column in ("prioritycode", "customerid", "statecode")}
    assert {column: row["actual"] for column, row in told.items()} == {
        "prioritycode": "Normal (2)",
        "customerid": "customer 8 (account)",
        "statecode": "Resolved (1)",
    }
    assert told["customerid"]["said"] == "customer_id: 8"
    assert rows["customer 8", "parentaccountid"]["said"] == "parent_id: null"


def test_each_record_has_a_verdict_those_with_differences_first(ready: ClientFolder) -> None:
    [row_id] = [key for key, row in ready.target.rows("account").items() if row["mem_customerid"] == "8"]
    ready.target.put("account", row_id, emailaddress="other@example.com")

    result = ready.walk("sample")

    first, second, *_ = result.rows("record-by-record")
    assert (first["record"], first["name"], first["verdict"]) == ("customer 8", "Customer 8", "1 difference")
    assert first["which"] == "emailaddress"
    assert second["verdict"] == "as wanted"
    assert result.json["verdict"]["headline"] == "1 field not as wanted"


def test_a_run_says_that_the_sample_was_one_of_another_mapping(ready: ClientFolder) -> None:
    file = ready.mapping_file("line")
    file.write_text(file.read_text().replace("{from: text}", "{from: text, max: 5, on_overflow: ledger}"))

    changed = ready.walk("plan", "approve mapping", "run")
    again = ready.walk("sample", "run")

    assert [finding["code"] for finding in changed.json["findings"]] == ["sample_of_another_mapping"]
    assert again.json["findings"] == []


def test_the_sample_is_kept_as_what_it_was_in_json(ready: ClientFolder) -> None:
    document = json.loads((ready.path / "reports" / "05-sample.json").read_text())

    assert document["facts"]["Rows of the sample"] == "kept, and recognised by the full run"
    assert document["verdict"]["next_command"] == "transload run"
