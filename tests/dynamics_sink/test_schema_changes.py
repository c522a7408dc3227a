"""Preparing the target and taking it back."""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from transload import SchemaChange, SchemaKind, TableName, TargetColumn
from transload.values import ColumnType
from transload_dynamics_sink.schema_changes import SchemaWorker

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

ACCOUNT = TableName("account")
COLUMNS = [
    TargetColumn("mig_id", ColumnType.TEXT, "Kickserv_ID__c", max_length=60),
    TargetColumn("mig_memo", ColumnType.MEMO, "Memo", max_length=5000),
    TargetColumn("mig_whole", ColumnType.INTEGER, "Whole", minimum=Decimal(0), maximum=Decimal(10)),
    TargetColumn("mig_decimal", ColumnType.DECIMAL, "Decimal", precision=4),
    TargetColumn("mig_money", ColumnType.MONEY, "Money", precision=2),
    TargetColumn("mig_flag", ColumnType.BOOLEAN, "Flag", options={0: "Off", 1: "On"}),
    TargetColumn("mig_choice", ColumnType.CHOICE, "Choice", options={100000000: "A", 100000001: "B"}),
    TargetColumn("mig_choices", ColumnType.CHOICES, "Choices", options={100000000: "A"}),
    TargetColumn("mig_moment", ColumnType.DATETIME, "Moment"),
    TargetColumn("mig_day", ColumnType.DATE, "Day"),
]
KEY = SchemaChange(SchemaKind.KEY, "mig_idkey", ACCOUNT, "Kickserv id", key_columns=("mig_id",))


def column(wanted: TargetColumn) -> SchemaChange:
    return SchemaChange(SchemaKind.COLUMN, wanted.name, ACCOUNT, wanted.label, column=wanted)


CHANGES = [*map(column, COLUMNS), KEY]
ALL = [
    SchemaChange(SchemaKind.PUBLISHER, "mig", label="Publisher"),
    SchemaChange(SchemaKind.SOLUTION, "transload_migration", label="Solution"),
    *CHANGES,
]


def test_creates_columns_of_every_type_and_waits_for_the_key(connected: "Connected", worker: SchemaWorker) -> None:
    outcomes = worker.prepare(CHANGES)

    assert [(str(outcome.change), outcome.created, outcome.error) for outcome in outcomes] == [
        (str(change), True, None) for change in ALL
    ]
    shape = connected.metadata.get_table("account").shape
    assert {name: shape.columns[name].type for name in (wanted.name for wanted in COLUMNS)} == {
        wanted.name: wanted.type for wanted in COLUMNS
    }
    assert shape.columns["mig_id"].max_length == 60
    assert shape.columns["mig_decimal"].precision == 4
    assert shape.columns["mig_choice"].options == {100000000: "A", 100000001: "B"}
    assert shape.columns["mig_id"].label == "Kickserv_ID__c"
    assert shape.columns["mig_id"].custom
    assert [(key.name, key.columns, key.active) for key in shape.keys] == [("mig_idkey", ("mig_id",), True)]


def test_a_second_time_changes_nothing(connected: "Connected", worker: SchemaWorker) -> None:
    worker.prepare(CHANGES)
    before = len(connected.messages())

    outcomes = SchemaWorker(connected.dataverse, connected.metadata, worker.settings).prepare(CHANGES)

    assert all(not outcome.created and outcome.error is None for outcome in outcomes)
    assert len(connected.messages()) == before


def test_says_that_it_made_the_publisher_and_the_solution(connected: "Connected", worker: SchemaWorker) -> None:
    publisher, solution, _ = worker.prepare([column(COLUMNS[0])])

    assert [publisher.change, solution.change] == ALL[:2]
    assert (publisher.created, solution.created) == (True, True)
    assert {row["uniquename"] for row in connected.org.rows("solution")} >= {"transload_migration"}


def test_a_solution_of_another_publisher_is_left_alone(connected: "Connected", worker: SchemaWorker) -> None:
    other = worker.settings.model_copy(update={"publisher_prefix": "other"})
    SchemaWorker(connected.dataverse, connected.metadata, other).prepare([])

    publisher, solution, change = worker.prepare([column(COLUMNS[0])])

    assert publisher.created
    assert "its publisher has not the prefix mig" in str(solution.error)
    assert change.error == solution.error


def test_a_column_of_another_type_is_not_taken_over(worker: SchemaWorker) -> None:
    worker.prepare([column(COLUMNS[0])])

    *_, outcome = worker.prepare([column(replace(COLUMNS[0], type=ColumnType.DATE, max_length=None))])

    assert outcome.error is not None
    assert "exists with the type text" in str(outcome.error)


def test_a_column_that_is_too_short_is_not_taken_over(worker: SchemaWorker) -> None:
    worker.prepare([column(COLUMNS[0])])

    *_, outcome = worker.prepare([column(replace(COLUMNS[0], max_length=100))])

    assert "room for 60 characters, not 100" in str(outcome.error)


def test_a_name_without_the_prefix_is_refused_before_anything_is_sent(worker: SchemaWorker) -> None:
    *_, outcome = worker.prepare([column(replace(COLUMNS[0], name="other_id"))])

    assert "does not begin with mig_" in str(outcome.error)


def test_a_key_over_duplicates_fails_with_a_remedy_and_heals(connected: "Connected", worker: SchemaWorker) -> None:
    worker.prepare([column(COLUMNS[0])])
    connected.load(connected.upsert(1, {"name": "A", "mig_id": "7"}), connected.upsert(2, {"name": "B", "mig_id": "7"}))

    *_, failed = worker.prepare([KEY])
    connected.load(connected.upsert(2, {"mig_id": "8"}, exists=True))
    *_, healed = worker.prepare([KEY])

    assert failed.error is not None
    assert "share a value" in failed.error.remedy
    assert healed.error is None


def test_takes_back_what_it_made_and_a_second_time_nothing(connected: "Connected", worker: SchemaWorker) -> None:
    before = connected.org.digest()
    worker.prepare(CHANGES)

    first = [worker.drop(change) for change in reversed(ALL)]
    second = [worker.drop(change) for change in reversed(ALL)]

    assert [outcome.error for outcome in first] == [None] * len(ALL)
    assert {outcome.note for outcome in second} == {"was gone already"}
    assert connected.org.digest() == before
