"""Generates what customers paid: in one sum, in two parts, and for several jobs at once."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from transload_sandbox.kickserv._catalogue import OFFICE_IDS
from transload_sandbox.kickserv._plan import PAYMENT, customer_number
from transload_sandbox.kickserv.wire import Row

_CENT = Decimal("0.01")
_KINDS = ("Check", "Credit Card", "Cash")


def generate_payments(jobs: Mapping[int, Row]) -> Iterator[Row]:
    """Yield the payments of a block of jobs: together, what is owed no more.

    Every other pair of paid jobs of one customer was paid online in one sum, which hangs on the first job and
    names both in its notes. So the payments of a single job need not add up to what it cost.
    """
    covered: set[int] = set()
    for number, job in jobs.items():
        amount, when = _paid(job), _day(job)
        if when is None or amount <= 0 or number in covered:
            continue
        second = _paid_along(number, job, jobs) if number % 2 == 0 else None
        if second is not None:
            covered.add(second)
            yield _online(number, job, amount + _paid(jobs[second]), when, second)
        elif number % 3 == 0:
            yield _online(number, job, amount, when, None)
        elif number % 5 == 0:
            deposit = (amount * Decimal("0.4")).quantize(_CENT, ROUND_HALF_UP)
            yield _counter(number, 0, job, deposit, _invoiced(job, when))
            yield _counter(number, 1, job, amount - deposit, when)
        else:
            yield _counter(number, 0, job, amount, when)


def _paid(job: Row) -> Decimal:
    return Decimal(str(job["total"])) - Decimal(str(job["balance_remaining"]))


def _day(job: Row) -> datetime | None:
    when = job.get("invoice_paid_on") or job.get("invoice_date")
    return when if isinstance(when, datetime) else None


def _invoiced(job: Row, otherwise: datetime) -> datetime:
    when = job.get("invoice_date")
    return when if isinstance(when, datetime) else otherwise


def _paid_along(number: int, job: Row, jobs: Mapping[int, Row]) -> int | None:
    """Return a later job of the same customer that was paid in full too."""
    if job["invoice_status"] != "paid":
        return None
    return next(
        (
            other
            for other, row in jobs.items()
            if other > number
            and other % 2
            and row["customer_id"] == job["customer_id"]
            and row["invoice_status"] == "paid"
            and _day(row) is not None
        ),
        None,
    )


def _payment(number: int, place: int, job: Row, amount: Decimal, when: datetime) -> Row:
    return {
        "id": PAYMENT.of(number, place),
        "customer_id": job["customer_id"],
        "job_id": job["id"],
        "date": when.date(),
        "amount": amount,
        "created_at": when,
        "updated_at": when,
        "updated_by": OFFICE_IDS[0],
    }


def _counter(number: int, place: int, job: Row, amount: Decimal, when: datetime) -> Row:
    return {
        **_payment(number, place, job, amount, when),
        "payment_type": _KINDS[number % len(_KINDS)],
        "notes": "deposit" if place == 0 else None,
        "ref_number": str(1000 + number),
    }


def _online(number: int, job: Row, amount: Decimal, when: datetime, second: int | None) -> Row:
    customer = customer_number(int(str(job["customer_id"])))
    jobs = f"job #{number}" if second is None else f"jobs #{number} and #{second}"
    return {
        **_payment(number, 0, job, amount, when),
        "payment_type": "Credit Card (Online)",
        "notes": f"Online payment for {jobs} by customer #{customer}",
        "ref_number": "",
        "stripe_payment_id": f"pi_example_{number:06}",
        "status": "credit_card_transaction_complete",
    }
