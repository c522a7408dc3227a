"""Recorded answers, read into values and written again, come out byte for byte."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from transload_sandbox.kickserv import layouts
from transload_sandbox.kickserv.wire import (
    DECLARATION,
    Field,
    Layout,
    Row,
    Value,
    decimal_text,
    render,
    render_errors,
    render_list,
)

DATA = Path(__file__).parents[2] / "data" / "kickserv"
_PARSERS: dict[str, Callable[[str], Value]] = {
    "integer": int,
    "decimal": Decimal,
    "float": float,
    "boolean": lambda text: text == "true",
    "dateTime": datetime.fromisoformat,
    "date": date.fromisoformat,
}


def read(name: str) -> str:
    return (DATA / name).read_bytes().decode()


def parsed(text: str) -> etree._Element:
    """Parse keeping CR: an XML reader would fold a raw CR LF to LF."""
    return etree.fromstring(text.replace("\r", "&#13;").encode())


def value_of(element: etree._Element) -> Value:
    if len(element) or element.get("type") == "array":
        children = list(element)
        return [row_of(child) for child in children] if element.get("type") == "array" else row_of(element)
    if element.get("nil") == "true":
        return None
    text, kind = element.text or "", element.get("type")
    return _PARSERS[kind](text) if kind else text


def row_of(element: etree._Element) -> Row:
    return {child.tag.replace("-", "_"): value_of(child) for child in element}


def of_year(layout: Layout, year: int) -> Layout:
    return layout if year >= 2018 else layout.without(layouts.ADDED_IN_2018)


@pytest.mark.parametrize(
    ("name", "root", "layout"),
    [
        ("seen/customers.list.filter-no-match.2018.xml", "customers", layouts.CUSTOMER),
        ("seen/customers.list.page1.2017.xml", "customers", of_year(layouts.CUSTOMER, 2017)),
        ("seen/customers.list.two.edited-2017.xml", "customers", of_year(layouts.CUSTOMER, 2017)),
        ("seen/jobs.list.page1.2018.xml", "jobs", layouts.JOB),
        ("seen/jobs.list.scheduled-none.2018.xml", "jobs", layouts.JOB),
        ("seen/jobs.list.scheduled-today.2017.xml", "jobs", of_year(layouts.JOB, 2017)),
        ("inferred/employees.list.xml", "employees", layouts.EMPLOYEE),
        ("inferred/items.list.which-all.xml", "items", layouts.ITEM),
        ("inferred/jobs.N.notes.list.xml", "notes", layouts.NOTE),
        ("inferred/customers.N.notes.list.xml", "notes", layouts.NOTE),
        ("inferred/jobs.N.job_charges.list.xml", "job-charges", layouts.JOB_CHARGE),
        ("inferred/jobs.N.time_entries.list.xml", "time-entries", layouts.TIME_ENTRY),
        ("inferred/jobs.N.payments.list.xml", "payments", layouts.PAYMENT),
        ("inferred/jobs.N.attachments.list.xml", "attachments", layouts.JOB_ATTACHMENT),
        ("inferred/tasks.list.xml", "tasks", layouts.TASK),
        ("inferred/tags.list.xml", "tags", layouts.TAG),
        ("inferred/job_types.list.xml", "job-types", layouts.JOB_TYPE),
        ("inferred/job_statuses.list.xml", "job-statuses", layouts.JOB_STATUS),
        ("inferred/custom_fields.list.xml", "custom-fields", layouts.CUSTOM_FIELD),
        ("inferred/opportunities.list.xml", "opportunities", of_year(layouts.OPPORTUNITY, 2017)),
        ("inferred/invoices.list.status-unpaid.xml", "invoices", of_year(layouts.INVOICE, 2017)),
    ],
)
def test_a_sampled_list_is_written_byte_for_byte(name: str, root: str, layout: Layout) -> None:
    recorded = read(name)

    rows = [row_of(element) for element in parsed(recorded)]

    assert render_list(root, layout, rows) == recorded


@pytest.mark.parametrize(
    ("name", "tag", "layout"),
    [
        ("seen/customers.show.2018.xml", "customers", layouts.CUSTOMER),
        ("seen/jobs.show.2017.xml", "job", of_year(layouts.JOB, 2017)),
        ("inferred/tasks.show.xml", "task", layouts.TASK_ALONE),
        (
            "inferred/jobs.show.include-documented.xml",
            "job",
            layouts.including(
                layouts.JOB,
                ("employees", "job_charges", "time_entries", "notes", "job_type", "job_status", "tax_entity",
                 "custom_field_assignments"),
                2017,
            ),
        ),
        (
            "inferred/jobs.show.include-undocumented.xml",
            "job",
            layouts.JOB.with_fields(
                Field(name, "array", nested)
                for name, nested in (
                    ("tags", layouts.TAG),
                    ("attachments", layouts.JOB_ATTACHMENT),
                    ("payments", layouts.PAYMENT),
                )
            ).without(layouts.ADDED_IN_2018),
        ),
    ],
)  # fmt: skip
def test_a_sampled_record_is_written_byte_for_byte(name: str, tag: str, layout: Layout) -> None:
    recorded = read(name)

    row = row_of(parsed(recorded))

    assert DECLARATION + render(layout, row, tag) == recorded


def test_a_list_with_includes_is_written_byte_for_byte() -> None:
    recorded = read("inferred/customers.list.include.xml")
    names = ("contacts", "notes", "tax_entity", "custom_field_assignments", "tags")

    rows = [row_of(element) for element in parsed(recorded)]

    assert render_list("customers", layouts.including(layouts.CUSTOMER, names, 2017), rows) == recorded


def test_only_keeps_the_wire_order() -> None:
    recorded = read("seen/jobs.list.only-five-fields.2017.xml")
    keep = {"status", "name", "job_number", "customer_id", "id"}

    rows = [row_of(element) for element in parsed(recorded)]

    assert render_list("jobs", layouts.JOB, rows, keep) == recorded


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("seen/error.400.invalid-customer.xml", "Invalid customer."),
        ("seen/error.401.slug-host.2018.xml", "Invalid Username, Account or password."),
        ("inferred/error.403.plan-or-permission.xml", "You do not have permission to access that."),
    ],
)
def test_an_error_is_written_byte_for_byte(name: str, message: str) -> None:
    assert render_errors(message) == read(name)


def test_nil_and_empty_text_stay_apart() -> None:
    layout = Layout("customer", (Field("fax"), Field("mobile"), Field("pager")))

    text = render(layout, {"fax": "", "mobile": None})

    assert text == '<customer>\n  <fax></fax>\n  <mobile nil="true"/>\n  <pager nil="true"/>\n</customer>\n'


@pytest.mark.parametrize(
    ("number", "text"),
    [("350", "350.0"), ("28.030", "28.03"), ("0", "0.0"), ("-1.5", "-1.5"), ("1E+3", "1000.0")],
)
def test_a_decimal_has_a_digit_after_the_point(number: str, text: str) -> None:
    assert decimal_text(Decimal(number)) == text


def test_records_have_the_recorded_number_of_elements() -> None:
    def elements(layout: Layout) -> Iterator[str]:
        return (field.name for field in layout.fields)

    assert len(list(elements(layouts.CUSTOMER))) == 133
    assert len(list(elements(layouts.JOB))) == 113
