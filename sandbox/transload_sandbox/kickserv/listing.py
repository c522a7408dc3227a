"""Chooses the records of a list: filter, order, page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import overload

from transload_sandbox.kickserv._children import assigned
from transload_sandbox.kickserv._draw import ZONE, Draw
from transload_sandbox.kickserv._table import Table
from transload_sandbox.kickserv.company import Company
from transload_sandbox.kickserv.wire import Row, names

Query = Mapping[str, str]
Test = Callable[[Row], bool]

CUSTOMER_FILTERS = names(
    "customer_number name phone_number fax email_address service_address service_city service_zip_code "
    "service_state service_country billing_address billing_city billing_zip_code billing_state "
    "billing_country"
)


def customer_tests(query: Query) -> list[Test]:
    """Return the tests that a customer query asks for: exact matches."""
    return [_equals(name, query[name]) for name in CUSTOMER_FILTERS if name in query]


def job_tests(company: Company, query: Query, today: date) -> list[Test]:
    """Return the tests that a job query asks for."""
    tests = [_equals(name, query[name]) for name in ("status", "job_type_id", "job_status_id") if name in query]
    if "scheduled" in query:
        tests.append(_scheduled(query["scheduled"], today))
    if "state" in query:
        tests.append(_in_state(query["state"].split()))
    if "employee_number" in query:
        number = query["employee_number"]
        people = {row["id"] for row in company.employees.rows() if str(row["employee_number"]) == number}
        tests.append(lambda row: not people.isdisjoint(assigned(row)))
    return tests


def item_tests(query: Query) -> list[Test]:
    """Return the tests that an item query asks for; without ``which`` only active items are listed."""
    which = query.get("which", "active")
    tests: list[Test] = [] if which == "all" else [lambda row: row["active"] is (which != "inactive")]
    return [*tests, *([_equals("name", query["name"])] if "name" in query else [])]


def rows_passing(rows: Iterable[Row], tests: Sequence[Test]) -> list[Row]:
    """Return the rows that pass every test."""
    return [row for row in rows if _passes(row, tests)]


def _passes(row: Row, tests: Sequence[Test]) -> bool:
    return all(test(row) for test in tests)


class Chosen(Sequence[Row]):
    """The rows of a list in order; without tests a page costs no more than its own rows."""

    def __init__(self, table: Table, keys: Sequence[int], tests: Sequence[Test]) -> None:
        self._table = table
        self._keys = [key for key in keys if (row := table.get(key)) and _passes(row, tests)] if tests else keys

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self._row(key) for key in self._keys[place]]
        return self._row(self._keys[place])

    def _row(self, key: int) -> Row:
        row = self._table.get(key)
        if row is None:
            raise KeyError(key)
        return row


def page_of(rows: Sequence[Row], page: int, size: int) -> Sequence[Row]:
    """Return one page, counted from 1; empty past the end."""
    return rows[(page - 1) * size : page * size]


def shuffled_page(rows: Sequence[Row], page: int) -> list[Row]:
    """Mix the rows of a page, the same way each time it is asked for."""
    return Draw("page", page).shuffled(rows)


def by_last_change(table: Table) -> Sequence[int]:
    """Return the keys of a table by ``updated-at``, newest first; equal stamps by falling key."""
    return _by_last_change(table, table.version)


def listed_jobs(table: Table, *, newest_first: bool) -> Sequence[int]:
    """Return the numbers that ``jobs.xml`` lists: those of jobs, not of opportunities."""
    return _listed_jobs(table, table.version, newest_first)


@lru_cache(8)
def _by_last_change(table: Table, _version: int) -> Sequence[int]:
    keys = table.keys()
    stamped = ((row["updated_at"], key) for key in keys if (row := table.get(key)))
    pairs = [(stamp.timestamp(), key) for stamp, key in stamped if isinstance(stamp, datetime)]
    return [key for _, key in sorted(pairs, reverse=True)]


@lru_cache(8)
def _listed_jobs(table: Table, version: int, newest_first: bool) -> Sequence[int]:
    keys = _by_last_change(table, version) if newest_first else table.keys()
    return [key for key in keys if (row := table.get(key)) and Company.is_job(row)]


def _equals(name: str, wanted: str) -> Test:
    return lambda row: row.get(name) is not None and str(row[name]) == wanted


def _in_state(states: Sequence[str]) -> Test:
    """Match the older ``state`` filter: a work status, ``completed`` or ``uncompleted``, any of several."""

    def test(row: Row) -> bool:
        done = row["status"] == "complete"
        return row["status"] in states or ("completed" if done else "uncompleted") in states

    return test


def _scheduled(word: str, today: date) -> Test:
    first, last = _window(word, today)

    def test(row: Row) -> bool:
        start = row.get("scheduled_on")
        return isinstance(start, datetime) and first <= start.astimezone(ZONE).date() <= last

    return test


def _window(word: str, today: date) -> tuple[date, date]:
    """Return first and last day of a window such as ``last_week``; weeks begin on Sunday."""
    days = {"yesterday": -1, "today": 0, "tomorrow": 1}
    if word in days:
        day = today + timedelta(days=days[word])
        return day, day
    shift, _, unit = word.partition("_")
    steps = {"last": -1, "this": 0, "next": 1}
    if shift not in steps or unit not in ("week", "month", "year"):
        return date.max, date.min
    return _span(unit, steps[shift], today)


def _span(unit: str, step: int, today: date) -> tuple[date, date]:
    if unit == "week":
        sunday = today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=step)
        return sunday, sunday + timedelta(days=6)
    if unit == "year":
        return date(today.year + step, 1, 1), date(today.year + step, 12, 31)
    month = today.year * 12 + today.month - 1 + step
    first = date(month // 12, month % 12 + 1, 1)
    after = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return first, after - timedelta(days=1)
