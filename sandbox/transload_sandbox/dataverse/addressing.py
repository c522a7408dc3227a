"""How rows are named: ``accounts(<guid>)``, ``accounts(mig_sourceid='ks-1')``, with or without a base."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Column, Stored, Table
from transload_sandbox.dataverse.values import parse_guid, parse_time

_REFERENCE = re.compile(r"(?:https?://[^/]+)?/?(?:api/data/v9\.\d/)?([A-Za-z_]\w*)\((.*)\)", re.DOTALL)
_PART = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*('(?:[^']|'')*'|[^,']*)\s*(?:,|$)")
# The web server in front of the service takes these for an attack, encoded or not. The documentation counts the
# ampersand among them and shows an answer to a key that has one; the answer stands.
_UNADDRESSABLE = re.compile(r"[/<>*%:\\?+]")


@dataclass(frozen=True, slots=True)
class RowKey:
    """What names one row of a table: its id, or the columns of an active alternate key."""

    row_id: str | None
    values: Mapping[str, Stored]
    """Values of the key columns by storage name; empty when the id names the row."""


def split_reference(text: str) -> tuple[str, str] | None:
    """Return entity set and key text of a reference to a row; None when the text is no reference."""
    match = _REFERENCE.fullmatch(text)
    return (match.group(1), unquote(match.group(2))) if match else None


def parse_key(table: Table, text: str) -> RowKey:
    """Read what stands between the brackets, already percent-decoded.

    Raises:
        ODataError: The columns are no active key of the table, or a value cannot be used in an address.
    """
    guid = parse_guid(text.strip())
    if guid:
        return RowKey(guid, {})
    parts = _split_parts(text)
    if parts is None:
        raise errors.key_not_defined(table.name)
    # Users and teams inherit the key of "principal", so their own id does not name them.
    primary = "ownerid" if table.name in {"systemuser", "team"} else table.primary_id
    if list(parts) == [primary]:
        guid = parse_guid(parts[primary])
        if guid is None:
            raise errors.key_not_defined(table.name)
        return RowKey(guid, {})
    columns = {_storage_name(table, name): value for name, value in parts.items()}
    key = next((key for key in table.keys.values() if set(key.columns) == set(columns)), None)
    if key is None or key.status != "Active":
        raise errors.key_not_defined(table.name)
    return RowKey(None, {name: _parse_value(table, table.columns[name], columns[name]) for name in key.columns})


def _split_parts(text: str) -> dict[str, str] | None:
    parts: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if not match or match.end() == position or match.group(1) in parts:
            return None
        parts[match.group(1)] = match.group(2)
        position = match.end()
    return parts or None


def _storage_name(table: Table, name: str) -> str:
    if name.startswith("_") and name.endswith("_value") and name[1:-6] in table.columns:
        return name[1:-6]
    return name


def _parse_value(table: Table, column: Column, text: str) -> Stored:
    if text.startswith("'"):
        value = text[1:-1].replace("''", "'")
        if column.type not in {"String", "Memo"} or _UNADDRESSABLE.search(value):
            raise _unaddressable(table, value)
        return value
    if column.is_lookup or column.type == "Uniqueidentifier":
        parsed: Stored = parse_guid(text)
    elif column.type == "DateTime":
        parsed = parse_time(unquote(text))
    elif column.type in {"Decimal", "Double", "Money"}:
        parsed = float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
    else:
        parsed = int(text) if re.fullmatch(r"-?\d+", text) and column.type not in {"String", "Memo"} else None
    if parsed is None:
        raise _unaddressable(table, text)
    return parsed


def _unaddressable(table: Table, value: str) -> ODataError:
    return errors.unsupported(f"Bad Request - Error in query syntax: '{value}' cannot be a key value of {table.name}.")
