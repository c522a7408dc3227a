"""The framework's conversions."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transload.converters import CONVERTERS
from transload.values import Value

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
DAYS = st.dates(date(2, 1, 1), date(9998, 12, 31))
MOMENTS = st.builds(lambda day, at, zone: datetime.combine(day, at, zone), DAYS, st.times(), OFFSETS)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | st.integers() | NUMBERS | st.text() | MOMENTS | st.dates()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(MOMENTS)
def test_utc_keeps_the_moment_and_changes_the_zone(moment: datetime) -> None:
    converted = CONVERTERS["utc"](moment)

    assert isinstance(converted, datetime)
    assert converted == moment
    assert converted.utcoffset() == timedelta(0)


@given(MOMENTS)
def test_the_local_day_is_the_day_on_the_wall_where_it_was_written(moment: datetime) -> None:
    assert CONVERTERS["local_day"](moment) == moment.replace(tzinfo=None).date()


def test_midnight_in_new_york_stays_on_its_day() -> None:
    midnight = datetime(2017, 7, 29, tzinfo=timezone(timedelta(hours=-4)))

    assert CONVERTERS["local_day"](midnight) == date(2017, 7, 29)
    assert CONVERTERS["utc"](midnight) == datetime(2017, 7, 29, 4, tzinfo=UTC)


def test_a_time_at_the_end_of_the_calendar_is_refused_with_a_reason() -> None:
    with pytest.raises(ValueError, match="outside the calendar"):
        CONVERTERS["utc"](datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))))


@given(NUMBERS)
def test_decimals_go_to_text_and_back_with_all_their_digits(number: Decimal) -> None:
    as_text = CONVERTERS["text"](number)

    assert str(CONVERTERS["decimal"](as_text)) == str(number)


@given(VALUES)
def test_json_holds_every_value_again_when_it_is_read_with_decimals(value: Value) -> None:
    encoded = CONVERTERS["json"](value)

    assert isinstance(encoded, str)
    assert json.loads(encoded, parse_float=Decimal) == _as_json(value)


def test_json_is_compact_and_writes_decimals_as_the_source_did() -> None:
    allocations: Value = {"allocations": ({"id": 7, "amount": Decimal("33.3333333333333")},), "open": None}

    encoded = CONVERTERS["json"](allocations)

    assert encoded == '{"allocations":[{"id":7,"amount":33.3333333333333}],"open":null}'


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("strip", "  a b \n", "a b"),
        ("strip", 5, 5),
        ("lower", "ABC", "abc"),
        ("first_line", "\r\n  One \r\nTwo", "One"),
        ("first_line", " \n ", ""),
        ("text", 42, "42"),
        ("text", Decimal("350.0"), "350.0"),
        ("text", True, "true"),
        ("text", date(2017, 8, 4), "2017-08-04"),
        ("integer", " 12 ", 12),
        ("integer", Decimal("12.0"), 12),
        ("decimal", "1.50", Decimal("1.50")),
        ("decimal", 3, Decimal(3)),
        ("boolean", "Yes", True),
        ("boolean", 0, False),
        ("negate", True, False),
        ("yes_no", False, "No"),
        ("local_day", date(2017, 8, 4), date(2017, 8, 4)),
    ],
)
def test_plain_values_are_converted(name: str, value: Value, expected: Value) -> None:
    converted = CONVERTERS[name](value)

    assert (converted, type(converted)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", ("a",)),
        ("utc", "2017-08-04"),
        ("utc", datetime(2017, 8, 4)),  # noqa: DTZ001 - a time without a zone is what is refused
        ("local_day", 5),
        ("integer", "1,568"),
        ("integer", Decimal("1.5")),
        ("integer", Decimal("NaN")),
        ("integer", True),
        ("decimal", "$100"),
        ("decimal", "NaN"),
        ("boolean", "perhaps"),
        ("yes_no", None),
    ],
)
def test_an_unfit_value_is_refused_with_a_reason(name: str, value: Value) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        CONVERTERS[name](value)


def _as_json(value: Value) -> object:
    if isinstance(value, tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    return value
