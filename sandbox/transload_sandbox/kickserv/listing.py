"""Reads the filters of a query."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from transload_sandbox.kickserv._draw import ZONE, Draw
from transload_sandbox.kickserv._visits import assigned
from transload_sandbox.kickserv.company import Company
from transload_sandbox.kickserv.ordering import Test
from transload_sandbox.kickserv.wire import Row, names

Query = Mapping[str, str]

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


def opportunity_tests(query: Query) -> list[Test]:
    """Return the tests that an opportunity query asks for."""
    return [_equals(name, query[name]) for name in ("status", "job_type_id") if name in query]


def invoice_tests(query: Query) -> list[Test]:
    """Return the tests of an invoice query: a job with an invoice date, of the status asked for."""
    tests: list[Test] = [lambda row: row.get("invoice_date") is not None]
    return [*tests, *([_equals("invoice_status", query["invoice_status"])] if "invoice_status" in query else [])]


def task_tests(query: Query) -> list[Test]:
    """Return the tests of a task query: days in account time, the second one excluded, job and employee."""
    tests = [_equals("job_id", query["job_id"])] if "job_id" in query else []
    tests.extend(_on_day(query[name], before=name == "to") for name in ("from", "to") if name in query)
    if "employee_number" in query:
        number = query["employee_number"]
        tests.append(lambda row: any(str(person["employee_number"]) == number for person in _people(row)))
    return tests


def _people(row: Row) -> Sequence[Row]:
    people = row.get("employees")
    return people if isinstance(people, list) else []


def _on_day(text: str, *, before: bool) -> Test:
    """Test the start of a task against a day; a day that cannot be read excludes nothing."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return lambda _row: True

    def test(row: Row) -> bool:
        start = row.get("scheduled_at")
        return isinstance(start, datetime) and (start.astimezone(ZONE).date() < day) is before

    return test


def shuffled_page(rows: Sequence[Row], page: int) -> list[Row]:
    """Mix the rows of a page, the same way each time it is asked for."""
    return Draw("page", page).shuffled(rows)


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
