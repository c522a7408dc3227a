"""Undoing what was written."""

from typing import TYPE_CHECKING

import pytest

from transload import (
    DeleteRow,
    FileRef,
    Outcome,
    RestoreRow,
    TableName,
)
from transload.errors import LockedError
from transload.values import Cell
from transload_dynamics_sink.orphans import is_work
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


def test_what_closing_a_row_left_behind_goes_with_it(connected: "Connected") -> None:
    connected.load(*connected.accounts(1))
    connected.load(connected.case(2))
    connected.load(connected.change(2, 1, 5))

    [outcome] = delete_rows(
        connected.dataverse, connected.metadata, [DeleteRow(TableName("incident"), connected.id(2))]
    )

    assert outcome.error is None
    assert connected.org.count("incidentresolution") == 0


def test_the_environment_says_which_tables_people_work_in(connected: "Connected") -> None:
    tables = connected.org.environment.model.tables

    work = {name for name in tables if is_work(name, connected.metadata.find_facts(name))}

    assert work >= {"account", "contact", "incident", "invoice", "lead", "opportunity", "quote", "salesorder"}
    assert work >= {"annotation", "appointment", "email", "letter", "phonecall", "task"}
    assert not work & {"activitypointer", "activityparty", "customeraddress", "incidentresolution", "quoteclose"}
    assert not work & {"msdyn_bookingtimestamp", "msdyn_workorderproduct", "productpricelevel", "quotedetail", "role"}


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


def test_a_line_of_a_closed_document_waits_for_it(connected: "Connected") -> None:
    quote, detail = TableName("quote"), TableName("quotedetail")
    connected.load(*connected.accounts(1))
    connected.load(connected.upsert(2, {"name": "Q", "customerid": connected.ref(1)}, quote))
    cells: dict[str, Cell] = {"quoteid": connected.ref(2, quote), "productdescription": "Labour", "quantity": 1}
    connected.load(connected.upsert(3, cells, detail))
    connected.load(connected.change(2, 2, 4, "quote"))

    [waiting] = delete_rows(connected.dataverse, connected.metadata, [DeleteRow(detail, connected.id(3))])
    [gone] = delete_rows(connected.dataverse, connected.metadata, [DeleteRow(quote, connected.id(2))])
    [after] = delete_rows(connected.dataverse, connected.metadata, [DeleteRow(detail, connected.id(3))])

    assert isinstance(waiting.error, LockedError)
    assert (gone.error, after.error, after.note) == (None, None, "was gone already")


def test_gives_people_and_kept_files_back(connected: "Connected") -> None:
    contact, call, note = TableName("contact"), TableName("phonecall"), TableName("annotation")
    connected.load(*connected.accounts(1))
    connected.load(connected.upsert(2, {"lastname": "Olsen"}, contact))
    file = connected.store.keep([b"before"], "a.txt")
    connected.load(connected.upsert(3, {"subject": "Call", "to": (connected.ref(2, contact),)}, call))
    connected.load(connected.upsert(4, {"subject": "N", "documentbody": file}, note))
    connected.load(connected.upsert(3, {"to": None}, call, exists=True))
    connected.load(connected.upsert(4, {"documentbody": connected.store.keep([b"after"], "b.txt")}, note, exists=True))

    outcomes = [
        *restore(connected, RestoreRow(call, connected.id(3), {"to": (connected.ref(2, contact),)})),
        *restore(connected, RestoreRow(note, connected.id(4), {"documentbody": file, "filename": "a.txt"})),
    ]

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert connected.read("phonecall", 3, "to") == {"to": (connected.ref(2, contact),)}
    assert connected.read("annotation", 4, "filename", "documentbody") == {
        "filename": "a.txt",
        "documentbody": FileRef(file.digest, file.size),
    }


def test_a_file_that_nobody_kept_cannot_be_given_back(connected: "Connected") -> None:
    note = TableName("annotation")
    connected.load(connected.upsert(4, {"subject": "N"}, note))

    [outcome] = restore(connected, RestoreRow(note, connected.id(4), {"documentbody": FileRef("0" * 32, 7)}))

    assert "was not kept" in str(outcome.error)
