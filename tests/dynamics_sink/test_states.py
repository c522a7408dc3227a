"""States and the messages, steps and refusals on the way to them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from transload import Outcome, TableName
from transload.errors import LockedError, RefusedError
from transload.values import Cell
from transload_sandbox.dataverse.faults import Fault

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

ACCOUNT, PRODUCT = TableName("account"), TableName("product")
ENDED = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
LINES = {"quote": "quotedetail", "salesorder": "salesorderdetail", "invoice": "invoicedetail"}
TITLES = {"lead": "lastname", "task": "subject", "phonecall": "subject", "letter": "subject", "fax": "subject"}


def row(connected: "Connected", table: str, number: int = 2, **columns: Cell) -> None:
    """Make a row of a table that belongs to account 1."""
    connected.load(*connected.accounts(1))
    needed: dict[str, Cell] = {TITLES.get(table, "name"): f"Row {number}"}
    if table in {*LINES, "opportunity"}:
        needed["customerid"] = connected.ref(1)
    if table == "appointment":
        needed = {"subject": "Visit", "scheduledstart": ENDED, "scheduledend": ENDED}
    if table == "email":
        needed = {"subject": "Offer"}
    [outcome] = connected.load(connected.upsert(number, {**needed, **columns}, TableName(table)))
    assert outcome.ok, outcome


def line(connected: "Connected", table: str) -> Outcome:
    """Add a line to document 2."""
    cells: dict[str, Cell] = {f"{table}id": connected.ref(2, TableName(table)), "productdescription": "Labour"}
    [outcome] = connected.load(
        connected.upsert(7, {**cells, "quantity": 1, "priceperunit": 5}, TableName(LINES[table]))
    )
    return outcome


def state(connected: "Connected", table: str, number: int = 2) -> tuple[Cell, Cell]:
    cells = connected.read(table, number, "statecode", "statuscode")
    return cells["statecode"], cells["statuscode"]


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("quote", (1, 2)),
        ("quote", (2, 4)),
        ("quote", (3, 5)),
        ("quote", (3, 6)),
        ("quote", (3, 7)),
        ("salesorder", (1, 3)),
        ("salesorder", (2, 4)),
        ("salesorder", (3, 100001)),
        ("salesorder", (4, 100003)),
        ("invoice", (2, 100001)),
        ("invoice", (2, 100002)),
        ("invoice", (3, 100003)),
        ("opportunity", (1, 3)),
        ("opportunity", (2, 5)),
        ("lead", (1, 3)),
        ("lead", (2, 6)),
        ("task", (1, 5)),
        ("phonecall", (1, 4)),
        ("appointment", (3, 5)),
        ("appointment", (2, 4)),
        ("letter", (1, 4)),
        ("email", (1, 4)),
        ("account", (1, 2)),
    ],
)
def test_brings_rows_from_their_first_state_to_any_other(
    connected: "Connected", table: str, wanted: tuple[int, int]
) -> None:
    row(connected, table)

    [first] = connected.load(connected.change(2, *wanted, table))
    [second] = connected.load(connected.change(2, *wanted, table))

    assert first.error is None
    assert (second.error, second.note) == (None, "was in that state already")
    assert state(connected, table) == wanted


@pytest.mark.parametrize(
    ("table", "wanted", "activity"),
    [
        ("quote", (2, 4), "quoteclose"),
        ("salesorder", (3, 100001), "orderclose"),
        ("opportunity", (2, 4), "opportunityclose"),
    ],
)
def test_what_closes_a_row_says_what_the_mapping_says(
    connected: "Connected", table: str, wanted: tuple[int, int], activity: str
) -> None:
    row(connected, table)

    connected.load(connected.change(2, *wanted, table, subject="Signed", description="By mail", actualend=ENDED))

    [made] = connected.org.rows(activity)
    assert (made["subject"], made["description"], made["actualend"]) == ("Signed", "By mail", "2020-01-02T03:04:05Z")


def test_a_completed_activity_keeps_when_it_ended(connected: "Connected") -> None:
    row(connected, "task")

    connected.load(connected.change(2, 1, 5, "task", actualend=ENDED))

    assert connected.read("task", 2, "actualend") == {"actualend": ENDED}


@pytest.mark.parametrize(
    ("table", "before", "after"),
    [
        ("opportunity", (1, 3), (2, 4)),
        ("opportunity", (1, 3), (0, 1)),
        ("salesorder", (2, 4), (3, 100001)),
        ("salesorder", (1, 3), (0, 1)),
        ("invoice", (2, 100001), (0, 1)),
        ("invoice", (2, 100001), (2, 100002)),
        ("invoice", (3, 100003), (2, 100001)),
        ("lead", (1, 3), (2, 4)),
        ("task", (1, 5), (0, 2)),
    ],
)
def test_opens_closed_rows_where_the_platform_has_a_way(
    connected: "Connected", table: str, before: tuple[int, int], after: tuple[int, int]
) -> None:
    row(connected, table)
    connected.load(connected.change(2, *before, table))

    [outcome] = connected.load(connected.change(2, *after, table))

    assert outcome.error is None
    assert state(connected, table) == after


@pytest.mark.parametrize(
    ("table", "before", "after", "advice"),
    [
        ("quote", (1, 2), (0, 1), "Revise it"),
        ("quote", (2, 4), (3, 5), "Revise it"),
        ("quote", (3, 5), (3, 6), "Revise it"),
        ("salesorder", (3, 100001), (0, 1), "cannot be opened again"),
    ],
)
def test_says_what_helps_where_there_is_no_way_back(
    connected: "Connected", table: str, before: tuple[int, int], after: tuple[int, int], advice: str
) -> None:
    row(connected, table)
    connected.load(connected.change(2, *before, table))

    [outcome] = connected.load(connected.change(2, *after, table))

    assert isinstance(outcome.error, RefusedError)
    assert advice in outcome.error.remedy
    assert state(connected, table) == before


@pytest.mark.parametrize(
    ("table", "closed", "advice"),
    [
        ("quote", (1, 2), "Revise the quote"),
        ("salesorder", (3, 100001), "UnlockSalesOrderPricing"),
        ("invoice", (2, 100001), "UnlockInvoicePricing"),
    ],
)
def test_a_line_of_a_closed_document_says_what_helps(
    connected: "Connected", table: str, closed: tuple[int, int], advice: str
) -> None:
    row(connected, table)
    connected.load(connected.change(2, *closed, table))

    outcome = line(connected, table)

    assert isinstance(outcome.error, LockedError)
    assert advice in outcome.error.remedy


def test_a_reopened_invoice_takes_lines_again(connected: "Connected") -> None:
    row(connected, "invoice")
    connected.load(connected.change(2, 2, 100001, "invoice"))
    connected.load(connected.change(2, 0, 1, "invoice"))

    outcome = line(connected, "invoice")

    assert outcome.error is None


def test_a_row_that_is_gone_and_a_state_that_is_none_are_errors_of_their_records(connected: "Connected") -> None:
    row(connected, "quote")

    gone, none = connected.load(connected.change(9, 1, 2, "quote"), connected.change(2, 9, 9, "quote"))

    assert "does not exist" in str(gone.error)
    assert "has no such state" in str(none.error)


def products(connected: "Connected", *rows: tuple[int, int, int | None]) -> None:
    """Make products: number, structure (1 product, 2 family), and number of the family."""
    connected.load(connected.upsert(90, {"name": "Hours", "baseuomname": "Hour"}, TableName("uomschedule")))
    schedule = connected.ref(90, TableName("uomschedule"))
    [unit] = [each for each in connected.org.rows("uom") if each["_uomscheduleid_value"] == schedule.row_id]
    units: dict[str, Cell] = {
        "defaultuomscheduleid": schedule,
        "defaultuomid": type(schedule)(TableName("uom"), type(schedule.row_id)(str(unit["uomid"]))),
        "quantitydecimal": 2,
    }
    for number, structure, family in rows:
        cells: dict[str, Cell] = {"name": f"P{number}", "productnumber": f"P{number}", "productstructure": structure}
        cells |= units if structure == 1 else {}
        cells |= {"parentproductid": connected.ref(family, PRODUCT)} if family else {}
        [outcome] = connected.load(connected.upsert(number, cells, PRODUCT))
        assert outcome.ok, outcome


def publish(connected: "Connected", *numbers: int) -> list[Outcome]:
    return list(connected.load(*[connected.change(number, 0, 1, PRODUCT) for number in numbers]))


def test_products_are_born_as_drafts_and_published(connected: "Connected") -> None:
    products(connected, (2, 1, None))

    [first], [second] = publish(connected, 2), publish(connected, 2)

    assert connected.metadata.get_table(PRODUCT).shape.states[0].label == "Draft"
    assert (first.error, second.error, second.note) == (None, None, "was in that state already")
    assert state(connected, PRODUCT) == (0, 1)


def test_a_family_is_published_with_its_products_whatever_their_order(connected: "Connected") -> None:
    products(connected, (2, 2, None), (3, 1, 2), (4, 1, 2))

    outcomes = publish(connected, 3, 2, 4)

    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert [state(connected, PRODUCT, number) for number in (2, 3, 4)] == [(0, 1)] * 3


def test_a_product_on_a_price_list_says_how_to_retire_it(connected: "Connected") -> None:
    products(connected, (2, 1, None))
    publish(connected, 2)
    currency = connected.org.rows("transactioncurrency")[0]["transactioncurrencyid"]
    money = type(connected.ref(1))(TableName("transactioncurrency"), type(connected.id(1))(str(currency)))
    cells: dict[str, Cell] = {"name": "List", "transactioncurrencyid": money}
    connected.load(connected.upsert(91, cells, TableName("pricelevel")))
    item: dict[str, Cell] = {"pricelevelid": connected.ref(91, TableName("pricelevel")), "amount": 5}
    item |= {
        "productid": connected.ref(2, PRODUCT),
        "uomid": connected.read(PRODUCT, 2, "defaultuomid")["defaultuomid"],
    }
    [priced] = connected.load(connected.upsert(92, item, TableName("productpricelevel")))

    [refused] = connected.load(connected.change(2, 1, 2, PRODUCT))

    assert priced.error is None
    assert refused.error is not None
    assert "price list items" in refused.error.remedy


def test_a_state_that_was_reached_although_the_answer_was_lost_counts_as_done(connected: "Connected") -> None:
    row(connected, "opportunity")
    connected.metadata.read_ahead(["opportunity", "opportunityclose"])
    connected.org.faults.add(Fault("cut_after", path="$batch"))

    [outcome] = connected.load(connected.change(2, 1, 3, "opportunity"))

    assert outcome.error is None
    assert len(connected.org.rows("opportunityclose")) == 1
