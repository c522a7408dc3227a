"""Answers writes: everything that Kickserv's own description of its interface can make, change or delete."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from transload_sandbox.kickserv import layouts
from transload_sandbox.kickserv.bodies import Body, BodyError, label, read_body, typed_fields
from transload_sandbox.kickserv.company import number_of
from transload_sandbox.kickserv.resources import Asked, Found, Resources, gone
from transload_sandbox.kickserv.service import KickservService
from transload_sandbox.kickserv.wire import DECLARATION, Layout, Row, Value, names, render

_STATUSES = frozenset(names("unscheduled scheduled in_progress on_hold canceled complete new lost"))
_REACHED = {"complete": "completed_on", "canceled": "canceled_on", "on_hold": "on_hold", "lost": "lost_date"}
"""The stamp that comes with a status."""
Create = Callable[["Writes", Asked, Body], Found]


class Writes:
    """Performs what a write asks for."""

    def __init__(self, service: KickservService, resources: Resources) -> None:
        self._service = service
        self._company = service.company
        self._resources = resources

    def perform(self, method: str, asked: Asked, body: bytes) -> Found | None:
        """Return the answer to a write; None when there is no such path."""
        try:
            content = read_body(body)
        except BodyError as error:
            return Found(status=422, errors=(str(error),))
        if method == "POST":
            return self._create(asked, content)
        if method == "DELETE":
            return self._delete(asked)
        return self._change(asked, content)

    def _create(self, asked: Asked, body: Body) -> Found | None:
        place = (asked.resource, asked.child)
        if bool(asked.key) is not bool(asked.child) or place not in _CREATES:
            return None
        if asked.child and self._owner(asked) is None:
            return gone(asked.resource[:-1])
        return _CREATES[place](self, asked, body)

    def _add_customer(self, asked: Asked, body: Body) -> Found:
        values, wrong = typed_fields(layouts.CUSTOMER, body)
        wrong = [*_blank(body, "name"), *wrong]
        if wrong:
            return _refused(wrong)
        copies = {"phone": values.get("phone_number"), "alt_phone": values.get("alt_phone_number")}
        copies["email"] = values.get("email_address")
        name = str(values.pop("name"))
        kept = {name: value for name, value in copies.items() if value}
        row = self._company.add_customer(name, **{**kept, **values})
        return Found(self._resources.customer_document(row, asked), 201)

    def _add_job(self, asked: Asked, body: Body) -> Found:
        values, wrong = typed_fields(layouts.JOB, body)
        owner = self._company.customer_by_id(body.integer("customer_id"))
        if owner is not None and asked.viewer.find_customer(number_of(owner)) is None:
            owner = None
        missing = [] if owner else ["Customer can't be blank"]
        wrong = [*missing, *self._unknown(body, required=("job_type_id",)), *wrong, *_wrong_status(values)]
        if owner is None or wrong:
            return _refused(wrong)
        job_type = self._company.job_types.get(body.integer("job_type_id") or 0)
        name = str(values.pop("name", None) or (job_type["name"] if job_type else "Service"))
        if body.flag("estimate"):
            values["status"] = "new"
        elif values.get("scheduled_on"):
            values.setdefault("status", "scheduled")
        row = self._company.add_job(number_of(owner), name, **values)
        return Found(self._resources.job_document(self._assigned(row, body), asked), 201)

    def _add_note(self, asked: Asked, body: Body) -> Found:
        wrong = _blank(body, "note")
        if wrong:
            return _refused(wrong)
        owner = {"job" if asked.resource == "jobs" else "customer": asked.number}
        row = self._company.add_note(body.texts["note"] or "", public=body.flag("public"), **owner)
        return _made(layouts.NOTE, row)

    def _add_time_entry(self, asked: Asked, body: Body) -> Found:
        values, wrong = typed_fields(layouts.TIME_ENTRY, body)
        wrong = [*_blank(body, "employee_id", "started_on", "number_of_hours"), *self._unknown(body), *wrong]
        if wrong:
            return _refused(wrong)
        employee, start = values.pop("employee_id"), values.pop("started_on")
        row = self._company.add_time_entry(asked.number, employee, start, **values)  # type: ignore[arg-type]  # as typed by the layout
        return _made(layouts.TIME_ENTRY, row)

    def _add_charge(self, asked: Asked, body: Body) -> Found:
        values, wrong = typed_fields(layouts.JOB_CHARGE, body)
        wrong = [*_blank(body, "job_charge_type_id"), *self._unknown(body), *wrong]
        if wrong:
            return _refused(wrong)
        item = values.pop("item_id", None)
        amounts = {name: values.pop(name) or Decimal(0) for name in _AMOUNTS & values.keys()}
        given = {name: value for name, value in values.items() if value is not None}
        title = str(given.pop("description", ""))
        row = self._company.add_charge(
            asked.number, title, item=item if isinstance(item, int) else None, **given, **amounts
        )
        return _made(layouts.JOB_CHARGE, row)

    def _add_task(self, asked: Asked, body: Body) -> Found:
        values, wrong = typed_fields(layouts.TASK, body)
        job = self._company.job_by_id(body.integer("job_id"))
        missing = [] if job and asked.viewer.sees_job(job) else ["Job can't be blank"]
        wrong = [*missing, *_blank(body, "name", "task_type_id"), *self._unknown(body), *wrong]
        if job is None or wrong:
            return _refused(wrong)
        name, kind, start = str(values.pop("name")), values.pop("task_type_id"), values.pop("scheduled_at", None)
        people = body.integers("employee_ids") or []
        row = self._company.add_task(name, start, job=number_of(job), kind=kind, employees=people, **values)  # type: ignore[arg-type]  # typed by the layout
        return Found(self._resources.task_document(row), 201)

    def _change(self, asked: Asked, body: Body) -> Found | None:
        if asked.resource == "opportunities" and asked.child in _MARKS:
            return self._mark(asked)
        if asked.child or asked.resource not in ("customers", "jobs"):
            return None
        if self._owner(asked) is None:
            return gone(asked.resource[:-1])
        layout = layouts.CUSTOMER if asked.resource == "customers" else layouts.JOB
        values, wrong = typed_fields(layout, body)
        blank = _blank(body, "name") if "name" in body.texts else []
        wrong = [*blank, *self._unknown(body), *wrong, *_wrong_status(values)]
        if wrong:
            return _refused(wrong)
        reached = _REACHED.get(str(values.get("status")))
        if asked.resource == "jobs" and reached:
            values[reached] = asked.now
        row = self._company.update(asked.resource, asked.number, fields=values)
        if asked.resource == "customers":
            return Found(self._resources.customer_document(row, asked))
        return Found(self._resources.job_document(self._assigned(row, body), asked))

    def _mark(self, asked: Asked) -> Found:
        """Win or lose an opportunity; a won one is an unscheduled job from now on."""
        job = asked.viewer.find_job(asked.number)
        if job is None or self._company.is_job(job):
            return gone("job")
        status, stamp = _MARKS[asked.child]
        row = self._company.update("jobs", asked.number, fields={"status": status, stamp: asked.now})
        return Found(self._resources.job_document(row, asked))

    def _delete(self, asked: Asked) -> Found | None:
        if asked.child or asked.resource != "customers" or not asked.key:
            return None
        row = self._owner(asked)
        if row is None:
            return gone("customer")
        document = self._resources.customer_document(row, asked)
        self._company.delete_customer(asked.number)
        return Found(document)

    def _owner(self, asked: Asked) -> Row | None:
        find = asked.viewer.find_customer if asked.resource == "customers" else asked.viewer.find_job
        return find(asked.number)

    def _assigned(self, job: Row, body: Body) -> Row:
        people = body.integers("employee_ids")
        return job if people is None else self._company.assign(number_of(job), people)

    def _unknown(self, body: Body, required: tuple[str, ...] = ()) -> list[str]:
        """Return a message for each reference to something that the account does not have."""
        company = self._company
        tables = {
            "employee_id": company.employees,
            "job_type_id": company.job_types,
            "job_status_id": company.job_statuses,
            "item_id": company.items,
        }
        wrong = _blank(body, *required)
        for name, table in tables.items():
            if (body.texts.get(name) or "").strip() and table.get(body.integer(name) or 0) is None:
                wrong.append(f"{label(name)} is invalid")
        if any(company.employees.get(ident) is None for ident in body.integers("employee_ids") or ()):
            wrong.append("Employees is invalid")
        return wrong


_AMOUNTS = frozenset(names("quantity price_per_unit discount"))
_MARKS = {"mark_as_won": ("unscheduled", "won_date"), "mark_as_lost": ("lost", "lost_date")}
_CREATES: Mapping[tuple[str, str], Create] = {
    ("customers", ""): Writes._add_customer,
    ("jobs", ""): Writes._add_job,
    ("tasks", ""): Writes._add_task,
    ("customers", "notes"): Writes._add_note,
    ("jobs", "notes"): Writes._add_note,
    ("jobs", "time_entries"): Writes._add_time_entry,
    ("jobs", "job_charges"): Writes._add_charge,
}


def _blank(body: Body, *required: str) -> list[str]:
    return [f"{label(name)} can't be blank" for name in required if not (body.texts.get(name) or "").strip()]


def _wrong_status(values: Mapping[str, Value]) -> list[str]:
    if "status" not in values or values["status"] in _STATUSES:
        return []
    return ["Status is not included in the list"]


def _refused(messages: list[str]) -> Found:
    return Found(status=422, errors=tuple(messages))


def _made(layout: Layout, row: Row) -> Found:
    return Found(DECLARATION + render(layout, row), 201)
