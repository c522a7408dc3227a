"""Generates what hangs on customers and jobs: contacts, notes, lines, time, payments, visits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from transload_sandbox.kickserv import _catalogue
from transload_sandbox.kickserv import _words as words
from transload_sandbox.kickserv._draw import Draw, later, local
from transload_sandbox.kickserv._plan import (
    CONTACT_OWNERS,
    CONTACTS_A_BLOCK,
    FIRST_CONTACT,
    GONE,
    Plan,
    job_id,
)
from transload_sandbox.kickserv.wire import Row, Value

_VANISHED_CUSTOMER = 4_700_000
Fields = dict[str, Value]


def generate_contacts(plan: Plan, block: int, customers: Mapping[int, Row]) -> dict[int, Row]:
    """Return the contacts of one block by id, one of them without a customer."""
    rows: dict[int, Row] = {}
    people = list(customers.values())
    seen: set[int] = set()
    for ident in plan.contact_ids(block):
        owner = CONTACT_OWNERS[(ident - FIRST_CONTACT) % CONTACTS_A_BLOCK]
        draw = Draw(plan.seed, "contact", ident)
        made = local(plan.moment(block, 0.3 + draw.share() * 0.6))
        rows[ident] = {
            "id": ident,
            "customer_id": _contact_owner(block, None if owner is None else people[owner]),
            "first_name": draw.pick(words.FIRST_NAMES),
            "last_name": draw.pick((*words.LAST_NAMES, "", None)),
            "title": draw.pick((*words.TITLES, "", None)),
            "phone1": draw.pick((draw.phone(), draw.phone(), "")),
            "phone2": draw.pick((None, "", draw.phone(), words.LONG_PHONE)),
            "email1": draw.pick((f"contact{ident}@example.org", f"contact{ident}@example.org", "", None)),
            "email2": draw.pick((None, None, "", f"second.{ident}@example.com")),
            "is_primary": owner is not None and owner not in seen,
            "created_at": made,
            "updated_at": later(made, days=draw.number(0, 90)),
        }
        seen.add(-1 if owner is None else owner)
    return rows


def _contact_owner(block: int, owner: Row | None) -> Value:
    """Return the owner's id; for an orphan nil or, in every other block, an id that no customer has."""
    if owner is not None:
        return owner["id"]
    return None if block % 2 == 0 else _VANISHED_CUSTOMER + block


def generate_notes(plan: Plan, block: int, customers: Mapping[int, Row], jobs: Mapping[int, Row]) -> dict[int, Row]:
    """Return the notes of one block by id: three in eight on customers, the others on jobs."""
    rows: dict[int, Row] = {}
    for ident in plan.note_ids(block):
        draw = Draw(plan.seed, "note", ident)
        on_customer = ident % 8 < 3
        owner = draw.pick(list((customers if on_customer else jobs).values()))
        born = owner["created_at"]
        made = later(born if isinstance(born, datetime) else plan.moment(block, 1), hours=draw.number(1, 400))
        author = draw.pick((*_catalogue.EMPLOYEE_IDS, *_catalogue.GHOST_EMPLOYEES))
        rows[ident] = {
            "id": ident,
            "noteable_id": owner["id"],
            "noteable_type": "Customer" if on_customer else "Job",
            "note": _note_text(draw, on_customer=on_customer),
            "public": draw.chance(0.3),
            "created_by": author,
            "updated_by": author,
            "created_at": made,
            "updated_at": draw.pick((made, made, later(made, days=3))),
        }
    return rows


def _note_text(draw: Draw, *, on_customer: bool) -> str:
    if draw.chance(0.04):
        return "\n".join(words.LONG_SENTENCE.strip() for _ in range(draw.number(10, 20)))
    return draw.pick(words.CUSTOMER_NOTES if on_customer else words.JOB_NOTES)


def generate_charges(plan: Plan, block: int) -> dict[int, list[Row]]:
    """Return the lines of each job number of a block; the first, a service, gives the job its type."""
    return {
        number: _charges(Draw(plan.seed, "charges", number), plan, block, number)
        for number, status in zip(plan.job_numbers(block), plan.job_statuses(block), strict=True)
        if status != GONE
    }


