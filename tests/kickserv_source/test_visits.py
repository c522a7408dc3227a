"""Events of the calendar, and working time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from transload.values import EntityName, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.visits import event_of, event_of_schedule, time_entries_of
from transload_kickserv_source.xml import Row, read_list, read_record

DATA = Path(__file__).parent.parent / "data" / "kickserv" / "inferred"
MakeAccount = Callable[..., Account]
NINE = datetime.fromisoformat("2017-08-04T09:00:00-04:00")
JOB = EntityName("job")


def entry(reading: Account, **fields: Value) -> Row:
    (record,) = time_entries_of({"id": 5, "time_entries": ({"id": 1, **fields},)}, JOB, {"customer_id": 8}, reading)
    return record.fields


def test_the_agreed_events_are_read(account: MakeAccount) -> None:
    rows = read_list((DATA / "tasks.list.xml").read_bytes(), "tasks").rows

    visit, work, call = (event_of(row, account(), ("job", row["job_id"])).fields for row in rows)

    assert [event["kind"] for event in (visit, work, call)] == ["estimate", "work", "reminder"]
    assert (work["employee_ids"], work["assigned_to"]) == ((112262, 112701), 112262)
    assert work["employee_names"] == ("Kester Dressler", "Basil Silverlake")
    assert [event["duration_minutes"] for event in (visit, work, call)] == [60, None, 15]
    assert (visit["state"], work["state"]) == ("done", "open")


def test_an_event_that_nests_its_job_and_customer_keeps_their_ids(account: MakeAccount) -> None:
    row = read_record((DATA / "tasks.show.xml").read_bytes(), "task").rows[0]

    fields = event_of(row, account(), ("job", 1)).fields

    assert (fields["job_id"], fields["customer_id"]) == (38325261, 9945284)
    assert not {"job", "customer", "employees"} & fields.keys()


@pytest.mark.parametrize(
    ("fields", "ends", "minutes"),
    [
        ({"duration": 90}, NINE + timedelta(minutes=90), 90),
        ({"duration": Decimal("90.0"), "ends_at": None}, NINE + timedelta(minutes=90), 90),
        ({"ends_at": NINE + timedelta(hours=2)}, NINE + timedelta(hours=2), 120),
        ({}, None, None),
        ({"duration": "an hour", "ends_at": "late"}, "late", None),
        ({"duration": -5}, None, None),
        ({"duration": 10**12}, None, None),
    ],
)
def test_an_event_has_an_end_when_its_length_is_known(
    account: MakeAccount, fields: Row, ends: Value, minutes: int | None
) -> None:
    event = event_of({"id": 1, "scheduled_at": NINE, **fields}, account(), (None, None)).fields

    assert (event.get("ends_at"), event["duration_minutes"]) == (ends, minutes)


@pytest.mark.parametrize(("job", "kind"), [(5, "work"), (None, "reminder")])
def test_an_event_of_an_unknown_kind_is_counted(account: MakeAccount, job: int | None, kind: str) -> None:
    reading = account()

    event = event_of({"id": 1, "job_id": job, "task_type_id": 77}, reading, ("job", job))

    assert event.fields["kind"] == kind
    assert reading.seen.marks["task_types"] == {"1": "77"}


def test_the_kinds_of_events_can_be_named(account: MakeAccount) -> None:
    reading = account(inferred={"task_types": {"77": "call"}})

    assert event_of({"id": 1, "task_type_id": 77}, reading, (None, None)).fields["kind"] == "call"


def test_a_schedule_is_an_event_where_none_can_be_read() -> None:
    job: Row = {"id": 5, "customer_id": 8, "name": "Duct Cleaning", "scheduled_on": NINE, "duration": Decimal("60.0")}

    event = event_of_schedule(job, (7, 9), JOB)

    assert event is not None
    assert (str(event.key), event.fields["derived"], event.fields["kind"]) == ("event job-5", True, "work")
    assert (event.fields["ends_at"], event.fields["employee_ids"]) == (NINE + timedelta(hours=1), (7, 9))
    assert event_of_schedule({"id": 5}, (), JOB) is None


@pytest.mark.parametrize(
    ("fields", "minutes", "pause", "ended", "running"),
    [
        ({"ended_on": NINE + timedelta(hours=4), "number_of_hours": "3.5"}, 210, 30, NINE + timedelta(hours=4), False),
        (
            {"ended_on": NINE + timedelta(minutes=210), "number_of_hours": "3.49"},
            209,
            0,
            NINE + timedelta(minutes=210),
            False,
        ),
        ({"ended_on": None, "number_of_hours": "1.25"}, 75, 0, NINE + timedelta(minutes=75), False),
        ({"ended_on": None, "number_of_hours": "0.0"}, 0, 0, None, True),
        ({"ended_on": NINE + timedelta(hours=1)}, 60, 0, NINE + timedelta(hours=1), False),
        ({"ended_on": NINE, "number_of_hours": "2"}, 120, 0, NINE, False),
        ({"number_of_hours": "0.175"}, 10, 0, NINE + timedelta(seconds=630), False),
    ],
)
def test_working_time_in_minutes(
    account: MakeAccount, fields: Row, minutes: int, pause: int, ended: Value, running: bool
) -> None:
    found = entry(account(), started_on=NINE, **fields)

    assert [found[name] for name in ("duration_minutes", "break_minutes", "ended_at", "running")] == [
        minutes,
        pause,
        ended,
        running,
    ]
    assert (found["job_id"], found["customer_id"], found["parent_entity"]) == (5, 8, "job")


def test_an_entry_that_is_still_running_is_reported(account: MakeAccount) -> None:
    reading = account()

    entry(reading, started_on=NINE, ended_on=None, number_of_hours=Decimal(0))

    assert list(reading.seen.marks["running"]) == ["1"]
