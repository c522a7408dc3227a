"""Reconciliation: money by month, rules in the project file, and waivers that people sign."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from transload.testing import ClientFolder


def configure(client: ClientFolder, text: str) -> None:
    file = client.path / "transload.toml"
    file.write_text(f"{file.read_text()}\n{text}\n")


def waive(client: ClientFolder, kind: str, *more: str) -> int:
    return client.run("waive", kind, "--by", "Ada Example", "--reason", "Agreed", *more, "--json").exit_code


def rule(client: ClientFolder, name: str) -> dict[str, object]:
    rows = client.walk("reconcile").rows("go-no-go")
    return next(row for row in rows if row["rule"] == name)


@pytest.fixture
def off_by_one(ready_shop: ClientFolder) -> ClientFolder:
    """The shop after a run in which one total of the target is 30.00 where the source says 31.00."""
    ready_shop.source.change("job", "6", total=31)
    ready_shop.walk("run")
    return ready_shop


def test_amounts_and_totals_come_to_the_same_on_both_sides(loaded_shop: ClientFolder) -> None:
    result = loaded_shop.walk("reconcile")

    sums = {(row["entity"], row["column"]): row for row in result.rows("money-by-month")}
    assert {place: (row["amounts"], row["source"], row["target"]) for place, row in sums.items()} == {
        ("invoice", "totalamount"): (3, "90.00", "90.00"),
        ("line", "amount"): (6, "90.00", "90.00"),
    }
    assert "invoice-totalamount-by-month" in result.json["charts"]
    assert result.json["facts"]["Relations compared"] != "0"
    assert result.json["facts"]["Files compared by digest"] != "0"


def test_a_month_whose_sum_differs_is_a_no_go_with_its_evidence(off_by_one: ClientFolder) -> None:
    result = off_by_one.walk("reconcile")

    row = next(row for row in result.rows("money-by-month") if row["entity"] == "invoice")
    assert result.exit_code == 1
    assert "money differs" in result.json["verdict"]["headline"]
    assert row["difference"] == "-1.00"


def test_amounts_may_differ_by_as_much_as_the_project_file_says(off_by_one: ClientFolder) -> None:
    configure(off_by_one, "[reconcile]\namount_tolerance = 100\nmonth_tolerance = 99")
    month = rule(off_by_one, "money differs")
    amount = rule(off_by_one, "value differs")
    file = off_by_one.path / "transload.toml"
    file.write_text(file.read_text().replace("month_tolerance = 99", "month_tolerance = 100"))

    both = off_by_one.walk("reconcile")

    assert (month["effect"], amount["effect"]) == ("no-go", "go")
    assert both.exit_code == 0


def test_a_class_that_the_project_file_only_warns_of_forbids_nothing(off_by_one: ClientFolder) -> None:
    configure(off_by_one, '[reconcile]\nvalue_differs = "warn"\nmoney_differs = "warn"')

    result = off_by_one.walk("reconcile")

    assert result.exit_code == 0
    assert {row["effect"] for row in result.rows("go-no-go") if row["fired"]} >= {"look at it"}


def test_a_waiver_of_a_person_turns_a_no_go_into_a_go_that_names_it(off_by_one: ClientFolder) -> None:
    codes = waive(off_by_one, "value differs", "--record", "invoice 6"), waive(off_by_one, "money differs")

    result = off_by_one.walk("reconcile")

    assert codes == (0, 0)
    assert result.exit_code == 0
    assert result.json["verdict"]["tone"] == "warn"
    assert [(row["kind"], row["record"], row["by"], row["state"]) for row in result.rows("waivers")] == [
        ("value differs", "invoice 6", "Ada Example", "valid"),
        ("money differs", "all", "Ada Example", "valid"),
    ]
    assert off_by_one.walk("approve cutover").exit_code == 0


def test_a_waiver_for_one_record_covers_no_other(off_by_one: ClientFolder) -> None:
    waive(off_by_one, "value differs", "--record", "invoice 4")
    waive(off_by_one, "money differs")

    value = rule(off_by_one, "value differs")

    assert (value["fired"], value["left"], value["effect"]) == (1, 1, "no-go")


def test_a_waiver_is_void_when_the_mapping_changes(off_by_one: ClientFolder) -> None:
    waive(off_by_one, "value differs")
    waive(off_by_one, "money differs")
    document = off_by_one.mapping_file("job").read_text()
    off_by_one.write_mapping("job", document.replace("internal: Bookkeeping of the source", "internal: Not needed"))
    off_by_one.mapping_file("person").write_text(
        off_by_one.mapping_file("person").read_text().replace("{from: name}", "{from: name, on_overflow: ledger}")
    )
    off_by_one.walk("plan", "approve mapping")

    result = off_by_one.walk("reconcile")

    assert result.exit_code == 1
    assert {row["state"] for row in result.rows("waivers")} == {"void: the mapping changed"}


@pytest.mark.parametrize(
    ("kind", "name", "reason", "said"),
    [
        ("typo", "Ada", "Agreed", "no class"),
        ("value differs", " ", "Agreed", "name"),
        ("dead letter", "Ada", "", "reason"),
    ],
)
def test_a_waiver_needs_a_class_a_name_and_a_reason(
    loaded_shop: ClientFolder, kind: str, name: str, reason: str, said: str
) -> None:
    result = loaded_shop.run("waive", kind, "--by", name, "--reason", reason, "--json")

    assert result.exit_code == 2
    assert said in result.json["error"]["message"]


def test_money_of_a_record_without_a_row_counts_as_missing(ready_shop: ClientFolder) -> None:
    ready_shop.source.put("line", "99", id=99, job_id=999, product_id=1, amount=Decimal(15))
    ready_shop.walk("run")

    result = ready_shop.walk("reconcile")

    line = next(row for row in result.rows("money-by-month") if row["entity"] == "line")
    assert result.exit_code == 1
    assert (line["source"], line["target"]) == ("105.00", "90.00")


def test_sums_are_told_by_the_month_of_the_first_date_of_the_mapping(client: ClientFolder) -> None:
    date, price = (
        "  followupby: {from: due_at}\n",
        '  "{prefix}_price": {from: price, custom: {type: money, label: Price}}\n',
    )
    client.write_mapping("job", client.mapping_file("job").read_text().replace(date, date + price))
    for number in range(1, 9):
        client.source.change("job", str(number), price=Decimal("10.50"))
    client.source.change("job", "3", due_at=datetime(2026, 4, 30, 22, 0, tzinfo=UTC))
    client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run")

    result = client.walk("reconcile")

    prices = [row for row in result.rows("money-by-month") if row["column"] == "mem_price"]
    assert [(row["month"], row["by"], row["source"], row["target"]) for row in prices] == [
        ("2026-03", "followupby", "73.50", "73.50"),
        ("2026-04", "followupby", "10.50", "10.50"),
    ]