def _charges(draw: Draw, plan: Plan, block: int, number: int) -> list[Row]:
    catalogue = _catalogue.items()
    service = draw.pick((501, 502, 502, 503, 503, 503, 504, 505, 505, 505, 506, 507))
    made = local(plan.moment(block, 0.95))
    lines: list[tuple[int | None, Decimal, Decimal]] = [(service, Decimal(1), Decimal(0))]
    if draw.chance(0.4):
        lines.append((520, Decimal(draw.number(1, 6)), draw.pick((Decimal(0), Decimal(12)))))
    if draw.chance(0.3):
        lines.append((None, Decimal(1), Decimal(0)))
    rows: list[Row] = []
    for place, (item_id, quantity, discount) in enumerate(lines, start=1):
        item = catalogue[item_id] if item_id else None
        price = item["price"] if item else draw.pick((Decimal(0), Decimal("29.95")))
        if not isinstance(price, Decimal):
            raise TypeError("an item without a price")
        rows.append(
            {
                "id": 90_000 + number * 4 + place,
                "job_id": job_id(number),
                "created_on": made,
                "description": item["full_name"] if item else "Trip charge",
                "quantity": quantity,
                "price_per_unit": price,
                "item_id": item_id,
                "item": item,
                "details": item["description"] if item else "",
                "total": max(quantity * price - discount, Decimal(0)),
                "job_charge_type_id": draw.pick((31, 32, None)),
                "updated_by": draw.pick(_catalogue.OFFICE_IDS),
                "discount": discount,
                "updated_at": made,
                "sort_order": draw.pick((place, None)),
            }
        )
    return rows


def generate_time_entries(job: Row) -> list[Row]:
    """Return the working time booked on a job: one entry for each assigned technician once work has begun."""
    started, ended = job.get("started_on"), job.get("completed_on")
    if not isinstance(started, datetime):
        return []
    hours = Decimal(int((ended - started).total_seconds() // 36)) / 100 if isinstance(ended, datetime) else Decimal(0)
    return [
        {
            "id": 7_000 + 4 * _number(job) + place,
            "job_id": job["id"],
            "employee_id": ident,
            "started_on": started,
            "ended_on": ended,
            "number_of_hours": hours,
            "billable": place != 1,
            "note": "Both returns cleaned" if place == 0 else None,
            "mileage": Decimal("12.4") if place == 0 else None,
            "time_entry_type_id": 11,
            "created_at": started,
            "updated_at": ended or started,
        }
        for place, ident in enumerate(assigned(job))
    ]


def generate_payments(job: Row) -> list[Row]:
    """Return the payments of a job: what is no longer owed, on the day it was paid or invoiced."""
    total, rest = job["total"], job["balance_remaining"]
    when = job.get("invoice_paid_on") or job.get("invoice_date")
    if not (isinstance(total, Decimal) and isinstance(rest, Decimal) and isinstance(when, datetime)) or total == rest:
        return []
    online = _number(job) % 3 == 0
    return [
        {
            "id": 5_000 + _number(job),
            "customer_id": job["customer_id"],
            "job_id": job["id"],
            "date": when.date(),
            "payment_type": "Credit Card (Online)" if online else "Check",
            "amount": total - rest,
            "notes": None if online else "deposit",
            "ref_number": "" if online else str(1000 + _number(job)),
            "created_at": when,
            "updated_at": when,
            "updated_by": 71315,
            "stripe_payment_id": f"FAKE-stripe-{_number(job):06}" if online else None,
            "status": "credit_card_transaction_complete" if online else None,
        }
    ]


def generate_tasks(job: Row, employees: Mapping[int, Row]) -> list[Row]:
    """Return the appointments of a job; there are as many as its ``tasks-count`` says."""
    if not job["tasks_count"]:
        return []
    return [
        {
            "id": 8_000 + _number(job),
            "job_id": job["id"],
            "customer_id": job["customer_id"],
            "name": job["name"],
            "description": "Bring long brushes" if _number(job) % 4 == 0 else "",
            "task_type_id": 1,
            "scheduled_at": job["scheduled_on"],
            "ends_at": job.get("ends_at"),
            "duration": int(minutes) if isinstance(minutes := job.get("duration"), Decimal) else None,
            "completed_on": job.get("completed_on"),
            "created_by": job["created_by"],
            "updated_by": job["updated_by"],
            "created_at": job["created_at"],
            "updated_at": job["updated_at"],
            "employees": [employees[ident] for ident in assigned(job) if ident in employees],
        }
    ]


def assigned(job: Row) -> Sequence[int]:
    """Return the ids of the employees that a job's commission split names."""
    split = job.get("job_allocations")
    shares = split.get("allocations") if isinstance(split, Mapping) else None
    if not isinstance(shares, list):
        return []
    return [ident for share in shares if isinstance(ident := share["id"], int)]


def _number(job: Row) -> int:
    return int(str(job["job_number"]))
