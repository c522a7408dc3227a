"""After the load: people work on in both systems, a delta follows, and a rollback spares what people did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from transload_sandbox.kickserv.company import number_of

if TYPE_CHECKING:
    from journey.conftest import Answer, Client, Company, Row

Records = dict[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Story:
    """What was changed, and what was there after each step."""

    client: Client
    records: Records
    loaded: dict[str, list[Row]]
    delta: Answer
    after_delta: dict[str, list[Row]]
    second_delta: Answer
    written_by_second: list[str]
    idle_quick: Answer
    quick: Answer
    written_by_quick: tuple[list[str], list[str]]
    reconciled: Answer
    dry_run: Answer
    digests_around_dry_run: tuple[dict[str, str], dict[str, str]]
    rolled_back: Answer
    left: dict[str, list[Row]]

    def row(self, table: str, column: str, record: str, rows: dict[str, list[Row]] | None = None) -> Row:
        """Return the row that a record became, as it was after the delta or at another moment."""
        (found,) = [
            row
            for row in (self.after_delta if rows is None else rows)[table]
            if row[column] == str(self.records[record]["id"])
        ]
        return found


TABLES = ("account", "contact", "incident", "incidentresolution", "annotation")


def snapshot(client: Client) -> dict[str, list[Row]]:
    return {table: client.rows(table) for table in TABLES}


def account_of(client: Client, customer: Any) -> Row:
    return client.row("account", ks_kickservid=str(customer["id"]))


def change_both_sides(client: Client) -> Records:
    """Work in Kickserv and in Dynamics, and return the records that were worked on."""
    company = client.sandbox.kickserv.company
    customers = [row for row in company.customers.rows() if not row.get("parent_id")]
    jobs = [row for row in company.jobs.rows() if company.is_job(row)]
    records: Records = {
        "changed": customers[0],
        "both, other fields": customers[1],
        "both, same field": customers[2],
        "people only": customers[3],
        "people filled": customers[4],
        "branch": next(row for row in company.customers.rows() if row.get("parent_id")),
        "resolved": next(row for row in jobs if row["status"] == "complete"),
        "finished": next(row for row in jobs if row["status"] == "scheduled"),
        "deleted note": next(iter(company.notes.rows())),
        "new": company.add_customer("Late Bloomer Heating", company=True),
    }
    new = number_of(records["new"])
    records["new job"] = company.add_job(new, "Boiler inspection")
    records["new contact"] = company.add_contact(new, first_name="Odalys", last_name="Fenwright")
    company.add_note("Call before noon.", job=number_of(records["new job"]))

    company.update_customer(number_of(customers[0]), name="Odette Lomax-Yarrow")
    company.update_customer(number_of(customers[1]), name="Quillan Ashgrove")
    company.update_customer(number_of(customers[2]), name="Named in Kickserv")
    company.update_customer(number_of(customers[4]), fax="(217) 555-0111")
    company.update_job(number_of(records["resolved"]), description="Corrected after completion.")
    company.update_job(
        number_of(records["finished"]), status="complete", completed_on=records["finished"]["created_at"]
    )
    company.delete_note(number_of(records["deleted note"]))

    for record, column, value in (
        ("both, other fields", "telephone2", "+1 217 555 0199"),
        ("both, same field", "name", "Named in Dynamics"),
        ("people only", "name", "Also named in Dynamics"),
        ("people filled", "fax", "+1 217 555 0122"),
        ("branch", "websiteurl", "https://branch.example.com"),
    ):
        client.change(f"accounts({account_of(client, records[record])['accountid']})", **{column: value})
    return records


@pytest.fixture(scope="module")
def story(load_company: Callable[..., Company]) -> Story:
    client = load_company().client
    loaded = snapshot(client)
    records = change_both_sides(client)
    delta = client.do("delta", "--json")
    after_delta = snapshot(client)
    with client.written() as written:
        second = client.do("delta", "--json")
    with client.written() as written_by_idle:
        idle_quick = client.do("delta", "--quick", "--json")
    client.sandbox.kickserv.company.add_note("Told over the phone.", job=number_of(records["new job"]))
    with client.written() as written_by_quick:
        quick = client.do("delta", "--quick", "--json")
    reconciled = client.do("reconcile", "--json")
    before = client.digest()
    dry_run = client.do("rollback", "--dry-run", "--json")
    digests = before, client.digest()
    rolled_back = client.do("rollback", "--json")
    return Story(
        client, records, loaded, delta, after_delta, second, written, idle_quick, quick,
        (written_by_idle, written_by_quick), reconciled, dry_run, digests, rolled_back, snapshot(client),
    )  # fmt: skip


def rows_of(answer: Answer, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table of a report; none when the report has no such table."""
    tables: Any = answer.report()["tables"]
    return list(tables[table]["rows"]) if table in tables else []


