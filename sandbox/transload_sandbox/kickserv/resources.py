"""Answers reads: which records a path and its query mean, written as XML."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from transload_sandbox.kickserv import assembly, layouts, listing
from transload_sandbox.kickserv._draw import local
from transload_sandbox.kickserv.downloads import Downloads
from transload_sandbox.kickserv.lists import PAGED, Lists
from transload_sandbox.kickserv.service import KickservService, Viewer
from transload_sandbox.kickserv.wire import DECLARATION, Layout, Row, render, render_list


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, its path taken apart."""

    viewer: Viewer
    resource: str
    key: str
    child: str
    query: dict[str, str]
    now: datetime
    origin: str = ""
    """Scheme and host as the client wrote them."""

    @property
    def today(self) -> date:
        """The day in account time."""
        return local(self.now).date()

    @property
    def number(self) -> int:
        """The key as a number, 0 when it is none."""
        return int(self.key) if self.key.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Found:
    """What to answer: a document, or errors with their status."""

    text: str = ""
    status: int = 200
    errors: tuple[str, ...] = ()


def gone(kind: str) -> Found:
    """Return the answer to an unknown number, ``Invalid customer.`` for one."""
    return Found(status=400, errors=(f"Invalid {kind}.",))


_LAYOUTS = {
    "customers": layouts.CUSTOMER,
    "jobs": layouts.JOB,
    "opportunities": layouts.OPPORTUNITY,
    "invoices": layouts.INVOICE,
    "contacts": layouts.CONTACT,
    "items": layouts.ITEM,
    "tasks": layouts.TASK,
    "employees": layouts.EMPLOYEE,
    "job_types": layouts.JOB_TYPE,
    "job_statuses": layouts.JOB_STATUS,
    "tags": layouts.TAG,
    "custom_fields": layouts.CUSTOM_FIELD,
}
_LIKE_JOBS = frozenset({"jobs", "opportunities", "invoices"})


