"""The lists of an account: which records a query means, in the order the account shows them."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Protocol

from transload_sandbox.kickserv import listing
from transload_sandbox.kickserv._table import Table
from transload_sandbox.kickserv.ordering import ByLastChange, ByNumber, Listing, Test
from transload_sandbox.kickserv.service import KickservService, Viewer
from transload_sandbox.kickserv.wire import Row

_KEPT = 64
_NO_FILTERS = frozenset({"page", "per_page", "only", "include"})


class Pages(Protocol):
    """Something that can be read page by page."""

    def page(self, start: int, stop: int) -> list[Row]:
        """Return the records from one place up to another, counted from 0."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Records sorted once, kept by their keys."""

    table: Table
    keys: Sequence[int]

    def page(self, start: int, stop: int) -> list[Row]:
        """Return the records from one place up to another, counted from 0."""
        rows = map(self.table.get, self.keys[start:stop])
        return [row for row in rows if row is not None]


class Lists:
    """Makes the lists of one service, and keeps the newest ones: their counts are worth keeping."""

    def __init__(self, service: KickservService) -> None:
        self._service = service
        self._company = service.company
        self._known: OrderedDict[object, Pages] = OrderedDict()

    def of(self, resource: str, query: dict[str, str], viewer: Viewer, today: date) -> Pages:
        """Return the list that a query means.

        Args:
            resource: One of `PAGED`.
            query: Filters; what is none is ignored.
            viewer: Who asks.
            today: The day in account time.
        """
        filters = tuple(sorted((name, text) for name, text in query.items() if name not in _NO_FILTERS))
        versions: tuple[object, ...] = ()
        if viewer.employee is not None or "employee_number" in query:
            versions = (self._company.jobs.version, self._company.employees.version)
        if "scheduled" in query:
            versions = (today, self._company.jobs.version, *versions)
        if resource == "tasks" and "job_id" in query:
            versions = (self._company.tasks.version, *versions)
        newest_first = resource in self._service.switches.newest_first
        key = (resource, filters, viewer.employee, newest_first, versions)
        pages = self._known.pop(key, None) or self._make(resource, query, viewer, today, newest_first)
        self._known[key] = pages
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return pages

    def _make(self, resource: str, query: dict[str, str], viewer: Viewer, today: date, newest_first: bool) -> Pages:
        company, plan = self._company, self._company.plan
        table, tests, sizes = company.tables[_TABLES[resource]], self._tests(resource, query, today), None
        if not tests:
            sizes = _sizes(self._service, resource)
        if resource in ("jobs", "opportunities"):
            listed = resource == "jobs"
            tests.append(lambda row: company.is_job(row) is listed)
        if viewer.employee is not None:
            sees = {"customers": viewer.sees_customer, "jobs": viewer.sees_job}
            sizes = None
            tests.append(sees.get(_TABLES[resource], _everything if resource == "items" else viewer.sees))
        order = ByLastChange(plan) if newest_first and _TABLES[resource] in ("customers", "jobs") else ByNumber(table)
        if resource == "tasks" and "job_id" in query:
            return self._tasks_of_job(query["job_id"], tests)
        found = Listing(table, order, tests, sizes)
        if "scheduled" in query and resource == "jobs":
            pairs = ((str(row["scheduled_on"]), int(str(row["job_number"]))) for row in found.rows())
            return Sorted(table, [number for _, number in sorted(pairs)])
        return found

    def _tasks_of_job(self, job_id: str, tests: Sequence[Test]) -> Sorted:
        job = self._company.job_by_id(int(job_id)) if job_id.isdecimal() else None
        rows = self._company.tasks_of(job) if job else []
        passing = [row for row in rows if all(test(row) for test in tests)]
        return Sorted(self._company.tasks, [int(str(row["id"])) for row in passing])

    def _tests(self, resource: str, query: dict[str, str], today: date) -> list[Test]:
        makers: dict[str, Callable[[], list[Test]]] = {
            "customers": lambda: listing.customer_tests(query),
            "jobs": lambda: listing.job_tests(self._company, query, today),
            "opportunities": lambda: listing.opportunity_tests(query),
            "invoices": lambda: listing.invoice_tests(query),
            "items": lambda: listing.item_tests(query),
            "tasks": lambda: listing.task_tests(query),
        }
        return makers[resource]() if resource in makers else []


def _everything(_row: Row) -> bool:
    return True


def _sizes(service: KickservService, resource: str) -> Callable[[int], int] | None:
    """Return what says how many records of a list a block holds, where the plan knows it."""
    plan = service.company.plan
    known: dict[str, Callable[[int], int]] = {
        "customers": plan.size,
        "jobs": partial(plan.job_count, listed=True),
        "opportunities": partial(plan.job_count, listed=False),
        "contacts": lambda block: len(plan.contact_ids(block)),
    }
    return known.get(resource)


_TABLES = {
    "customers": "customers",
    "jobs": "jobs",
    "opportunities": "jobs",
    "invoices": "jobs",
    "contacts": "contacts",
    "items": "items",
    "tasks": "tasks",
}
PAGED = frozenset(_TABLES)
"""Lists that come in pages."""
