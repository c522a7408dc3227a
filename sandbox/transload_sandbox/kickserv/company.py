"""A believable field-service company, the same for the same seed and size, changeable while it is served.

    company = Company(customers=200, seed=7)
    company.customers.get(3)["name"]
    company.update_customer(3, name="Odette Yarrow-Lomax")

Everybody in it is invented. Customers and jobs are found by number, everything else by id. Changes may come
from any thread; hold `lock` to see several records at one moment.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from transload_sandbox.kickserv import _catalogue
from transload_sandbox.kickserv._customers import blank_customer
from transload_sandbox.kickserv._draw import local
from transload_sandbox.kickserv._jobs import blank_job, split_between
from transload_sandbox.kickserv._records import is_job_row, number_of
from transload_sandbox.kickserv._states import CompanyState, RememberedRecords
from transload_sandbox.kickserv._table import Table
from transload_sandbox.kickserv._totals import PRICED, job_totals, line_total
from transload_sandbox.kickserv._visits import WORK, hours_between, task
from transload_sandbox.kickserv.wire import Row, Value

__all__ = ["Company", "CompanyState", "number_of"]


class Company(RememberedRecords):
    """All records of one Kickserv account, with the changes that people make.

    Attributes:
        touch_parents: Whether a new note, file, payment or time entry stamps the job or customer it hangs on;
            nobody knows what the real system does. A line or an appointment always does: it changes the job's
            own totals or count.
    """

    touch_parents = False

    # -- any kind of record

    def update(self, kind: str, key: int, *, stale: bool = False, fields: Mapping[str, Value]) -> Row:
        """Change a record and stamp it, or leave the old stamp when stale.

        Args:
            kind: Name of its resource: ``customers``, ``job_charges``.
            key: Number of a customer or job, id of anything else.
            stale: Keep ``updated-at`` as it is.
            fields: New values, underscored names.

        Returns:
            The new record.

        Raises:
            KeyError: There is no such record.
        """
        with self.lock:
            table = self.tables[kind]
            row: Row = {**_get(table, key), **({} if stale else {"updated_at": self._stamp()}), **fields}
            table.put(key, row)
            if kind == "job_charges" and fields.keys() & {*PRICED, "total", "deleted_at"}:
                self._add_up(row["job_id"])
            return row

    def add(self, kind: str, fields: Mapping[str, Value]) -> Row:
        """Add a record as it is under the next id of its kind; return it. Only the time of making is filled in."""
        with self.lock:
            table = self.tables[kind]
            ident = table.next_key()
            row = self._add(table, ident, {"id": ident, **fields})
            if kind == "job_charges":
                self._add_up(row.get("job_id"))
            return row

    def delete(self, kind: str, key: int) -> None:
        """Delete a record with everything that hangs on it; sub-customers keep their ``parent-id``.

        Raises:
            KeyError: There is no such record.
        """
        with self.lock:
            row = _get(self.tables[kind], key)
            if kind == "customers":
                for job in self.jobs_of(row):
                    self.delete("jobs", number_of(job))
                _delete_all(self.contacts, self.contacts_of(row))
            if kind in ("customers", "jobs"):
                for table, rows in self._hanging_on(row):
                    _delete_all(table, rows)
            self.tables[kind].delete(key)
            if kind == "job_charges":
                self._add_up(row["job_id"])

    def _hanging_on(self, owner: Row) -> Iterable[tuple[Table, list[Row]]]:
        yield self.notes, self.notes_of(owner)
        yield self.attachments, self.attachments_of(owner)
        yield self.tasks, self.tasks_of(owner)
        if is_job_row(owner):
            yield self.charges, self.charges_of(owner)
            yield self.time_entries, self.time_entries_of(owner)
            yield self.payments, self.payments_of(owner)

    # -- customers, jobs, contacts, notes

    def update_customer(self, number: int, *, stale: bool = False, **fields: Value) -> Row:
        """Change a customer and stamp it, or leave the old stamp when stale; return the new record."""
        return self.update("customers", number, stale=stale, fields=fields)

    def update_job(self, number: int, *, stale: bool = False, **fields: Value) -> Row:
        """Change a job or opportunity; a new status can turn one into the other."""
        return self.update("jobs", number, stale=stale, fields=fields)

    def update_contact(self, ident: int, *, stale: bool = False, **fields: Value) -> Row:
        """Change a contact."""
        return self.update("contacts", ident, stale=stale, fields=fields)

    def update_note(self, ident: int, *, stale: bool = False, **fields: Value) -> Row:
        """Change a note."""
        return self.update("notes", ident, stale=stale, fields=fields)

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
            owner, author = self._owner(customer, job), _catalogue.OFFICE_IDS[0]
            fields: dict[str, Value] = {
                "noteable_id": owner["id"],
                "noteable_type": "Job" if is_job_row(owner) else "Customer",
                "note": text,
                "public": public,
                "created_by": author,
                "updated_by": author,
            }
            return self._hang(self.notes, owner, fields)

    def delete_customer(self, number: int) -> None:
        """Delete a customer with its jobs and all that hangs on them; sub-customers keep their ``parent-id``."""
        self.delete("customers", number)

    def delete_job(self, number: int) -> None:
        """Delete a job or opportunity with all that hangs on it."""
        self.delete("jobs", number)

    def delete_contact(self, ident: int) -> None:
        """Delete a contact."""
        self.delete("contacts", ident)

    def delete_note(self, ident: int) -> None:
        """Delete a note."""
        self.delete("notes", ident)

    # -- what hangs on jobs

    def add_charge(self, job: int, description: str = "", *, item: int | None = None, **fields: Value) -> Row:
        """Add a line to a job, which changes the job's totals; return it.

        Args:
            job: Job number.
            description: Title; that of the item when empty.
            item: Id of a catalogue item, whose price and texts are taken over where no others are given.
            fields: ``quantity``, ``price_per_unit``, ``discount`` (an amount), ``details`` and so on.
        """
        with self.lock:
            owner, sold = _get(self.jobs, job), None if item is None else _get(self.items, item)
            values: dict[str, Value] = {
                "job_id": owner["id"],
                "created_on": self._stamp(),
                "description": description or (sold["full_name"] if sold else ""),
                "quantity": Decimal(1),
                "price_per_unit": sold["price"] if sold else Decimal(0),
                "discount": Decimal(0),
                "item_id": item,
                "item": sold,
                "details": sold["description"] if sold else "",
                "tax_id": owner.get("tax_id"),
                "updated_by": _catalogue.OFFICE_IDS[0],
                **fields,
            }
            values.setdefault("total", line_total(values))
            line = self._hang(self.charges, owner, values)
            self._add_up(owner["id"])
            return line

    def add_time_entry(self, job: int, employee: int, started_on: datetime, **fields: Value) -> Row:
        """Book working time of an employee id on a job number; without ``ended_on`` it is running. Return it."""
        with self.lock:
            owner, end = _get(self.jobs, job), fields.get("ended_on")
            values: dict[str, Value] = {
                "job_id": owner["id"],
                "employee_id": employee,
                "started_on": started_on,
                "number_of_hours": hours_between(started_on, end if isinstance(end, datetime) else None),
                "billable": True,
                **fields,
            }
            return self._hang(self.time_entries, owner, values)

    def add_payment(self, job: int, amount: Decimal, day: date, **fields: Value) -> Row:
        """Add a payment to a job number and take it off what is owed; return it."""
        with self.lock:
            owner = _get(self.jobs, job)
            kept: dict[str, Value] = {"job_id": owner["id"], "customer_id": owner["customer_id"], "date": day}
            kept.update({"payment_type": "Check", "amount": amount, "ref_number": "", **fields})
            rest = Decimal(str(owner["balance_remaining"])) - amount
            paid: dict[str, Value] = {"invoice_status": "paid", "invoice_paid_on": self._stamp()} if rest <= 0 else {}
            self.update("jobs", job, fields={"balance_remaining": rest, **paid})
            return self._hang(self.payments, owner, kept)

    def add_task(
        self,
        name: str,
        start: datetime | None,
        *,
        job: int = 0,
        customer: int = 0,
        kind: int = WORK,
        employees: Iterable[int] = (),
        **fields: Value,
    ) -> Row:
        """Add an appointment for a job number, or a reminder for a customer number; return it."""
        with self.lock:
            owner = self._owner(customer, job)
            ident = self.tasks.next_key()
            belongs: dict[str, Value] = {"customer_id": owner["id"]}
            if is_job_row(owner):
                belongs = {"job_id": owner["id"], "customer_id": owner["customer_id"]}
                count = int(str(owner["tasks_count"])) + 1
                self.update("jobs", job, fields={"tasks_count": count})
            row = task(ident, name, kind, start, list(employees), **belongs, **fields)
            return self._add(self.tasks, ident, row)

    def add_attachment(
        self, file_name: str, content: bytes, content_type: str, *, customer: int = 0, job: int = 0, **fields: Value
    ) -> Row:
        """Add a file to a job or customer, given by number; return its record."""
        with self.lock:
            owner, name = self._owner(customer, job), hashlib.sha256(content).hexdigest()
            self._blobs[name] = content
            values: dict[str, Value] = {
                ("job_id" if is_job_row(owner) else "customer_id"): owner["id"],
                "file_name": file_name,
                "content_type": content_type,
                "file_size": len(content),
                "sha256": name,
                "created_by": _catalogue.OFFICE_IDS[0],
                **fields,
            }
            return self._hang(self.attachments, owner, values)

    def assign(self, job: int, employees: Iterable[int]) -> Row:
        """Replace the employees of a job by these ids; return the job."""
        return self.update_job(job, job_allocations=split_between(list(employees)))

    def tag(self, names: Iterable[str], *, customer: int = 0, job: int = 0) -> Row:
        """Replace the tags of a job or customer, given by number; unknown ones are made. Return the owner."""
        with self.lock:
            known = {row["name"]: row["id"] for row in self.tags.rows()}
            idents = [known.get(name) or self._new_tag(name) for name in names]
            fields: dict[str, Value] = {"tag_ids": " ".join(map(str, idents))}
            return self.update("jobs" if job else "customers", job or customer, fields=fields)

    def _new_tag(self, name: str) -> int:
        ident = self.tags.next_key()
        self.tags.put(ident, {"id": ident, "name": name})
        return ident

    # -- helpers

    def _stamp(self) -> datetime:
        return local(self.now())

    def _owner(self, customer: int, job: int) -> Row:
        return _get(self.jobs, job) if job else _get(self.customers, customer)

    def _add(self, table: Table, key: int, fields: Mapping[str, Value]) -> Row:
        stamp = self._stamp()
        row: Row = {"created_at": stamp, "updated_at": stamp, **fields}
        table.put(key, row)
        return row

    def _hang(self, table: Table, owner: Row, fields: Mapping[str, Value]) -> Row:
        ident = table.next_key()
        if self.touch_parents:
            self.update("jobs" if is_job_row(owner) else "customers", number_of(owner), fields={})
        return self._add(table, ident, {"id": ident, **fields})

    def _add_up(self, job_id: Value) -> None:
        """Work out the totals of a job from its lines; what was paid stays paid."""
        job = self.job_by_id(job_id)
        if job is None:
            return
        rate = self.tax_entities.get(int(str(job["tax_id"]))) if job.get("tax_id") else None
        fields = job_totals(job, self.charges_of(job), Decimal(str(rate["rate"])) if rate else Decimal(0))
        self.update("jobs", number_of(job), fields=fields)


def _get(table: Table, key: int) -> Row:
    row = table.get(key)
    if row is None:
        raise KeyError(key)
    return row


def _delete_all(table: Table, rows: Iterable[Row]) -> None:
    for row in rows:
        table.delete(number_of(row))