class Resources:
    """Finds what a read asks for."""

    def __init__(self, service: KickservService, downloads: Downloads) -> None:
        self._service, self._downloads = service, downloads
        self._company = service.company
        self._lists = Lists(service)

    def find(self, asked: Asked) -> Found | None:
        """Return the answer to a read; None when this account has no such path."""
        if asked.child:
            return self._below(asked) if self._service.serves(asked.resource, asked.child) else None
        if asked.key:
            return self._one(asked)
        return self._list(asked) if self._service.serves(asked.resource) else None

    def customer_document(self, row: Row, asked: Asked) -> str:
        """Write one customer; its root is plural, as recorded."""
        return self._document(layouts.CUSTOMER, row, asked, "customers")

    def job_document(self, row: Row, asked: Asked) -> str:
        """Write one job or opportunity."""
        return self._document(layouts.JOB, row, asked, "job")

    def task_document(self, task: Row) -> str:
        """Write one appointment."""
        return DECLARATION + render(layouts.TASK_ALONE, assembly.shown_task(self._company, task))

    def _list(self, asked: Asked) -> Found | None:
        name = asked.resource
        if name not in _LAYOUTS:
            return None
        root, layout = name.replace("_", "-"), _LAYOUTS[name]
        if name not in PAGED:
            return Found(render_list(root, layout, list(self._company.tables[name].rows())))
        rows = self._page(asked)
        if name == "customers" or name in _LIKE_JOBS:
            return Found(self._records(root, layout, rows, asked))
        return Found(render_list(root, layout, rows))

    def _page(self, asked: Asked) -> list[Row]:
        number, size = _page_number(asked), self._service.page_size_of(asked.resource)
        pages = self._lists.of(asked.resource, asked.query, asked.viewer, asked.today)
        rows = pages.page((number - 1) * size, number * size)
        mixed = asked.resource == "customers" and self._service.switches.shuffle_customers
        plain = not set(listing.CUSTOMER_FILTERS) & asked.query.keys()
        return listing.shuffled_page(rows, number) if mixed and plain else rows

    def _one(self, asked: Asked) -> Found | None:
        if asked.resource == "customers":
            customer = asked.viewer.find_customer(asked.number)
            return Found(self.customer_document(customer, asked)) if customer else gone("customer")
        if asked.resource == "jobs":
            job = asked.viewer.find_job(asked.number)
            return Found(self.job_document(job, asked)) if job else gone("job")
        if asked.resource != "tasks":
            return None
        task = self._company.tasks.get(asked.number)
        if task is None or not asked.viewer.sees(task):
            return gone("task")
        return Found(self.task_document(task))

    def _below(self, asked: Asked) -> Found | None:
        if asked.resource == "customers":
            owner = asked.viewer.find_customer(asked.number)
            return self._below_customer(asked, owner) if owner else gone("customer")
        if asked.resource == "jobs":
            job = asked.viewer.find_job(asked.number)
            return self._below_job(asked, job) if job else gone("job")
        return None

    def _below_customer(self, asked: Asked, customer: Row) -> Found | None:
        if asked.child == "notes":
            return Found(render_list("notes", layouts.NOTE, self._company.notes_of(customer)))
        if asked.child == "attachments":
            rows = self.linked(self._company.attachments_of(customer), asked)
            return Found(render_list("attachments", layouts.CUSTOMER_ATTACHMENT, rows))
        if asked.child != "jobs":
            return None
        jobs = [
            job for job in self._company.jobs_of(customer) if self._company.is_job(job) and asked.viewer.sees_job(job)
        ]
        number, size = _page_number(asked), self._service.page_size_of("customer_jobs")
        return Found(self._records("jobs", layouts.JOB, jobs[(number - 1) * size : number * size], asked))

    def _below_job(self, asked: Asked, job: Row) -> Found | None:
        company, child = self._company, asked.child
        children: dict[str, tuple[Callable[[], Sequence[Row]], Layout]] = {
            "notes": (lambda: company.notes_of(job), layouts.NOTE),
            "time_entries": (lambda: company.time_entries_of(job), layouts.TIME_ENTRY),
            "job_charges": (lambda: company.charges_of(job), layouts.JOB_CHARGE),
            "payments": (lambda: company.payments_of(job), layouts.PAYMENT),
            "tasks": (lambda: company.tasks_of(job), layouts.TASK),
            "attachments": (lambda: self.linked(company.attachments_of(job), asked), layouts.JOB_ATTACHMENT),
        }
        if child not in children:
            return None
        rows, layout = children[child]
        return Found(render_list(child.replace("_", "-"), layout, rows()))

    def linked(self, attachments: Sequence[Row], asked: Asked) -> list[Row]:
        """Return attachments with the ``url`` of their files."""
        return [{**row, "url": self._downloads.url_of(row, asked.origin)} for row in attachments]

    def _records(self, root: str, layout: Layout, rows: Sequence[Row], asked: Asked) -> str:
        full, includes, keep = self._projection(layout, asked.query)
        shown = [self._shown(layout, row, includes, keep, asked) for row in rows]
        return render_list(root, full, shown, keep)

    def _document(self, layout: Layout, row: Row, asked: Asked, root: str) -> str:
        full, includes, keep = self._projection(layout, asked.query)
        return DECLARATION + render(full, self._shown(layout, row, includes, keep, asked), root, keep=keep)

    def _shown(self, layout: Layout, row: Row, includes: tuple[str, ...], keep: set[str] | None, asked: Asked) -> Row:
        if layout is layouts.CUSTOMER:
            shown = assembly.shown_customer(self._company, row, includes, keep)
        else:
            shown = assembly.shown_job(self._company, row, includes)
        if "attachments" in includes:
            return {**shown, "attachments": self.linked(self._company.attachments_of(row), asked)}
        return shown

    def _projection(self, layout: Layout, query: dict[str, str]) -> tuple[Layout, tuple[str, ...], set[str] | None]:
        """Return the layout to write, the included parts and the only fields to keep; None keeps all.

        ``include`` is split at commas and blanks, both are in use. ``only`` leaves out the computed parts.
        """
        known = layouts.INCLUDES["customer" if layout is layouts.CUSTOMER else "job"]
        asked = set(query.get("include", "").replace(",", " ").split())
        includes = tuple(name for name in known if name in asked and self._service.includes(name))
        keep = set(query["only"].replace(",", " ").split()) if "only" in query else None
        if keep is not None:
            keep = keep - {"children", "job_allocations"} | set(includes)
        return layouts.including(layout, includes, self._service.switches.era), includes, keep


def _page_number(asked: Asked) -> int:
    """Return the page asked for; what is no page is the first."""
    text = asked.query.get("page", "1")
    return max(int(text), 1) if text.isdecimal() else 1
