"""What becomes of fields that no document names: nothing of them is lost, whichever records have them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from transload._pipeline.profile import profile_records
from transload._pipeline.transform import compile_mappings
from transload._stages.completion import complete, known_fields
from transload.converters import CONVERTERS
from transload.mapping import FieldRule, Mapping, parse_mapping
from transload.values import (
    ColumnType,
    EntityName,
    FieldType,
    Record,
    RecordKey,
    Rejection,
    SourceEntity,
    SourceField,
    SourceId,
    SourceSchema,
    TableName,
    TargetSchema,
    TargetTable,
    Upsert,
    Value,
)

LINE = EntityName("line")
FIELDS = {name: SourceField(name, FieldType.TEXT) for name in ("id", "on_order", "on_quote", "kind")}
SOURCE = SourceSchema("memory", "example", [SourceEntity(LINE, "Line", FIELDS)])
ORDER_LINE = "{entity: line, table: orderline, key: {from: id}, when: {on_order: [true]}}"
QUOTE_LINE = "{entity: quote_line, records: line, table: quoteline, key: {from: id}, when: {on_quote: [true]}}"
SERVICE = (
    "{entity: service, records: line, table: serviceline, key: {from: id}, when: {on_order: [true], kind: [work]}}"
)


def line(ident: int, **fields: Value) -> Record:
    return Record(RecordKey(LINE, SourceId(str(ident))), {"id": ident, **fields})


def completed(records: Sequence[Record], *texts: str) -> dict[str, Mapping]:
    documents = {document.entity: document for document in (parse_mapping(text, "test") for text in texts)}
    fields = known_fields(SOURCE, {LINE: profile_records(records)}, documents)
    return complete(documents, fields, "acme")


def kept(value: Value) -> FieldRule:
    """Return the rule that keeps a value of a field that nobody documented."""
    document = completed([line(1, surprise=value)], "{entity: line, table: orderline, key: {from: id}}")["line"]
    return document.fields["acme_surprise"]


def test_a_field_is_kept_by_each_document_that_reads_records_of_its_own() -> None:
    documents = completed([line(1, on_quote=True, colour="red")], ORDER_LINE, QUOTE_LINE, SERVICE)

    assert documents["line"].fields["acme_colour"].from_ == "colour"
    assert documents["quote_line"].fields["acme_colour"].from_ == "colour"
    # Each of its records is a line of an order too, and kept there.
    assert documents["service"].fields == {}


def test_a_field_that_turns_up_later_is_reported_by_whichever_document_reads_the_record() -> None:
    documents = completed([line(1)], ORDER_LINE, QUOTE_LINE)
    names = (TableName("orderline"), TableName("quoteline"))
    tables = {name: TargetTable(name, name, f"{name}id", "name", {}) for name in names}
    target = TargetSchema("memory", "here", tables)

    compiled = compile_mappings(documents.values(), SOURCE, target, CONVERTERS, {})
    [write] = compiled[EntityName("quote_line")].map(line(1, on_quote=True, colour="red"))

    assert isinstance(write, Upsert)
    assert [(loss.column, loss.original) for loss in write.losses] == [("colour", "red")]


def test_a_document_that_skips_its_records_leaves_their_fields_to_those_that_write_them() -> None:
    skipping = "{entity: line, skip: Nothing to carry over}"

    alone = completed([line(1, colour="red")], skipping)
    beside = completed([line(1, colour="red")], skipping, QUOTE_LINE)

    assert alone["line"].dropped["colour"] == "Nothing to carry over"
    assert beside["quote_line"].fields["acme_colour"].from_ == "colour"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (4_957_079_123, ColumnType.TEXT),
        (-(2**31), ColumnType.INTEGER),
        (Decimal("123456789012.5"), ColumnType.TEXT),
        (Decimal("1.23456789012"), ColumnType.TEXT),
        (Decimal("1.2345678901"), ColumnType.DECIMAL),
        (datetime(1, 1, 1, tzinfo=UTC), ColumnType.TEXT),
        (date(1752, 12, 31), ColumnType.TEXT),
        (date(1753, 1, 1), ColumnType.DATE),
        (({"a": 1}, {"a": 2}), ColumnType.MEMO),
    ],
)
def test_a_value_that_no_column_of_its_type_takes_is_kept_as_text(value: Value, kind: ColumnType) -> None:
    rule = kept(value)

    assert rule.custom is not None
    assert rule.custom.type is kind


@pytest.mark.parametrize(
    ("before", "value"),
    [
        (5, 2**31),
        (Decimal("0.5"), Decimal(10**12)),
        (datetime(2020, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)),
        (date(2020, 1, 1), date(1, 1, 1)),
    ],
)
def test_a_value_that_a_new_column_does_not_take_is_refused_before_it_is_sent(before: Value, value: Value) -> None:
    documents = completed([line(1, surprise=before)], "{entity: line, table: orderline, key: {from: id}}")
    table = TargetTable(TableName("orderline"), "Line", "lineid", "name", {})
    target = TargetSchema("memory", "here", {table.name: table})

    compiled = compile_mappings(documents.values(), SOURCE, target, CONVERTERS, {})
    [result] = compiled[LINE].map(line(1, surprise=value))

    assert isinstance(result, Rejection)
    assert "takes" in str(result.error)


def test_a_text_that_no_column_takes_whole_is_cut_and_kept_in_the_ledger() -> None:
    rule = kept("x" * 1_100_000)

    assert rule.custom is not None
    assert (rule.custom.type, rule.custom.max, rule.on_overflow) == (ColumnType.MEMO, 1 << 20, "ledger")


def test_a_new_column_takes_no_name_that_its_table_has_already() -> None:
    event = "{entity: line, table: task, key: {column: acme_taskid, from: id}, flag: acme_reviewreason}"
    entry = "{entity: entry, table: task, key: {from: id}, fields: {acme_colour: {from: kind, custom: {type: text}}}}"
    surprises: dict[str, Value] = {"task_id": "7", "review_reason": "x", "colour": 3, "größe": 1, "价格": 2, "重量": 3}

    rules = completed([line(1, **surprises)], event, entry)["line"].fields

    assert {rule.from_: column for column, rule in rules.items() if rule.from_ in surprises} == {
        "task_id": "acme_taskid2", "review_reason": "acme_reviewreason2", "colour": "acme_colour2",
        "größe": "acme_gre", "价格": "acme_field", "重量": "acme_field2",
    }  # fmt: skip
    assert rules["acme_colour2"].custom is not None
    assert rules["acme_colour2"].custom.label == "Colour 2"


def test_a_table_that_takes_no_columns_says_where_its_fields_are_instead() -> None:
    note = "{entity: line, table: note, key: {from: id}, others: It stands in the text}"

    document = completed([line(1, colour="red")], note)["line"]

    assert document.fields == {}
    assert document.dropped["colour"] == "It stands in the text"


CHOICE = "{entity: line, table: orderline, key: {from: id}, fields: {acme_tags: {from: tags, custom: {type: choices}}}}"


def test_a_choice_has_the_options_that_occur_and_none_twice() -> None:
    document = completed([line(1, tags=("vip", "Late")), line(2, tags=("VIP",))], CHOICE)["line"]

    custom = document.fields["acme_tags"].custom
    assert custom is not None
    assert custom.options == ["Late", "VIP"]


def test_a_choice_of_which_no_value_occurs_is_not_made() -> None:
    document = completed([line(1, tags=())], CHOICE)["line"]

    assert document.fields == {}
    assert document.dropped_rule("tags").while_empty
