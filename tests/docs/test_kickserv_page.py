"""The page on Kickserv and Dynamics says what the shipped documents do, in both variants."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from transload import TableName
from transload_fieldservice.settings import FieldServiceSettings
from transload_kickserv_source.settings import KickservSettings
from transload_tags.settings import TagSettings

if TYPE_CHECKING:
    from conftest import Shipped
    from docs.conftest import Manual, Page

    from transload.mapping import Mapping


@pytest.fixture
def page(manual: Manual) -> Page:
    return manual.page("mapping-kickserv-dynamics.md")


@pytest.fixture
def sales(choose: Callable[..., Shipped]) -> Shipped:
    return choose(tags="table")


@pytest.fixture
def service(choose: Callable[..., Shipped]) -> Shipped:
    return choose(tags="table", fieldservice=True)


def states_of(document: Mapping) -> dict[str, tuple[object, object]]:
    """Return state and status reason of each value that a document knows."""
    states, reasons = document.finish["statecode"].values or {}, document.finish["statuscode"].values or {}
    return {value: (state, reasons[value]) for value, state in states.items()}


def table_below(page: Page, title: str, heading: str) -> list[list[str]]:
    """Return the rows of the table below a heading whose first column has this title."""
    table = page.section(title).partition(f"| {heading} |")[2].partition("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in table.splitlines()
        if line.startswith("| `")
    ]


def test_it_names_every_table_and_key_column(page: Page, sales: Shipped, service: Shipped) -> None:
    rows = table_below(page, "The two variants", "document")
    shown = {cells[0].strip("`"): tuple(cell.strip("`") for cell in cells[1:]) for cells in rows}

    wanted = {}
    for entity, document in service.documents.items():
        if document.skip is None:
            key = document.key.column if document.key else None
            wanted[entity] = (sales.becomes(entity) or "-", document.table, key or "none")
    assert shown == wanted


def test_the_fourteen_objects_stand_side_by_side(page: Page) -> None:
    rows = re.findall(r"^\| ([a-z][a-z ]+) \| .+ \| .+ \|$", page.section("The two variants"), re.MULTILINE)

    assert [name for name in rows if name != "document"] == [
        "employee", "customer", "contact", "item", "job", "estimate", "invoice", "charge", "payment", "event",
        "time entry", "note", "attachment", "tag",
    ]  # fmt: skip


def test_every_column_that_it_names_exists(page: Page, choose: Callable[..., Shipped]) -> None:
    every = [choose(fieldservice=chosen, tags=tags) for chosen in (False, True) for tags in ("", "table")]
    known = {name for shipped in every for table in shipped.columns.values() for name in table}
    known |= {document.table for shipped in every for document in shipped.written()}

    shown = set(re.findall(r"`(ks_\w+)`", page.text))

    assert shown - {"ks_qb"} <= known
    assert len(shown) > 40


def test_its_table_of_job_states_is_that_of_both_variants(page: Page, sales: Shipped, service: Shipped) -> None:
    shown = {
        status: tuple(cells[1:])
        for cells in table_below(page, "Jobs", "Kickserv status")
        for status in re.findall(r"\w+", cells[0])
    }

    status_of = service.documents["job"].fields["msdyn_systemstatus"].values or {}
    assert shown == {status: (*both, status_of[status]) for status, both in states_of(sales.documents["job"]).items()}


@pytest.mark.parametrize(
    ("title", "heading", "entity"),
    [
        ("Estimates", "stage", "estimate"),
        ("Orders and invoices", "order of a job", "order"),
        ("Orders and invoices", "invoice", "invoice"),
    ],
)
def test_its_tables_of_states_are_those_of_the_documents(
    page: Page, sales: Shipped, title: str, heading: str, entity: str
) -> None:
    document, rows = sales.documents[entity], table_below(page, title, heading)
    table = sales.table(document)
    labels = {value: label for state in table.states for value, label in state.statuses.items()} if table else {}

    wanted = {
        value: (state, labels.get(reason, reason) if isinstance(reason, int) else reason)
        for value, (state, reason) in states_of(document).items()
    }
    assert {cells[0].strip("`"): tuple(cells[1:]) for cells in rows} == wanted


def test_its_table_of_roles_is_that_of_both_variants(page: Page, sales: Shipped, service: Shipped) -> None:
    shown = {cells[0].strip("`"): tuple(cells[1:]) for cells in table_below(page, "Employees", "in Kickserv")}

    links = [shipped.documents["employee_role"].link for shipped in (sales, service)]
    one, other = (link.other.values or {} if link is not None else {} for link in links)
    assert shown == {role: (one[role], other[role]) for role in one}


def test_its_table_of_events_is_that_of_the_documents(page: Page, sales: Shipped) -> None:
    shown = {cells[0].strip("`"): cells[1].strip("`") for cells in table_below(page, "The calendar", "kind of event")}

    assert shown == {
        str(kind): document.entity
        for document in sales.written()
        if document.source_entity == "event"
        for kind in document.when["kind"]
    }


def test_its_table_of_event_states_is_that_of_both_variants(page: Page, sales: Shipped, service: Shipped) -> None:
    shown = {cells[0].strip("`"): (cells[1], cells[2]) for cells in table_below(page, "The calendar", "event")}

    activity = sales.documents["event"].finish["statecode"].values or {}
    field_service = service.target.tables[TableName("bookingstatus")].columns["msdyn_fieldservicestatus"].options
    booking = {
        str(given["id"]): field_service[int(str(given["status"]))]
        for given in service.documents["booking_status"].given
    }
    assert shown == {state: (activity[state], booking[state]) for state in booking}


def test_every_setting_that_it_discusses_has_this_default(page: Page) -> None:
    fields = {**KickservSettings.model_fields, **TagSettings.model_fields, **FieldServiceSettings.model_fields}

    shown = {cells[0].strip("`"): cells[1].strip("`") for cells in table_below(page, "Settings", "setting")}

    assert shown.pop("plugins") == "without options"
    for name, default in shown.items():
        value = None if default == "none" else tomllib.loads(f"value = {default}")["value"]
        assert (tuple(value) if isinstance(value, list) else value) == fields[name].default


def test_it_names_what_is_left_behind(page: Page, sales: Shipped) -> None:
    skipped = {entity for entity, document in sales.documents.items() if document.skip is not None}

    named = set(re.findall(r"`(\w+)`", page.section("Not carried over")))

    assert skipped <= named
