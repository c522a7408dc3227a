"""All records of one account, and the ways from one to another."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from threading import RLock

from transload_sandbox.kickserv import _catalogue, _plan
from transload_sandbox.kickserv._files import content_of
from transload_sandbox.kickserv._generated import Generated
from transload_sandbox.kickserv._plan import OPPORTUNITIES, Plan
from transload_sandbox.kickserv._table import Owner, Table, fixed
from transload_sandbox.kickserv.wire import Row, Value


def utc_now() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)


class Records:
    """Reads the records of one account. Customers and jobs are found by number, all others by id."""

    def __init__(self, customers: int = 200, seed: int = 7, *, now: Callable[[], datetime] = utc_now) -> None:
        """Lay out a company; nothing is computed yet.

        Args:
            customers: How many customers. Jobs come at about 2.5, notes at 2 and contacts at 0.6 a customer.
            seed: Another seed gives another company.
            now: The clock that stamps changes.
        """
        if customers < 1:
            raise ValueError("a company needs a customer")
        self.plan = Plan(seed, customers)
        self.lock = RLock()
        self.now = now
        generated = Generated(self.plan)
        self.customers, self.jobs = Table(generated.customers), Table(generated.jobs)
        self.contacts, self.notes = Table(generated.contacts), Table(generated.notes)
        self.charges, self.payments = Table(generated.charges), Table(generated.payments)
        self.time_entries, self.tasks = Table(generated.time_entries), Table(generated.tasks)
        self.attachments = Table(generated.attachments)
        self.employees = Table(fixed(_catalogue.employees(seed)))
        self.items = Table(fixed(_catalogue.items()))
        self.tags = Table(fixed(_catalogue.tags()))
        self.job_types = Table(fixed(_catalogue.job_types()))
        self.job_statuses = Table(fixed(_catalogue.job_statuses()))
        self.tax_entities = Table(fixed(_catalogue.tax_entities()))
        self.custom_fields = Table(fixed(_catalogue.custom_fields()))
        self._blobs: dict[str, bytes] = {}

    @property
    def tables(self) -> Mapping[str, Table]:
        """Every table, by the name of its resource."""
        return {
            "customers": self.customers,
            "jobs": self.jobs,
            "contacts": self.contacts,
            "notes": self.notes,
            "job_charges": self.charges,
            "time_entries": self.time_entries,
            "payments": self.payments,
            "tasks": self.tasks,
            "attachments": self.attachments,
            "employees": self.employees,
            "items": self.items,
            "tags": self.tags,
            "job_types": self.job_types,
            "job_statuses": self.job_statuses,
            "tax_entities": self.tax_entities,
            "custom_fields": self.custom_fields,
        }

    def customer_by_id(self, ident: Value) -> Row | None:
        """Return the customer of an internal id."""
        return self.customers.get(_plan.customer_number(ident)) if isinstance(ident, int) else None

    def job_by_id(self, ident: Value) -> Row | None:
        """Return the job or opportunity of an internal id."""
        return self.jobs.get(_plan.job_number(ident)) if isinstance(ident, int) else None

    @staticmethod
    def is_job(row: Row) -> bool:
        """Tell whether ``jobs.xml`` lists a record; opportunities answer by number only."""
        return row["status"] not in OPPORTUNITIES

    def children_of(self, customer: Row) -> list[Row]:
        """Return the sub-customers of a customer by rising number."""
        return self.customers.owned(_owner(customer), self._far_blocks(customer))

    def jobs_of(self, customer: Row) -> list[Row]:
        """Return the jobs and opportunities of a customer by rising number."""
        return self.jobs.owned(_owner(customer), self._far_blocks(customer))

    def contacts_of(self, customer: Row) -> list[Row]:
        """Return the contacts of a customer by rising id."""
        return self.contacts.owned(_owner(customer), self._near_blocks(customer))

    def notes_of(self, owner: Row) -> list[Row]:
        """Return the notes of a customer or job by rising id."""
        return self.notes.owned(_owner(owner), self._near_blocks(owner))

    def charges_of(self, job: Row) -> list[Row]:
        """Return the lines of a job."""
        return self.charges.owned(_owner(job), self._near_blocks(job))

    def time_entries_of(self, job: Row) -> list[Row]:
        """Return the working time booked on a job."""
        return self.time_entries.owned(_owner(job), self._near_blocks(job))

    def payments_of(self, job: Row) -> list[Row]:
        """Return the payments that hang on a job; one of them may cover other jobs too."""
        return self.payments.owned(_owner(job), self._near_blocks(job))

    def tasks_of(self, owner: Row) -> list[Row]:
        """Return the appointments of a job, or those of a customer with all its jobs."""
        blocks = self._near_blocks(owner) if is_job_row(owner) else self._far_blocks(owner)
        return self.tasks.owned(_owner(owner), blocks)

    def attachments_of(self, owner: Row) -> list[Row]:
        """Return the files of a customer or job by rising id."""
        return self.attachments.owned(_owner(owner), self._near_blocks(owner))

    def content_of(self, attachment: Row) -> bytes:
        """Return the bytes of a file."""
        blob = attachment.get("sha256")
        return self._blobs[blob] if isinstance(blob, str) else content_of(self.plan, attachment)

    def tags_of(self, owner: Row) -> list[Row]:
        """Return the tags of a customer or job: those it was given, else up to two on a third of the records."""
        given = owner.get("tag_ids")
        if isinstance(given, str):
            found = (self.tags.get(int(ident)) for ident in given.split())
            return [tag for tag in found if tag is not None]
        ident, tags = int(str(owner["id"])), list(self.tags.rows())
        if ident % 3 or not tags:
            return []
        return [tags[(ident + place) % len(tags)] for place in range(1 if ident % 2 else min(2, len(tags)))]

    def last_completed_job(self, customer: Row) -> Row | None:
        """Return the job of a customer that was completed last."""
        done = [(when, job) for job in self.jobs_of(customer) if isinstance(when := job.get("completed_on"), datetime)]
        return max(done, key=lambda entry: entry[0])[1] if done else None

    def counts(self) -> dict[str, int]:
        """Return how many records a complete extraction finds; the notes include those of opportunities."""
        with self.lock:
            return {
                "customer": len(self.customers),
                "contact": len(self.contacts),
                "job": self._count_jobs(listed=True),
                "opportunity": self._count_jobs(listed=False),
                "note": len(self.notes),
                "employee": len(self.employees),
            }

    def _count_jobs(self, *, listed: bool) -> int:
        count = sum(map(partial(self.plan.job_count, listed=listed), range(self.plan.blocks)))
        for key, row in self.jobs.overlay.items():
            before = self.jobs.source.find(key)
            count += row is not None and self.is_job(row) is listed
            count -= before is not None and self.is_job(before) is listed
        return count

    def _near_blocks(self, owner: Row) -> list[int]:
        """Return the block of the records that were generated for an owner."""
        number = number_of(owner)
        block = _plan.block_of_job(number) if is_job_row(owner) else _plan.block_of_customer(number)
        return [block]

    def _far_blocks(self, customer: Row) -> list[int]:
        return self.plan.related_blocks(_plan.block_of_customer(number_of(customer)))


def number_of(row: Row) -> int:
    """Return the number in a customer's or job's address, or the id of any other record."""
    value = row.get("job_number") or row.get("customer_number") or row["id"]
    if not isinstance(value, int):
        raise TypeError(f"not a number: {value!r}")
    return value


def is_job_row(owner: Row) -> bool:
    """Tell a job, or an opportunity, from a customer."""
    return "job_number" in owner


def _owner(row: Row) -> Owner:
    return ("job" if is_job_row(row) else "customer"), row["id"]
