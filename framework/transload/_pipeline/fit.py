"""Fits a value to its column: type, length, precision, range.

What cannot be fitted raises :class:`Unfit`; what is fitted with a loss is reported
through the ``lose`` function, so that nothing is shortened in silence.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import TypeAlias

from transload.mapping import Overflow
from transload.values import Cell, ColumnType, FileRef, TargetColumn, Value

Lose: TypeAlias = Callable[[str, str, str], None]
"""Told the kind of a loss, the original and what was kept."""

Fit: TypeAlias = Callable[[Value, Lose], Cell]

_TEXTUAL = {ColumnType.TEXT, ColumnType.MEMO, ColumnType.ID}
_NUMERIC = {ColumnType.DECIMAL, ColumnType.MONEY}
_LABELLED = {ColumnType.CHOICE, ColumnType.STATE, ColumnType.STATUS}


RANGES: Mapping[ColumnType, tuple[Decimal, Decimal]] = {
    ColumnType.INTEGER: (Decimal(-(2**31)), Decimal(2**31 - 1)),
    ColumnType.DECIMAL: (Decimal(-(10**11)), Decimal(10**11)),
    ColumnType.MONEY: (Decimal(-922_337_203_685_477), Decimal(922_337_203_685_477)),
}
"""What a column that ``prepare`` makes takes, from and to."""
EARLIEST = date(1753, 1, 1)
"""Before that day databases have no calendar."""


class Unfit(Exception):  # noqa: N818 - never leaves the engine, which adds the record and the column
    """A value does not fit its column."""


def fit_to(column: TargetColumn, limit: int | None, overflow: Overflow) -> Fit:
    """Return the function that fits a value to a column.

    Args:
        column: The column.
        limit: The rule's own bound on the length of a text, in UTF-16 code units.
        overflow: What to do with a longer one.
    """
    if column.type in _TEXTUAL:
        bounds = [bound for bound in (limit, column.max_length) if bound is not None]
        return _fit_text(min(bounds) if bounds else None, overflow)
    if column.type in _NUMERIC:
        return _fit_decimal(column)
    if column.type in _LABELLED:
        return _fit_choice(column)
    simple: dict[ColumnType, Fit] = {
        ColumnType.INTEGER: _fit_integer(column),
        ColumnType.BOOLEAN: _fit_boolean,
        ColumnType.DATETIME: _fit_datetime,
        ColumnType.DATE: _fit_date,
        ColumnType.FILE: _fit_file(limit or column.max_length),
        ColumnType.CHOICES: _fit_choices(column),
    }
    try:
        return simple[column.type]
    except KeyError:
        raise Unfit(f"is a {column.type} column, which a rule cannot fill") from None


def utf16_length(text: str) -> int:
    """Return the length that Dataverse counts: UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def option_of(column: TargetColumn, named: Value) -> int:
    """Return the option that a number or a label, without regard to case, names.

    Raises:
        Unfit: There is none.
    """
    if isinstance(named, int) and not isinstance(named, bool) and named in column.options:
        return named
    if isinstance(named, str):
        for number, label in column.options.items():
            if named.casefold() == label.casefold() or named == str(number):
                return number
    options = ", ".join(f"{number} {label}" for number, label in column.options.items())
    raise Unfit(f"has no option {named!r}; it has {options}")


def as_text(value: Value) -> str:
    """Return a value as people write it.

    Raises:
        Unfit: It is nested.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, int | Decimal):
        return str(value)
    raise Unfit("is text, and the value is nested; use a converter such as `json`")


def _fit_text(limit: int | None, overflow: Overflow) -> Fit:
    def fit(value: Value, lose: Lose) -> Cell:
        text = as_text(value)
        if limit is None or utf16_length(text) <= limit:
            return text
        if overflow is Overflow.ERROR:
            raise Unfit(f"takes {limit} characters, and the value has {utf16_length(text)}")
        kept = text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", errors="ignore")
        lose("truncated", text, kept)
        return kept

    return fit


def _fit_decimal(column: TargetColumn) -> Fit:
    step = Decimal(1).scaleb(-column.precision) if column.precision is not None else None

    def fit(value: Value, lose: Lose) -> Cell:
        number = _number(value)
        if step is not None:
            exact, number = number, _rounded(number, step)
            if exact != number:
                lose("rounded", str(exact), str(number))
        _check_range(column, number)
        return number

    return fit


def _rounded(number: Decimal, step: Decimal) -> Decimal:
    try:
        return number.quantize(step, ROUND_HALF_EVEN)
    except InvalidOperation:
        raise Unfit(f"takes fewer digits than {number} has") from None


def _fit_integer(column: TargetColumn) -> Fit:
    def fit(value: Value, lose: Lose) -> Cell:
        number = _number(value)
        if number != number.to_integral_value():
            raise Unfit(f"takes whole numbers, and the value is {value}")
        _check_range(column, number)
        return int(number)

    return fit


def _number(value: Value) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise Unfit(f"takes numbers, and the value is {value!r}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise Unfit(f"takes numbers, and the value is {value!r}") from None
    if not number.is_finite():
        raise Unfit(f"takes numbers, and the value is {value!r}")
    return number


def _check_range(column: TargetColumn, number: Decimal) -> None:
    too_small = column.minimum is not None and number < column.minimum
    too_large = column.maximum is not None and number > column.maximum
    if too_small or too_large:
        raise Unfit(f"takes {column.minimum} to {column.maximum}, and the value is {number}")


def _fit_choice(column: TargetColumn) -> Fit:
    def fit(value: Value, lose: Lose) -> Cell:
        return option_of(column, value)

    return fit


def _fit_boolean(value: Value, lose: Lose) -> Cell:
    if isinstance(value, bool):
        return value
    raise Unfit(f"takes yes or no, and the value is {value!r}; use `values` or a converter")


def _fit_datetime(value: Value, lose: Lose) -> Cell:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Unfit(f"takes a time with its zone, and the value is {value!r}")
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise Unfit(f"takes a time, and {value.isoformat()} lies outside the calendar in UTC") from None
    _check_calendar(moment.date())
    if moment.microsecond:
        lose("rounded", value.isoformat(), moment.replace(microsecond=0).isoformat())
    return moment.replace(microsecond=0)


def _fit_date(value: Value, lose: Lose) -> Cell:
    if not isinstance(value, date):
        raise Unfit(f"takes a day, and the value is {value!r}")
    # The local day, before any conversion: midnight in New York is another day in UTC.
    day = value.date() if isinstance(value, datetime) else value
    _check_calendar(day)
    return day


def _check_calendar(day: date) -> None:
    if day < EARLIEST:
        raise Unfit(f"takes days from {EARLIEST} on, and the value is {day}")


def _fit_file(limit: int | None) -> Fit:
    def fit(value: Value, lose: Lose) -> Cell:
        if isinstance(value, Mapping):
            match value:
                case {"digest": str(digest), "size": int(size), "name": str(name), "media_type": str(media_type)}:
                    if limit is not None and size > limit:
                        raise Unfit(f"takes files of {limit:,} bytes, and {name} has {size:,}; raise the rule's `max`")
                    return FileRef(digest, size, name, media_type)
        raise Unfit("takes a file, and the value is none that the source has kept")

    return fit


def _fit_choices(column: TargetColumn) -> Fit:
    def fit(value: Value, lose: Lose) -> Cell:
        named = value if isinstance(value, tuple) else (value,)
        return tuple(sorted({option_of(column, one) for one in named}))

    return fit
