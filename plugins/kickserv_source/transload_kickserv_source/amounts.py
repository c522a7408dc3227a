"""Turns the amounts of a Kickserv document into lines from which the target computes the same amounts.

Dynamics computes what a document costs and takes no total from outside: a line is
``round(price x quantity, 2) - discount + tax``, with halves away from zero, and the
document is the sum of its lines. So each charge is put so that its own total comes out,
whatever its discount means; the document's tax is spread over the lines that are taxed;
and what Kickserv's total says beyond that is one more line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, InvalidOperation

_CENT, _PRICE, _QUANTITY = Decimal("0.01"), Decimal("0.0001"), Decimal("0.00001")
_ZERO, _ONE = Decimal(0), Decimal(1)
_WIDE = Context(prec=60, rounding=ROUND_HALF_UP)
LARGEST = Decimal(10) ** 12
"""What Dynamics takes as price, quantity or discount stays below this."""


@dataclass(frozen=True, slots=True)
class Given:
    """A charge as Kickserv has it. None is what it does not say, or does not say as a number."""

    quantity: Decimal | None = None
    price: Decimal | None = None
    discount: Decimal | None = None
    total: Decimal | None = None
    taxable: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the target takes it.

    Attributes:
        total: After the discount and before the tax.
        recomputed: Quantity and price are not the ones that Kickserv has.
    """

    quantity: Decimal
    price: Decimal
    discount: Decimal
    total: Decimal
    tax: Decimal = _ZERO
    recomputed: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """The lines of a document.

    Attributes:
        lines: One for each charge, in the order of the charges.
        rest: The line that carries what the charges leave open; None when they leave nothing.
        lines_total: What the charges come to, before tax.
        difference: What the document's total says beyond charges and tax.
    """

    lines: tuple[Line, ...]
    rest: Line | None
    lines_total: Decimal
    difference: Decimal


def cents(amount: Decimal) -> Decimal:
    """Round an amount to the cent, halves away from zero."""
    return amount.quantize(_CENT, ROUND_HALF_UP, _WIDE)


def settle_document(
    charges: Sequence[Given], subtotal: Decimal | None, tax: Decimal | None, total: Decimal | None, *, fill: bool = True
) -> Document:
    """Return the lines whose sum is the document's total, to the cent.

    Args:
        charges: The document's charges.
        subtotal: Its amount before tax; counts only where there is no total.
        tax: Its tax.
        total: What Kickserv says it costs.
        fill: Whether a line may carry what the charges leave open. Without it the sum may miss the total.
    """
    lines = tuple(line_of(charge) for charge in charges)
    lines_total = sum((line.total for line in lines), _ZERO)
    owed = cents(tax) if tax is not None else _ZERO
    if total is None:
        total = (subtotal if subtotal is not None else lines_total) + owed
    difference = cents(total) - lines_total - owed
    rest = None
    if fill and (difference or (owed and not lines)):
        # Without a charge the tax has no other line to stand on.
        rest = Line(_ONE, difference, _ZERO, difference, _ZERO if lines else owed, recomputed=True)
    taxes = spread(owed, [line.total for line in lines], [charge.taxable for charge in charges])
    taxed = tuple(
        Line(line.quantity, line.price, line.discount, line.total, share, line.recomputed)
        for line, share in zip(lines, taxes, strict=True)
    )
    return Document(taxed, rest, lines_total, difference)


def line_of(charge: Given) -> Line:
    """Return a charge as a line whose total is the charge's, to the cent.

    The quantity and the price are Kickserv's own as long as they come to at least the
    total, for a discount cannot be negative.
    """
    quantity, price = _fit(charge.quantity, _QUANTITY), _fit(charge.price, _PRICE)
    base = _base(quantity, price)
    total = charge.total
    if total is None:
        total = (base or _ZERO) - (charge.discount or _ZERO)
    total = cents(total)
    if quantity is None or price is None or base is None or base < total or base - total >= LARGEST:
        return Line(_ONE, total, _ZERO, total, recomputed=True)
    recomputed = (quantity, price) != (charge.quantity, charge.price)
    return Line(quantity, price, base - total, total, recomputed=recomputed)


def spread(tax: Decimal, totals: Sequence[Decimal], taxable: Sequence[bool]) -> list[Decimal]:
    """Spread a tax over lines in proportion, to the cent, so that the shares add up to it.

    Lines that point the other way than the tax (a credit on an invoice) carry none. When
    no line may carry any, all lines do; when they come to nothing, the first one does.
    """
    sign = -1 if tax < 0 else 1
    weights = [max(sign * total, _ZERO) if may else _ZERO for total, may in zip(totals, taxable, strict=True)]
    if not any(weights):
        weights = [max(sign * total, _ZERO) for total in totals]
    if not any(weights):
        weights = [_ONE, *[_ZERO] * (len(totals) - 1)] if totals else []
    if not weights:
        return []
    whole, owed = sum(weights, _ZERO), abs(tax) / _CENT
    exact = [_WIDE.divide(_WIDE.multiply(owed, weight), whole) for weight in weights]
    shares = [part.to_integral_value(ROUND_FLOOR) for part in exact]
    missing = int(owed - sum(shares, _ZERO))
    by_remainder = sorted(range(len(exact)), key=lambda at: (shares[at] - exact[at], at))
    for at in by_remainder[:missing]:
        shares[at] += 1
    return [sign * share * _CENT if share else _ZERO for share in shares]


def _base(quantity: Decimal | None, price: Decimal | None) -> Decimal | None:
    return cents(_WIDE.multiply(quantity, price)) if quantity is not None and price is not None else None


def _fit(number: Decimal | None, step: Decimal) -> Decimal | None:
    """Return a number with no more digits after the point than the target keeps; None when it is too large."""
    if number is None or abs(number) >= LARGEST:
        return None
    exponent, finest = number.as_tuple().exponent, step.as_tuple().exponent
    if isinstance(exponent, int) and isinstance(finest, int) and exponent >= finest:
        return number
    try:
        return number.quantize(step, ROUND_HALF_UP, _WIDE)
    except InvalidOperation:
        return None
