"""Sample of the shop: owners, conditions, links and rows that are made of what belongs to them."""

import json
from typing import Any

from transload.testing import ClientFolder

READY = ("audit", "plan", "approve mapping", "prepare", "sample")


def tables(client: ClientFolder) -> dict[str, list[dict[str, Any]]]:
    document = json.loads((client.path / "reports" / "05-sample.json").read_text())
    return {name: table["rows"] for name, table in document["tables"].items()}


def test_every_owner_that_occurs_is_shown_and_one_who_owns_nothing_is_listed(shop: ClientFolder) -> None:
    shop.source.put("employee", "3", id=3, email="bo@example.com")

    result = shop.walk(*READY)

    [employee] = [row for row in result.rows("what-the-sample-shows") if row["document"] == "employee"]
    assert employee["owners"] == "2 of 2"
    assert ("owner", "employee 3", "no record points there") in {
        (row["kind"], row["what"], row["why"]) for row in result.rows("what-it-does-not-show")
    }


def test_every_value_that_a_condition_lets_in_is_a_branch(ready_shop: ClientFolder) -> None:
    shown = {row["document"]: row for row in tables(ready_shop)["what-the-sample-shows"]}

    assert shown["person"]["branches"] == "2 of 2"
    assert shown["company"]["branches"] == "1 of 1"


def test_options_of_a_column_that_no_record_has_are_listed(ready_shop: ClientFolder) -> None:
    hidden = {(row["document"], row["what"]): row["why"] for row in tables(ready_shop)["what-it-does-not-show"]}

    assert hidden["job", "Garden"] == "no record has it"
    assert ("job", "Roof") not in hidden


def test_rows_that_add_up_what_belongs_to_them_come_with_all_of_it(ready_shop: ClientFolder) -> None:
    records = {row["record"] for row in tables(ready_shop)["record-by-record"]}

    invoices = {record.removeprefix("invoice ") for record in records if record.startswith("invoice ")}
    assert invoices
    assert {f"line {invoice}{place}" for invoice in invoices for place in (0, 1)} <= records


def test_links_come_along_when_both_ends_are_there(ready_shop: ClientFolder) -> None:
    records = {row["record"] for row in tables(ready_shop)["record-by-record"]}

    jobs = {record.removeprefix("job ") for record in records if record.startswith("job ")}
    assert {f"job_tag {job}-1" for job in jobs} <= records
