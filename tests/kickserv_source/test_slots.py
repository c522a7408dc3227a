"""The account's own fields: what they are, and how their values read."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from transload.values import FieldType, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.definitions import remember, remembered
from transload_kickserv_source.documents import job_records
from transload_kickserv_source.schema import describe
from transload_kickserv_source.slots import Definitions, LabelFileError, define, definitions_in, merge, read_labels
from transload_kickserv_source.xml import Row, read_list

DATA = Path(__file__).parent.parent / "data" / "kickserv" / "inferred"
MakeAccount = Callable[..., Account]
MIDNIGHT = datetime.fromisoformat("2017-08-04T00:00:00-04:00")


def agreed() -> Definitions:
    return define(read_list((DATA / "custom_fields.list.xml").read_bytes(), "custom-fields").rows)


def defined(kind: str, *options: str) -> Definitions:
    choices: tuple[Row, ...] = tuple({"name": option} for option in options)
    row: Row = {
        "id": 7,
        "applies_to": "Job",
        "name": "Size",
        "field_type": kind,
        "column_name": "custom_text4",
        "options": choices,
    }
    return define([row])


def test_a_slot_gets_its_label_its_type_and_its_options() -> None:
    entities = {entity.name: entity.fields for entity in describe("a", agreed()).entities}

    job = entities["job"]  # type: ignore[index] # names are texts
    assert (job["custom_text3"].label, job["custom_text3"].type) == ("Square footage", FieldType.TEXT)
    assert job["custom_text5"].options == ("Inbound", "e-mail", "Existing Customer")
    assert job["custom_datetime1"].type is FieldType.DATE
    assert entities["estimate"]["custom_text3"].label == "Square footage"  # type: ignore[index] # names are texts
    assert entities["customer"]["custom_text1"].label == "How did you hear of us"  # type: ignore[index] # names are texts
    assert job["custom_text14"].label == ""


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("number", "1,568 ", Decimal(1568)),
        ("number", "$100", Decimal(100)),
        ("number", "-2.50", Decimal("-2.50")),
        ("number", Decimal("8.0"), Decimal("8.0")),
        ("checkbox", "true", True),
        ("checkbox", "No", False),
        ("date", MIDNIGHT, date(2017, 8, 4)),
        ("date", "2017-08-04", date(2017, 8, 4)),
        ("select", "Big", "Big"),
        ("text", "1", "1"),
        ("colour", "red", "red"),
        ("number", "", ""),
        ("checkbox", None, None),
    ],
)
def test_a_value_is_read_by_the_type_of_its_field(account: MakeAccount, kind: str, value: Value, read: Value) -> None:
    reading = account(defined(kind, "Big", "Small"))

    fields = next(job_records({"id": 5, "custom_text4": value}, reading)).fields

    assert fields["custom_text4"] == read
    assert type(fields["custom_text4"]) is type(read)
    assert "own_fields" not in reading.seen.marks


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "3 rooms"),
        ("number", "1,56"),
        ("checkbox", "maybe"),
        ("date", "last spring"),
        ("date", MIDNIGHT.replace(hour=9)),
        ("select", "Huge"),
        ("number", ("1", "2")),
    ],
)
def test_a_value_that_does_not_fit_stays_and_is_reported(account: MakeAccount, kind: str, value: Value) -> None:
    reading = account(defined(kind, "Big", "Small"))

    fields = next(job_records({"id": 5, "custom_text4": value}, reading)).fields

    assert fields["custom_text4"] == value
    assert len(reading.seen.marks["own_fields"]) == 1


def test_a_field_without_a_slot_is_a_field_of_its_own(account: MakeAccount) -> None:
    definitions = define(({"id": 7, "applies_to": "Job", "name": "Rooms", "field_type": "number"},))
    assigned: tuple[Row, ...] = ({"id": 1, "custom_field_id": 7, "value": "3"},)

    fields = next(job_records({"id": 5, "custom_field_assignments": assigned}, account(definitions))).fields

    job = next(entity for entity in describe("a", definitions).entities if entity.name == "job")
    assert fields["field_7"] == 3
    assert (job.fields["field_7"].label, job.fields["field_7"].type) == ("Rooms", FieldType.DECIMAL)


def test_an_assignment_that_repeats_its_slot_gives_no_field_of_its_own(account: MakeAccount) -> None:
    row: Row = {
        "id": 5,
        "custom_text4": "1,568 ",
        "custom_field_assignments": ({"custom_field_id": 7, "value": "1568"},),
    }

    fields = next(job_records(row, account(defined("number")))).fields

    assert fields["custom_text4"] == 1568
    assert "field_7" not in fields


def test_an_assignment_that_says_something_else_than_its_slot_is_not_lost(account: MakeAccount) -> None:
    row: Row = {"id": 5, "custom_text4": "12", "custom_field_assignments": ({"custom_field_id": 7, "value": "13"},)}

    fields = next(job_records(row, account(defined("text")))).fields

    assert (fields["custom_text4"], fields["field_7"]) == ("12", "13")


def test_an_assignment_fills_a_slot_that_is_empty(account: MakeAccount) -> None:
    row: Row = {
        "id": 5,
        "custom_text4": None,
        "custom_field_assignments": ({"custom_field": {"id": 7}, "value": "13"},),
    }

    fields = next(job_records(row, account(defined("text")))).fields

    assert fields["custom_text4"] == "13"


def test_an_assignment_of_another_shape_is_read_as_far_as_it_can_be_and_never_lost(account: MakeAccount) -> None:
    strange: Row = {"custom_field_id": 8, "answer": {"text": "yes"}}
    typed: Row = {"custom_field_id": 7, "text_value": None, "number_value": Decimal("12.5")}

    fields = next(job_records({"id": 5, "custom_field_assignments": (typed, strange, "loose")}, account())).fields

    assert fields["field_7"] == Decimal("12.5")
    assert fields["custom_field_assignments"] == ("loose", strange)


def test_definitions_that_only_assignments_nest_are_remembered(tmp_path: Path) -> None:
    memory = tmp_path / "fields.json"
    nested: Row = {"id": 7, "name": "Rooms", "field_type": "number"}
    row: Row = {"id": 5, "custom_field_assignments": ({"custom_field_id": 7, "value": "3", "custom_field": nested},)}

    remember(memory, list(definitions_in("estimate", row)))
    remember(
        memory, list(definitions_in("job", {"custom_field_assignments": ({"custom_field": {**nested, "name": "x"}},)}))
    )

    known = define(remembered(memory))
    assert (known.of("job")["field_7"].label, known.of("job")["field_7"].kind) == ("Rooms", "number")


def test_the_operators_labels_have_the_last_word(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(
        "entity,field,label,type,options\njob,custom_text5,Channel,select,Phone|Web\ncustomer,custom_number1,Rooms,number\n",
        encoding="utf-8",
    )

    known = merge(agreed(), read_labels(file))

    assert (known.of("job")["custom_text5"].label, known.of("job")["custom_text5"].options) == (
        "Channel",
        ("Phone", "Web"),
    )
    assert known.of("job")["custom_text3"].label == "Square footage"
    assert known.of("customer")["custom_number1"].kind == "number"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "slot,label\n",
        "entity,field,label,type\njob,custom_text1,A,colour\n",
        "entity,field,label,type\nitem,x,A,text\n",
    ],
)
def test_a_wrong_file_of_labels_is_refused_with_a_remedy(tmp_path: Path, text: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(LabelFileError) as caught:
        read_labels(file)

    assert "entity,field,label,type" in caught.value.remedy


def test_a_missing_file_of_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelFileError, match=r"labels\.csv"):
        read_labels(tmp_path / "labels.csv")
