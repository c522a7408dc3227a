"""Constants of queries, read as the column needs them that they are compared with."""

from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Column, Stored
from transload_sandbox.dataverse.syntax import Literal, Value
from transload_sandbox.dataverse.values import edm_type, parse_guid, parse_time

_KINDS = {bool: "boolean", int: "number", float: "number", str: "text"}
_EDM = {"text": "Edm.String", "number": "Edm.Int32", "guid": "Edm.Guid", "time": "Edm.DateTimeOffset"}


def coerce(column: Column, literal: Literal) -> Stored:
    """Turn a literal into a stored value of a column.

    Raises:
        ODataError: The types do not fit.
    """
    value = literal.value
    if literal.kind == "null":
        return None
    expected = edm_type(column)
    if expected == "Edm.Guid":
        guid = parse_guid(value)
        if guid:
            return guid
    elif expected == "Edm.DateTimeOffset" and literal.kind in {"time", "text"}:
        moment = parse_time(value)
        if moment:
            return moment
    elif expected == "Edm.Date" and literal.kind == "time":
        return str(value)[:10]
    elif expected == "Edm.Boolean" and isinstance(value, bool):
        return int(value)
    elif expected == "Edm.String" and isinstance(value, str) and literal.kind == "text":
        return value
    elif expected in {"Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double"} and literal.kind == "number":
        return value if isinstance(value, int | float) else None
    raise mistyped(column, literal.kind)


def coerce_text(column: Column, value: object) -> Stored:
    """Turn a value that was written as text or number, as query functions and FetchXML write all of theirs.

    Raises:
        ODataError: The column cannot hold it.
    """
    expected = edm_type(column)
    if isinstance(value, str):
        found = _number(expected, value)
        if found is not None:
            return found
        if expected == "Edm.Guid":
            value = value.strip("{}")
    if isinstance(value, int | float) and not isinstance(value, bool) and expected == "Edm.Boolean":
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and expected == "Edm.String":
        return str(value)
    kind = "time" if expected == "Edm.Date" and isinstance(value, str) else _KINDS.get(type(value), "null")
    checked: Value = value if isinstance(value, str | int | float | bool) else None
    return coerce(column, Literal(kind, checked))


def _number(expected: str, text: str) -> int | float | None:
    if expected in {"Edm.Int32", "Edm.Int64"} and text.strip().lstrip("-").isdigit():
        return int(text)
    if expected == "Edm.Boolean" and text.lower() in {"true", "false", "0", "1"}:
        return int(text.lower() in {"true", "1"})
    if expected in {"Edm.Decimal", "Edm.Double", "Edm.Int32", "Edm.Int64"}:
        try:
            return float(text)
        except ValueError:
            return None
    return None


def mistyped(column: Column, kind: str, operator: str = "Equal") -> ODataError:
    """Return the refusal of a constant that does not fit its column."""
    return ODataError(
        400,
        "0x0",
        "A binary operator with incompatible types was detected. Found operand types "
        f"'{edm_type(column)}' and '{_EDM.get(kind, kind)}' for operator kind '{operator}'.",
    )
