"""The rules of a mapping, applied: what fits a column, what is cut, what is set aside."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from transload._pipeline.transform import CompiledMapping, compile_mappings
from transload.converters import CONVERTERS
from transload.errors import MappingError, RecordError
from transload.mapping import parse_mapping
from transload.values import (
    Cell,
    ColumnType,
    EntityName,
    Lookup,
    Missing,
    Phase,
    Record,
    RecordKey,
    Rejection,
    SetState,
    SourceId,
    SourceSchema,
    TableName,
    TargetColumn,
    TargetSchema,
    TargetState,
    TargetTable,
    Upsert,
    Value,
)

KEY = RecordKey(EntityName("job"), SourceId("7"))
SOURCE = SourceSchema("memory", "example", [])
EASTERN = timezone(timedelta(hours=-5))
COLUMNS = (
    TargetColumn("title", ColumnType.TEXT, max_length=10),
    TargetColumn("price", ColumnType.MONEY, precision=2, minimum=Decimal(0), maximum=Decimal(1000)),
    TargetColumn("count", ColumnType.INTEGER, minimum=Decimal(0), maximum=Decimal(100)),
    TargetColumn("prioritycode", ColumnType.CHOICE, options={1: "High", 2: "Normal"}),
    TargetColumn("tags", ColumnType.CHOICES, options={1: "High", 2: "Normal"}),
    TargetColumn("billed", ColumnType.BOOLEAN, options={0: "No", 1: "Yes"}),
    TargetColumn("startsat", ColumnType.DATETIME),
    TargetColumn("dueon", ColumnType.DATE),
    TargetColumn("customerid", ColumnType.LOOKUP, targets=(TableName("account"),)),
    TargetColumn("ownerid", ColumnType.LOOKUP, targets=(TableName("systemuser"),)),
    TargetColumn("createdon", ColumnType.DATETIME, creatable=False, updatable=False),
)
STATES = (
    TargetState(0, "Active", {1: "In progress", 2: "On hold"}, 1),
    TargetState(1, "Resolved", {5: "Solved"}, 5, read_only=True),
)
TABLES = {
    "incident": TargetTable(
        TableName("incident"), "Case", "incidentid", "title", {c.name: c for c in COLUMNS}, states=STATES
    ),
    "account": TargetTable(TableName("account"), "Account", "accountid", "name", {}),
}
TARGET = TargetSchema("memory", "here", {TableName(name): table for name, table in TABLES.items()})
CUSTOMER = "{entity: customer, table: account, key: {from: id}, placeholder: {}}"


def mapping_of(fields: str, more: str = "") -> CompiledMapping:
    text = f"{{entity: job, table: incident, key: {{from: id}}, fields: {{{fields}}} {more}}}"
    documents = [parse_mapping(text, "job"), parse_mapping(CUSTOMER, "customer")]
    return compile_mappings(documents, SOURCE, TARGET, CONVERTERS, {})[EntityName("job")]


def mistakes_of(fields: str, more: str = "") -> str:
    with pytest.raises(MappingError) as caught:
        mapping_of(fields, more)
    return "\n".join(caught.value.mistakes)


def upsert(fields: str, **record: Value) -> Upsert:
    (write,) = mapping_of(fields).map(Record(KEY, record))
    assert isinstance(write, Upsert), write
    return write


def cell(rule: str, value: Value) -> Cell:
    """Return what a rule makes of a value that stands in the field ``x``."""
    column = rule.partition(":")[0]
    return upsert(rule, x=value).columns[column]


def error(rule: str, value: Value) -> RecordError:
    (rejection,) = mapping_of(rule).map(Record(KEY, {"x": value}))
    assert isinstance(rejection, Rejection), rejection
    return rejection.error


@pytest.mark.parametrize(
    ("rule", "value", "wanted"),
    [
        ("title: {from: x}", "ten chars!", "ten chars!"),
        ("title: {from: x}", 12, "12"),
        ("title: {from: x}", Decimal("1.50"), "1.50"),
        ("title: {from: x}", True, "true"),
        ("title: {from: x}", None, None),
        ("title: {from: x}", "", None),
        ("title: {from: x, default: none}", "", "none"),
        ("title: {from: x, convert: [strip, lower]}", " Loud ", "loud"),
        ("title: {value: fixed}", "any", "fixed"),
        ("price: {from: x}", Decimal("12.30"), Decimal("12.30")),
        ("price: {from: x}", 12, Decimal("12.00")),
        ("price: {from: x}", "12.5", Decimal("12.50")),
        ("count: {from: x}", Decimal("5.00"), 5),
        ("count: {from: x}", "7", 7),
        ("prioritycode: {from: x}", "HIGH", 1),
        ("prioritycode: {from: x}", 2, 2),
        ("prioritycode: {from: x, values: {urgent: High, usual: 2}}", "urgent", 1),
        ("prioritycode: {from: x, values: {urgent: High}, unknown: empty}", "never", None),
        ("prioritycode: {from: x, values: {urgent: High}, unknown: keep}", "Normal", 2),
        ("billed: {from: x, values: {paid: true, open: false}}", "open", False),
        ("billed: {from: x, convert: negate}", "no", True),
    ],
)
def test_a_value_is_fitted_to_its_column(rule: str, value: Value, wanted: Cell) -> None:
    found = cell(rule, value)

    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("rule", "value", "reason"),
    [
        ("title: {from: x}", "eleven char", "takes 10 characters, and the value has 11"),
        ("title: {from: x, max: 3}", "four", "takes 3 characters"),
        ("title: {from: x}", "👍👍👍👍👍👍", "takes 10 characters, and the value has 12"),
        ("title: {from: x}", ("nested",), "nested"),
        ("price: {from: x}", Decimal("-0.01"), "takes 0 to 1000"),
        ("price: {from: x}", Decimal("1000.01"), "takes 0 to 1000"),
        ("price: {from: x}", "a lot", "takes numbers"),
        ("price: {from: x}", "NaN", "takes numbers"),
        ("price: {from: x}", Decimal("Infinity"), "takes numbers"),
        ("price: {from: x}", Decimal("1E+40"), ""),
        ("price: {from: x}", True, "takes numbers"),
        ("count: {from: x}", Decimal("1.5"), "takes whole numbers"),
        ("count: {from: x}", "Infinity", "takes numbers"),
        ("count: {from: x}", 101, "takes 0 to 100"),
        ("prioritycode: {from: x}", "Low", "has no option 'Low'; it has 1 High, 2 Normal"),
        ("billed: {from: x}", "yes", "takes yes or no"),
        ("startsat: {from: x}", "2026-01-01", "takes a time with its zone"),
        ("startsat: {from: x}", datetime(2026, 1, 1), "takes a time with its zone"),  # noqa: DTZ001 - that is the point
        ("startsat: {from: x}", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))), ""),
        ("dueon: {from: x}", "2026-01-01", "takes a day"),
        ("title: {from: x, convert: integer}", "seven", "cannot take x"),
    ],
)
def test_a_value_that_does_not_fit_sets_the_record_aside(rule: str, value: Value, reason: str) -> None:
    found = error(rule, value)

    assert found.code == "unfit_value"
    assert reason in str(found)
    assert "job 7" in str(found)
    assert found.remedy


def test_an_unknown_value_sets_the_record_aside_and_names_the_known_ones() -> None:
    found = error("prioritycode: {from: x, values: {urgent: High, usual: Normal}}", "whenever")

    assert found.code == "unknown_value"
    assert "'whenever', and the value map knows urgent, usual" in str(found)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("The quick brown fox", "The quick "), ("123456789👍", "123456789"), ("👍👍👍👍👍👍", "👍👍👍👍👍")],
)
def test_a_longer_text_is_cut_between_characters_and_kept_in_the_lossy_ledger(text: str, kept: str) -> None:
    write = upsert("title: {from: x, on_overflow: ledger}", x=text)

    (loss,) = write.losses
    assert write.columns["title"] == kept
    assert (loss.key, loss.column, loss.kind, loss.original, loss.kept) == (KEY, "title", "truncated", text, kept)
    assert write.flags


def test_a_number_that_is_rounded_is_a_loss() -> None:
    write = upsert("price: {from: x}", x=Decimal("9.995"))

    assert write.columns["price"] == Decimal("10.00")
    assert [(loss.kind, loss.original, loss.kept) for loss in write.losses] == [("rounded", "9.995", "10.00")]


def test_an_unknown_value_that_is_left_empty_is_a_loss() -> None:
    write = upsert("prioritycode: {from: x, values: {urgent: High}, unknown: empty}", x="never")

    assert [(loss.kind, loss.original) for loss in write.losses] == [("unknown value", "never")]


def test_a_time_is_written_in_utc_and_a_day_stays_the_local_day() -> None:
    evening = datetime(2026, 3, 31, 22, 30, tzinfo=EASTERN)

    assert cell("startsat: {from: x}", evening) == datetime(2026, 4, 1, 3, 30, tzinfo=UTC)
    assert cell("dueon: {from: x}", evening) == date(2026, 3, 31)
    assert cell("dueon: {from: x}", date(2026, 3, 31)) == date(2026, 3, 31)


def test_parts_of_a_second_are_a_loss() -> None:
    write = upsert("startsat: {from: x}", x=datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC))

    assert write.columns["startsat"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert [loss.kind for loss in write.losses] == ["rounded"]


def test_of_several_fields_the_first_that_is_filled_is_taken_or_all_are_joined() -> None:
    rules = 'title: {from: [a, b, c]}, tall: {from: [a, b, c], join: "-", custom: {type: text}}'

    write = upsert(rules, a=None, b="", c="third")
    both = upsert(rules, a="first", b="", c="third")

    assert (write.columns["title"], write.columns["tall"]) == ("third", "third")
    assert (both.columns["title"], both.columns["tall"]) == ("first", "first-third")


def test_a_lookup_names_the_parent_and_what_to_do_without_it() -> None:
    rule = "customerid: {lookup: customer, from: x, missing: placeholder, empty: placeholder}"
    parent = RecordKey(EntityName("customer"), SourceId("42"))
    stand_in = RecordKey(EntityName("customer"), SourceId("placeholder"))

    assert cell(rule, 42) == Lookup(TableName("account"), parent, (), Missing.PLACEHOLDER)
    assert cell(rule, None) == Lookup(TableName("account"), stand_in, (), Missing.PLACEHOLDER)
    assert cell("customerid: {lookup: customer, from: x}", None) is None


@pytest.mark.parametrize("empty", ["error", "park"])
def test_a_lookup_may_insist_on_a_value(empty: str) -> None:
    assert "needs x, which is empty" in str(error(f"customerid: {{lookup: customer, from: x, empty: {empty}}}", None))


def test_a_row_is_found_by_what_a_column_holds() -> None:
    rule = "ownerid: {find: {table: systemuser, column: email}, from: x, missing: fallback, empty: fallback}"
    criteria = (("email", "ada@example.com"),)

    assert cell(rule, "ada@example.com") == Lookup(TableName("systemuser"), None, criteria, Missing.FALLBACK)
    assert cell(rule, None) == Lookup(TableName("systemuser"), missing=Missing.ERROR)


def state(finish: str, **record: Value) -> tuple[int, int] | RecordError:
    mapper = mapping_of("title: {value: x}", f", finish: {{{finish}}}").at(Phase.FINISH)
    (result,) = mapper.map(Record(KEY, record))
    if isinstance(result, Rejection):
        return result.error
    assert isinstance(result, SetState)
    return result.state, result.status


def test_a_state_comes_with_its_status() -> None:
    by_state = "statecode: {from: status, values: {open: Active, done: Resolved}}"
    both = f"{by_state}, statuscode: {{from: reason, values: {{waiting: On hold, fixed: Solved}}}}"

    assert state(by_state, status="done") == (1, 5)
    assert state(by_state) == (0, 1)
    assert state(both, status="open", reason="waiting") == (0, 2)
    assert state(both, status="done") == (1, 5)


def test_a_status_of_another_state_sets_the_record_aside() -> None:
    rules = "statecode: {value: Active}, statuscode: {value: Solved}"

    assert "does not belong to the state Active" in str(state(rules))


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ("titel: {from: x}", "incident has no column `titel`; did you mean `title`?"),
        ("createdon: {from: x}", "column createdon cannot be written"),
        (
            "title: {from: x, convert: stripp}",
            "which nobody offers; did you mean `strip`?",
        ),
        ("prioritycode: {from: x, values: {a: Hihg}}", "has no option 'Hihg'"),
        ("customerid: {lookup: custmer, from: x}", "no mapping covers; did you mean `customer`?"),
        ("ownerid: {lookup: customer, from: x}", "cannot point to account; it points to systemuser"),
        ("customerid: {from: x}", "is a lookup column: the rule needs `lookup` or `find`"),
        ("title: {lookup: customer, from: x}", "is a text column, and the rule looks up a row"),
        ("customerid: {lookup: job, from: x, missing: placeholder}", "cannot point to incident"),
        ("title: {from: x, default: much too long}", "takes 10 characters"),
        ("title: {from: x, custom: {type: memo}}", "title exists in the target as text, and the mapping wants memo"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_before_any_record(fields: str, mistake: str) -> None:
    assert mistake in mistakes_of(fields)


def test_of_several_parents_the_first_stands_in_for_all_of_them() -> None:
    person = parse_mapping("{entity: person, table: account, key: {from: id}}", "test")

    def compiled(parents: str) -> CompiledMapping:
        rule = f"customerid: {{lookup: {parents}, from: x, empty: placeholder}}"
        job = parse_mapping(f"{{entity: job, table: incident, key: {{from: id}}, fields: {{{rule}}}}}", "test")
        documents = [job, parse_mapping(CUSTOMER, "test"), person]
        return compile_mappings(documents, SOURCE, TARGET, CONVERTERS, {})[EntityName("job")]

    [write] = compiled("[customer, person]").map(Record(KEY, {}))

    assert isinstance(write, Upsert)
    lookup = write.columns["customerid"]
    assert isinstance(lookup, Lookup)
    assert lookup.key == RecordKey(EntityName("customer"), SourceId("placeholder"))
    with pytest.raises(MappingError, match="wants the placeholder of person, which has none"):
        compiled("[person, customer]")


def test_all_rules_that_cannot_work_are_named_at_once() -> None:
    found = mistakes_of("titel: {from: x}, titles: {from: y}", ", finish: {statecode: {from: z, values: {a: Gone}}}")

    assert found.count("job: ") == 3


def test_a_field_that_was_always_empty_and_now_is_not_is_reported() -> None:
    mapper = mapping_of("title: {value: x}", ", dropped: {fax: {reason: Nobody fills it, while_empty: true}}")

    (write,) = mapper.map(Record(KEY, {"fax": "555-0100"}))

    assert isinstance(write, Upsert)
    assert [(loss.column, loss.original) for loss in write.losses] == [("fax", "555-0100")]


def test_translating_is_a_function_of_the_record() -> None:
    mapper: Callable[[Record], object] = mapping_of("title: {from: x, on_overflow: ledger}").map
    record = Record(KEY, {"x": "The quick brown fox"})

    assert mapper(record) == mapper(record)
