"""Prepare for people who click: the list of changes, and the check of what was made by hand."""

from dataclasses import replace

from transload.testing import ClientFolder, CommandResult
from transload.values import ColumnType, TableName, TargetColumn


def dry_run(client: ClientFolder) -> CommandResult:
    return client.run("prepare", "--dry-run", "--json")


def make_by_hand(client: ClientFolder, table: str, column: TargetColumn) -> None:
    tables = client.target.tables()
    known = tables[TableName(table)]
    tables[known.name] = replace(known, columns={**known.columns, column.name: column})
    client.target.build(*tables.values())


def test_a_dry_run_lists_every_column_and_key_and_creates_none(client: ClientFolder) -> None:
    client.walk("audit", "plan")

    result = dry_run(client)

    assert result.exit_code == 0
    assert client.target.calls("prepare_target") == []
    steps = result.rows("account-account")
    told = [(row["kind"], row["name"], row["type"], row["length"], row["standing"]) for row in steps]
    assert told == [
        ("column", "mem_customerid", "Single line of text", 100, "to create"),
        ("column", "mem_review", "Multiple lines of text", 100_000, "to create"),
        ("alternate key", "mem_customerid_key", None, None, "to create"),
    ]
    assert [row["step"] for row in steps] == [1, 2, 4]


def test_a_dry_run_is_no_preparation(client: ClientFolder) -> None:
    client.walk("audit", "plan", "approve mapping")
    dry_run(client)

    result = client.walk("sample")

    assert result.exit_code == 2
    assert "transload prepare" in result.json["error"]["remedy"]


def test_what_was_made_by_hand_and_fits_is_taken(client: ClientFolder) -> None:
    make_by_hand(client, "account", TargetColumn("mem_customerid", ColumnType.TEXT, "Id", 100, custom=True))
    client.walk("audit", "plan", "approve mapping")

    listed, prepared = dry_run(client), client.walk("prepare")

    assert listed.rows("account-account")[0]["standing"] == "there, fits"
    assert prepared.exit_code == 0


def test_what_was_made_by_hand_too_short_is_said_before_and_after(client: ClientFolder) -> None:
    make_by_hand(client, "account", TargetColumn("mem_customerid", ColumnType.TEXT, "Id", 20, custom=True))
    client.walk("audit", "plan", "approve mapping")

    listed, prepared = dry_run(client), client.walk("prepare")

    assert (listed.exit_code, prepared.exit_code) == (1, 1)
    assert "room for 20 characters, not 100" in listed.json["verdict"]["detail"]
    assert "room for 20 characters, not 100" in prepared.json["verdict"]["detail"]


def test_a_rollback_takes_away_what_prepare_made_when_nothing_is_loaded(client: ClientFolder) -> None:
    client.walk("audit", "plan", "approve mapping", "prepare")

    result = client.walk("rollback")

    assert result.exit_code == 0
    assert {row["standing"] for row in dry_run(client).rows("account-account")} == {"to create"}
