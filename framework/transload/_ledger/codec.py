"""Keeps values as canonical JSON and brings them back with their types.

The same value always gives the same bytes (keys sorted, no spaces), so a digest of
them tells whether a record changed. Text, integers of 64 bits, booleans, null, lists
(for tuples) and objects (for mappings) stand for themselves; every other type is an
object with one key that begins with ``$``::

    Decimal("350.00")   {"$dec":"350.00"}       the text counts: not {"$dec":"350.0"}
    datetime            {"$at":"2026-11-22T09:00:00-05:00"}
    date                {"$day":"2026-11-22"}
    RowRef              {"$row":["account","..."]}
    Lookup              {"$lookup":[table, key or null, criteria, missing, other keys]}
    FileRef             {"$file":[digest, size, name, media type]}
    a large integer     {"$int":"18446744073709551616"}
    a mapping with "$"  {"$map":[[key, value], ...]}
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, cast

import orjson

from transload.errors import LedgerError
from transload.values import (
    Associate,
    Cell,
    EntityName,
    FileRef,
    Lookup,
    Loss,
    Missing,
    Phase,
    RecordKey,
    Row,
    RowId,
    RowRef,
    SetState,
    SourceId,
    TableName,
    Upsert,
    Value,
    Write,
)

# ``Any`` in this module is JSON: what orjson takes and gives.

_PLAIN = frozenset({str, bool, type(None)})


def encode(value: "Value | Cell | Mapping[str, Cell]") -> bytes:
    """Return the canonical JSON of a value.

    Raises:
        LedgerError: The value is not one of the types of :data:`~transload.values.Value`
            or :data:`~transload.values.Cell`.
    """
    return _dump(_pack(value))


def decode(content: bytes) -> "Value | Cell":
    """Return the value that :func:`encode` was given."""
    return cast("Value | Cell", _unpack(_load(content)))


def decode_fields(content: bytes) -> dict[str, Value]:
    """Return the fields of a record."""
    return cast("dict[str, Value]", _unpack(_load(content)))


def decode_cells(content: bytes) -> dict[str, Cell]:
    """Return the columns of a row."""
    return cast("dict[str, Cell]", _unpack(_load(content)))


def digest(content: "bytes | Value | Cell") -> str:
    """Return 16 bytes of BLAKE2b in hexadecimal, of bytes or of a value's canonical JSON."""
    data = content if isinstance(content, bytes) else encode(content)
    return blake2b(data, digest_size=16).hexdigest()


def encode_plain(body: object) -> bytes:
    """Return canonical JSON of a body that only people and reports read; other types become text."""
    return orjson.dumps(
        body, default=_as_text, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
    )


def decode_plain(content: bytes) -> dict[str, Any]:
    """Return a body that :func:`encode_plain` wrote."""
    return cast("dict[str, Any]", _load(content))


def encode_row(row: Row) -> bytes:
    """Return a row that was read back as canonical JSON."""
    return _dump({"row_id": row.row_id, "columns": _pack(row.columns), "by_others": row.changed_by_others})


def decode_row(content: bytes) -> Row:
    """Return the row that :func:`encode_row` was given."""
    body = _load(content)
    return Row(RowId(body["row_id"]), _unpack(body["columns"]), body["by_others"])


def encode_write(write: Write) -> bytes:
    """Return a write as canonical JSON."""
    body: dict[str, Any] = {
        "key": [write.key.entity, write.key.source_id],
        "table": write.table,
        "row_id": write.row_id,
        "phase": write.phase,
    }
    if write.losses:
        body["losses"] = [
            [loss.key.entity, loss.key.source_id, loss.column, loss.kind, loss.original, loss.kept]
            for loss in write.losses
        ]
    if write.flags:
        body["flags"] = list(write.flags)
    match write:
        case Upsert():
            body |= {"kind": "upsert", "columns": _pack(write.columns), "exists": write.exists}
        case SetState():
            body |= {"kind": "state", "columns": _pack(write.columns)}
            body |= {"state": write.state, "status": write.status}
        case Associate():
            body |= {"kind": "link", "relationship": write.relationship, "other": _pack(write.other)}
    return _dump(body)


