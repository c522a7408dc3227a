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
