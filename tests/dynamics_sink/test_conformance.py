"""The Dynamics sink keeps what every sink promises."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from pydantic import HttpUrl, SecretStr

import transload_dynamics_sink.plugin as plugin
from transload.testing import SinkExample, check_sink, open_context
from transload.values import (
    Cell,
    ColumnType,
    RowId,
    SchemaChange,
    SchemaKind,
    TableName,
    TargetColumn,
)
from transload_dynamics_sink.settings import DynamicsSettings
from transload_sandbox import DataverseSandbox
from transload_sandbox.kickserv import Company

ACCOUNT = TableName("account")


def column(name: str, kind: ColumnType, **limits: int) -> SchemaChange:
    made = TargetColumn(
        name, kind, name, max_length=limits.get("length"), precision=limits.get("precision"), custom=True
    )
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


def test_it_keeps_every_promise_of_a_sink(tmp_path: Path) -> None:
    changes = [
        column("ks_sourceid", ColumnType.TEXT, length=100),
        column("ks_amount", ColumnType.DECIMAL, precision=2),
        column("ks_day", ColumnType.DATE),
        column("ks_moment", ColumnType.DATETIME),
        column("ks_flag", ColumnType.BOOLEAN),
        SchemaChange(SchemaKind.KEY, "ks_sourceid_key", ACCOUNT, "Source id", None, ("ks_sourceid",)),
    ]
    bad = next(iter(row(9, name="x" * 161).items()))
    with DataverseSandbox(Company(3)) as dataverse:
        settings = DynamicsSettings(
            url=HttpUrl(dataverse.url),
            authority=HttpUrl(dataverse.authority),
            client_id=dataverse.client_id,
            client_secret=SecretStr(dataverse.client_secret),
            ca_file=dataverse.ca_file,
            publisher_prefix="ks",
            fallback_owner="migration.fallback@example.com",
        )
        before = dataverse.org.digest()
        example = SinkExample(
            ACCOUNT, "ks_sourceid", changes, {**row(1), **row(2)}, bad,
            {"name": "Another name", "ks_amount": None, "ks_flag": True},
        )  # fmt: skip
        with open_context(tmp_path, settings) as context:
            check_sink(plugin, context, example)

        assert dataverse.org.digest()["account"] == before["account"]
