from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from http import HTTPStatus
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transload._ledger.codec import (
    decode,
    decode_row,
    decode_write,
    digest,
    encode,
    encode_row,
    encode_write,
)
from transload.errors import LedgerError
from transload.values import (
    Associate,
    Cell,
    EntityName,
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

words = st.text(st.characters(exclude_categories=["Cs"]))
# Names that look like the codec's own tags are the interesting ones.
names = words | st.sampled_from(["$dec", "$map", "$", "a$"])
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=zones | st.none())
decimals = st.decimals(allow_nan=False)
singles = st.none() | st.booleans() | st.integers() | words | decimals | moments | st.dates()
values = st.recursive(
    singles,
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(names, inner),
    max_leaves=12,
)
keys = st.builds(RecordKey, words.map(EntityName), words.map(SourceId))
refs = st.builds(RowRef, words.map(TableName), words.map(RowId))
lookups = st.builds(
    Lookup,
    words.map(TableName),
    st.none() | keys,
    st.lists(st.tuples(words, words), max_size=2).map(tuple),
    st.sampled_from(Missing),
)
cells = singles | refs | lookups
columns = st.dictionaries(names, cells, max_size=5)
losses = st.lists(st.builds(Loss, keys, words, words, words, words), max_size=2).map(tuple)
common = {
    "key": keys,
    "table": words.map(TableName),
    "row_id": words.map(RowId),
    "phase": st.sampled_from(Phase),
    "losses": losses,
    "flags": st.lists(words, max_size=2).map(tuple),
}
writes = st.one_of(
    st.builds(Upsert, **common, columns=columns, exists=st.booleans()),
    st.builds(SetState, **common, columns=columns, state=st.integers(0, 9), status=st.integers(-9, 10**9)),
    st.builds(Associate, **common, relationship=words, other=refs | lookups),
)


def shape(value: object) -> object:
    """What equality hides: the types, the digits of a decimal, the offset of a moment."""
    match value:
        case Mapping():
            return {name: shape(inner) for name, inner in value.items()}
        case tuple():
            return tuple(map(shape, value))
        case datetime():
            return ("datetime", value.isoformat())
        case _:
            return (type(value), str(value))


@given(values | cells)
def test_a_value_comes_back_with_its_type_and_its_text(value: "Value | Cell") -> None:
    content = encode(value)

    again = decode(content)

    assert shape(again) == shape(value)
    assert encode(again) == content


@given(writes)
def test_a_write_comes_back_as_it_was(write: Write) -> None:
    content = encode_write(write)

    again = decode_write(content)

    assert again == write
    assert encode_write(again) == content


@given(st.builds(Row, words.map(RowId), columns, st.booleans()))
def test_a_row_comes_back_as_it_was(row: Row) -> None:
    assert decode_row(encode_row(row)) == row


def test_the_order_of_fields_does_not_change_the_digest() -> None:
    one: Value = {"a": 1, "b": {"c": None, "d": ""}}
    other: Value = {"b": {"d": "", "c": None}, "a": 1}

    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("350.0"), Decimal("350.00")),
        (None, ""),
        (1, True),
        (1, "1"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 12, tzinfo=UTC), datetime(2026, 1, 2, 13, tzinfo=timezone(timedelta(hours=1)))),
        (("a",), {"a": None}),
        ({"$dec": "1"}, Decimal(1)),
    ],
)
def test_values_that_differ_only_in_kind_have_different_digests(one: Value, other: Value) -> None:
    assert digest(one) != digest(other)


def test_kinds_of_text_number_and_mapping_come_back_as_the_plain_ones() -> None:
    value: Value = MappingProxyType({"phase": Phase.ROWS, "status": HTTPStatus.OK, "inner": MappingProxyType({"a": 1})})

    assert decode(encode(value)) == {"phase": "rows", "status": 200, "inner": {"a": 1}}


@pytest.mark.parametrize("unfit", [1.5, {"deep": (1.5,)}, b"bytes", "\ud800"])
def test_what_is_not_a_value_is_refused_as_a_defect_of_its_plugin(unfit: Value) -> None:
    with pytest.raises(LedgerError) as caught:
        encode(unfit)

    assert "defect of the plugin" in caught.value.remedy


def test_content_that_was_damaged_is_refused_with_a_remedy() -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        decode(b'{"cut')
