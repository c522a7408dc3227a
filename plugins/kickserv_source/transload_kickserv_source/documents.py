"""Takes a row of a job or an opportunity apart: order, estimate and invoice in one.

Kickserv keeps one record for all of them. An open or lost opportunity is an estimate; a
job that once was one carries that estimate's columns still; a job with an invoice date is
an invoice too. All three have the same charges and the same total.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from transload.values import EntityName, Record, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.appendages import Appended, notes_of, tags_of
from transload_kickserv_source.catalogue import JOB_STATUS, JOB_TYPE, TAX_ENTITY
from transload_kickserv_source.charges import Charges, charges_of
from transload_kickserv_source.fields import DERIVED, DOCUMENTED, ESTIMATE_ON_JOB, POINT, SITE, words
from transload_kickserv_source.inferred import (
    DUE_AT_ONCE,
    GOOD_FOR,
    JOB_STATUSES,
    LOST,
    NET_DAYS,
    OPPORTUNITY_WORDS,
    PRIORITIES,
)
from transload_kickserv_source.nesting import (
    ident_in,
    moment_in,
    name_in,
    number_in,
    number_or_text,
    plain,
    record,
    rows_in,
)
from transload_kickserv_source.payments import payments_of
from transload_kickserv_source.schema import settle
from transload_kickserv_source.slots import Definition
from transload_kickserv_source.visits import time_entries_of
from transload_kickserv_source.xml import Row

JOB, ESTIMATE, INVOICE = EntityName("job"), EntityName("estimate"), EntityName("invoice")
_NESTED = words(
    """employees job_charges time_entries notes job_type job_status tax_entity payments tags attachments tasks
    customer"""
)
_WORKED = frozenset({"in_progress", "complete"})
"""States of work that an opportunity has only when it was won."""
_TO_ONE = (("job_type", JOB_TYPE, "job_type_id"), ("job_status", JOB_STATUS, "job_status_id"))
_STARTS = ("estimate_sent_on", "estimate_scheduled_on", "created_at")
_SENT = ("won_date", "estimate_sent_on", "estimate_scheduled_on")
_INVOICE_FIELDS = frozenset(
    word.partition(":")[0] for word in f"{DOCUMENTED['invoice'][1]} {DERIVED['invoice']}".split()
)


@dataclass(frozen=True, slots=True)
class Document:
    """A row as far as all that comes of it needs it."""

    fields: dict[str, Value]
    charges: Charges
    tags: Appended
    on_estimate: bool
    on_order: bool
    on_invoice: bool


def job_records(row: Row, account: Account) -> Iterator[Record]:
    """Yield a job with all that comes of its row but its files."""
    document = _read(row, JOB, account)
    fields = document.fields
    own: Row = {
        "has_order": document.on_order,
        "order_state": _order_state(document),
        "settled": "settled" if document.on_invoice and fields.get("status") == "complete" else None,
        "estimate_id": row["id"] if document.on_estimate else None,
    }
    yield record(JOB, str(row["id"]), {**fields, **own, **_site(row, account)})
    if document.on_estimate:
        short = {name: value for name, value in fields.items() if name in ESTIMATE_ON_JOB}
        yield record(ESTIMATE, str(row["id"]), {**short, **_standing(fields, is_job=True), "job_id": row["id"]})
    if document.on_invoice:
        yield record(INVOICE, str(row["id"]), _invoice(fields))
    yield from _parts(row, JOB, document, account)


def _order_state(document: Document) -> str | None:
    """Return what became of a job's order: open, invoiced or canceled."""
    if not document.on_order:
        return None
    if document.on_invoice:
        return "invoiced"
    return "canceled" if document.fields.get("status") in {"canceled", *LOST} else "open"


def _site(row: Row, account: Account) -> Row:
    """Return where a job is done, and whom to ask for there: what its customer says."""
    nested = row.get("customer")
    customer = nested if isinstance(nested, Mapping) else {}
    place = {name: customer.get(name) for name in (*SITE, *POINT)}
    return {**place, "primary_contact_id": account.primary_contacts().get(str(row.get("customer_id")))}


def estimate_records(row: Row, account: Account, *, is_job: bool = False) -> Iterator[Record]:
    """Yield an opportunity with all that comes of its row but its files.

    Args:
        row: Its row.
        account: The account.
        is_job: Whether the list of jobs has it too, and what hangs on it came from there.
    """
    document = _read(row, ESTIMATE, account)
    more: Row = {**_standing(document.fields, is_job=is_job), "job_id": row["id"] if is_job else None}
    yield record(ESTIMATE, str(row["id"]), {**document.fields, **more})
    if not is_job:
        yield from _parts(row, ESTIMATE, document, account)


def _standing(fields: Row, *, is_job: bool) -> Row:
    """Return how far an estimate has come, and until when it is good by its own terms ("Bid good for 7 days.")."""
    said = GOOD_FOR.search(str(fields.get("estimate_terms") or ""))
    start = next((moment for name in _STARTS if (moment := moment_in(fields.get(name))) is not None), None)
    expires = start + timedelta(days=int(said[1])) if said is not None and start is not None else None
    return {"stage": stage_of(fields, is_job=is_job), "expires_on": expires}


def is_opportunity(row: Row) -> bool:
    """Return whether a row that was found by its number is an opportunity and not a job."""
    return row.get("status") not in JOB_STATUSES


