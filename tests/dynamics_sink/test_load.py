"""Loading against the sandbox: rows in bulk, culprits alone, states, links."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from transload import TableName
from transload.errors import RefusedError
from transload.values import Cell
from transload_sandbox.dataverse.faults import Fault

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

ACCOUNT, CONTACT, INCIDENT = TableName("account"), TableName("contact"), TableName("incident")


def test_writes_new_rows_in_one_bulk_message(connected: "Connected") -> None:
    writes = connected.accounts(25)

    outcomes = connected.load(*writes)

    assert [outcome.ok for outcome in outcomes] == [True] * 25
    assert connected.paths() == ["accounts/Microsoft.Dynamics.CRM.UpsertMultiple"]
    assert connected.org.count("account") == 25


def test_every_type_of_value_comes_back_as_it_was_sent(connected: "Connected") -> None:
    moment = datetime(2019, 5, 4, 13, 30, 15, tzinfo=UTC)
    connected.load(*connected.accounts(2))
    columns: dict[str, Cell] = {
        "name": 'Ångström & "Söhne" \\ GmbH\nzweite Zeile',
        "revenue": Decimal("1234567.89"),
        "numberofemployees": 12,
        "donotphone": True,
        "industrycode": 1,
        "lastonholdtime": moment,
        "address1_latitude": Decimal("47.63958"),
        "parentaccountid": connected.ref(2, ACCOUNT),
    }

    connected.load(connected.upsert(3, columns), connected.upsert(4, {"name": "Other"}))

    assert connected.read(ACCOUNT, 3, *columns) == columns


def test_a_lost_answer_does_not_double_rows(connected: "Connected") -> None:
    writes = connected.accounts(3)

    connected.load(*writes)
    outcomes = connected.load(*writes)

    assert all(outcome.ok for outcome in outcomes)
    assert connected.org.count("account") == 3


def test_writes_the_innocent_and_names_each_culprit(connected: "Connected") -> None:
    writes = [*connected.accounts(4), connected.upsert(5, {"name": "x" * 161}), connected.upsert(6, {"name": "Fine"})]

    outcomes = connected.load(*writes)

    assert [outcome.ok for outcome in outcomes] == [True, True, True, True, False, True]
    error = outcomes[4].error
    assert isinstance(error, RefusedError)
    assert error.target_code == "0x80044331"
    assert "Shorten" in error.remedy
    assert connected.org.count("account") == 5


def test_a_row_that_a_plugin_refuses_is_set_aside_alone(connected: "Connected") -> None:
    connected.org.faults.add(
        Fault("refuse_row", times=2, column="name", value="Account 2", message="No customer number.")
    )

    outcomes = connected.load(*connected.accounts(3))

    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    assert "No customer number." in str(outcomes[1].error)


def test_a_deadlock_is_sent_again_in_smaller_pieces(connected: "Connected") -> None:
    connected.org.faults.add(Fault("deadlock", path="*UpsertMultiple"))

    outcomes = connected.load(*connected.accounts(4))

    assert all(outcome.ok for outcome in outcomes)
    assert connected.paths() == ["accounts/Microsoft.Dynamics.CRM.UpsertMultiple"] * 3
    assert len(connected.clock.pauses) == 1


def test_throttling_delays_and_loses_nothing(connected: "Connected") -> None:
    connected.org.faults.add(Fault("throttle_time", times=8, path="*UpsertMultiple", seconds=40))

    outcomes = connected.load(*connected.accounts(2))

    assert all(outcome.ok for outcome in outcomes)
    assert connected.clock.pauses == pytest.approx([40] * 8)


def test_a_token_that_is_revoked_midway_is_renewed(connected: "Connected") -> None:
    connected.load(*connected.accounts(1))
    connected.org.tokens.revoke_all()

    outcomes = connected.load(*connected.accounts(2))

    assert all(outcome.ok for outcome in outcomes)


def test_the_same_row_twice_in_a_batch_ends_with_the_last_value(connected: "Connected") -> None:
    connected.load(
        connected.upsert(1, {"name": "First"}),
        connected.upsert(2, {"name": "Two"}),
        connected.upsert(1, {"name": "Last"}),
    )

    assert connected.read(ACCOUNT, 1, "name") == {"name": "Last"}


def test_known_rows_are_updated_and_emptied(connected: "Connected") -> None:
    connected.load(*connected.accounts(3))
    parent = connected.ref(3, ACCOUNT)
    connected.load(connected.upsert(1, {"telephone1": "1", "parentaccountid": parent}, exists=True))

    outcomes = connected.load(
        connected.upsert(1, {"telephone1": None, "parentaccountid": None}, exists=True),
        connected.upsert(2, {"telephone1": "2", "importsequencenumber": 7}, exists=True),
    )

    assert all(outcome.ok for outcome in outcomes)
    assert "accounts/Microsoft.Dynamics.CRM.UpdateMultiple" in connected.paths()
    assert connected.read(ACCOUNT, 1, "telephone1", "parentaccountid", "name") == {
        "telephone1": None,
        "parentaccountid": None,
        "name": "Account 1",
    }


def test_a_known_row_that_somebody_deleted_is_not_made_again(connected: "Connected") -> None:
    connected.load(*connected.accounts(2))

    outcomes = connected.load(
        connected.upsert(1, {"telephone1": "1"}, exists=True),
        connected.upsert(9, {"telephone1": "9"}, exists=True),
    )

    assert [outcome.ok for outcome in outcomes] == [True, False]
    assert outcomes[1].error is not None
    assert "deleted the row in the target" in outcomes[1].error.remedy
    assert connected.org.count("account") == 2


def test_a_polymorphic_lookup_points_into_the_right_table(connected: "Connected") -> None:
    connected.load(*connected.accounts(1))
    connected.load(connected.upsert(5, {"lastname": "Olsen"}, CONTACT))
    person = connected.ref(5, CONTACT)

    connected.load(connected.upsert(10, {"title": "A", "customerid": person}, INCIDENT), connected.case(11))

    assert connected.read(INCIDENT, 10, "customerid") == {"customerid": person}
    assert connected.read(INCIDENT, 11, "customerid") == {"customerid": connected.ref(1, ACCOUNT)}


def test_what_was_created_long_ago_keeps_its_date(connected: "Connected") -> None:
    created = datetime(2017, 2, 3, 4, 5, 6, tzinfo=UTC)

    connected.load(connected.upsert(1, {"name": "Old", "overriddencreatedon": created}))

    assert connected.read(ACCOUNT, 1, "overriddencreatedon") == {"overriddencreatedon": created}


def test_a_cell_that_does_not_fit_its_column_stops_only_its_record(connected: "Connected") -> None:
    wrong = connected.ref(1, TableName("task"))

    outcomes = connected.load(
        connected.upsert(1, {"name": "A", "parentaccountid": wrong}), connected.upsert(2, {"name": "B"})
    )

    assert [outcome.ok for outcome in outcomes] == [False, True]
    assert "only to account" in str(outcomes[0].error)


def test_a_day_in_a_column_of_moments_is_noon(connected: "Connected") -> None:
    connected.load(connected.upsert(1, {"name": "A", "lastonholdtime": date(2020, 2, 29)}))

    noon = datetime(2020, 2, 29, 12, tzinfo=UTC)
    assert connected.read(ACCOUNT, 1, "lastonholdtime") == {"lastonholdtime": noon}


def test_resolves_a_case_with_the_date_it_was_resolved(connected: "Connected") -> None:
    connected.load(*connected.accounts(1))
    connected.load(connected.case(2), connected.case(3))
    ended = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)

    outcomes = connected.load(
        connected.change(2, 1, 5, subject="Pump replaced", actualend=ended), connected.change(3, 2, 6)
    )

    assert all(outcome.ok for outcome in outcomes), outcomes
    assert connected.read(INCIDENT, 2, "statecode", "statuscode") == {"statecode": 1, "statuscode": 5}
    assert connected.read(INCIDENT, 3, "statecode", "statuscode") == {"statecode": 2, "statuscode": 6}
    [resolution] = connected.org.rows("incidentresolution")
    assert (resolution["subject"], resolution["actualend"]) == ("Pump replaced", "2020-01-02T03:04:05Z")


def test_a_state_that_is_reached_already_counts_as_done(connected: "Connected") -> None:
    connected.load(*connected.accounts(1))
    connected.load(connected.case(2))
    connected.load(connected.change(2, 1, 5))

    [outcome] = connected.load(connected.change(2, 1, 5))

    assert outcome.ok
    assert outcome.note == "was in that state already"


def test_a_canceled_case_is_reopened_to_be_resolved(connected: "Connected") -> None:
    connected.load(*connected.accounts(1))
    connected.load(connected.case(2))
    connected.load(connected.change(2, 2, 6))

    [outcome] = connected.load(connected.change(2, 1, 5))

    assert outcome.ok, outcome
    assert connected.read(INCIDENT, 2, "statecode") == {"statecode": 1}


def test_a_case_with_open_activities_says_what_to_do(connected: "Connected") -> None:
    connected.load(*connected.accounts(1))
    connected.load(connected.case(2))
    regarding = connected.ref(2, INCIDENT)
    connected.load(connected.upsert(3, {"subject": "Call", "regardingobjectid": regarding}, TableName("task")))

    [outcome] = connected.load(connected.change(2, 1, 5))

    assert outcome.error is not None
    assert "open activities" in outcome.error.remedy


def test_deactivates_accounts(connected: "Connected") -> None:
    connected.load(*connected.accounts(2))

    outcomes = connected.load(connected.change(1, 1, 2, ACCOUNT), connected.change(2, 1, 2, ACCOUNT))

    assert all(outcome.ok for outcome in outcomes)
    assert connected.read(ACCOUNT, 2, "statecode", "statuscode") == {"statecode": 1, "statuscode": 2}
