"""When somebody came or will come: events of the calendar, and the time that was worked."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from transload.values import EntityName, Record, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.inferred import CLOSED_JOBS, EVENT_WORDS
from transload_kickserv_source.nesting import (
    ident_in,
    key_text,
    moment_in,
    name_in,
    number_in,
    number_or_text,
    owned,
    plain,
    record,
    rows_in,
)
from transload_kickserv_source.schema import ENTITIES, settle
from transload_kickserv_source.xml import Row

EVENT, ASSIGNMENT, TIME_ENTRY = EntityName("event"), EntityName("assignment"), EntityName("time_entry")
_ASSIGNED = ("job_id", "name", "description", "scheduled_at", "ends_at", "duration_minutes", "completed_on",
             "created_at", "created_by", "bookable")  # fmt: skip
_NESTED = frozenset({"employees", "job", "customer", "contact"})
_WITHOUT_TIME = frozenset({"reminder", "call", "email"})
"""Kinds of events that need no time."""
_LONGEST = Decimal(60 * 24 * 366 * 10)
"""Minutes. No visit lasts longer; a number beyond is no length of time."""


def event_of(row: Row, account: Account, parent: tuple[str | None, Value], job_status: str | None = None) -> Record:
    """Return an event.

    Args:
        row: Its row.
        account: The account.
        parent: Entity and id of what it belongs to.
        job_status: Status of its job, when nothing is left to do on that.
    """
    fields = settle(EVENT, plain(row, _NESTED))
    for nested in ("job", "customer", "contact"):
        if fields.get(f"{nested}_id") is None and (nested == "contact" or ident_in(row.get(nested)) is not None):
            fields[f"{nested}_id"] = ident_in(row.get(nested))
    employees = rows_in(row.get("employees"))
    account.count_strays("task.employees", row.get("employees"))
    ids = tuple(dict.fromkeys(number_or_text(one["id"]) for one in employees if key_text(one) is not None))
    names = (name_in(one) for one in employees)
    fields.update(
        kind=_kind(fields, account),
        employee_ids=ids,
        employee_names=tuple(name for name in names if name),
        assigned_to=next(iter(ids), None),
        parent_entity=parent[0],
        parent_id=parent[1],
        state=_state(fields, job_status),
        derived=False,
    )
    _set_length(fields)
    if fields["kind"] not in _WITHOUT_TIME and moment_in(fields.get("scheduled_at")) is None:
        # No calendar takes what has no time: it is something to do.
        account.seen.mark("timeless", fields.get("id"), str(fields["kind"]))
        fields["kind"] = "reminder"
    if _ends_early(fields, "scheduled_at", "ends_at"):
        account.seen.mark("odd_times", f"event {fields.get('id')}")
    fields["bookable"] = _is_bookable(fields)
    return record(EVENT, account.key_of(EVENT, fields, f"{parent[0]}-{parent[1]}"), fields)


def event_of_schedule(job: Row, employees: tuple[Value, ...], entity: EntityName) -> Record | None:
    """Return the event that a job's own schedule tells of, for accounts whose events cannot be read.

    Args:
        job: The fields of a job or an opportunity, settled.
        employees: Who is assigned to it.
        entity: Which of the two it is.
    """
    kind, start = ("work", "scheduled_on") if entity == "job" else ("estimate", "estimate_scheduled_on")
    if moment_in(job.get(start)) is None:
        return None
    key = f"job-{job['id']}"
    fields: dict[str, Value] = {name: job.get(name) for name in ("customer_id", "name", "description")}
    fields.update({name: job.get(name) for name in ("created_at", "updated_at", "created_by", "updated_by")})
    fields.update(
        id=key,
        job_id=job["id"],
        scheduled_at=job[start],
        ends_at=job.get("ends_at") if entity == "job" else None,
        duration=job.get("duration") if entity == "job" else None,
        completed_on=job.get("completed_on"),
        kind=kind,
        employee_ids=employees,
        employee_names=(),
        assigned_to=next(iter(employees), None),
        contact_id=None,
        parent_entity=entity,
        parent_id=job["id"],
        state=_state({"completed_on": job.get("completed_on")}, str(job.get("status"))),
        derived=True,
    )
    _set_length(fields)
    fields["bookable"] = _is_bookable(fields)
    return record(EVENT, key, fields)


def assignments_of(event: Record) -> Iterator[Record]:
    """Yield who is sent to an event: a record for each employee, and one for work that nobody is sent to."""
    fields = event.fields
    employees = fields.get("employee_ids")
    sent: tuple[Value, ...] = employees if isinstance(employees, tuple) and employees else ()
    more = {name: value for name, value in fields.items() if name not in ENTITIES[EVENT].fields}
    for employee in sent or ((None,) if fields["bookable"] else ()):
        key = f"{event.key.source_id}-{'nobody' if employee is None else employee}"
        own: Row = {
            "id": key,
            "event_id": fields.get("id"),
            "employee_id": employee,
            "state": fields["state"],
        }
        yield record(ASSIGNMENT, key, {**more, **{name: fields.get(name) for name in _ASSIGNED}, **own})


def _state(event: Row, job_status: str | None) -> str:
    """Return ``open``, ``done`` or ``canceled``: on a job that is closed no event is open any more."""
    if event.get("completed_on") not in (None, "") or job_status == "complete":
        return "done"
    return "canceled" if job_status == "canceled" else "open"


def _is_bookable(event: Row) -> bool:
    """Return whether an event is work on a job at a time, which a resource can be booked for."""
    return (event["kind"], event["parent_entity"]) == ("work", "job") and moment_in(
        event.get("scheduled_at")
    ) is not None


def time_entries_of(row: Row, entity: EntityName, fields: Row, account: Account) -> Iterator[Record]:
    """Yield the time that was worked on a job."""
    account.count_strays("job.time_entries", row.get("time_entries"))
    for nested in rows_in(row.get("time_entries")):
        entry = settle(TIME_ENTRY, owned(nested, job_id=row["id"]))
        key = account.key_of(TIME_ENTRY, entry, f"job-{row['id']}-time")
        if account.is_deleted(TIME_ENTRY, entry):
            continue
        if _ends_early(entry, "started_on", "ended_on"):
            account.seen.mark("odd_times", f"time entry {entry.get('id')}")
        entry.update(_spans(entry), customer_id=fields.get("customer_id"), parent_entity=entity)
        entry["open"] = entry["running"] and fields.get("status") not in CLOSED_JOBS
        if entry["running"]:
            account.seen.mark("running", key)
        else:
            account.seen.unmark("running", key)
        yield record(TIME_ENTRY, key, entry)


def _kind(fields: Row, account: Account) -> str:
    """Return what kind of event it is, by the operator's word for its type, the type's name, or our own guess."""
    inferred, kind = account.settings.inferred, fields.get("task_type")
    ident = fields.get("task_type_id") or ident_in(kind)
    told = str(name_in(kind) or fields.get("task_type_name") or "").lower()
    named = next((kind for word, kind in EVENT_WORDS.items() if word in told), None)
    if named is not None and "task_types" not in inferred.model_fields_set:
        return named
    if str(ident) in inferred.task_types:
        return inferred.task_types[str(ident)]
    if ident not in (None, ""):
        account.seen.mark("task_types", fields.get("id"), str(ident))
    return "reminder" if fields.get("job_id") in (None, "") else "work"


def _ends_early(fields: Row, start: str, end: str) -> bool:
    begun, over = moment_in(fields.get(start)), moment_in(fields.get(end))
    return begun is not None and over is not None and over < begun


def _set_length(fields: dict[str, Value]) -> None:
    """Fill in the end from the length and the length from the end."""
    start, end = moment_in(fields.get("scheduled_at")), moment_in(fields.get("ends_at"))
    minutes = _minutes(number_in(fields.get("duration")))
    if minutes is None and start is not None and end is not None:
        minutes = _minutes(_between(start, end))
    if end is None and start is not None and minutes is not None and fields.get("ends_at") in (None, ""):
        fields["ends_at"] = _later(start, Decimal(minutes))
    fields["duration_minutes"] = minutes


def _spans(entry: Row) -> dict[str, Value]:
    start, end = moment_in(entry.get("started_on")), moment_in(entry.get("ended_on"))
    hours = number_in(entry.get("number_of_hours"))
    worked = hours * 60 if hours is not None else None
    pause = 0
    if start is not None and end is not None and worked is not None:
        # Hours come with two digits: what is cut off there is less than a minute, and no break.
        pause = max(int((_between(start, end) - worked).to_integral_value(ROUND_FLOOR)), 0)
    elif start is not None and end is not None:
        worked = _between(start, end)
    ended = end
    if end is None and start is not None and worked is not None and worked > 0:
        ended = _later(start, worked)
    return {
        "duration_minutes": _minutes(worked),
        "break_minutes": pause,
        "ended_at": ended,
        "running": entry.get("ended_on") in (None, "") and not worked,
    }


def _minutes(number: Decimal | None) -> int | None:
    """Return whole minutes; None for a length that is none."""
    if number is None or not 0 <= number <= _LONGEST:
        return None
    return int(number.to_integral_value(ROUND_HALF_EVEN))


def _between(start: datetime, end: datetime) -> Decimal:
    return Decimal((end - start) // timedelta(seconds=1)) / 60


def _later(start: datetime, minutes: Decimal) -> datetime | None:
    if not 0 <= minutes <= _LONGEST:
        return None
    try:
        return start + timedelta(seconds=int((minutes * 60).to_integral_value(ROUND_HALF_EVEN)))
    except OverflowError:
        return None
