"""Generates appointments and working time."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from transload_sandbox.kickserv import _words as words
from transload_sandbox.kickserv._catalogue import EMPLOYEES, OFFICE_IDS
from transload_sandbox.kickserv._draw import Draw, at_hour, later
from transload_sandbox.kickserv._plan import JOBS_A_CUSTOMER, TASK, TIME_ENTRY, Plan
from transload_sandbox.kickserv.wire import Row, Value

WORK, ESTIMATE, REMINDER = 1, 2, 3
"""Task types of this account; the real ids are unknown."""
_BREAK = timedelta(minutes=30)
_LONG_DAY = timedelta(hours=3)


def assigned(job: Row) -> Sequence[int]:
    """Return the ids of the employees that a job's commission split names."""
    split = job.get("job_allocations")
    shares = split.get("allocations") if isinstance(split, Mapping) else None
    if not isinstance(shares, list):
        return []
    return [ident for share in shares if isinstance(ident := share["id"], int)]


def hours_between(start: datetime, end: datetime | None) -> Decimal:
    """Return a length of time in hours, cut to the hundredth; 0 while it is not over."""
    return Decimal(int((end - start).total_seconds() // 36)) / 100 if end else Decimal(0)


def generate_time_entries(job: Row) -> Iterator[Row]:
    """Yield the working time booked on a job: an entry for each assigned technician once work has begun.

    The first technician takes a break on a long day, and so has two entries. Who has not finished has a
    running entry, without end and with 0 hours.
    """
    started, ended = job.get("started_on"), job.get("completed_on")
    if not isinstance(started, datetime):
        return
    end = ended if isinstance(ended, datetime) else None
    for place, employee in enumerate(assigned(job)):
        spans = [(started, end)] if place else list(_around_break(started, end))
        for part, (begin, until) in enumerate(spans):
            yield {
                "id": TIME_ENTRY.of(_number(job), 2 * place + part),
                "job_id": job["id"],
                "employee_id": employee,
                "started_on": begin,
                "ended_on": until,
                "number_of_hours": hours_between(begin, until),
                "billable": place != 1,
                "note": ("Both returns cleaned", "After the break")[part] if place == 0 else None,
                "mileage": Decimal("12.4") if place == 0 and part == 0 else None,
                "time_entry_type_id": 11,
                "created_at": begin,
                "updated_at": until or begin,
            }


def _around_break(start: datetime, end: datetime | None) -> Iterator[tuple[datetime, datetime | None]]:
    if end is not None and end - start < _LONG_DAY:
        yield start, end
        return
    pause = later(start, hours=2)
    yield start, pause
    yield later(pause, seconds=_BREAK.total_seconds()), end


def generate_tasks(plan: Plan, jobs: Mapping[int, Row], customers: Mapping[int, Row]) -> Iterator[Row]:
    """Yield the appointments of a block: as many for each job as its ``tasks-count`` says, and free reminders."""
    for number, job in jobs.items():
        if job.get("estimate_scheduled_on"):
            yield _estimate_visit(number, job)
        if job.get("scheduled_on"):
            yield _work(number, job)
    for number, customer in customers.items():
        draw = Draw(plan.seed, "reminder", number)
        made = customer["created_at"]
        if draw.chance(0.2) and isinstance(made, datetime):
            yield _reminder(draw, number, customer, made)


def task(ident: int, name: Value, kind: int, start: Value, employees: Sequence[int], **fields: Value) -> Row:
    """Return an appointment; employees that nobody lists are left out."""
    author = OFFICE_IDS[0]
    return {
        "id": ident,
        "name": name,
        "description": "",
        "task_type_id": kind,
        "scheduled_at": start,
        "created_by": author,
        "updated_by": author,
        "employees": [EMPLOYEES[employee] for employee in employees if employee in EMPLOYEES],
        **fields,
    }


def _belonging(job: Row) -> dict[str, Value]:
    names = ("customer_id", "created_by", "updated_by", "created_at", "updated_at")
    return {"job_id": job["id"], **{name: job[name] for name in names}}


def _estimate_visit(number: int, job: Row) -> Row:
    start = job["estimate_scheduled_on"]
    end = later(start, minutes=60) if isinstance(start, datetime) else None
    done = end if job.get("estimate_sent_on") else None
    fields = {**_belonging(job), "ends_at": end, "duration": 60, "completed_on": done}
    return task(TASK.of(number, 1), "Estimate visit", ESTIMATE, start, OFFICE_IDS[:1], **fields)


def _work(number: int, job: Row) -> Row:
    minutes = job.get("duration")
    fields = {
        **_belonging(job),
        "description": words.TASK_DESCRIPTIONS[number % len(words.TASK_DESCRIPTIONS)],
        "ends_at": job.get("ends_at"),
        "duration": int(minutes) if isinstance(minutes, Decimal) else None,
        "completed_on": job.get("completed_on"),
    }
    return task(TASK.of(number, 2), job["name"], WORK, job["scheduled_on"], assigned(job), **fields)


def _reminder(draw: Draw, number: int, customer: Row, made: datetime) -> Row:
    start = at_hour(made, draw.number(10, 700), 9)
    return task(
        TASK.of(JOBS_A_CUSTOMER * number, 3),
        draw.pick(words.REMINDERS),
        REMINDER,
        start,
        draw.pick(((), OFFICE_IDS[1:3])),
        customer_id=customer["id"],
        description=None,
        ends_at=later(start, minutes=15),
        duration=15,
        created_at=made,
        updated_at=customer["updated_at"],
    )


def _number(job: Row) -> int:
    return int(str(job["job_number"]))