def test_a_changed_record_is_updated_and_its_other_columns_stay(story: Story) -> None:
    before = story.row("account", "ks_kickservid", "changed", story.loaded)

    after = story.row("account", "ks_kickservid", "changed")

    differing = {name for name in before if before[name] != after[name]}
    assert after["name"] == "Odette Lomax-Yarrow"
    assert differing <= {"name", "ks_updatedat", "modifiedon", "versionnumber", "@odata.etag"}


def test_a_resolved_case_is_reopened_updated_and_resolved_again(story: Story) -> None:
    case = story.row("incident", "ks_jobid", "resolved")

    closings = [
        row for row in story.after_delta["incidentresolution"] if row["_incidentid_value"] == case["incidentid"]
    ]

    assert case["description"] == "Corrected after completion."
    assert (case["statecode"], case["statuscode"]) == (1, 5)
    assert closings


def test_a_job_that_was_finished_meanwhile_is_resolved(story: Story) -> None:
    before = story.row("incident", "ks_jobid", "finished", story.loaded)

    after = story.row("incident", "ks_jobid", "finished")

    assert (before["statecode"], after["statecode"]) == (0, 1)


def test_new_records_arrive_with_their_relations(story: Story) -> None:
    account = story.row("account", "ks_kickservid", "new")

    case = story.row("incident", "ks_jobid", "new job")
    contact = story.row("contact", "ks_kickservcontactid", "new contact")
    (note,) = [row for row in story.after_delta["annotation"] if row["notetext"] == "Call before noon."]

    assert case["_customerid_value"] == contact["_parentcustomerid_value"] == account["accountid"]
    assert note["_objectid_value"] == case["incidentid"]


def test_records_gone_from_the_source_are_reported_and_their_rows_stay(story: Story) -> None:
    findings: Any = story.delta.report()["findings"]

    (finding,) = [finding for finding in findings if finding["code"] == "vanished"]

    assert str(story.records["deleted note"]["id"]) in finding["evidence"]
    assert len(story.after_delta["annotation"]) == len(story.loaded["annotation"]) + 1


def test_what_people_changed_is_kept_when_the_source_changed_something_else(story: Story) -> None:
    merged = story.row("account", "ks_kickservid", "both, other fields")
    kept = story.row("account", "ks_kickservid", "people only")

    assert (merged["name"], merged["telephone2"]) == ("Quillan Ashgrove", "+1 217 555 0199")
    assert kept["name"] == "Also named in Dynamics"


def test_a_field_changed_on_both_sides_is_a_conflict_that_the_target_wins(story: Story) -> None:
    key = f"customer {story.records['both, same field']['id']}"

    conflicts = rows_of(story.delta, "conflicts-changed-in-the-source-and-in-the-target")

    assert story.delta.code == 0
    assert (key, "name", "Named in Kickserv", "Named in Dynamics", "Named in Dynamics") in [
        (row["record"], row["column"], row["source"], row["target"], row["kept"]) for row in conflicts
    ]
    assert [row["record"] for row in conflicts if row["record"].startswith("customer ")] == [
        f"customer {story.records[name]['id']}" for name in ("both, same field", "people filled")
    ]
    assert story.row("account", "ks_kickservid", "both, same field")["name"] == "Named in Dynamics"


