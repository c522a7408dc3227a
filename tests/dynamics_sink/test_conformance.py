"""The Dynamics sink keeps what every sink promises."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import HttpUrl, SecretStr

import transload_dynamics_sink.plugin as plugin
from transload import RunContext
from transload.testing import Belonging, SinkExample, check_sink, open_context
from transload.values import (
    Cell,
    ColumnType,
    RowId,
    RowRef,
    SchemaChange,
    SchemaKind,
    TableName,
    TargetColumn,
)
from transload_dynamics_sink.settings import DynamicsSettings
from transload_sandbox import DataverseSandbox
from transload_sandbox.kickserv import Company

ACCOUNT, QUOTE = TableName("account"), TableName("quote")


def column(name: str, kind: ColumnType, table: TableName = ACCOUNT, **limits: int) -> SchemaChange:
    made = TargetColumn(
        name, kind, name, max_length=limits.get("length"), precision=limits.get("precision"), custom=True
    )
    return SchemaChange(SchemaKind.COLUMN, name, table, name, made)


def choices(name: str, *labels: str) -> SchemaChange:
    made = TargetColumn(name, ColumnType.CHOICES, name, options=dict(enumerate(labels, 1)), custom=True)
    return SchemaChange(SchemaKind.COLUMN, name, ACCOUNT, name, made)


def row(number: int, **more: Cell) -> dict[RowId, dict[str, Cell]]:
    return {
        RowId(f"5e100001-0000-8000-8000-{number:012x}"): {
            "name": f"Customer {number}\r\n“ünïcode”",
            "ks_sourceid": str(number),
            "ks_amount": Decimal("19.90"),
            "ks_day": date(2024, 2, 29),
            "ks_moment": datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC),
            "ks_flag": False,
            "numberofemployees": number,
            **more,
        }
    }


@pytest.fixture
def sandbox() -> Iterator[DataverseSandbox]:
    with DataverseSandbox(Company(3)) as running:
        yield running


@pytest.fixture
def context(sandbox: DataverseSandbox, tmp_path: Path) -> Iterator[RunContext]:
    settings = DynamicsSettings(
        url=HttpUrl(sandbox.url),
        authority=HttpUrl(sandbox.authority),
        client_id=sandbox.client_id,
        client_secret=SecretStr(sandbox.client_secret),
        ca_file=sandbox.ca_file,
        publisher_prefix="ks",
        fallback_owner="migration.fallback@example.com",
    )
    with open_context(tmp_path, settings) as opened:
        yield opened


def test_it_keeps_every_promise_of_a_sink(sandbox: DataverseSandbox, context: RunContext) -> None:
    ann = RowRef(TableName("systemuser"), RowId(sandbox.org.add_user("Ann", "ann@example.com")))
    changes = [
        column("ks_sourceid", ColumnType.TEXT, length=100),
        column("ks_amount", ColumnType.DECIMAL, precision=2),
        column("ks_day", ColumnType.DATE),
        column("ks_moment", ColumnType.DATETIME),
        column("ks_flag", ColumnType.BOOLEAN),
        column("ks_plan", ColumnType.FILE),
        choices("ks_colours", "Red", "Green", "Blue"),
        SchemaChange(SchemaKind.LINK, "ks_fan", ACCOUNT, "Fans", other=ann.table),
        SchemaChange(SchemaKind.KEY, "ks_sourceid_key", ACCOUNT, "Source id", None, ("ks_sourceid",)),
    ]
    files = [context.files.keep([content], "plan.pdf", "application/pdf") for content in (b"one", b"two" * 1_500_000)]
    good = {
        **row(1, ks_plan=files[0], ks_colours=(1, 3)),
        **row(2, ks_plan=files[1], ks_colours=None),
    }
    bad = next(iter(row(9, name="x" * 161).items()))
    update: dict[str, Cell] = {"name": "Another name", "ks_amount": None, "ks_flag": True, "ks_colours": (2,)}
    before = sandbox.org.digest()

    check_sink(plugin, context, SinkExample(
        ACCOUNT, "ks_sourceid", changes, good, bad, update, link=("ks_fan", ann)
    ))  # fmt: skip

    assert sandbox.org.digest()["account"] == before["account"]


def test_it_keeps_them_with_documents_and_their_lines(sandbox: DataverseSandbox, context: RunContext) -> None:
    customer = RowRef(ACCOUNT, RowId(sandbox.org.create("account", {"name": "Customer"})))
    changes = [
        column("ks_sourceid", ColumnType.TEXT, QUOTE, length=100),
        SchemaChange(SchemaKind.KEY, "ks_sourceid_key", QUOTE, "Source id", None, ("ks_sourceid",)),
    ]
    first, second, bad, line = (RowId(f"5e100001-0000-8000-8000-{number:012x}") for number in (1, 2, 3, 4))
    base: dict[str, Cell] = {"name": "Offer", "customerid": customer, "discountamount": Decimal("2.50")}
    lines: dict[str, Cell] = {"quoteid": RowRef(QUOTE, first), "productdescription": "Labour", "quantity": Decimal(2)}

    check_sink(plugin, context, SinkExample(
        QUOTE,
        "ks_sourceid",
        changes,
        {first: {**base, "ks_sourceid": "1"}, second: {**base, "ks_sourceid": "2"}},
        (bad, {**base, "name": "x" * 301}),
        {"name": "Another offer", "discountamount": None},
        computed={first: {"totallineitemamount": Decimal(0)}},
        belonging=Belonging(RowRef(TableName("quotedetail"), line), lines, (2, 4)),
    ))  # fmt: skip

    assert (sandbox.org.count("quote"), sandbox.org.count("quotedetail")) == (0, 0)