def stage_of(fields: Row, *, is_job: bool = False) -> str:
    """Return how far an estimate has come: new, scheduled, sent, won, lost or canceled.

    A status that is none of Kickserv's is returned as it is, for somebody to say what it means.

    Args:
        fields: The fields of a job or an opportunity.
        is_job: Whether it is a job, so that what was estimated was agreed on.
    """
    words = {str(fields.get(name) or "").strip().lower() for name in ("estimate_type", "status")}
    unknown = words - {"", *OPPORTUNITY_WORDS, *JOB_STATUSES}
    if fields.get("lost_date") or words & LOST:
        return "lost"
    if fields.get("won_date") or "won" in words or words & _WORKED:
        return "won"
    if fields.get("canceled_on") or "canceled" in words:
        return "canceled"
    if is_job and words & JOB_STATUSES:
        return "won"
    if unknown:
        return min(unknown)
    if fields.get("estimate_sent_on"):
        return "sent"
    return "scheduled" if fields.get("estimate_scheduled_on") else "new"


def _read(row: Row, entity: EntityName, account: Account) -> Document:
    fields = settle(entity, plain(row, _NESTED))
    fields.pop("tags", None)  # texts are tags too
    fields = account.own_fields(entity, fields)
    for nested, listed, column in _TO_ONE:
        if fields.get(column) is None and ident_in(row.get(nested)) is not None:
            fields[column] = ident_in(row[nested])
        fields[f"{nested}_name"] = name_in(row.get(nested)) or account.name_of(listed, fields.get(column))
    if fields.get("tax_id") is None and ident_in(row.get("tax_entity")) is not None:
        fields["tax_id"] = ident_in(row["tax_entity"])
    fields["tax_name"] = name_in(row.get("tax_entity")) or account.name_of(TAX_ENTITY, fields.get("tax_id"))
    employees = employees_of(fields.get("job_allocations"), row.get("employees"))
    fields["employee_ids"], fields["assigned_to"] = employees, next(iter(employees), None)
    fields["urgency"] = _urgency(fields, account.definitions.of(entity))
    tags = tags_of(entity, row["id"], row.get("tags"), account)
    fields["tag_names"], fields["tag_ids"] = tags.names, tags.ids
    charges = charges_of(row, fields, account)
    fields["lines_total"], fields["difference"] = charges.lines_total, charges.difference
    is_job = entity == JOB
    on_invoice = is_job and any(fields.get(mark) for mark in account.settings.invoice_rule)
    has_money = bool(charges.rows) or bool(number_in(fields.get("total")))
    on_estimate = not is_job or any(fields.get(name) for name in _SENT)
    return Document(fields, charges, tags, on_estimate, is_job and (has_money or on_invoice), on_invoice)


def _parts(row: Row, entity: EntityName, document: Document, account: Account) -> Iterator[Record]:
    """Yield what hangs on a job or an opportunity."""
    fields = document.fields
    for nested, listed in (("job_type", JOB_TYPE), ("job_status", JOB_STATUS), ("tax_entity", TAX_ENTITY)):
        yield from account.catalogue.meet(listed, row.get(nested))
    yield from document.charges.items
    flags: Row = {
        "on_estimate": document.on_estimate,
        "on_order": document.on_order,
        "on_invoice": document.on_invoice,
    }
    yield from (charge.with_fields(flags) for charge in document.charges.rows)
    if document.charges.rest is not None:
        yield document.charges.rest.with_fields(flags)
    yield from payments_of(row, fields, account, is_job=entity == JOB, has_invoice=document.on_invoice)
    yield from time_entries_of(row, entity, fields, account)
    yield from notes_of(entity, row["id"], row.get("notes"), account)
    yield from document.tags.records


def employees_of(allocations: Value, employees: Value) -> tuple[Value, ...]:
    """Return the ids of the employees that a job is shared among, and of those that it names, each once.

    Args:
        allocations: The ``job_allocations`` of a job, with shares of employees and of the house.
        employees: Its included employees.
    """
    shares = rows_in(allocations.get("allocations") if isinstance(allocations, Mapping) else allocations)
    found = [share.get("id") for share in shares if share.get("allocation_type") != "house"]
    found += [one.get("id") for one in rows_in(employees)]
    return tuple(dict.fromkeys(number_or_text(one) for one in found if isinstance(one, str | int) and one != ""))


def _invoice(fields: Row) -> Row:
    total, balance = number_in(fields.get("total")), number_in(fields.get("balance_remaining"))
    number = fields.get("ref_number") or fields.get("job_number") or fields.get("id")
    return {
        **{name: value for name, value in fields.items() if name in _INVOICE_FIELDS},
        "job_id": fields.get("id"),
        "number": str(number) if number is not None else None,
        "state": _state(fields.get("invoice_status"), total, balance),
        "due_on": _due_on(fields),
        "paid_amount": total - balance if total is not None and balance is not None else None,
    }


def _due_on(invoice: Row) -> date | None:
    """Return the day on which an invoice falls due, when its terms tell how many days that is from its date."""
    made, terms = moment_in(invoice.get("invoice_date")), str(invoice.get("invoice_terms") or "")
    said = NET_DAYS.search(terms)
    if made is None or (said is None and DUE_AT_ONCE.search(terms) is None):
        return None
    return made.date() + timedelta(days=int(said[1] or said[2]) if said is not None else 0)


def _state(status: Value, total: Decimal | None, balance: Decimal | None) -> str:
    """Return ``paid``, ``partly_paid`` or ``open``; a status that nobody knows as it is, for somebody to decide."""
    word = str(status or "").strip().lower()
    if word not in {"", "unpaid"}:
        return word
    return "partly_paid" if total is not None and balance is not None and 0 < balance < total else "open"


def _urgency(fields: Row, definitions: Mapping[str, Definition]) -> Value:
    """Return the priority of a job, which some accounts keep in a field of their own; its words in one form."""
    names = ["priority", *(name for name, one in definitions.items() if one.label.strip().lower() == "priority")]
    words = (str(fields.get(name)).strip().lower() for name in names if fields.get(name) not in (None, ""))
    return next((PRIORITIES.get(word, word) for word in words), None)
