"""Undoing what was written."""

from typing import TYPE_CHECKING

import pytest

from transload import (
    DeleteRow,
    Outcome,
    RestoreRow,
    TableName,
)
from transload_dynamics_sink.restore import Restoration
from transload_dynamics_sink.rollback import delete_rows

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

ACCOUNT, CONTACT = TableName("account"), TableName("contact")


def restore(connected: "Connected", *inverses: RestoreRow) -> list[Outcome]:
    return Restoration(connected.dataverse, connected.metadata, connected.files, inverses).run()


def test_deletes_rows_and_does_not_mind_those_that_are_gone(connected: "Connected") -> None:
    connected.load(*connected.accounts(3))
    inverses = [DeleteRow(ACCOUNT, connected.id(number)) for number in (3, 9, 1)]

    outcomes = delete_rows(connected.dataverse, connected.metadata, inverses)

    assert [(outcome.ok, outcome.note) for outcome in outcomes] == [
        (True, ""),
        (True, "was gone already"),
        (True, ""),
    ]
    assert connected.org.count("account") == 1


def test_spares_a_row_whose_deletion_would_take_somebody_elses_rows(connected: "Connected") -> None:
    connected.load(*connected.accounts(2))
    connected.load(connected.upsert(5, {"lastname": "Olsen", "parentcustomerid": connected.ref(1)}, CONTACT))
    inverses = [DeleteRow(ACCOUNT, connected.id(number)) for number in (1, 2)]

    outcomes = delete_rows(connected.dataverse, connected.metadata, inverses)

    assert [outcome.ok for outcome in outcomes] == [False, True]
    assert "a row of contact" in str(outcomes[0].error)
    assert connected.org.count("contact") == 1


def test_gives_columns_back_their_former_values(connected: "Connected") -> None:
    connected.load(*connected.accounts(1))
    connected.load(connected.upsert(1, {"name": "New", "telephone1": "1"}, exists=True))

    outcomes = restore(
        connected,
        RestoreRow(ACCOUNT, connected.id(1), {"name": "Account 1", "telephone1": None}),
        RestoreRow(ACCOUNT, connected.id(7), {"name": "Gone"}),
    )

    assert [outcome.ok for outcome in outcomes] == [True, True]
    assert connected.read("account", 1, "name", "telephone1") == {"name": "Account 1", "telephone1": None}


@pytest.mark.parametrize(("former", "written"), [((0, 1), (1, 5)), ((2, 6), (1, 5)), ((1, 5), (1, 1000))])
def test_brings_a_case_back_to_its_former_state_and_columns(
    connected: "Connected", former: tuple[int, int], written: tuple[int, int]
) -> None:
    connected.load(*connected.accounts(1))
    connected.load(connected.case(2))
    connected.load(connected.change(2, *written))

    outcomes = restore(connected, RestoreRow(TableName("incident"), connected.id(2), {"title": "Before"}, former))

    assert [outcome.error for outcome in outcomes] == [None]
    assert connected.read("incident", 2, "title", "statecode", "statuscode") == {
        "title": "Before",
        "statecode": former[0],
        "statuscode": former[1],
    }
