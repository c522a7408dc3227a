"""One Kickserv account as a service: the company, who may look, and every switch of its behaviour."""

from dataclasses import dataclass, field
from typing import Literal

from transload_sandbox.kickserv._catalogue import TECHNICIAN_IDS
from transload_sandbox.kickserv._visits import assigned
from transload_sandbox.kickserv.company import Company
from transload_sandbox.kickserv.wire import Row

INFERRED_ENDPOINTS = frozenset(
    {
        "attachments",
        "contacts",
        "custom_fields",
        "invoices",
        "job_charges",
        "job_statuses",
        "job_types",
        "opportunities",
        "payments",
        "tags",
        "tasks",
    }
)
"""Lists for which no XML answer is known. Switch them off by name with `Switches.off`."""
INFERRED_INCLUDES = frozenset({"attachments", "payments", "tags"})
"""Includes for which nothing is known; they go off with the list of their name."""


@dataclass(slots=True)
class Switches:
    """How the service behaves. Every one may be changed while it serves."""

    page_size: int = 30
    page_sizes: dict[str, int] = field(default_factory=lambda: {"jobs": 50})
    """Records a page, for resources that differ from `page_size`."""
    newest_first: set[str] = field(default_factory=lambda: {"jobs"})
    """Of ``customers``, ``jobs``, ``opportunities`` and ``invoices``, those listed by last change, newest first; the
    others by rising number."""
    shuffle_customers: bool = True
    """Mix customers inside a page, as recorded."""
    off: set[str] = field(default_factory=set)
    """What this account does not have: ``tasks`` everywhere, ``jobs/tasks`` below jobs only, ``include:tasks`` as an
    include only."""
    off_status: int = 404
    """How a missing endpoint answers: 404 is a web page, 200 a web page that looks like a success, others are XML."""
    subdomain: bool = False
    """Take every path without the account, as hosts that carry it in their name do."""
    files: Literal["mixed", "kickserv", "redirect", "storage"] = "mixed"
    """Where files are: here, behind a redirect to the storage host, or linked there at once; mixed by id."""
    link_seconds: int = 300
    """How long a signed link to the storage host works."""
    lost_files: set[int] = field(default_factory=set)
    """Ids of attachments whose file answers 404."""
    short_files: set[int] = field(default_factory=set)
    """Ids of attachments whose file has fewer bytes than its record says."""
    wrong_token: Literal["path", "subdomain"] = "path"
    """Which of the two recorded 401 answers to give."""
    api_allowed: bool = True
    """False is an account on a plan without the API: 403."""
    era: int = 2018
    """Year whose record shapes are served: 2017 or 2018."""
    close_connections: bool = False
    """Close after each answer, as recorded; slow, hence not the default."""


@dataclass(slots=True)
class KickservService:
    """What one Kickserv account knows about itself."""

    company: Company
    account: str = "example-ducts"
    token: str = "FAKE-kickserv-owner-token"
    limited_token: str = "FAKE-kickserv-technician-token"
    limited_employee: int = TECHNICIAN_IDS[0]
    """The technician behind the limited token; sees only what is assigned to them."""
    switches: Switches = field(default_factory=Switches)
    storage_url: str = ""
    """Address of the storage host; without one all files are here."""

    def reset_token(self, token: str = "FAKE-kickserv-owner-token-reset") -> str:
        """Give the owner a new token, as a changed password does; the old one answers 401 from now on."""
        self.token = token
        return token

    def serves(self, resource: str, child: str = "") -> bool:
        """Tell whether this account has a list, or one below the records of another."""
        return not {child or resource, f"{resource}/{child}"} & self.switches.off

    def includes(self, name: str) -> bool:
        """Tell whether this account has an include."""
        off = self.switches.off
        return f"include:{name}" not in off and not (name in INFERRED_INCLUDES and name in off)

    def page_size_of(self, resource: str) -> int:
        """Return how many records a page of a resource holds."""
        return self.switches.page_sizes.get(resource, self.switches.page_size)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, and what they may see."""

    company: Company
    employee: int | None = None
    """Employee limited to own assignments; None sees everything."""

    def sees_job(self, job: Row) -> bool:
        """Tell whether a job is in sight."""
        return self.employee is None or self.employee in assigned(job)

    def sees_customer(self, customer: Row) -> bool:
        """Tell whether a customer is in sight: everybody's, or one with a job of the employee's own."""
        return self.employee is None or any(map(self.sees_job, self.company.jobs_of(customer)))

    def sees(self, row: Row) -> bool:
        """Tell whether a record is in sight that hangs on a job or on a customer."""
        if self.employee is None:
            return True
        if row.get("job_id") is not None:
            job = self.company.job_by_id(row["job_id"])
            return job is not None and self.sees_job(job)
        customer = self.company.customer_by_id(row.get("customer_id"))
        return customer is not None and self.sees_customer(customer)

    def find_customer(self, number: int) -> Row | None:
        """Return a customer in sight by number."""
        row = self.company.customers.get(number)
        return row if row and self.sees_customer(row) else None

    def find_job(self, number: int) -> Row | None:
        """Return a job or opportunity in sight by number."""
        row = self.company.jobs.get(number)
        return row if row and self.sees_job(row) else None


def viewer_of(service: KickservService, account: str, user: str, password: str) -> Viewer | None:
    """Return who holds these credentials; None when they are wrong.

    The token stands in both places. One without the other is refused: our reading, nothing is known.
    """
    if account != service.account or user != password:
        return None
    if user == service.token:
        return Viewer(service.company)
    return Viewer(service.company, service.limited_employee) if user == service.limited_token else None
