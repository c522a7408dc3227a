"""A believable field-service company, the same for the same seed and size, changeable while it is served.

    company = Company(customers=200, seed=7)
    company.customers.get(3)["name"]
    company.update_customer(3, name="Odette Yarrow-Lomax")

Everybody in it is invented. Customers and jobs are found by number, contacts and notes by id. Changes may
come from any thread; hold `lock` to see several records at one moment.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from threading import RLock

from transload_sandbox.kickserv import _catalogue, _plan
from transload_sandbox.kickserv._customers import blank_customer
from transload_sandbox.kickserv._draw import local
from transload_sandbox.kickserv._generated import Generated, Index
from transload_sandbox.kickserv._jobs import blank_job
from transload_sandbox.kickserv._plan import OPPORTUNITIES, Plan
from transload_sandbox.kickserv._table import Table
from transload_sandbox.kickserv.wire import Row, Value


def _now() -> datetime:
    return datetime.now(UTC)


class Company:
    """All records of one Kickserv account."""

    def __init__(self, customers: int = 200, seed: int = 7, *, now: Callable[[], datetime] = _now) -> None:
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
        self._now = now
        self._generated = Generated(self.plan)
        self.customers, self.jobs, self.contacts, self.notes = self._generated.tables()
        self.employees = _fixed(_catalogue.employees(seed))
        self.job_types = _fixed(_catalogue.job_types())
        self.job_statuses = _fixed(_catalogue.job_statuses())
        self.tags = _fixed(_catalogue.tags())
        self.tax_entities = _fixed(_catalogue.tax_entities())
        self.items = _fixed(_catalogue.items())
        self.custom_fields = _fixed(_catalogue.custom_fields())

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
        near = (self._generated.children_index(block) for block in self._blocks_of(customer))
        return _owned(self.customers, near, "customer_number", {"parent_id": customer["id"]})

    def jobs_of(self, customer: Row) -> list[Row]:
        """Return the jobs and opportunities of a customer by rising number."""
        near = (self._generated.jobs_index(block) for block in self._blocks_of(customer))
        return _owned(self.jobs, near, "job_number", {"customer_id": customer["id"]})

    def contacts_of(self, customer: Row) -> list[Row]:
        """Return the contacts of a customer by rising id."""
        near = self._generated.contacts_index(_plan.block_of_customer(number_of(customer)))
        return _owned(self.contacts, [near], "id", {"customer_id": customer["id"]})

    def notes_of(self, owner: Row) -> list[Row]:
        """Return the notes of a customer or job by rising id."""
        on_job = "job_number" in owner
        block = _plan.block_of_job(number_of(owner)) if on_job else _plan.block_of_customer(number_of(owner))
        near = self._generated.notes_index(block)
        return _owned(
            self.notes,
            [near],
            "id",
            {"noteable_type": "Job" if on_job else "Customer", "noteable_id": owner["id"]},
        )

    def charges_of(self, job: Row) -> list[Row]:
        """Return the lines of a job."""
        number = number_of(job)
        return list(self._generated.charges(_plan.block_of_job(number)).get(number, ()))

    def last_completed_job(self, customer: Row) -> Row | None:
        """Return the job of a customer that was completed last."""
        done = [(when, job) for job in self.jobs_of(customer) if isinstance(when := job.get("completed_on"), datetime)]
        return max(done, key=lambda entry: entry[0])[1] if done else None

    def counts(self) -> dict[str, int]:
        """Return how many records a complete extraction finds; the notes include those of opportunities."""
        with self.lock:
            jobs = sum(map(self.is_job, self.jobs.rows()))
            return {
                "customer": len(self.customers.keys()),
                "contact": len(self.contacts.keys()),
                "job": jobs,
                "opportunity": len(self.jobs.keys()) - jobs,
                "note": len(self.notes.keys()),
                "employee": len(self.employees.keys()),
            }

    def update_customer(self, number: int, *, stale: bool = False, **fields: Value) -> Row:
        """Change a customer and stamp it, or leave the old stamp when stale; return the new record."""
        return self._update(self.customers, number, stale, fields)

    def update_job(self, number: int, *, stale: bool = False, **fields: Value) -> Row:
        """Change a job or opportunity; a new status can turn one into the other."""
        return self._update(self.jobs, number, stale, fields)

    def update_contact(self, ident: int, *, stale: bool = False, **fields: Value) -> Row:
        """Change a contact."""
        return self._update(self.contacts, ident, stale, fields)

    def update_note(self, ident: int, *, stale: bool = False, **fields: Value) -> Row:
        """Change a note."""
        return self._update(self.notes, ident, stale, fields)

    def add_customer(self, name: str, **fields: Value) -> Row:
        """Add a customer under the next number; return it."""
        with self.lock:
            number = self.customers.next_key()
            return self._add(self.customers, number, {**blank_customer(name, number), **fields})

    def add_job(self, customer: int, name: str, **fields: Value) -> Row:
        """Add an unscheduled job, or with status ``new`` an opportunity, for a customer number; return it."""
        with self.lock:
            number = self.jobs.next_key()
            return self._add(self.jobs, number, {**blank_job(name, number, _get(self.customers, customer)), **fields})

    def add_contact(self, customer: int | None, **fields: Value) -> Row:
        """Add a contact to a customer number, or to none; return it."""
        with self.lock:
            ident = self.contacts.next_key()
            owner = None if customer is None else _get(self.customers, customer)["id"]
            return self._add(self.contacts, ident, {"id": ident, "customer_id": owner, "is_primary": False, **fields})

    def add_note(self, text: str, *, customer: int = 0, job: int = 0, public: bool = False) -> Row:
        """Add a note to a job or customer, given by number; return it."""
        with self.lock:
            ident = self.notes.next_key()
            owner = _get(self.jobs, job) if job else _get(self.customers, customer)
            author = _catalogue.OFFICE_IDS[0]
            fields: dict[str, Value] = {
                "id": ident,
                "noteable_id": owner["id"],
                "note": text,
                "public": public,
            }
            fields.update(noteable_type="Job" if job else "Customer", created_by=author, updated_by=author)
            return self._add(self.notes, ident, fields)

    def delete_customer(self, number: int) -> None:
        """Delete a customer with its contacts, notes and jobs; sub-customers keep their ``parent-id``."""
        with self.lock:
            customer = _get(self.customers, number)
            for job in self.jobs_of(customer):
                self.delete_job(number_of(job))
            _delete_all(self.contacts, self.contacts_of(customer))
            _delete_all(self.notes, self.notes_of(customer))
            self.customers.delete(number)

    def delete_job(self, number: int) -> None:
        """Delete a job or opportunity with its notes."""
        with self.lock:
            _delete_all(self.notes, self.notes_of(_get(self.jobs, number)))
            self.jobs.delete(number)

    def delete_contact(self, ident: int) -> None:
        """Delete a contact."""
        with self.lock:
            _delete_all(self.contacts, [_get(self.contacts, ident)])

    def delete_note(self, ident: int) -> None:
        """Delete a note."""
        with self.lock:
            _delete_all(self.notes, [_get(self.notes, ident)])

    def _blocks_of(self, customer: Row) -> list[int]:
        return self.plan.related_blocks(_plan.block_of_customer(number_of(customer)))

    def _update(self, table: Table, key: int, stale: bool, fields: Mapping[str, Value]) -> Row:
        with self.lock:
            stamp = {} if stale else {"updated_at": local(self._now())}
            row: Row = {**_get(table, key), **stamp, **fields}
            table.put(key, row)
            return row

    def _add(self, table: Table, key: int, fields: Mapping[str, Value]) -> Row:
        stamp = local(self._now())
        row: Row = {"created_at": stamp, "updated_at": stamp, **fields}
        table.put(key, row)
        return row


def number_of(row: Row) -> int:
    """Return the number in a customer's or job's address, or the id of any other record."""
    value = row.get("job_number") or row.get("customer_number") or row["id"]
    if not isinstance(value, int):
        raise TypeError(f"not a number: {value!r}")
    return value


def _fixed(rows: Mapping[int, Row]) -> Table:
    return Table(rows.get, lambda: iter(sorted(rows)))


def _get(table: Table, key: int) -> Row:
    row = table.get(key)
    if row is None:
        raise KeyError(key)
    return row


def _delete_all(table: Table, rows: Iterable[Row]) -> None:
    for row in rows:
        table.delete(number_of(row))


def _owned(table: Table, near: Iterable[Index], key: str, wanted: Mapping[str, Value]) -> list[Row]:
    """Return the records whose fields say that they belong: generated near their owner, or changed since."""
    owner = tuple(wanted.values())
    keys = {ident for index in near for ident in index.get(owner, ())}
    keys.update(int(str(row[key])) for row in table.changed())
    rows = (table.get(ident) for ident in sorted(keys))
    return [row for row in rows if row and all(row.get(name) == value for name, value in wanted.items())]
