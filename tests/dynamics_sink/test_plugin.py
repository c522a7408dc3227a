"""The hooks against a running sandbox, over TLS, as a command would call them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from transload import (
    Batch,
    DeleteRow,
    DropSchema,
    EntityName,
    Lookup,
    RecordKey,
    RowId,
    RunContext,
    SchemaChange,
    SchemaKind,
    Severity,
    SourceId,
    SourceSchema,
    TableName,
    TargetColumn,
    Upsert,
)
from transload.errors import AuthenticationError, ConfigError, UnreachableError
from transload.values import ColumnType
from transload_dynamics_sink import plugin
from transload_dynamics_sink.settings import DynamicsSettings
from transload_sandbox import DataverseSandbox
from transload_sandbox.dataverse.faults import Fault
from transload_sandbox.kickserv import Company

ACCOUNT, USER = TableName("account"), TableName("systemuser")
BOSS = "boss@example.com"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DataverseSandbox]:
    with DataverseSandbox(Company(customers=1)) as running:
        running.org.add_user("Boss", BOSS)
        yield running


def settings_for(sandbox: DataverseSandbox, **changes: object) -> DynamicsSettings:
    return DynamicsSettings.model_validate(
        {
            "url": sandbox.url,
            "authority": sandbox.authority,
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "ca_file": sandbox.ca_file,
            "publisher_prefix": "mig",
            "fallback_owner": BOSS,
            **changes,
        }
    )


def context_for(folder: Path, settings: DynamicsSettings) -> RunContext:
    return RunContext(run_id="r", stage="test", folder=folder, settings={DynamicsSettings: settings})


@pytest.fixture
def context(sandbox: DataverseSandbox, tmp_path: Path) -> Iterator[RunContext]:
    context = context_for(tmp_path, settings_for(sandbox))
    yield context
    context.close()


def rows(first: int, count: int) -> Batch:
    numbers = range(first, first + count)
    ids = [RowId(f"5e100000-0000-8000-8000-{number:012x}") for number in numbers]
    return Batch(
        ACCOUNT,
        [
            Upsert(RecordKey(EntityName("customer"), SourceId(row_id)), ACCOUNT, row_id, {"name": row_id})
            for row_id in ids
        ],
    )


def ids_of(batch: Batch) -> list[RowId]:
    return [write.row_id for write in batch]


def test_says_who_it_signed_in_as(context: RunContext) -> None:
    [finding] = plugin.check(context)

    assert finding.title == "Signed in to Dynamics 365 as # transload"


def test_describes_the_tables_that_exist(sandbox: DataverseSandbox, context: RunContext) -> None:
    schema = plugin.describe_target([ACCOUNT, TableName("mig_nothing")], context)

    assert (schema.system, schema.address, schema.custom_prefix) == ("dynamics365", sandbox.url, "mig")
    assert list(schema.tables) == [ACCOUNT]
    assert schema.facts["version"].startswith("9.2")


def test_audits_without_blockers_when_all_is_well(context: RunContext) -> None:
    schema = plugin.describe_target([], context)

    findings = plugin.audit(SourceSchema("kickserv", "acme", []), schema, context)

    assert Severity.BLOCKER not in {finding.severity for finding in findings}
    assert "dynamics.field_service" in {finding.code for finding in findings}


def test_a_missing_fallback_owner_is_a_blocker(sandbox: DataverseSandbox, tmp_path: Path) -> None:
    context = context_for(tmp_path, settings_for(sandbox, fallback_owner="nobody@example.com"))
    schema = plugin.describe_target([], context)

    findings = plugin.audit(SourceSchema("kickserv", "acme", []), schema, context)
    context.close()

    assert [finding.code for finding in findings if finding.severity is Severity.BLOCKER] == ["dynamics.fallback_owner"]


def test_goes_there_and_back_again(sandbox: DataverseSandbox, context: RunContext) -> None:
    before = sandbox.org.digest()
    column = TargetColumn("mig_id", ColumnType.TEXT, "Kickserv_ID__c", max_length=60)
    changes = [
        SchemaChange(SchemaKind.COLUMN, "mig_id", ACCOUNT, "Kickserv_ID__c", column=column),
        SchemaChange(SchemaKind.KEY, "mig_idkey", ACCOUNT, "Kickserv id", key_columns=("mig_id",)),
    ]
    batch = rows(1, 30)
    for index, write in enumerate(batch):
        assert isinstance(write, Upsert)
        write.columns["mig_id"] = str(index)  # type: ignore[index]  # a plain dict in this test

    prepared = plugin.prepare_target(changes, context)
    loaded = plugin.load(batch, context)
    read = plugin.read_back(ACCOUNT, ids_of(batch), ["name", "mig_id"], context)
    keys = dict(plugin.scan_keys(ACCOUNT, "mig_id", context))
    deleted = plugin.rollback([DeleteRow(ACCOUNT, row_id) for row_id in reversed(ids_of(batch))], context)
    dropped = plugin.rollback(
        [DropSchema(change) for change in reversed([outcome.change for outcome in prepared])], context
    )

    assert [outcome.error for outcome in prepared] == [None] * 4
    assert [outcome.error for outcome in (*loaded, *deleted, *dropped)] == [None] * 64
    assert {row_id: row.columns["name"] for row_id, row in read.items()} == {i: i for i in ids_of(batch)}
    assert keys == {str(index): row_id for index, row_id in enumerate(ids_of(batch))}
    assert sandbox.org.digest() == before


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "truncate"])
def test_a_connection_that_breaks_doubles_and_loses_nothing(
    sandbox: DataverseSandbox, context: RunContext, kind: str
) -> None:
    batch = rows(100, 20)
    before = sandbox.org.count("account")
    sandbox.org.faults.add(Fault(kind, path="*UpsertMultiple"))  # type: ignore[arg-type]  # one of its kinds

    outcomes = plugin.load(batch, context)

    assert all(outcome.ok for outcome in outcomes)
    assert sandbox.org.count("account") == before + 20
    plugin.rollback([DeleteRow(ACCOUNT, row_id) for row_id in ids_of(batch)], context)


def test_an_html_503_is_waited_out(sandbox: DataverseSandbox, context: RunContext) -> None:
    batch = rows(200, 2)
    sandbox.org.faults.add(Fault("unavailable", path="*UpsertMultiple", seconds=0.01))

    outcomes = plugin.load(batch, context)

    assert all(outcome.ok for outcome in outcomes)
    plugin.rollback([DeleteRow(ACCOUNT, row_id) for row_id in ids_of(batch)], context)


def test_finds_the_fallback_owner(context: RunContext) -> None:
    found = plugin.resolve_lookup([Lookup(USER)], context)

    assert [row.table for row in found.values()] == [USER]


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"client_secret": "wrong"}, AuthenticationError, "AADSTS7000215"),
        ({"client_id": "nobody"}, AuthenticationError, "AADSTS700016"),
        ({"ca_file": None}, UnreachableError, "does not trust"),
        ({"ca_file": "missing.pem"}, ConfigError, "ca_file"),
    ],
)
def test_wrong_settings_are_named(
    sandbox: DataverseSandbox,
    tmp_path: Path,
    changes: dict[str, object],
    error: type[Exception],
    text: str,
) -> None:
    context = context_for(tmp_path, settings_for(sandbox, **changes))

    with pytest.raises(error, match=text):
        plugin.check(context)

    context.close()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"publisher_prefix": "msdynx"}, "belong to Microsoft"),
        ({"publisher_prefix": "M1"}, "pattern"),
        ({"url": "http://contoso.example.com"}, "https"),
        ({"tenant_id": "contoso"}, "and not both"),
        ({"unknown": 1}, "Extra inputs"),
    ],
)
def test_settings_are_checked_before_anything_is_sent(changes: dict[str, object], text: str) -> None:
    good = {
        "url": "https://contoso.example.com",
        "authority": "https://login.example.com/t",
        "client_id": "a",
        "client_secret": SecretStr("b"),
        "publisher_prefix": "mig",
        "fallback_owner": BOSS,
    }

    with pytest.raises(ValidationError, match=text):
        DynamicsSettings.model_validate({**good, **changes})
