"""Lists of any length: in order, complete after any change, and as quick at their end as at their start."""

from datetime import UTC, datetime, timedelta

import pytest

from transload_sandbox.kickserv import Company
from transload_sandbox.kickserv.ordering import ByLastChange, ByNumber, Listing
from transload_sandbox.kickserv.wire import Row

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def listing(company: Company, *, newest_first: bool) -> Listing:
    order = ByLastChange(company.plan) if newest_first else ByNumber(company.jobs)
    return Listing(company.jobs, order, [company.is_job])


def numbers(rows: list[Row]) -> list[object]:
    return [row["job_number"] for row in rows]


def stamp(row: Row) -> tuple[float, int]:
    when, number = row["updated_at"], row["job_number"]
    assert isinstance(when, datetime)
    assert isinstance(number, int)
    return -when.timestamp(), -number


def change(company: Company) -> None:
    company.update_job(5, name="Now")
    company.update_job(7, stale=True, name="In silence")
    company.delete_job(9)
    company.update_job(11, status="new")
    company.add_job(1, "Added")
    company.update_job(30, stale=True, updated_at=NOW - timedelta(days=3000))


@pytest.mark.parametrize("size", [3, 21, 300])
def test_newest_first_is_the_order_of_the_stamps_before_and_after_changes(size: int) -> None:
    company = Company(size, now=lambda: NOW)
    order = listing(company, newest_first=True)
    before = list(order.rows())

    if size > 20:
        change(company)

    expected = sorted(filter(company.is_job, company.jobs.rows()), key=stamp)
    assert numbers(before) == numbers(sorted(before, key=stamp))
    assert numbers(list(order.rows())) == numbers(expected)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("size", [1, 7, 50])
def test_pages_are_the_list_cut_into_pieces(newest_first: bool, size: int) -> None:
    company = Company(65, now=lambda: NOW)
    change(company)
    whole = numbers(list(listing(company, newest_first=newest_first).rows()))
    order = listing(company, newest_first=newest_first)

    pages = [numbers(order.page(start, start + size)) for start in range(0, len(whole) + size, size)]

    assert [number for page in pages for number in page] == whole
    assert pages[-1] == []


def test_rising_numbers_hold_every_job_once() -> None:
    company = Company(65, now=lambda: NOW)
    change(company)

    rows = numbers(list(listing(company, newest_first=False).rows()))

    assert rows == [row["job_number"] for row in company.jobs.rows() if company.is_job(row)]


def test_a_page_deep_in_a_huge_company_computes_only_what_lies_there() -> None:
    company = Company(1_000_000)
    computed: list[int] = []
    rows = company.jobs.source.rows
    company.jobs.source.rows = lambda block: computed.append(block) or rows(block)  # type: ignore[method-assign,func-returns-value]  # a spy
    sizes = lambda block: company.plan.job_count(block, listed=True)  # noqa: E731  # as the lists have it
    order = Listing(company.jobs, ByLastChange(company.plan), [company.is_job], sizes)

    page = order.page(2_400_000, 2_400_050)

    assert len(page) == 50
    assert len(computed) <= 2


def test_a_listing_by_last_change_of_a_huge_company_starts_with_the_newest() -> None:
    company = Company(1_000_000)
    order = Listing(company.customers, ByLastChange(company.plan))

    page = order.page(0, 200)

    assert [stamp_of(row) for row in page] == sorted((stamp_of(row) for row in page), reverse=True)
    assert company.customers.get(1_000_000) in page


def stamp_of(row: Row) -> datetime:
    when = row["updated_at"]
    assert isinstance(when, datetime)
    return when
