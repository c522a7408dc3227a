"""Conversions for mapping rules."""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from transload import Value


def minutes(value: Value) -> Value:
    """Return hours as whole minutes: the duration of a service.

    Raises:
        ValueError: It is no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{value!r} is not a number of hours")  # noqa: TRY004 - converters raise ValueError
    return int((Decimal(value) * 60).to_integral_value(ROUND_HALF_EVEN))


CONVERTERS: Mapping[str, Callable[[Value], Value]] = {"fieldservice.minutes": minutes}
"""The conversions by their names in mapping rules."""
