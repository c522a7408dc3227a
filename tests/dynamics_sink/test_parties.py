"""People of activities: written with a new activity, changed afterwards, read back."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from transload import Outcome, RowId, RowRef, TableName
from transload.values import Cell, ColumnType

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

CONTACT, USER = TableName("contact"), TableName("systemuser")
START = datetime(2024, 5, 6, 7, 30, tzinfo=UTC)


@pytest.fixture
def people(connected: "Connected") -> "Connected":
    """An environment with account 1 and contacts 2 to 4."""
    connected.load(*connected.accounts(1))
    connected.load(*[connected.upsert(number, {"lastname": f"P{number}"}, CONTACT) for number in (2, 3, 4)])
    return connected


def user(connected: "Connected", name: str) -> RowRef:
    return RowRef(USER, RowId(connected.org.add_user(name, f"{name}@example.com")))


def write(connected: "Connected", table: str, number: int, *, exists: bool = False, **columns: Cell) -> Outcome:
    base: dict[str, Cell] = {} if exists else {"subject": f"Activity {number}"}
    if table == "appointment" and not exists:
        base |= {"scheduledstart": START, "scheduledend": START}
    [outcome] = connected.load(connected.upsert(number, {**base, **columns}, TableName(table), exists=exists))
    return outcome


def test_describes_columns_of_people(connected: "Connected") -> None:
    columns = connected.metadata.get_table("appointment").shape.columns

    assert columns["requiredattendees"].type is ColumnType.PARTIES
    assert columns["requiredattendees"].creatable
    assert {"account", "contact", "systemuser"} <= set(columns["requiredattendees"].targets)
    assert connected.metadata.get_table("email").shape.columns["related"].type is ColumnType.OTHER


@pytest.mark.parametrize("count", [1, 3])
def test_people_come_with_a_new_appointment(people: "Connected", count: int) -> None:
    ann = user(people, "ann")
    guests = (people.ref(2, CONTACT), people.ref(3, CONTACT))
    cells: dict[str, Cell] = {
        "requiredattendees": guests,
        "optionalattendees": (people.ref(1),),
        "organizer": (ann,),
        "regardingobjectid": people.ref(1),
        "scheduledstart": START,
        "scheduledend": START,
    }
    writes = [people.upsert(number, {"subject": "Visit", **cells}, TableName("appointment")) for number in range(count)]

    outcomes = people.load(*writes)
    again = people.load(*writes)

    assert [outcome.error for outcome in (*outcomes, *again)] == [None] * 2 * count
    read = people.read("appointment", 0, "requiredattendees", "optionalattendees", "organizer", "subject")
    assert read == {
        "requiredattendees": guests,
        "optionalattendees": (people.ref(1),),
        "organizer": (ann,),
        "subject": "Visit",
    }


def test_an_activity_without_people_has_none(people: "Connected") -> None:
    write(people, "phonecall", 5)

    assert people.read("phonecall", 5, "to", "from") == {"to": None, "from": None}


@pytest.mark.parametrize("table", ["email", "phonecall", "letter"])
def test_changes_the_people_it_is_told_to_and_keeps_the_others(people: "Connected", table: str) -> None:
    sender = user(people, "sender")
    people.load(
        people.upsert(5, {"subject": "Old", "from": (sender,), "to": (people.ref(2, CONTACT),)}, TableName(table))
    )

    outcome = write(people, table, 5, exists=True, to=(people.ref(3, CONTACT), people.ref(4, CONTACT)), subject="New")

    assert outcome.error is None
    assert people.read(table, 5, "from", "to", "subject") == {
        "from": (sender,),
        "to": (people.ref(3, CONTACT), people.ref(4, CONTACT)),
        "subject": "New",
    }


def test_keeps_recipients_that_are_known_by_their_address_alone(people: "Connected") -> None:
    write(people, "email", 5, to=(people.ref(2, CONTACT),))
    sender = {"partyid_contact@odata.bind": f"/contacts({people.id(2)})", "participationtypemask": 2}
    unknown = {"addressused": "office@seeblick.example", "participationtypemask": 3}
    people.org.customize("PUT", f"emails({people.id(5)})/email_activity_parties", {"value": [sender, unknown]})

    outcome = write(people, "email", 5, exists=True, to=None)

    parties = [(row["participationtypemask"], row["addressused"]) for row in people.org.rows("activityparty")]
    assert outcome.error is None
    assert (3, "office@seeblick.example") in parties
    assert 2 not in {mask for mask, _ in parties}


def test_people_of_a_completed_activity_stay(people: "Connected") -> None:
    write(people, "phonecall", 5, to=(people.ref(2, CONTACT),))
    people.load(people.change(5, 1, 4, "phonecall"))

    outcome = write(people, "phonecall", 5, exists=True, to=(people.ref(3, CONTACT),))

    assert outcome.error is not None
    assert "Reopen it" in outcome.error.remedy


def test_somebody_who_does_not_exist_is_an_error_of_the_record(people: "Connected") -> None:
    outcome = write(people, "phonecall", 5, to=(people.ref(99, CONTACT),))

    assert outcome.error is not None
    assert people.org.count("phonecall") == 0
