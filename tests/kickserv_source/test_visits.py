"""Events of the calendar, and working time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from transload.values import EntityName, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.visits import assignments_of, event_of, event_of_schedule, time_entries_of
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

    event = event_of({"id": 1, "job_id": job, "task_type_id": 77, "scheduled_at": NINE}, reading, ("job", job))

    assert event.fields["kind"] == kind
    assert reading.seen.marks["task_types"] == {"1": "77"}


def test_the_kinds_of_events_can_be_named(account: MakeAccount) -> None:
    reading = account(inferred={"task_types": {"77": "call"}})

    assert event_of({"id": 1, "task_type_id": 77}, reading, (None, None)).fields["kind"] == "call"


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"task_type": {"id": 1, "name": "Estimate visit"}}, "estimate"),
        ({"task_type_name": "Phone call", "task_type_id": 1}, "call"),
        ({"task_type": {"id": 3, "name": "Zebra"}}, "reminder"),
    ],
)
def test_the_name_of_an_events_type_says_what_it_is(account: MakeAccount, told: Row, kind: str) -> None:
    row: Row = {"id": 1, "scheduled_at": NINE, **told}

    assert event_of(row, account(), (None, None)).fields["kind"] == kind
    named = account(inferred={"task_types": {"1": "meeting", "3": "meeting"}})
    assert event_of(row, named, (None, None)).fields["kind"] == "meeting"


def test_an_event_without_a_time_is_something_to_do(account: MakeAccount) -> None:
    reading = account()

    event = event_of({"id": 1, "job_id": 5, "task_type_id": 1}, reading, ("job", 5)).fields

    assert (event["kind"], event["bookable"]) == ("reminder", False)
    assert reading.seen.marks["timeless"] == {"1": "work"}


def test_what_ends_before_it_begins_is_reported(account: MakeAccount) -> None:
    reading, early = account(), NINE - timedelta(minutes=1)

    event_of({"id": 1, "scheduled_at": NINE, "ends_at": early}, reading, (None, None))
    entry(reading, started_on=NINE, ended_on=early)

    assert list(reading.seen.marks["odd_times"]) == ["event 1", "time entry 1"]


def test_who_is_sent_to_an_event_carries_what_nobody_expected_of_it(account: MakeAccount) -> None:
    row: Row = {"id": 1, "scheduled_at": NINE, "employees": ({"id": 7}, {"id": 9}), "gate_code": "4711"}

    sent = list(assignments_of(event_of(row, account(), ("job", 5))))

    assert [(one.fields["employee_id"], one.fields["gate_code"]) for one in sent] == [(7, "4711"), (9, "4711")]


def test_a_night_across_the_end_of_summer_time_has_the_hours_that_passed(account: MakeAccount) -> None:
    start, end = map(datetime.fromisoformat, ("2017-11-04T22:00:00-04:00", "2017-11-05T06:00:00-05:00"))

    found = entry(account(), started_on=start, ended_on=end)

    assert (found["duration_minutes"], found["break_minutes"]) == (9 * 60, 0)


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
