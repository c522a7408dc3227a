"""Taking rows of jobs and opportunities apart."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from transload.values import Record, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.documents import employees_of, estimate_records, job_records, stage_of
from transload_kickserv_source.slots import define
from transload_kickserv_source.xml import Row, read_record

DATA = Path(__file__).parent.parent / "data" / "kickserv"
MakeAccount = Callable[..., Account]
NOON = datetime.fromisoformat("2017-08-04T12:00:00-04:00")


HOUSE: Value = {"id": None, "amount": Decimal("0.0"), "allocation_type": "house"}
KESTER: Value = {"id": 112262, "amount": 100, "allocation_type": "employee"}
BASIL: Value = {"id": "112701", "amount": 0, "allocation_type": "employee"}


def job_12087(part: str) -> Row:
    return read_record((DATA / "inferred" / f"jobs.show.include-{part}.xml").read_bytes(), "job").rows[0]


def by_entity(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.key.entity, []).append(record)
    return found


def only(records: Iterable[Record], entity: str) -> Row:
    (record,) = by_entity(records)[entity]
    return record.fields


def amounts(record: Record) -> list[Value]:
    return [record.fields[f"line_{name}"] for name in ("quantity", "price", "discount", "tax", "total")]


def test_the_documented_job_gives_its_estimate_lines_hours_and_notes(account: MakeAccount) -> None:
    found = by_entity(job_records(job_12087("documented"), account()))

    assert {entity: len(records) for entity, records in found.items()} == {
        "job": 1,
        "estimate": 1,
        "job_type": 1,
        "item": 2,
        "category": 1,
        "charge": 3,
        "time_entry": 2,
        "note": 2,
    }
    assert [record.fields["position"] for record in found["charge"]] == [1, 2, 3]
    assert [record.key.source_id for record in found["charge"]] == ["90001", "90003", "90002"]
    assert [record.fields["kind"] for record in found["charge"]] == ["service", "service", "product"]
    assert amounts(found["charge"][2]) == [2, Decimal("18.5"), 12, 0, 25]


def test_a_job_carries_the_names_of_what_it_points_to(account: MakeAccount) -> None:
    fields = only(job_records(job_12087("documented"), account()), "job")

    assert fields["job_type_name"] == "Duct Cleaning"
    assert fields["employee_ids"] == (112262, 112701, 71315)
    assert fields["assigned_to"] == 112262
    assert (fields["lines_total"], fields["difference"], fields["has_order"]) == (375, 0, True)
    assert not {"employees", "job_charges", "time_entries", "notes", "job_type"} & fields.keys()


def test_a_job_keeps_its_allocations_as_they_are(account: MakeAccount) -> None:
    allocations = only(job_records(job_12087("documented"), account()), "job")["job_allocations"]

    assert isinstance(allocations, dict)
    assert allocations["allocations"][1]["amount"] == Decimal("33.3333333333333")


def test_the_undocumented_parts_give_tags_and_payments(account: MakeAccount) -> None:
    reading = account()

    found = by_entity(job_records(job_12087("undocumented"), reading))

    assert [record.key.source_id for record in found["tagging"]] == ["job-38325261-201", "job-38325261-202"]
    assert [record.fields["amount"] for record in found["payment"]] == [200, 175]
    assert {record.fields["invoice_id"] for record in found["payment"]} == {None}
    assert reading.seen.marks["payments"] == {"38325261": Decimal("375.0")}


def test_documented_fields_get_their_type_when_the_answer_forgot_it(account: MakeAccount) -> None:
    row: Row = {"id": "12", "subtotal": 5, "total": 5, "status": "7", "lost_date": "soon", "mine": "3"}

    fields = only(job_records(row, account()), "job")

    assert (fields["id"], fields["total"], fields["status"], fields["mine"]) == (12, Decimal(5), "7", "3")
    assert fields["lost_date"] == "soon"


def test_a_won_job_has_an_estimate_with_its_own_columns_only(account: MakeAccount) -> None:
    row: Row = {"id": 5, "status": "complete", "won_date": NOON, "total": 10, "scheduled_on": NOON}

    fields = only(job_records(row, account()), "estimate")

    assert (fields["id"], fields["job_id"], fields["stage"], fields["won_date"]) == (5, 5, "won", NOON)
    assert not {"scheduled_on", "status", "custom_text1"} & fields.keys()


@pytest.mark.parametrize(
    ("fields", "stage"),
    [
        ({}, "new"),
        ({"estimate_scheduled_on": NOON}, "scheduled"),
        ({"estimate_scheduled_on": NOON, "estimate_sent_on": NOON}, "sent"),
        ({"estimate_sent_on": NOON, "won_date": NOON}, "won"),
        ({"estimate_type": "won"}, "won"),
        ({"won_date": NOON, "lost_date": NOON}, "lost"),
        ({"estimate_type": "lost"}, "lost"),
        ({"status": "Declined"}, "lost"),
        ({"status": "canceled", "estimate_sent_on": NOON}, "canceled"),
        ({"canceled_on": NOON}, "canceled"),
        ({"status": "canceled", "won_date": NOON}, "won"),
        ({"status": "complete"}, "won"),
        ({"status": "scheduled"}, "new"),
        ({"status": "Awaiting deposit", "estimate_sent_on": NOON}, "awaiting deposit"),
        ({"estimate_type": "verbal"}, "verbal"),
    ],
)
def test_an_estimate_has_a_stage_or_the_word_that_nobody_knows(fields: Row, stage: str) -> None:
    assert stage_of(fields) == stage


@pytest.mark.parametrize(
    ("status", "stage"), [("scheduled", "won"), ("canceled", "canceled"), ("new", "sent"), ("paused", "paused")]
)
def test_what_was_estimated_for_a_job_was_agreed_on_unless_the_job_says_otherwise(
    account: MakeAccount, status: str, stage: str
) -> None:
    fields = only(job_records({"id": 5, "status": status, "estimate_sent_on": NOON}, account()), "estimate")

    assert fields["stage"] == stage


def test_an_opportunity_is_an_estimate_with_all_its_fields_and_no_job(account: MakeAccount) -> None:
    row: Row = {"id": 5, "status": "new", "notes": ({"id": 1},), "tags": ({"id": 2, "name": "VIP"},), "total": 5}

    found = by_entity(estimate_records(row, account()))

    (estimate,), (note,), (tagging,), (charge,) = (found[name] for name in ("estimate", "note", "tagging", "charge"))
    assert (estimate.fields["job_id"], estimate.fields["status"]) == (None, "new")
    assert (note.fields["noteable_type"], note.fields["parent_entity"]) == ("Job", "estimate")
    assert tagging.key.source_id == "estimate-5-2"
    assert [charge.fields[f"on_{name}"] for name in ("estimate", "order", "invoice")] == [True, False, False]
    assert "job" not in found
    assert "payment" not in found


def test_an_opportunity_that_is_a_job_too_only_points_to_it(account: MakeAccount) -> None:
    (record,) = estimate_records({"id": 5, "notes": ({"id": 1},)}, account(), is_job=True)

    assert record.fields["job_id"] == 5


@pytest.mark.parametrize(
    ("status", "balance", "state"),
    [
        ("paid", 0, "paid"),
        ("unpaid", 40, "partly_paid"),
        ("unpaid", 100, "open"),
        ("unpaid", 0, "open"),
        (None, None, "open"),
        ("Voided", 100, "voided"),
    ],
)
def test_a_job_with_an_invoice_date_is_an_invoice(
    account: MakeAccount, status: str | None, balance: int | None, state: str
) -> None:
    row: Row = {
        "id": 5,
        "job_number": 12,
        "invoice_date": NOON,
        "total": 100,
        "balance_remaining": balance,
        "invoice_status": status,
    }

    fields = only(job_records(row, account()), "invoice")

    assert (fields["id"], fields["job_id"], fields["number"], fields["state"]) == (5, 5, "12", state)
    assert fields["paid_amount"] == (None if balance is None else 100 - balance)


@pytest.mark.parametrize(
    ("terms", "due"),
    [
        ("Net 30 days", date(2017, 9, 3)),
        ("Payable within 7 days.", date(2017, 8, 11)),
        ("Due upon receipt\nThank you", date(2017, 8, 4)),
        ("Thank you for your business!", None),
        (None, None),
    ],
)
def test_an_invoice_falls_due_when_its_terms_say_so(account: MakeAccount, terms: str | None, due: date | None) -> None:
    fields = only(job_records({"id": 5, "invoice_date": NOON, "invoice_terms": terms}, account()), "invoice")

    assert fields["due_on"] == due


@pytest.mark.parametrize(
    ("row", "urgency"),
    [
        ({"priority": "Urgent"}, "high"),
        ({"custom_text4": " low "}, "low"),
        ({"custom_text4": "when you can"}, "when you can"),
        ({"priority": ""}, None),
    ],
)
def test_a_priority_is_read_from_wherever_an_account_keeps_it(account: MakeAccount, row: Row, urgency: str) -> None:
    definitions = define(({"id": 7, "applies_to": "Job", "name": "Priority ", "column_name": "custom_text4"},))

    fields = only(job_records({"id": 5, **row}, account(definitions)), "job")

    assert fields["urgency"] == urgency


def test_the_rule_for_invoices_can_be_widened(account: MakeAccount) -> None:
    row: Row = {"id": 5, "ref_number": "525", "invoice_sent_date": NOON}

    narrow = by_entity(job_records(row, account()))
    wide = by_entity(job_records(row, account(invoice_rule=["invoice_date", "invoice_sent_date"])))

    assert "invoice" not in narrow
    assert wide["invoice"][0].fields["number"] == "525"


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"status": "complete"}, "open"),
        ({"status": "complete", "invoice_date": NOON}, "invoiced"),
        ({"status": "canceled"}, "canceled"),
        ({"status": "canceled", "invoice_date": NOON}, "invoiced"),
        ({"total": None}, None),
    ],
)
def test_a_job_says_what_became_of_its_order(account: MakeAccount, more: Row, state: str | None) -> None:
    row: Row = {"id": 5, "total": 100, "status": "scheduled", **more}

    fields = only(job_records(row, account()), "job")

    assert (fields["order_state"], fields["has_order"]) == (state, state is not None)


def test_a_job_is_done_where_its_customer_is(account: MakeAccount) -> None:
    place: Row = {"service_city": "Upland", "latitude": Decimal("39.954452"), "longitude": Decimal("-89.5")}

    fields = only(job_records({"id": 5, "customer": {"id": 3, **place}}, account()), "job")

    assert {name: fields[name] for name in place} == place


def test_lines_in_their_order_and_deleted_ones_left_out(account: MakeAccount) -> None:
    charges: tuple[Row, ...] = (
        {"id": 3, "total": 1, "quantity": 1, "price_per_unit": 1},
        {"id": 2, "total": 1, "quantity": 1, "price_per_unit": 1},
        {"id": 9, "total": 1, "quantity": 1, "price_per_unit": 1, "sort_order": 1},
        {"id": 1, "total": 7, "deleted_at": NOON},
    )
    reading = account()

    found = by_entity(job_records({"id": 5, "total": 3, "job_charges": charges}, reading))["charge"]

    assert [(record.key.source_id, record.fields["position"]) for record in found] == [("9", 1), ("2", 2), ("3", 3)]
    assert list(reading.seen.marks["deleted"]) == ["charge 1"]


def test_an_item_that_only_a_line_names_is_made_of_it(account: MakeAccount) -> None:
    charge: Row = {
        "id": 1,
        "item_id": 9,
        "description": "Filters:Old filter",
        "details": "x",
        "price_per_unit": Decimal(3),
    }
    reading = account()

    found = by_entity(job_records({"id": 5, "job_charges": (charge, {**charge, "id": 2})}, reading))

    (item,) = found["item"]
    shown = {name: item.fields[name] for name in ("id", "name", "category", "price", "active", "derived")}
    assert shown == {"id": 9, "name": "Old filter", "category": "Filters", "price": 3, "active": False, "derived": True}
    assert reading.seen.marks["unlisted_items"] == {"9": "Filters:Old filter"}


@pytest.mark.parametrize("child", ["job_charges", "payments", "time_entries", "notes"])
def test_what_was_deleted_is_left_out_and_counted(account: MakeAccount, child: str) -> None:
    reading = account()

    found = by_entity(job_records({"id": 5, child: ({"id": 1, "deleted_at": NOON},)}, reading))

    assert found.keys() == {"job"}
    assert len(reading.seen.marks["deleted"]) == 1


@pytest.mark.parametrize("child", ["job_charges", "payments", "time_entries", "notes"])
def test_a_child_that_leaves_its_parent_open_is_its_parents(account: MakeAccount, child: str) -> None:
    nested: Row = {"id": 1, "job_id": None, "customer_id": None, "noteable_id": "", "noteable_type": None}

    found = by_entity(job_records({"id": 5, "customer_id": 8, child: (nested,)}, account()))

    (record,) = next(records for entity, records in found.items() if entity != "job")
    assert (record.fields.get("noteable_id") or record.fields["job_id"]) == 5
    assert record.fields.get("customer_id") in (8, None)
    assert record.fields.get("parent_id") in (5, None)


def test_a_note_of_the_customer_that_shows_on_a_job_stays_the_customers(account: MakeAccount) -> None:
    notes: tuple[Row, ...] = (
        {"id": 1, "noteable_id": 8, "noteable_type": "Customer"},
        {"id": 2, "noteable_id": 77, "noteable_type": "Task"},
    )

    found = by_entity(job_records({"id": 5, "notes": notes}, account()))["note"]

    assert [(one.fields["parent_entity"], one.fields["parent_id"]) for one in found] == [("customer", 8), ("job", 5)]


def test_a_note_says_in_words_who_wrote_it_and_what_nobody_expected(account: MakeAccount) -> None:
    reading = replace(account(), employees=lambda: {"7": "Tilda Dressler"})
    notes: tuple[Row, ...] = (
        {"id": 1, "created_by": 7, "pinned": True, "call_outcome": "left a message", "parts": ({"n": 1},), "fax": None},
        {"id": 2, "created_by": 8},
        {"id": 3},
    )

    first, second, third = by_entity(job_records({"id": 5, "notes": notes}, reading))["note"]

    assert first.fields["byline"] == "by Tilda Dressler"
    assert first.fields["more"] == 'Pinned: true\nCall outcome: left a message\nParts: [{"n":1}]'
    assert first.fields["pinned"] is True
    assert (second.fields["byline"], second.fields["more"]) == ("by employee 8 of Kickserv", None)
    assert third.fields["byline"] is None


def test_what_stands_beside_records_and_is_none_is_kept(account: MakeAccount) -> None:
    row: Row = {"id": 5, "notes": ({"id": 1}, "Call first"), "payments": 3, "tasks": ({"id": 2},), "tags": ("VIP",)}
    reading = account()

    fields = only(job_records(row, reading), "job")

    assert {name: fields[name] for name in ("notes", "payments")} == {"notes": ("Call first",), "payments": 3}
    assert fields["tag_names"] == ("VIP",)
    assert not {"tasks", "tags"} & fields.keys()


def test_a_payer_that_a_payment_nests_is_its_customer(account: MakeAccount) -> None:
    payments: tuple[Row, ...] = ({"id": 1, "customer": {"id": 9, "name": "Anchor"}}, {"id": 2})

    found = by_entity(job_records({"id": 5, "customer_id": 8, "payments": payments}, account()))["payment"]

    assert [one.fields["customer_id"] for one in found] == [9, 8]


def test_what_the_lines_leave_open_is_a_line_of_its_own(account: MakeAccount) -> None:
    charge: Row = {"id": 1, "total": 90, "quantity": 1, "price_per_unit": 90}
    row: Row = {"id": 5, "customer_id": 8, "subtotal": 100, "tax": 5, "total": 105, "job_charges": (charge,)}
    reading = account()

    found = by_entity(job_records(row, reading))

    first, rest = found["charge"]
    assert rest.key.source_id == "difference-5"
    assert (rest.fields["description"], rest.fields["derived"]) == ("Difference to the total in Kickserv", True)
    assert (amounts(first), amounts(rest)) == ([1, 90, 0, 5, 90], [1, 10, 0, 0, 10])
    assert (found["job"][0].fields["lines_total"], found["job"][0].fields["difference"]) == (90, 10)
    assert reading.seen.marks["differences"] == {"5": Decimal("10.00")}


def test_without_a_difference_line_the_difference_is_only_told(account: MakeAccount) -> None:
    found = by_entity(job_records({"id": 5, "total": 105}, account(difference_line=False)))

    assert "charge" not in found
    assert found["job"][0].fields["difference"] == 105


def test_a_total_without_lines_is_one_line(account: MakeAccount) -> None:
    charge = only(job_records({"id": 5, "tax": 5, "total": 105}, account()), "charge")

    assert charge["description"] == "Total in Kickserv (no lines)"
    assert [charge[f"line_{name}"] for name in ("price", "tax", "total")] == [100, 5, 100]


def test_lines_that_are_marked_as_not_taxed_carry_no_tax(account: MakeAccount) -> None:
    def charge(ident: int, code: str) -> Row:
        item: Row = {"id": 100 + ident, "sales_tax_code_ref_full_name": code}
        return {"id": ident, "total": 50, "quantity": 1, "price_per_unit": 50, "item": item}

    row: Row = {"id": 5, "tax": 4, "total": 104, "job_charges": (charge(1, "Tax"), charge(2, "Non"))}

    charges = by_entity(job_records(row, account()))["charge"]

    assert [record.fields["line_tax"] for record in charges] == [4, 0]
    assert [record.fields["item_id"] for record in charges] == [101, 102]


@pytest.mark.parametrize("odd", ["twelve", {"amount": 3}, (1, 2), True, Decimal("1e30"), Decimal("NaN")])
def test_an_odd_amount_is_kept_reported_and_harmless(account: MakeAccount, odd: Value) -> None:
    reading = account()
    charge: Row = {"id": 1, "total": odd, "quantity": odd, "price_per_unit": 2, "sort_order": odd, "discount": odd}
    row: Row = {"id": 5, "tax": odd, "total": 10, "balance_remaining": odd, "duration": odd, "job_charges": (charge,)}

    found = by_entity(job_records(row, reading))

    assert sum(record.fields["line_total"] for record in found["charge"]) == 10  # type: ignore[misc] # decimals
    assert found["charge"][0].fields["total"] is odd
    assert "1" in reading.seen.marks["odd_charges"]


def test_a_payment_is_derived_where_none_are_told(account: MakeAccount) -> None:
    row: Row = {"id": 5, "customer_id": 8, "total": 100, "balance_remaining": 30, "invoice_paid_on": NOON}

    payment = only(job_records({**row, "invoice_date": NOON}, account()), "payment")

    assert (payment["id"], payment["derived"], payment["amount"]) == ("derived-5", True, 70)
    assert (payment["date"], payment["invoice_id"], payment["customer_id"]) == (date(2017, 8, 4), 5, 8)


def test_a_job_that_tells_of_no_payments_has_none(account: MakeAccount) -> None:
    row: Row = {"id": 5, "total": 100, "balance_remaining": 30, "payments": ()}
    reading = account()

    found = by_entity(job_records(row, reading))

    assert "payment" not in found
    assert reading.seen.marks["payments"] == {"5": Decimal(-70)}


def test_tags_may_be_a_text(account: MakeAccount) -> None:
    found = by_entity(job_records({"id": 5, "tags": "VIP, late payer"}, account()))

    assert found["job"][0].fields["tag_names"] == ("VIP", "late payer")
    assert len(found["tag"]) == len(found["tagging"]) == 2
    assert {record.fields["tag_id"] for record in found["tagging"]} == {record.fields["id"] for record in found["tag"]}


def test_types_that_are_texts_are_names(account: MakeAccount) -> None:
    fields = only(
        job_records({"id": 5, "job_type": "Duct Cleaning", "tax_entity": {"id": 7, "name": "County"}}, account()), "job"
    )

    assert (fields["job_type_name"], fields["tax_name"], fields["tax_id"]) == ("Duct Cleaning", "County", 7)


@pytest.mark.parametrize(
    ("allocations", "employees", "expected"),
    [
        ({"allocations": (HOUSE, KESTER, BASIL), "include_expenses": True}, (), (112262, 112701)),
        ({"allocations": (HOUSE,)}, ({"id": 112701}, {"id": 112262}, {"id": 112701}), (112701, 112262)),
        ({"allocations": (), "include_expenses": True}, None, ()),
        ({"include_expenses": True}, "Kester", ()),
        ({"allocations": {"allocation": BASIL}}, {"employee": KESTER}, (112701, 112262)),
        ((BASIL, KESTER), None, (112701, 112262)),
        (71301, 5, ()),
    ],
)
def test_the_employees_of_a_job_in_their_order_each_once(
    allocations: Value, employees: Value, expected: tuple[int, ...]
) -> None:
    assert employees_of(allocations, employees) == expected
