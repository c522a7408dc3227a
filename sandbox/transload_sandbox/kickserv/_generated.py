"""Where the generated records of one company come from, kind by kind."""

from collections.abc import Iterable, Mapping
from functools import partial

from transload_sandbox.kickserv import _children, _files, _payments, _plan, _visits
from transload_sandbox.kickserv._customers import generate_customers
from transload_sandbox.kickserv._jobs import JobBlock
from transload_sandbox.kickserv._plan import Plan
from transload_sandbox.kickserv._table import Index, Owner, Rows, Source
from transload_sandbox.kickserv.wire import Row


def _named(*names: str) -> "_Owners":
    return _Owners(names)


class _Owners:
    """Reads owners out of fields such as ``customer_id``."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = [(name, "customer" if name == "parent_id" else name.removesuffix("_id")) for name in names]

    def __call__(self, row: Row) -> tuple[Owner, ...]:
        return tuple((kind, row[name]) for name, kind in self._names if row.get(name) is not None)


def _noted(row: Row) -> tuple[Owner, ...]:
    return ((str(row["noteable_type"]).lower(), row["noteable_id"]),)


class Generated:
    """The sources of a plan. Each computes its blocks from those it depends on."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        blocks = plan.blocks
        self.customers = Source(
            blocks, _plan.block_of_customer, self._customers, _named("parent_id"), plan.customer_numbers
        )
        self.jobs = Source(
            blocks,
            _plan.block_of_job,
            self._jobs,
            _named("customer_id"),
            plan.kept_job_numbers,
            self._jobs_of_customers,
        )
        self.contacts = Source(blocks, _plan.block_of_contact, self._contacts, _named("customer_id"), plan.contact_ids)
        self.notes = Source(blocks, _plan.block_of_note, self._notes, _noted, plan.note_ids)
        self.charges = Source(blocks, _plan.CHARGE.block, self._charges, _named("job_id"))
        self.time_entries = Source(blocks, _plan.TIME_ENTRY.block, self._time_entries, _named("job_id"))
        self.payments = Source(blocks, _plan.PAYMENT.block, self._payments, _named("job_id", "customer_id"))
        self.tasks = Source(blocks, _plan.TASK.block, self._tasks, _named("job_id", "customer_id"))
        self.attachments = Source(blocks, _plan.ATTACHMENT.block, self._attachments, _named("job_id", "customer_id"))

    def _earlier(self, block: int) -> Rows:
        return self.customers.rows(block // 2) if block else {}

    def _customers(self, block: int) -> Rows:
        return generate_customers(self.plan, block, self._earlier(block))

    def _jobs(self, block: int) -> Rows:
        lines = partial(_children.generate_charges, self.plan, block)
        return JobBlock(self.plan, block, self.customers.rows(block), self._earlier(block), lines)

    def _jobs_of_customers(self, block: int) -> Index:
        jobs = self.jobs.rows(block)
        return jobs.by_customer() if isinstance(jobs, JobBlock) else {}

    def _contacts(self, block: int) -> Rows:
        return _children.generate_contacts(self.plan, block, self.customers.rows(block))

    def _notes(self, block: int) -> Rows:
        return _children.generate_notes(self.plan, block, self.customers.rows(block), self.jobs.rows(block))

    def _charges(self, block: int) -> Rows:
        return _keyed(
            {**line, "tax_id": job["tax_id"]}
            for number, job in self.jobs.rows(block).items()
            for line in _children.generate_charges(self.plan, block, number)
        )

    def _time_entries(self, block: int) -> Rows:
        return _keyed(entry for job in self.jobs.rows(block).values() for entry in _visits.generate_time_entries(job))

    def _payments(self, block: int) -> Rows:
        return _keyed(_payments.generate_payments(self.jobs.rows(block)))

    def _tasks(self, block: int) -> Rows:
        return _keyed(_visits.generate_tasks(self.plan, self.jobs.rows(block), self.customers.rows(block)))

    def _attachments(self, block: int) -> Rows:
        return _keyed(_files.generate_attachments(self.plan, self.jobs.rows(block), self.customers.rows(block)))


def _keyed(rows: Iterable[Row]) -> Mapping[int, Row]:
    """Return records by rising id."""
    found = {int(str(row["id"])): row for row in rows}
    return {key: found[key] for key in sorted(found)}
