"""The words of the ``scheduled`` filter, seen from a Wednesday."""

from datetime import date, datetime, timedelta

import pytest

from transload_sandbox.kickserv import Company, listing
from transload_sandbox.kickserv._draw import ZONE

TODAY = date(2025, 1, 1)


@pytest.mark.parametrize(
    ("word", "first", "last"),
    [
        ("yesterday", "2024-12-31", "2024-12-31"),
        ("today", "2025-01-01", "2025-01-01"),
        ("tomorrow", "2025-01-02", "2025-01-02"),
        ("last_week", "2024-12-22", "2024-12-28"),
        ("this_week", "2024-12-29", "2025-01-04"),
        ("next_week", "2025-01-05", "2025-01-11"),
        ("last_month", "2024-12-01", "2024-12-31"),
        ("this_month", "2025-01-01", "2025-01-31"),
        ("next_month", "2025-02-01", "2025-02-28"),
        ("last_year", "2024-01-01", "2024-12-31"),
        ("this_year", "2025-01-01", "2025-12-31"),
    ],
)
def test_a_window_holds_its_first_and_last_day_and_no_other(word: str, first: str, last: str) -> None:
    (test,) = listing.job_tests(Company(1), {"scheduled": word}, TODAY)

    def holds(day: date) -> bool:
        return test({"scheduled_on": datetime(day.year, day.month, day.day, 23, 30, tzinfo=ZONE)})

    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    assert holds(begin)
    assert holds(end)
    assert not holds(begin - timedelta(days=1))
    assert not holds(end + timedelta(days=1))
