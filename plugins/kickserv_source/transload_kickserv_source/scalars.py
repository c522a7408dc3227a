"""Reads a text as a value of the type that Kickserv, or the operator, says it has."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal

from transload.values import Value

_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")


def knows_type(kind: str) -> bool:
    """Return whether a type, named as the ``type`` attribute names it, is one of data."""
    return kind.lower() in _READERS


def read_as(kind: str, text: str) -> Value:
    """Read a text as a value of a type, named as the ``type`` attribute names it.

    Raises:
        ValueError: The text is no such value.
    """
    try:
        return _READERS[kind.lower()](text)
    except (ArithmeticError, LookupError) as error:
        raise ValueError(f"{text!r} is not a {kind}") from error


def _read_number(text: str) -> Value:
    """Read an integer as int, anything else as a decimal with its digits."""
    text = text.strip()
    return int(text) if _INTEGER.fullmatch(text) else _read_decimal(text)


def _read_decimal(text: str) -> Value:
    if not _DECIMAL.fullmatch(text.strip()):
        raise ValueError(text)
    return Decimal(text.strip())


def _read_boolean(text: str) -> Value:
    return {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]


def _read_moment(text: str) -> Value:
    """Read a time in the form of XML, or in that of Kickserv's export (``2013-04-10 10:26:01 -0400``)."""
    text = text.strip()
    moment = datetime.fromisoformat(_BEFORE_OFFSET.sub("", text.removesuffix(" UTC") + "Z" * text.endswith(" UTC")))
    if moment.tzinfo is None:
        raise ValueError("without an offset nobody knows which moment it is")
    return moment


def _read_day(text: str) -> Value:
    """Read a day; what says a time of that day too is kept with it."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return _read_moment(text)


_READERS: Mapping[str, Callable[[str], Value]] = {
    "string": str,
    "symbol": str,
    "integer": _read_number,
    "decimal": _read_decimal,
    "float": _read_decimal,
    "boolean": _read_boolean,
    "datetime": _read_moment,
    "date": _read_day,
}
