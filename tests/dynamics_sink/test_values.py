"""Cells on the wire: digits, moments, names."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transload import EntityName, RecordKey, RowId, RowRef, SourceId, TableName, TargetColumn, TargetTable
from transload.errors import NotOfferedError, UnfitValueError
from transload.http import HttpClient
from transload.values import Cell, ColumnType
from transload_dynamics_sink.client import Dataverse
from transload_dynamics_sink.metadata import Metadata, Table
from transload_dynamics_sink.values import dump_row, read_row, write_row

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

KEY = RecordKey(EntityName("customer"), SourceId("1"))
NOWHERE = Metadata(Dataverse(HttpClient(system="Dataverse", base_url="https://contoso.example.com")))
COLUMNS = {
    column.name: column
    for column in [
        TargetColumn("amount", ColumnType.MONEY),
        TargetColumn("flag", ColumnType.BOOLEAN),
        TargetColumn("options", ColumnType.CHOICES),
        TargetColumn("moment", ColumnType.DATETIME),
        TargetColumn("day", ColumnType.DATE),
        TargetColumn("name", ColumnType.TEXT),
        TargetColumn("born", ColumnType.DATETIME, updatable=False),
        TargetColumn("locked", ColumnType.BOOLEAN, creatable=False),
        TargetColumn("parent", ColumnType.LOOKUP, targets=(TableName("account"),)),
    ]
}
TABLE = Table(TargetTable(TableName("thing"), "Thing", "thingid", "name", COLUMNS), "things", {})
EAST = timezone(timedelta(hours=5, minutes=30))


def wire(columns: Mapping[str, Cell], *, creating: bool = True) -> bytes:
    return dump_row(write_row(NOWHERE, TABLE, KEY, columns, creating=creating))


@pytest.mark.parametrize(
    ("column", "cell", "text"),
    [
        ("amount", Decimal("0.10"), b"0.10"),
        ("amount", Decimal("12345678901234567890.123456789"), b"12345678901234567890.123456789"),
        ("amount", Decimal("1E+3"), b"1000"),
        ("amount", Decimal("1E-7"), b"0.0000001"),
        ("amount", 7, b"7"),
        ("flag", 1, b"true"),
        ("flag", False, b"false"),
        ("options", 100000001, b'"100000001"'),
        ("moment", datetime(2024, 2, 29, 23, 59, 58, 999, tzinfo=UTC), b'"2024-02-29T23:59:58Z"'),
        ("moment", datetime(2024, 1, 1, 0, 0, tzinfo=EAST), b'"2023-12-31T18:30:00Z"'),
        ("moment", date(2024, 1, 1), b'"2024-01-01T12:00:00Z"'),
        ("day", date(2024, 1, 1), b'"2024-01-01"'),
        ("day", datetime(2024, 1, 1, 23, 0, tzinfo=EAST), b'"2024-01-01"'),
        ("name", 'a"\n\u00e9', '"a\\"\\n\u00e9"'.encode()),
    ],
)
def test_writes_a_cell_as_its_column_wants_it(column: str, cell: Cell, text: bytes) -> None:
    assert wire({column: cell}) == b'{"' + column.encode() + b'":' + text + b"}"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=10))
def test_no_digit_of_a_number_is_lost(number: Decimal) -> None:
    assert wire({"amount": number}).decode().removeprefix('{"amount":').removesuffix("}") == format(number, "f")


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("amount", Decimal("NaN"), "cannot hold NaN"),
        ("moment", datetime(2024, 1, 1), "needs a time zone"),  # noqa: DTZ001 - a time without a zone is the point
        ("name", RowRef(TableName("account"), RowId("1")), "is a row"),
        ("parent", "1", "is no row"),
        ("locked", True, "cannot be written on creation"),
    ],
)
def test_a_cell_that_cannot_be_sent_says_why(column: str, cell: Cell, reason: str) -> None:
    with pytest.raises(UnfitValueError, match=reason):
        wire({column: cell})


def test_empty_cells_are_left_out_of_new_rows_and_empty_known_ones() -> None:
    assert wire({"name": None}) == b"{}"
    assert wire({"name": None}, creating=False) == b'{"name":null}'


def test_what_counts_on_creation_only_is_not_sent_later() -> None:
    assert wire({"name": "a", "born": datetime(2024, 1, 1, tzinfo=UTC)}, creating=False) == b'{"name":"a"}'


def test_a_column_that_is_not_there_stops_the_run() -> None:
    with pytest.raises(NotOfferedError, match="thing has no column mig_id") as caught:
        wire({"mig_id": "1"})

    assert "transload prepare" in caught.value.remedy


def test_numbers_are_read_digit_by_digit() -> None:
    row = read_row(TABLE, {"amount": Decimal("5000000.1200"), "name": None}, ["amount", "name"])

    assert row == {"amount": Decimal("5000000.12"), "name": None}


def test_names_of_lookups_are_those_of_the_environment(connected: "Connected") -> None:
    booking = connected.metadata.get_table("bookableresourcebooking")
    resource, order = TableName("bookableresource"), TableName("msdyn_workorder")
    cells: dict[str, Cell] = {
        "resource": connected.ref(1, resource),
        "msdyn_workorder": connected.ref(2, order),
    }

    row = write_row(connected.metadata, booking, KEY, cells, creating=True)

    assert row == {
        "Resource@odata.bind": f"/bookableresources({connected.id(1)})",
        "msdyn_workorder@odata.bind": f"/msdyn_workorders({connected.id(2)})",
    }
