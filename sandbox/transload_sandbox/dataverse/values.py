"""Values on their way into the database: one parser per column, compiled once.

A parser takes the JSON value of a request, never null, and returns what is stored, or refuses as the service
does. Booleans are stored as 0 and 1, times as ``YYYY-MM-DDTHH:MM:SSZ``, dates as ``YYYY-MM-DD``, ids in lower
case.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Column, Stored, Table

Parser = Callable[[object], Stored]

_INVALID_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_LOWEST_DATE = "1753-01-01"
_EDM = {
    "Integer": "Edm.Int32",
    "BigInt": "Edm.Int64",
    "Decimal": "Edm.Decimal",
    "Money": "Edm.Decimal",
    "Double": "Edm.Double",
    "Boolean": "Edm.Boolean",
    "DateTime": "Edm.DateTimeOffset",
    "Uniqueidentifier": "Edm.Guid",
    "Picklist": "Edm.Int32",
    "State": "Edm.Int32",
    "Status": "Edm.Int32",
}


def edm_type(column: Column) -> str:
    """Return the OData type of a column."""
    if column.type == "DateTime" and column.behavior == "DateOnly":
        return "Edm.Date"
    if column.is_lookup:
        return "Edm.Guid"
    return _EDM.get(column.type, "Edm.String")


def compile_parser(table: Table, column: Column) -> Parser:
    """Return the parser of one column."""
    if column.type == "Boolean":
        return _boolean(table, column)
    if column.type in {"Picklist", "State", "Status"}:
        return _option(table, column)
    if column.type == "MultiSelectPicklist":
        return _options(table, column)
    if column.type in {"Integer", "BigInt"}:
        return _integer(table, column)
    if column.type in {"Decimal", "Double", "Money"}:
        return _number(table, column)
    if column.type == "DateTime":
        return _date(table, column) if column.behavior == "DateOnly" else _time(table, column)
    if column.type == "Uniqueidentifier":
        return _guid(table, column)
    return _text(table, column)


def _mistyped(table: Table, column: Column, value: object) -> ODataError:
    shown = "object" if isinstance(value, dict | list) else value
    return errors.payload(
        table.entity_set,
        f"Microsoft.OData.ODataException: Cannot convert the literal '{shown}' of property '{column.name}' "
        "to the "
        f"expected type '{edm_type(column)}'.",
    )


def _out_of_range(table: Table, column: Column) -> ODataError:
    return ODataError(
        400,
        "0x80044330",
        f"A validation error occurred.  The value of '{column.name}' on record of type '{table.name}' is "
        "outside the "
        "valid range.",
    )


def _text(table: Table, column: Column) -> Parser:
    limit = column.max_length or (1 << 30)

    def parse(value: object) -> Stored:
        if not isinstance(value, str):
            raise _mistyped(table, column, value)
        if _INVALID_CHARACTERS.search(value):
            raise ODataError(
                400, "0x80040278", f"Invalid characters in field '{column.name}' of entity '{table.name}'."
            )
        # The database counts UTF-16 units: a character beyond the basic plane counts twice.
        if len(value) * 2 > limit and len(value.encode("utf-16-le")) > limit * 2:
            raise ODataError(
                400,
                "0x80044331",
                f"A validation error occurred.  The length of the '{column.name}' attribute of the "
                f"'{table.name}' "
                f"entity exceeded the maximum allowed length of '{limit}'.",
            )
        return value or None

    return parse


def _boolean(table: Table, column: Column) -> Parser:
    def parse(value: object) -> Stored:
        if not isinstance(value, bool):
            raise _mistyped(table, column, value)
        return int(value)

    return parse


def _option(table: Table, column: Column) -> Parser:
    options = column.options

    def parse(value: object) -> Stored:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _mistyped(table, column, value)
        if value not in options:
            raise option_out_of_range(table, column, value)
        return value

    return parse


def option_out_of_range(table: Table, column: Column, value: object) -> ODataError:
    """Return the refusal for a choice value that the column does not have."""
    accepted = ",".join(str(option) for option in column.options)
    return ODataError(
        400,
        "0x8004431a",
        f"A validation error occurred. The value {value} of '{column.name}' on record of type "
        f"'{table.name}' is "
        f"outside the valid range. Accepted Values: {accepted}",
    )


def _options(table: Table, column: Column) -> Parser:
    def parse(value: object) -> Stored:
        if not isinstance(value, str):
            raise _mistyped(table, column, value)
        if not value:
            return None
        chosen = set()
        for part in value.split(","):
            if not part.strip().lstrip("-").isdigit() or int(part) not in column.options:
                raise option_out_of_range(table, column, part)
            chosen.add(int(part))
        return ",".join(str(option) for option in sorted(chosen))

    return parse


def _integer(table: Table, column: Column) -> Parser:
    width = 63 if column.type == "BigInt" else 31
    lowest = -(1 << width) if column.minimum is None else int(column.minimum)
    highest = (1 << width) - 1 if column.maximum is None else int(column.maximum)

    def parse(value: object) -> Stored:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _mistyped(table, column, value)
        if not lowest <= value <= highest:
            raise _out_of_range(table, column)
        return value

    return parse


def _number(table: Table, column: Column) -> Parser:
    lowest = column.minimum if column.minimum is not None else float("-inf")
    highest = column.maximum if column.maximum is not None else float("inf")
    # Money with a precision source is rounded with its currency, when that is known.
    digits = None if column.type == "Money" and column.precision_source else column.precision

    def parse(value: object) -> Stored:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _mistyped(table, column, value)
        if not lowest <= value <= highest:
            raise _out_of_range(table, column)
        return float(value) if digits is None else round_half_up(value, digits)

    return parse


def round_half_up(value: float, digits: int) -> float:
    """Round as SQL Server does: half away from zero."""
    if isinstance(value, int):
        return float(value)
    return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def _guid(table: Table, column: Column) -> Parser:
    def parse(value: object) -> Stored:
        guid = parse_guid(value)
        if guid is None:
            raise _mistyped(table, column, value)
        return guid

    return parse


def parse_guid(value: object) -> str | None:
    """Return a GUID in lower case, None when the text is none."""
    return value.lower() if isinstance(value, str) and _GUID.fullmatch(value) else None


def new_guid(digest: bytes) -> str:
    """Return a GUID made of the first 16 bytes of a digest."""
    return str(UUID(bytes=digest[:16], version=4))


def _too_early() -> ODataError:
    return errors.invalid_argument(
        "DateTime is less than minimum value supported by CrmDateTime. Minimum value supported: 01/01/1753 00:00:00"
    )


def _date(table: Table, column: Column) -> Parser:
    def parse(value: object) -> Stored:
        try:
            parsed = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
        except ValueError:
            parsed = None
        if parsed is None:
            raise _mistyped(table, column, value)
        if value_text(parsed) < _LOWEST_DATE:
            raise _too_early()
        return value_text(parsed)

    return parse


def value_text(value: date) -> str:
    """Return a date as the wire shows it."""
    return value.isoformat()


def _time(table: Table, column: Column) -> Parser:
    keeps_zone = column.behavior == "TimeZoneIndependent"

    def parse(value: object) -> Stored:
        parsed = parse_time(value, keep_clock=keeps_zone)
        if parsed is None:
            raise _mistyped(table, column, value)
        if parsed < _LOWEST_DATE:
            raise _too_early()
        return parsed

    return parse


def parse_time(value: object, *, keep_clock: bool = False) -> str | None:
    """Read an ISO 8601 time.

    Args:
        value: What the client sent. A missing zone is read as UTC, a missing time as midnight.
        keep_clock: Drop the zone instead of converting, as time-zone independent columns do.

    Returns:
        Whole seconds in UTC as ``YYYY-MM-DDTHH:MM:SSZ``; None when the text is no time.
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not match:
        return None
    day, minutes, seconds, zone = match.groups()
    text = f"{day}T{minutes or '00:00'}{seconds or ':00'}"
    try:
        if zone in {None, "Z"} or keep_clock:
            datetime.fromisoformat(text + "+00:00")
            return text + "Z"
        return datetime.fromisoformat(text + zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    except (ValueError, OverflowError):
        return None


def timestamp(seconds: float) -> str:
    """Return epoch seconds as the wire shows a time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
