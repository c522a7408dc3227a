"""The generated company: repeatable, coherent, and full of what migrations trip over."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from transload_sandbox.kickserv import Company
from transload_sandbox.kickserv.wire import Row


def number(row: Row, name: str) -> int:
    value = row[name]
    assert isinstance(value, int)
    return value


def when(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value


@pytest.fixture(scope="module")
def company() -> Company:
    return Company(customers=200, seed=7)


def test_the_same_seed_gives_the_same_company_in_any_order_of_asking() -> None:
    forward, backward = Company(60, seed=3), Company(60, seed=3)

    first = [dict(row) for row in forward.notes.rows()]
    _ = [backward.jobs.get(key) for key in reversed(backward.jobs.keys())]

    assert [dict(row) for row in backward.notes.rows()] == first
    assert list(Company(60, seed=4).customers.rows()) != list(forward.customers.rows())


def test_two_hundred_customers_bring_the_usual_share_of_the_rest(company: Company) -> None:
    assert company.counts() == {
        "customer": 200, "contact": 120, "job": 500, "opportunity": 70, "note": 400, "employee": 12,
    }  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 7, 20, 21, 39])
def test_a_company_of_any_size_hangs_together(size: int) -> None:
    company = Company(size)

    for row in company.customers.rows():
        assert row.get("parent_id") is None or company.customer_by_id(row["parent_id"])
    for row in company.jobs.rows():
        assert company.customer_by_id(row["customer_id"])
    for row in company.notes.rows():
        find = company.job_by_id if row["noteable_type"] == "Job" else company.customer_by_id
        assert find(row["noteable_id"])


def test_what_a_customer_owns_is_found_from_both_ends(company: Company) -> None:
    owners = [company.customer_by_id(job["customer_id"]) for job in company.jobs.rows()]

    found = [job for customer in company.customers.rows() for job in company.jobs_of(customer)]
    nested = [child for customer in company.customers.rows() for child in company.children_of(customer)]
    contacts = [contact for customer in company.customers.rows() for contact in company.contacts_of(customer)]

    assert None not in owners
    assert len(found) == len(owners)
    assert len(nested) == sum(row.get("parent_id") is not None for row in company.customers.rows())
    assert len(contacts) == 110


def test_contacts_without_a_customer_name_none_or_one_that_is_gone(company: Company) -> None:
    orphans = [row for row in company.contacts.rows() if company.customer_by_id(row["customer_id"]) is None]

    assert {row["customer_id"] is None for row in orphans} == {True, False}


def test_a_job_comes_after_its_customer_and_its_dates_are_in_order(company: Company) -> None:
    for job in company.jobs.rows():
        customer = company.customer_by_id(job["customer_id"])
        assert customer
        assert when(customer["created_at"]) < when(job["created_at"]) <= when(job["updated_at"])
        if job["status"] == "complete":
            assert when(job["created_at"]) < when(job["completed_on"]) <= when(job["updated_at"])
        if job.get("ends_at"):
            assert when(job["ends_at"]) - when(job["scheduled_on"]) == timedelta(minutes=float(str(job["duration"])))


def test_prices_add_up(company: Company) -> None:
    for job in company.jobs.rows():
        lines = [line["total"] for line in company.charges_of(job)]
        assert sum((line for line in lines if isinstance(line, Decimal)), Decimal(0)) == job["subtotal"]
        assert Decimal(str(job["subtotal"])) + Decimal(str(job["tax"])) == job["total"]


def test_numbers_rise_with_time(company: Company) -> None:
    for table in (company.customers, company.jobs):
        made = [when(row["created_at"]) for row in table.rows()]
        assert made == sorted(made)


def test_some_texts_are_longer_than_dynamics_holds(company: Company) -> None:
    customers, jobs = list(company.customers.rows()), list(company.jobs.rows())

    assert any(len(str(row["name"])) > 160 for row in customers)
    assert any(len(str(row["phone_number"])) > 50 for row in customers)
    assert any(len(str(row["service_zip_code"])) > 20 for row in customers)
    assert any(len(str(row["name"])) > 200 for row in jobs)
    assert any(len(str(row["description"])) > 2000 for row in jobs)
    assert any(len(str(row["note"])) > 2000 for row in company.notes.rows())


def test_authors_exist_are_archived_or_are_long_gone(company: Company) -> None:
    authors = {row["created_by"] for row in company.notes.rows()}
    known = {row["id"]: row["active"] for row in company.employees.rows()}

    assert {known.get(author) for author in authors} == {True, False, None}


def test_quickbooks_left_its_marks(company: Company) -> None:
    rows = list(company.customers.rows())

    assert any(row.get("sublevel") == 1 and str(row["name"])[:6].isdigit() for row in rows)
    assert any(row["phone_number"] == "" and row["phone"] for row in rows)
    assert any(row["email_address"] == "" and row["email"] for row in rows)


def test_names_and_addresses_reach_nobody(company: Company) -> None:
    for row in company.customers.rows():
        assert str(row.get("email") or "@example.com").endswith(("@example.com", "@example.org"))
        assert "555" in str(row["phone_number"] or "555")


def test_a_record_of_a_huge_company_is_computed_alone() -> None:
    company = Company(customers=1_000_000)

    assert company.customers.get(1_000_000)
    assert company.customers.get(1_000_001) is None
    assert company.jobs_of(company.customers.get(400_000) or {})


def test_a_change_is_stamped_unless_it_is_meant_to_be_stale() -> None:
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    company = Company(20, now=lambda: now)
    before = company.jobs.get(1) or {}

    customer = company.update_customer(3, name="Odette Lomax")
    job = company.update_job(1, stale=True, name="Changed in silence")

    assert (customer["name"], customer["updated_at"]) == ("Odette Lomax", now)
    assert (job["name"], job["updated_at"]) == ("Changed in silence", before["updated_at"])


def test_a_deleted_customer_takes_its_own_along() -> None:
    company = Company(40)
    customer = company.customers.get(1) or {}
    jobs = [number(job, "job_number") for job in company.jobs_of(customer)]

    company.delete_customer(1)

    assert company.customers.get(1) is None
    assert all(company.jobs.get(job) is None for job in jobs)
    assert company.counts()["customer"] == 39


def test_an_added_customer_gets_the_next_number_and_can_own_things() -> None:
    company = Company(40)

    customer = company.add_customer("Newcomer & Sons", company=True)
    job = company.add_job(number(customer, "customer_number"), "First visit")
    company.add_note("Hello", job=number(job, "job_number"))
    company.add_contact(number(customer, "customer_number"), first_name="Ada")

    assert customer["customer_number"] == 41
    assert [row["name"] for row in company.jobs_of(customer)] == ["First visit"]
    assert [row["note"] for row in company.notes_of(job)] == ["Hello"]
    assert [row["first_name"] for row in company.contacts_of(customer)] == ["Ada"]


def test_a_deleted_number_is_not_given_again() -> None:
    company = Company(20)
    company.delete_customer(number(company.add_customer("Brief"), "customer_number"))

    assert company.add_customer("Next")["customer_number"] == 22


def test_an_opportunity_that_is_won_becomes_a_job() -> None:
    company = Company(40)
    before = company.counts()
    opportunity = next(row for row in company.jobs.rows() if row["status"] == "new")

    company.update_job(number(opportunity, "job_number"), status="unscheduled")

    assert company.counts()["job"] == before["job"] + 1


def test_what_hangs_on_jobs_adds_up(company: Company) -> None:
    jobs = list(company.jobs.rows())

    tasks = {row["id"]: len(company.tasks_of(row)) for row in jobs}
    entries = [entry for job in jobs for entry in company.time_entries_of(job)]
    payments = list(company.payments.rows())

    assert tasks == {row["id"]: row["tasks_count"] for row in jobs}
    assert any(entry["ended_on"] is None for entry in entries)
    assert any(entry["note"] == "After the break" for entry in entries)
    assert sum(Decimal(str(row["amount"])) for row in payments) == sum(
        Decimal(str(job["total"])) - Decimal(str(job["balance_remaining"])) for job in jobs
    )


def test_a_payment_can_cover_several_jobs_and_a_job_can_have_several_payments(company: Company) -> None:
    notes = [str(row["notes"]) for row in company.payments.rows()]
    each = [len(company.payments_of(job)) for job in company.jobs.rows()]

    assert any(" and #" in note for note in notes)
    assert max(each) == 2


def test_invoices_are_paid_unpaid_and_partly_paid(company: Company) -> None:
    invoiced = [job for job in company.jobs.rows() if job.get("invoice_date")]

    kinds = {
        (job["invoice_status"], job["balance_remaining"] == 0, job["balance_remaining"] == job["total"])
        for job in invoiced
    }

    assert {("paid", True, False), ("unpaid", False, True), ("unpaid", False, False), ("unpaid", True, False)} <= kinds


def test_items_name_their_categories_by_list_id_and_by_path(company: Company) -> None:
    items = {row["list_id"]: row for row in company.items.rows()}

    below = [row for row in items.values() if row.get("parent_list_id") is not None]

    assert len(items) > 30
    assert {row["sublevel"] for row in items.values()} == {0, 1, 2}
    for row in below:
        parent = items[row["parent_list_id"]]
        assert row["full_name"] == f"{parent['full_name']}:{row['name']}"


def test_custom_fields_are_of_every_kind_on_jobs_and_customers(company: Company) -> None:
    kinds = {(row["applies_to"], row["field_type"]) for row in company.custom_fields.rows()}

    for owner in ("Job", "Customer"):
        assert {kind for applies, kind in kinds if applies == owner} == {"text", "select", "number", "date", "checkbox"}


def test_notes_are_rich_text_and_every_script(company: Company) -> None:
    texts = " ".join(str(row["note"]) for row in company.notes.rows())

    assert "<p>" in texts
    assert "\u05e9" in texts
    assert "\r\n" in texts


def test_ids_are_unique_within_each_kind(company: Company) -> None:
    for kind, table in company.tables.items():
        keys = table.keys()
        assert keys == sorted(set(keys)), kind


def test_tags_are_made_on_first_use_and_replace_each_other() -> None:
    company = Company(20)

    company.tag(["VIP", "brand new"], customer=3)
    company.tag(["brand new"], job=1)

    customer, job = company.customers.get(3) or {}, company.jobs.get(1) or {}
    assert [tag["name"] for tag in company.tags_of(customer)] == ["VIP", "brand new"]
    assert company.tags_of(job) == company.tags_of(customer)[1:]


def test_a_payment_is_taken_off_what_is_owed() -> None:
    company = Company(20)
    job = company.add_job(1, "Small repair")
    company.add_charge(number(job, "job_number"), "Seal", price_per_unit=Decimal(40))

    company.add_payment(number(job, "job_number"), Decimal(40), datetime(2026, 1, 5, tzinfo=UTC).date())

    after = company.jobs.get(number(job, "job_number")) or {}
    assert (after["total"], after["balance_remaining"], after["invoice_status"]) == (Decimal(40), Decimal(0), "paid")


def test_a_state_is_restored_and_compared() -> None:
    company = Company(20)
    company.update_customer(3, name="Early")
    state, digest = company.snapshot(), company.digest()

    company.update_customer(3, name="Late")
    note = company.add_note("Hello", customer=3)
    company.delete_job(1)
    changes = company.compare(state)
    company.restore(state)

    assert company.digest() == digest
    assert company.notes_of(company.customers.get(3) or {}).count(note) == 0
    names = {(change.kind, change.key): change.fields for change in changes}
    assert "name" in names["customers", "3"]
    assert ("jobs", "1") in names
    assert next(change for change in changes if change.kind == "notes" and change.before is None).after == note


def test_a_change_that_is_taken_back_leaves_the_digest_as_it_was() -> None:
    company = Company(20)
    before, name = company.digest(), (company.customers.get(3) or {})["name"]

    company.update_customer(3, stale=True, name="Other")
    changed = company.digest()
    company.update_customer(3, stale=True, name=name)

    assert changed["customers"] != before["customers"]
    assert company.digest() == before
