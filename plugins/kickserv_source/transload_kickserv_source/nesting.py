"""Reads what a record nests, whatever shape it took: a list, a list of one, a text, nothing."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b

from transload.values import EntityName, Record, RecordKey, SourceId, Value
from transload_kickserv_source.xml import Row

_LARGEST = Decimal(10) ** 15
"""No amount, quantity or time of a company comes near; what is beyond is a slip of the keyboard."""


def rows_in(nested: Value, *, text: str = "") -> tuple[Row, ...]:
    """Return the rows that an array holds. One that forgot to say that it is an array counts too.

    Args:
        nested: What stands where an array should.
        text: The field that a bare text fills, for arrays whose items may be texts; else those are left out.
    """
    if isinstance(nested, Mapping) and "id" not in nested and all(_is_item(item) for item in nested.values()):
        nested = tuple(one for item in nested.values() for one in (item if isinstance(item, tuple) else (item,)))
    items = nested if isinstance(nested, tuple) else (nested,)
    rows: list[Row] = []
    for item in items:
        if isinstance(item, Mapping):
            rows.append(item)
        elif text and isinstance(item, str) and item.strip():
            rows += [{text: part.strip()} for part in item.split(",") if part.strip()]
    return tuple(rows)


def _is_item(value: Value) -> bool:
    return isinstance(value, Mapping | tuple)


def plain(row: Row, nested: Collection[str]) -> dict[str, Value]:
    """Return a row without the records that it nests. What else stands in such a place is kept."""
    return {
        name: strays_in(value) if name in nested and isinstance(value, tuple) else value
        for name, value in row.items()
        if name not in nested or strays_in(value)
    }


def strays_in(nested: Value) -> tuple[Value, ...]:
    """Return what of that which stands where an array should is no record."""
    items = nested if isinstance(nested, tuple) else (nested,)
    return tuple(item for item in items if item not in (None, "", ()) and not isinstance(item, Mapping))


def owned(row: Row, **owner: Value) -> dict[str, Value]:
    """Return a nested row with what it does not say itself about whose it is."""
    return {**row, **{name: value for name, value in owner.items() if row.get(name) in (None, "")}}


def name_in(nested: Value) -> str | None:
    """Return the name of a nested record, or the text that stands in its place."""
    if isinstance(nested, Mapping):
        nested = nested.get("name")
    return nested.strip() or None if isinstance(nested, str) else None


def ident_in(nested: Value) -> Value:
    """Return the id of a nested record."""
    return nested.get("id") if isinstance(nested, Mapping) else None


def key_text(row: Row) -> str | None:
    """Return a row's id as text; None when it has none."""
    found = row.get("id")
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) and found != "" else None


def number_or_text(ident: Value) -> Value:
    """Return an id as a number where it is one: some answers forget to say so."""
    return int(ident) if isinstance(ident, str) and ident.isdecimal() and ident.isascii() else ident


def named(row: Row) -> Row:
    """Return a row with an id that it can be told apart by, made of its content where it has none."""
    ident = row.get("id") if key_text(row) is not None else f"nameless-{fingerprint(row)}"
    return {**row, "id": number_or_text(ident)}


def fingerprint(row: Row) -> str:
    """Return a name for a row without an id: the same as long as its content is."""
    text = repr(sorted((name, str(value)) for name, value in row.items()))
    return blake2b(text.encode(), digest_size=8).hexdigest()


def record(entity: EntityName, key: str, fields: Row, changed: str = "updated_at") -> Record:
    """Return a record whose last change stands in a field of that name."""
    stamp = fields.get(changed)
    return Record(RecordKey(entity, SourceId(key)), fields, stamp if isinstance(stamp, datetime) else None)


def children_in(row: Row, listed: Collection[str]) -> dict[str, Row]:
    """Return the customers that a customer nests by id, but for those that the list has shown."""
    children = map(named, rows_in(row.get("children")))
    return {str(child["id"]): child for child in children if str(child["id"]) not in listed}


def parts_of(owner: RecordKey, records: Iterable[Record], shared: Collection[EntityName]) -> Iterator[Record]:
    """Yield the records that came of one row: its own, what it shares with others, and parts of it."""
    for one in records:
        yield one if one.key == owner or one.key.entity in shared else replace(one, part_of=owner)


def number_in(value: Value) -> Decimal | None:
    """Return a number that can be reckoned with; None for anything else."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        return number if number.is_finite() and abs(number) < _LARGEST else None
    return None


def moment_in(value: Value) -> datetime | None:
    """Return a moment; None for anything else."""
    return value if isinstance(value, datetime) else None
