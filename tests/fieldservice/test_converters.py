"""Conversions of the Field Service option."""

from decimal import Decimal

import pytest

from transload_fieldservice.converters import minutes


@pytest.mark.parametrize(
    ("hours", "wanted"), [(2, 120), (Decimal("1.50"), 90), (Decimal("0.75"), 45), (Decimal("0.33333"), 20), (0, 0)]
)
def test_hours_become_whole_minutes(hours: int | Decimal, wanted: int) -> None:
    assert minutes(hours) == wanted


@pytest.mark.parametrize("value", ["2", True, None])
def test_what_is_no_number_of_hours_is_refused(value: str | bool | None) -> None:
    with pytest.raises(ValueError, match="is not a number of hours"):
        minutes(value)
