"""The named conversions that any mapping may use.

A conversion is a function from a value to a value. It gets no empty values: the engine
leaves those out. What a conversion cannot take raises ValueError with the reason, and
the record is set aside.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

from transload.hookspecs import Converter
from transload.values import Value

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_YES = frozenset({"yes", "y", "true", "t", "1", "on"})
_NO = frozenset({"no", "n", "false", "f", "0", "off"})


def strip(value: Value) -> Value:
    """Return a text without the blanks around it; any other value as it is."""
    return value.strip() if isinstance(value, str) else value


def lower(value: Value) -> Value:
    """Return a text in small letters; any other value as it is."""
    return value.lower() if isinstance(value, str) else value


def first_line(value: Value) -> Value:
    """Return the first line of a text that holds more than blanks; any other value as it is."""
    if not isinstance(value, str):
        return value
    return next((line.strip() for line in value.splitlines() if line.strip()), "")


def text(value: Value) -> Value:
    """Return a plain value as text: decimals as the source wrote them, times in ISO form.

    Raises:
        ValueError: The value is nested.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, int | Decimal):
        return str(value)
    raise ValueError("it is nested; the converter `json` takes it")


def to_json(value: Value) -> Value:
    """Return any value as compact JSON text. Decimals keep their digits, times become ISO text."""
    return _json(value)


def utc(value: Value) -> Value:
    """Return the same moment in UTC.

    Raises:
        ValueError: The value is not a time, has no offset, or lies outside the calendar.
    """
    moment = _moment(value)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} lies outside the calendar in UTC") from None


def local_day(value: Value) -> Value:
    """Return the day that a time has in its own offset: for fields that mean a day.

    Raises:
        ValueError: The value is neither a time with its offset nor a day.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return _moment(value).date()


def integer(value: Value) -> Value:
    """Return a whole number, from a number or its text.

    Raises:
        ValueError: The value is none.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    raise ValueError(f"{value!r} is not a whole number")


def decimal(value: Value) -> Value:
    """Return a decimal number, from a number or its text, with all its digits.

    Raises:
        ValueError: The value is none.
    """
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        return Decimal(value.strip())
    raise ValueError(f"{value!r} is not a number")


def boolean(value: Value) -> Value:
    """Return yes or no as a boolean, from the words and digits that people use for it.

    Raises:
        ValueError: The value is none of them.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str | int):
        word = str(value).strip().lower()
        if word in _YES or word in _NO:
            return word in _YES
    raise ValueError(f"{value!r} is neither yes nor no")


def negate(value: Value) -> Value:
    """Return the opposite of a yes or no, for a flag whose column has the opposite sense.

    Raises:
        ValueError: The value is neither yes nor no.
    """
    return not boolean(value)


def yes_no(value: Value) -> Value:
    """Return ``Yes`` or ``No`` as text, from what :func:`boolean` takes.

    Raises:
        ValueError: The value is neither yes nor no.
    """
    return "Yes" if boolean(value) else "No"


CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {
        "strip": strip,
        "lower": lower,
        "first_line": first_line,
        "text": text,
        "json": to_json,
        "utc": utc,
        "local_day": local_day,
        "integer": integer,
        "decimal": decimal,
        "boolean": boolean,
        "negate": negate,
        "yes_no": yes_no,
    }
)
"""The conversions by the names that a mapping writes under ``convert``."""


def _moment(value: Value) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    raise ValueError(f"{value!r} is not a time with an offset: nobody knows which moment it means")


def _json(value: Value) -> str:
    """Write JSON; the standard encoder would turn decimals into binary floats."""
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else json.dumps(str(value))
    if isinstance(value, datetime | date):
        return json.dumps(value.isoformat())
    if isinstance(value, tuple):
        return f"[{','.join(_json(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{json.dumps(name)}:{_json(item)}' for name, item in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)
