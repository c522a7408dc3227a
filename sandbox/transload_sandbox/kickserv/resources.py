"""Answers reads: which records a path and its query mean, written as XML."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from transload_sandbox.kickserv import _children, assembly, layouts, listing
from transload_sandbox.kickserv._table import Table
from transload_sandbox.kickserv.service import INFERRED_INCLUDES, KickservService, Viewer
from transload_sandbox.kickserv.wire import DECLARATION, Layout, Row, render, render_list


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, its path taken apart."""

    viewer: Viewer
    resource: str
    key: str
    child: str
    query: dict[str, str]
    today: date


@dataclass(frozen=True, slots=True)
class Found:
    """What to answer: a document, or errors with their status."""

    text: str = ""
    status: int = 200
    errors: tuple[str, ...] = ()


def gone(kind: str) -> Found:
    """Return the answer to an unknown number, ``Invalid customer.`` for one."""
    return Found(status=400, errors=(f"Invalid {kind}.",))


class Resources:
    """Finds what a read asks for."""

    def __init__(self, service: KickservService) -> None:
        self._service = service
        self._company = service.company

    def find(self, asked: Asked) -> Found | None:
        """Return the answer to a read; None when there is no such path."""
        if asked.child:
            return self._below(asked)
        if asked.key:
            return self._one(asked)
        return self._list(asked)

    def customer_document(self, row: Row, query: dict[str, str]) -> str:
        """Write one customer; its root is plural, as recorded."""
        return self._document(layouts.CUSTOMER, row, query, "customers")

    def job_document(self, row: Row, query: dict[str, str]) -> str:
        """Write one job or opportunity."""
        return self._document(layouts.JOB, row, query, "job")

    def _list(self, asked: Asked) -> Found | None:
        if asked.resource == "customers":
            return Found(self._records("customers", layouts.CUSTOMER, self._customers(asked), asked))
        if asked.resource == "jobs":
            return Found(self._records("jobs", layouts.JOB, self._jobs(asked), asked))
        return self._lesser_list(asked)

    def _lesser_list(self, asked: Asked) -> Found | None:
        name, company = asked.resource, self._company
        whole: dict[str, tuple[Table, Layout]] = {
            "employees": (company.employees, layouts.EMPLOYEE),
            "job_types": (company.job_types, layouts.JOB_TYPE),
            "job_statuses": (company.job_statuses, layouts.JOB_STATUS),
            "tags": (company.tags, layouts.TAG),
            "custom_fields": (company.custom_fields, layouts.CUSTOM_FIELD),
        }
        if not self._service.serves(name):
            return None
        if name in whole:
            table, layout = whole[name]
            return Found(render_list(name.replace("_", "-"), layout, list(table.rows())))
        if name in ("opportunities", "invoices"):
            layout = layouts.OPPORTUNITY if name == "opportunities" else layouts.INVOICE
            return Found(self._records(name, layout, self._job_like(asked), asked))
        paged: dict[str, tuple[Callable[[], list[Row]], Layout]] = {
            "contacts": (lambda: self._contacts(asked), layouts.CONTACT),
            "items": (lambda: self._items(asked), layouts.ITEM),
            "tasks": (lambda: self._tasks(asked), layouts.TASK),
        }
        if name not in paged:
            return None
        rows, layout = paged[name]
        return Found(render_list(name, layout, self._page(name, rows(), asked)))

    def _one(self, asked: Asked) -> Found | None:
        number = int(asked.key) if asked.key.isdecimal() else 0
        if asked.resource == "customers":
            customer = asked.viewer.find_customer(number)
            return Found(self.customer_document(customer, asked.query)) if customer else gone("customer")
        if asked.resource == "jobs":
            job = asked.viewer.find_job(number)
            return Found(self.job_document(job, asked.query)) if job else gone("job")
        if asked.resource != "tasks":
            return None
        task = next((row for row in self._tasks(asked) if row["id"] == number), None)
        if task is None:
            return gone("task")
        shown = assembly.shown_task(self._company, task)
        return Found(DECLARATION + render(layouts.TASK_ALONE, shown))

    def _below(self, asked: Asked) -> Found | None:
        number = int(asked.key) if asked.key.isdecimal() else 0
        if not self._service.serves(asked.child):
            return None
        if asked.resource == "customers":
            owner = asked.viewer.find_customer(number)
            return self._below_customer(asked, owner) if owner else gone("customer")
        if asked.resource == "jobs":
            job = asked.viewer.find_job(number)
            return self._below_job(asked.child, job) if job else gone("job")
        return None

    def _below_customer(self, asked: Asked, customer: Row) -> Found | None:
        if asked.child == "notes":
            return Found(render_list("notes", layouts.NOTE, self._company.notes_of(customer)))
        if asked.child != "jobs":
            return None
        jobs = self._company.jobs_of(customer)
        rows = [job for job in jobs if self._company.is_job(job) and asked.viewer.sees_job(job)]
        return Found(self._records("customer_jobs", layouts.JOB, rows, asked))

    def _below_job(self, child: str, job: Row) -> Found | None:
        children: dict[str, tuple[Callable[[], Sequence[Row]], Layout]] = {
            "notes": (lambda: self._company.notes_of(job), layouts.NOTE),
            "time_entries": (lambda: _children.generate_time_entries(job), layouts.TIME_ENTRY),
            "job_charges": (lambda: self._company.charges_of(job), layouts.JOB_CHARGE),
            "payments": (lambda: _children.generate_payments(job), layouts.PAYMENT),
            "tasks": (lambda: assembly.tasks_of(self._company, job), layouts.TASK),
        }
        if child not in children:
            return None
        rows, layout = children[child]
        return Found(render_list(child.replace("_", "-"), layout, rows()))

    def _customers(self, asked: Asked) -> Sequence[Row]:
        table, tests = self._company.customers, listing.customer_tests(asked.query)
        if asked.viewer.employee is not None:
            tests.append(asked.viewer.sees_customer)
        newest = "customers" in self._service.switches.newest_first
        return listing.Chosen(table, listing.by_last_change(table) if newest else table.keys(), tests)

    def _jobs(self, asked: Asked) -> Sequence[Row]:
        table, tests = self._company.jobs, listing.job_tests(self._company, asked.query, asked.today)
        if asked.viewer.employee is not None:
            tests.append(asked.viewer.sees_job)
        newest = "jobs" in self._service.switches.newest_first
        chosen = listing.Chosen(table, listing.listed_jobs(table, newest_first=newest), tests)
        if "scheduled" in asked.query:
            return sorted(chosen, key=lambda row: str(row["scheduled_on"]))
        return chosen

    def _job_like(self, asked: Asked) -> list[Row]:
        rows = filter(asked.viewer.sees_job, self._company.jobs.rows())
        if asked.resource == "opportunities":
            wanted = asked.query.get("status")
            return [row for row in rows if not self._company.is_job(row) and wanted in (None, row["status"])]
        wanted = asked.query.get("invoice_status")
        return [row for row in rows if row.get("invoice_date") and wanted in (None, row["invoice_status"])]

    def _contacts(self, asked: Asked) -> list[Row]:
        rows = self._company.contacts.rows()
        if asked.viewer.employee is None:
            return list(rows)
        owners = ((row, self._company.customer_by_id(row["customer_id"])) for row in rows)
        return [row for row, owner in owners if owner and asked.viewer.sees_customer(owner)]

    def _items(self, asked: Asked) -> list[Row]:
        return listing.rows_passing(self._company.items.rows(), listing.item_tests(asked.query))

    def _tasks(self, asked: Asked) -> list[Row]:
        jobs = filter(asked.viewer.sees_job, self._company.jobs.rows())
        rows = [task for job in jobs for task in assembly.tasks_of(self._company, job)]
        first, after = asked.query.get("from", ""), asked.query.get("to", "9999")
        wanted = asked.query.get("job_id")
        return [
            row for row in rows if first <= str(row["scheduled_at"]) < after and wanted in (None, str(row["job_id"]))
        ]

    def _page(self, name: str, rows: Sequence[Row], asked: Asked) -> Sequence[Row]:
        text = asked.query.get("page", "1")
        page = max(int(text), 1) if text.isdecimal() else 1
        part = listing.page_of(rows, page, self._service.page_size_of(name))
        mixed = name == "customers" and self._service.switches.shuffle_customers
        plain = not set(listing.CUSTOMER_FILTERS) & asked.query.keys()
        return listing.shuffled_page(part, page) if mixed and plain else part

    def _records(self, name: str, layout: Layout, rows: Sequence[Row], asked: Asked) -> str:
        full, includes, keep = self._projection(layout, asked.query)
        shown = [self._shown(layout, row, includes, keep) for row in self._page(name, rows, asked)]
        return render_list("jobs" if name == "customer_jobs" else name, full, shown, keep)

    def _document(self, layout: Layout, row: Row, query: dict[str, str], root: str) -> str:
        full, includes, keep = self._projection(layout, query)
        return DECLARATION + render(full, self._shown(layout, row, includes, keep), root, keep=keep)

    def _shown(self, layout: Layout, row: Row, includes: tuple[str, ...], keep: set[str] | None) -> Row:
        if layout is layouts.CUSTOMER:
            return assembly.shown_customer(self._company, row, includes, keep)
        return assembly.shown_job(self._company, row, includes)

    def _projection(self, layout: Layout, query: dict[str, str]) -> tuple[Layout, tuple[str, ...], set[str] | None]:
        """Return the layout to write, the included parts and the only fields to keep; None keeps all.

        ``include`` is split at commas and blanks, both are in use. ``only`` leaves out the computed parts.
        """
        known = layouts.INCLUDES["customer" if layout is layouts.CUSTOMER else "job"]
        asked = set(query.get("include", "").replace(",", " ").split())
        off = INFERRED_INCLUDES & self._service.switches.off
        includes = tuple(name for name in known if name in asked - off)
        keep = set(query["only"].replace(",", " ").split()) if "only" in query else None
        if keep is not None:
            keep = keep - {"children", "job_allocations"} | set(includes)
        return layouts.including(layout, includes, self._service.switches.era), includes, keep
