"""What the audit finds in the source and the target, how it shows values, and that it writes nothing."""

from decimal import Decimal

import pytest

from transload._stages.duplicates import find_duplicates
from transload._stages.forecast import forecast
from transload._stages.grade import grade_of, measure
from transload._stages.masking import Samples, mask
from transload.testing import ClientFolder, CommandResult
from transload.values import EntityName, Finding, Record, RecordKey, Severity, SourceId, TargetLimits, Value

CUSTOMER = EntityName("customer")
LIMITS = TargetLimits(
    window=300, requests=6000, execution=1200, in_flight=52, daily=500_000, row_seconds=Decimal("0.02"),
    request_seconds=Decimal("0.1"), row_bytes=4000, most_rows=1000,
)  # fmt: skip


def customer(number: int, **fields: Value) -> Record:
    return Record(RecordKey(CUSTOMER, SourceId(str(number))), fields)


def codes(result: CommandResult) -> dict[str, int]:
    return {finding["code"]: finding["count"] for finding in result.json["findings"]}


def test_an_audit_calls_nothing_that_writes(client: ClientFolder) -> None:
    client.walk("audit")

    assert [call.hook for hook in ("load", "prepare_target", "rollback") for call in client.target.calls(hook)] == []


def test_a_record_that_names_a_missing_parent_is_an_orphan(client: ClientFolder) -> None:
    client.source.change("line", "3", job_id=99)

    result = client.walk("audit")

    assert [(row["entity"], row["column"], row["count"], row["examples"]) for row in result.rows("orphans")] == [
        ("line", "regardingid", 1, "line 3 names job 99")
    ]
    assert codes(result)["orphans"] == 1


def test_a_value_that_no_rule_takes_is_said_before_the_plan(client: ClientFolder) -> None:
    client.source.change("job", "2", priority="whenever")

    result = client.walk("audit")

    [finding] = [one for one in result.json["findings"] if one["code"] == "breaks_a_rule"]
    assert result.exit_code == 0
    assert "1 job record:" in finding["title"]
    assert "whenever" in finding["title"]


def test_customers_with_one_address_or_number_are_likely_duplicates(client: ClientFolder) -> None:
    client.source.change("customer", "2", email="C1@example.com ")

    result = client.walk("audit")

    [row] = result.rows("likely-duplicates")
    assert (row["entity"], row["by"], row["count"], row["keys"]) == ("customer", "e-mail", 2, "1, 2")
    assert row["value"] == "x9@xxxxxxx.xxx"


def test_samples_are_masked_unless_the_project_says_otherwise(client: ClientFolder) -> None:
    masked = client.walk("audit")
    file = client.path / "transload.toml"
    file.write_text(file.read_text() + '\n[audit]\nsamples = "plain"\n')
    plain = client.walk("audit")
    file.write_text(file.read_text().replace('"plain"', '"none"'))
    none = client.walk("audit")

    shown = [
        {row["field"]: row["samples"] for row in result.rows("fields-of-customer")}["email"]
        for result in (masked, plain, none)
    ]
    assert shown[0] == "x9@xxxxxxx.xxx"
    assert str(shown[1]).splitlines()[0] == "c1@example.com"
    assert shown[2] is None


def test_numbers_and_dates_have_extremes(client: ClientFolder) -> None:
    result = client.walk("audit")

    limits = {row["field"]: row for row in result.rows("fields-of-customer")}["limit"]
    due = {row["field"]: row for row in result.rows("fields-of-job")}["due_at"]
    assert (limits["smallest"], limits["largest"]) == ("100.50", "804.00")
    assert str(due["smallest"]).startswith("2026-03-03")


def test_rows_with_a_key_of_ours_that_the_ledger_does_not_know_are_said(client: ClientFolder) -> None:
    client.walk("audit", "plan", "approve mapping", "prepare")
    client.target.put("account", "row-1", name="Someone", mem_customerid="3")

    result = client.walk("audit")

    assert codes(result)["keys_taken"] == 1


def test_a_project_without_a_compiling_mapping_is_audited_all_the_same(client: ClientFolder) -> None:
    file = client.mapping_file("line")
    file.write_text(file.read_text().replace("table: task", "table: tesk"))

    result = client.walk("audit")

    assert "mapping_unfinished" in codes(result)
    assert result.rows("inventory-of-the-source")


def test_names_are_compared_without_case_accents_and_punctuation() -> None:
    records = [
        customer(1, name="Béa Nowak, Inc.", phone="", street="1 Elm St."),
        customer(2, name="BEA NOWAK INC", phone=None, street="1 Elm St"),
        customer(3, name="Bea Nowak Inc", phone="(555) 010-0100", street="2 Elm St"),
        customer(4, name="Other", phone="+1 555-010-0100", street=""),
    ]

    groups = find_duplicates(CUSTOMER, ["name", "phone", "street"], records)

    assert [(group.by, [key.source_id for key in group.keys]) for group in groups] == [
        ("name and address", ["1", "2"]),
        ("phone", ["3", "4"]),
    ]


def test_records_that_are_no_people_have_no_duplicates() -> None:
    records = [customer(number, name="Roof", street="1 Elm St") for number in (1, 2)]

    assert find_duplicates(CUSTOMER, ["name", "street"], records) == []


@pytest.mark.parametrize(
    ("text", "shape"), [("Ada@Example.com", "Xxx@Xxxxxxx.xxx"), ("+1 555-0100", "+9 999-9999"), ("Łódź", "Xxxx")]
)
def test_a_mask_keeps_the_shape(text: str, shape: str) -> None:
    assert mask(text) == shape


def test_a_status_stays_readable_and_a_phone_number_does_not() -> None:
    samples = Samples("masked")

    assert (samples.of_choice("Completed"), samples.of_choice("555-010-0100")) == ("Completed", "999-999-9999")


def test_more_users_help_where_the_server_is_the_bound_and_not_where_the_licence_is() -> None:
    small = [forecast(100_000, LIMITS, 200, users, 8) for users in (1, 2)]
    large = [forecast(2_000_000, LIMITS, 200, users, 8) for users in (1, 4)]

    assert [case.bound for case in small] == ["the server's work", "the server's work"]
    assert small[1].seconds * 2 == pytest.approx(small[0].seconds, abs=2)
    assert [case.bound for case in large] == ["the daily grant", "the daily grant"]
    assert [case.days for case in large] == [Decimal(4), Decimal(4)]


def test_single_rows_are_bound_by_the_number_of_requests_or_their_time() -> None:
    one, many = forecast(100_000, LIMITS, 1, 1, 4), forecast(100_000, LIMITS, 500, 1, 4)

    assert (one.requests, many.requests) == (100_000, 200)
    assert one.seconds > 3 * many.seconds


def test_a_blocker_makes_the_grade_d_at_best() -> None:
    easy = measure(100, {}, [])
    blocked = measure(100, {}, [Finding("x", Severity.BLOCKER, "No way")])

    assert (grade_of(easy), grade_of(blocked)) == ("A", "D")
