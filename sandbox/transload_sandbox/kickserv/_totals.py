"""Totals: what lines come to, and what a job comes to with them."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal

from transload_sandbox.kickserv.wire import Row, Value

PRICED = ("quantity", "price_per_unit", "discount")
"""What the total of a line follows from."""
_CENT = Decimal("0.01")


def line_total(line: Mapping[str, Value]) -> Decimal:
    """Return what a line comes to, never less than nothing."""
    quantity, price, discount = (Decimal(str(line[name])) for name in PRICED)
    return max(quantity * price - discount, Decimal(0))


def job_totals(job: Row, lines: Iterable[Row], percent: Decimal) -> dict[str, Value]:
    """Return the totals of a job; what was paid stays paid.

    Args:
        job: The job as it is.
        lines: Its lines; deleted ones do not count.
        percent: Its tax.
    """
    kept = (line for line in lines if line.get("deleted_at") is None)
    subtotal = sum((Decimal(str(line["total"])) for line in kept), Decimal(0))
    tax = (subtotal * percent / 100).quantize(_CENT, ROUND_HALF_UP)
    paid = Decimal(str(job["total"])) - Decimal(str(job["balance_remaining"]))
    total = subtotal + tax
    return {"subtotal": subtotal, "tax": tax, "total": total, "balance_remaining": total - paid}