def test_what_changed_in_a_quote_that_is_closed_for_good_is_told_and_not_lost_in_silence(story: Story) -> None:
    key = f"estimate {story.records['resolved']['id']}"

    conflicts = rows_of(story.delta, "changed-in-the-source-after-closing")

    assert {row["record"] for row in conflicts} == {key}
    assert ("description", "Corrected after completion.") in {(row["column"], row["source"]) for row in conflicts}
    found = [row for row in rows_of(story.reconciled, "field-level-diff") if row["verdict"] == "changed after closing"]
    told = {(row["record"], row["column"]) for row in conflicts}
    assert told <= {(row["record"], row["column"]) for row in found}
    # Stamps are no reason to open a closed row, so they are left behind elsewhere too.
    assert {row["column"] for row in found if (row["record"], row["column"]) not in told} <= {"ks_updatedat"}


def test_an_empty_field_that_people_filled_is_not_overwritten(story: Story) -> None:
    record = story.records["people filled"]

    row = story.row("account", "ks_kickservid", "people filled")

    assert not record["fax"]
    assert row["fax"] == "+1 217 555 0122"
    assert f"customer {record['id']}" in {
        conflict["record"] for conflict in rows_of(story.delta, "conflicts-changed-in-the-source-and-in-the-target")
    }


def test_a_second_delta_writes_nothing(story: Story) -> None:
    assert story.second_delta.code == 0
    assert story.written_by_second == []


def test_a_quick_delta_writes_only_what_came_since(story: Story) -> None:
    facts = [answer.report()["facts"] for answer in (story.idle_quick, story.quick)]

    writes = [told["Writes"] for told in facts if isinstance(told, dict)]
    assert (story.idle_quick.code, story.quick.code) == (0, 0)
    assert (writes, story.written_by_quick[0]) == (["0", "1"], [])
    assert len(story.written_by_quick[1]) == 1


def test_reconcile_lists_what_people_changed_and_still_says_go(story: Story) -> None:
    rules = {row["rule"]: row["fired"] for row in rows_of(story.reconciled, "go-no-go")}

    assert story.reconciled.code == 0
    assert rules["changed by people"] == 4
    told = {"changed by people", "changed after closing", "user without a match"}
    assert sum(fired for rule, fired in rules.items() if rule not in told) == 0


def test_a_dry_run_of_the_rollback_changes_nothing_and_says_what_the_rollback_does(story: Story) -> None:
    before, after = story.digests_around_dry_run

    said, done = (
        [sorted(rows_of(answer, table), key=str) for table in ("undone", "spared")]
        for answer in (story.dry_run, story.rolled_back)
    )

    assert before == after
    assert said == done


def test_rollback_spares_what_people_changed_and_lists_it(story: Story) -> None:
    changed = {
        story.row("account", "ks_kickservid", name)["accountid"]
        for name in ("both, other fields", "both, same field", "people only", "people filled", "branch")
    }

    spared = {row["row"] for row in rows_of(story.rolled_back, "spared")}

    assert story.rolled_back.code == 0
    assert changed <= spared
    assert {row["accountid"] for row in story.left["account"]} >= changed
    assert all(row["reason"] for row in rows_of(story.rolled_back, "spared"))


def test_rollback_spares_the_parent_of_a_row_that_people_changed(story: Story) -> None:
    branch = story.row("account", "ks_kickservid", "branch", story.left)

    parents = [row for row in story.left["account"] if row["accountid"] == branch["_parentaccountid_value"]]

    assert [row["ks_kickservid"] for row in parents] == [str(story.records["branch"]["parent_id"])]


def test_rollback_takes_away_all_that_nobody_changed(story: Story) -> None:
    carried = {
        table: [row for row in story.left[table] if row.get(key)]
        for table, key in (("account", "ks_kickservid"), ("contact", "ks_kickservcontactid"), ("incident", "ks_jobid"))
    }

    spared = Counter(row["table"] for row in rows_of(story.rolled_back, "spared"))
    needed = {row["_primarycontactid_value"] for row in carried["account"]}

    assert {table: len(rows) for table, rows in carried.items() if rows} == spared
    assert {row["contactid"] for row in carried["contact"]} == needed - {None}
    assert carried["incident"] == story.left["annotation"] == []
    assert story.left["incidentresolution"] == []
