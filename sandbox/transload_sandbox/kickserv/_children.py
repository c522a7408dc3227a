"""Generates what hangs on customers and jobs and is not worked on: contacts, notes, lines."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from transload_sandbox.kickserv import _catalogue
from transload_sandbox.kickserv import _words as words
from transload_sandbox.kickserv._draw import Draw, later, local
from transload_sandbox.kickserv._plan import (
    CHARGE,
    CONTACT_OWNERS,
    CONTACTS_A_BLOCK,
    FIRST_CONTACT,
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
    people, numbers = list(customers), list(jobs)
    for ident in plan.note_ids(block):
        draw = Draw(plan.seed, "note", ident)
        on_customer = ident % 8 < 3
        owner = customers[draw.pick(people)] if on_customer else jobs[draw.pick(numbers)]
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


def generate_charges(plan: Plan, block: int, number: int) -> list[Row]:
    """Return the lines of a job number; the first, a service, gives the job its type."""
    draw = Draw(plan.seed, "charges", number)
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
                "id": CHARGE.of(number, place),
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
