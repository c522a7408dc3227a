"""Conversions that only Kickserv's records need."""

import re
from collections.abc import Callable, Mapping, Set
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType

from transload.values import Value

_MAP_DIGITS, _FULL_TURN = Decimal("0.00001"), Decimal(360)


def activity(value: Value) -> Value:
    """Return ``deleted`` for a time of deletion, ``active`` or ``inactive`` for a flag.

    Raises:
        ValueError: The value is neither.
    """
    if isinstance(value, bool):
        return "active" if value else "inactive"
    if isinstance(value, datetime):
        return "deleted"
    raise ValueError(f"{value!r} is neither a flag nor a time of deletion")


def addressee(value: Value) -> Value:
    """Return who an address is for, when its first line says that; None otherwise.

    Kickserv's address is one text. Where it has several lines the first is mostly the
    customer's name, and a line without a digit is taken for it.

    Raises:
        ValueError: The value is no text.
    """
    first, _ = _address(value)
    return first


def street(value: Value) -> Value:
    """Return the lines of an address without its addressee, on one line.

    Raises:
        ValueError: The value is no text.
    """
    _, lines = _address(value)
    return ", ".join(lines)


def coordinate(value: Value) -> Value:
    """Return a latitude or longitude with five digits after the point: one metre, as Dynamics keeps it.

    Raises:
        ValueError: The value is no number.
    """
    number = Decimal(value) if isinstance(value, int | Decimal) else Decimal("NaN")
    if number.is_finite() and abs(number) <= _FULL_TURN:
        return number.quantize(_MAP_DIGITS, ROUND_HALF_EVEN)
    raise ValueError(f"{value!r} is no coordinate")


def listed(value: Value) -> Value:
    """Return several texts as one, with commas between them."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def payment_terms(value: Value) -> Value:
    """Return those of Dynamics' four payment terms that a text names ("net 30 days"), or nothing.

    Raises:
        ValueError: The value is no text.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")  # noqa: TRY004 - converters raise ValueError
    text = " ".join(value.lower().replace(",", " ").split())
    if re.search(r"\b2 ?% 10 net 30\b", text):
        return "2% 10, Net 30"
    found = re.search(r"\bnet (30|45|60)\b", text)
    return f"Net {found[1]}" if found is not None else None


def industry(value: Value) -> Value:
    """Return the industry of Dynamics that a customer's type names ("Commercial:Restaurant"), or nothing.

    Raises:
        ValueError: The value is no text.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")  # noqa: TRY004 - converters raise ValueError
    words = set(re.findall(r"[a-z]+", value.lower()))
    return next((label for label, names in INDUSTRIES.items() if words & names), None)


def visibility(value: Value) -> Value:
    """Return in words whether the customer may see a note; a text as it is."""
    return {True: "Public note", False: "Private note"}[value] if isinstance(value, bool) else value


def presence(value: Value) -> Value:
    """Return that there is a value, whatever it is."""
    return "present"


def _numbered(prefix: str) -> Callable[[Value], Value]:
    """Return what puts a prefix before a number, so that it collides with no number of the target's own."""
    return lambda value: f"{prefix}-{value}"


INDUSTRIES: Mapping[str, Set[str]] = {
    "Accounting": {"accounting", "accountant", "accountants"},
    "Agriculture and Non-petrol Natural Resource Extraction": {"agriculture", "farm", "farms"},
    "Consulting": {"consulting", "consultant", "consultants"},
    "Doctor's Offices and Clinics": {"medical", "clinic", "clinics", "doctor", "doctors", "dental", "dentist"},
    "Durable Manufacturing": {"manufacturing", "manufacturer", "factory", "industrial"},
    "Eating and Drinking Places": {"restaurant", "restaurants", "cafe"},
    "Financial": {"bank", "banks", "banking", "financial", "finance"},
    "Insurance": {"insurance"},
    "Legal Services": {"legal", "attorney", "attorneys"},
    "Service Retail": {"retail"},
    "Social Services": {"school", "schools", "church", "churches", "nonprofit", "government", "municipal"},
    "Special Outbound Trade Contractors": {"contractor", "contractors", "builder", "builders", "construction"},
    "Specialty Realty": {"realty", "realtor", "realtors", "landlord", "property", "properties"},
    "Transportation": {"transportation", "trucking", "logistics"},
    "Vehicle Retail": {"dealership", "dealerships", "automotive"},
    "Wholesale": {"wholesale", "wholesaler"},
}
"""Words in a customer's type that tell its industry, which Kickserv and QuickBooks have no field for."""
CONVERTERS = MappingProxyType(
    {
        "kickserv.item_number": _numbered("KS"),
        "kickserv.family_number": _numbered("KS-FAMILY"),
        "kickserv.estimate_number": _numbered("E"),
        "kickserv.order_number": _numbered("J"),
        "kickserv.listed": listed,
        "kickserv.payment_terms": payment_terms,
        "kickserv.presence": presence,
        "kickserv.industry": industry,
        "kickserv.visibility": visibility,
        "kickserv.activity": activity,
        "kickserv.addressee": addressee,
        "kickserv.street": street,
        "kickserv.coordinate": coordinate,
    }
)


def _address(value: Value) -> tuple[str | None, list[str]]:
    if isinstance(value, str):
        lines = [stripped for line in value.splitlines() if (stripped := line.strip())]
        if len(lines) > 1 and not any(character.isdigit() for character in lines[0]):
            return lines[0], lines[1:]
        return None, lines
    raise ValueError(f"{value!r} is no address")