def decode_write(content: bytes) -> Write:
    """Return the write that :func:`encode_write` was given."""
    body = _load(content)
    common: dict[str, Any] = {
        "key": _key(body["key"]),
        "table": TableName(body["table"]),
        "row_id": RowId(body["row_id"]),
        "phase": Phase(body["phase"]),
        "losses": tuple(Loss(_key(loss[:2]), *loss[2:]) for loss in body.get("losses", ())),
        "flags": tuple(body.get("flags", ())),
    }
    match body["kind"]:
        case "upsert":
            return Upsert(**common, columns=_unpack(body["columns"]), exists=body["exists"])
        case "state":
            columns = _unpack(body["columns"])
            return SetState(**common, columns=columns, state=body["state"], status=body["status"])
        case _:
            return Associate(**common, relationship=body["relationship"], other=_unpack(body["other"]))


def _pack(value: object) -> Any:
    """Turn a value into what JSON knows."""
    pack = _PACKERS.get(type(value)) or next(
        (packer for kind, packer in _PACKERS.items() if isinstance(value, kind)), None
    )
    if pack is not None:
        return pack(value)
    raise LedgerError(
        f"the ledger cannot keep a {type(value).__name__} ({value!r:.80})",
        "This is a defect of the plugin that made the value: it must use the types of `transload.Value`, "
        "Decimal in place of float.",
    )


def _pack_mapping(value: Mapping[str, object]) -> Any:
    packed = {name: cell if type(cell) in _PLAIN else _pack(cell) for name, cell in value.items()}
    # One search through the joined names is ten times cheaper than a look at each.
    return {"$map": sorted(map(list, packed.items()))} if "$" in "".join(packed) else packed


def _pack_lookup(value: Lookup) -> Any:
    key = value.key and [value.key.entity, value.key.source_id]
    others = [[other.entity, other.source_id] for other in value.others]
    return {"$lookup": [value.table, key, list(map(list, value.criteria)), value.missing.value, others]}


# Looked up by exact type; a subclass takes the first that fits: bool before int, datetime before date.
_PACKERS: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    bool: bool,
    type(None): lambda value: value,
    int: lambda value: value if -(2**63) <= value < 2**63 else {"$int": str(value)},
    Decimal: lambda value: {"$dec": str(value)},
    datetime: lambda value: {"$at": value.isoformat()},
    date: lambda value: {"$day": value.isoformat()},
    RowRef: lambda value: {"$row": [value.table, value.row_id]},
    Lookup: _pack_lookup,
    FileRef: lambda value: {"$file": [value.digest, value.size, value.name, value.media_type]},
    tuple: lambda value: [_pack(item) for item in value],
    dict: _pack_mapping,
    Mapping: _pack_mapping,
}


def _unpack(value: Any) -> Any:
    """Turn what JSON gave back into the value."""
    if isinstance(value, dict):
        if len(value) == 1:
            ((name, content),) = value.items()
            if name.startswith("$"):
                return _TAGS[name](content)
        return {
            name: _unpack(cell) if type(cell) is dict or type(cell) is list else cell for name, cell in value.items()
        }
    return tuple(map(_unpack, value)) if isinstance(value, list) else value


def _unpack_lookup(content: Any) -> Lookup:
    table, key, criteria, missing, others = content
    return Lookup(
        TableName(table),
        key and _key(key),
        tuple((name, value) for name, value in criteria),
        Missing(missing),
        tuple(map(_key, others)),
    )


_TAGS: dict[str, Callable[[Any], object]] = {
    "$dec": Decimal,
    "$at": datetime.fromisoformat,
    "$day": date.fromisoformat,
    "$int": int,
    "$row": lambda content: RowRef(TableName(content[0]), RowId(content[1])),
    "$lookup": _unpack_lookup,
    "$file": lambda content: FileRef(*content),
    "$map": lambda content: {name: _unpack(cell) for name, cell in content},
}


def _key(content: list[str]) -> RecordKey:
    return RecordKey(EntityName(content[0]), SourceId(content[1]))


def _as_text(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _dump(body: Any) -> bytes:
    try:
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise LedgerError(
            f"the ledger cannot keep a value: {error}",
            "This is a defect of the plugin that made the value: text must be valid Unicode.",
        ) from error


def _load(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise LedgerError(
            f"an entry of the ledger cannot be read: {error}",
            "Restore the ledger from a backup; `transload audit-log verify` tells what was changed.",
        ) from error
