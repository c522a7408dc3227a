"""Conversions that only Kickserv's records need."""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType

from transload.values import Value

_MAP_DIGITS, _FULL_TURN = Decimal("0.00001"), Decimal(360)


def first_employee(value: Value) -> Value:
    """Return the id of the first employee that a job's allocations name.

    Args:
        value: The ``job_allocations`` of a job. A plain id passes through, so that
            ``created_by`` can stand behind it in one rule.

    Returns:
        The id; None when the work belongs to the house or to nobody.

    Raises:
        ValueError: The value is neither.
    """
    if isinstance(value, Mapping):
        value = value.get("allocations")
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Mapping):  # a list of one that forgot to say that it is a list
        value = tuple(value.values())
    if isinstance(value, tuple):
        employees = (item.get("id") for item in value if isinstance(item, Mapping) and not _is_house(item))
        return next((employee for employee in employees if employee not in (None, "")), None)
    raise ValueError(f"{value!r} is no list of allocations")


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


CONVERTERS = MappingProxyType(
    {
        "kickserv.first_employee": first_employee,
        "kickserv.activity": activity,
        "kickserv.addressee": addressee,
        "kickserv.street": street,
        "kickserv.coordinate": coordinate,
    }
)


def _is_house(allocation: Mapping[str, Value]) -> bool:
    return allocation.get("allocation_type") == "house"


def _address(value: Value) -> tuple[str | None, list[str]]:
    if isinstance(value, str):
        lines = [stripped for line in value.splitlines() if (stripped := line.strip())]
        if len(lines) > 1 and not any(character.isdigit() for character in lines[0]):
            return lines[0], lines[1:]
        return None, lines
    raise ValueError(f"{value!r} is no address")
