"""The kit for plugin authors, tried on the plugins that it brings, and on bad ones."""

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from transload import hookimpl
from transload.context import RunContext
from transload.testing import (
    ClientFolder,
    MemoryCompany,
    MemoryTarget,
    ProjectFactory,
    SinkExample,
    check_sink,
    check_source,
    invoke,
    memory_sink,
    memory_source,
    open_context,
)
from transload.testing.memory_sink import MemorySinkSettings
from transload.testing.memory_source import MemorySourceSettings
from transload.values import (
    Batch,
    Cell,
    ColumnType,
    EntityName,
    Outcome,
    Record,
    RecordKey,
    RowId,
    SchemaChange,
    SchemaKind,
    SourceEntity,
    SourceId,
    TableName,
    TargetColumn,
    TargetTable,
    Upsert,
    Value,
)

ACCOUNT = TableName("account")
KEY = RecordKey(EntityName("person"), SourceId("1"))
FIELDS: Mapping[str, Value] = {
    "name": "Ada", "nickname": "", "born": date(1815, 12, 10), "met": datetime(2026, 1, 1, 9, tzinfo=UTC),
    "paid": Decimal("10.00"), "visits": 3, "active": True, "fax": None, "tags": ("new", "vip"),
    "address": {"street": "1 Example Street", "zip": None},
}  # fmt: skip


@pytest.fixture
def company(tmp_path: Path) -> MemoryCompany:
    company = MemoryCompany(tmp_path / "source.json")
    company.found(SourceEntity(EntityName("person"), "Person", {}))
    company.put_record(Record(KEY, FIELDS, datetime(2026, 1, 1, tzinfo=UTC)))
    return company


@pytest.fixture
def target(tmp_path: Path) -> MemoryTarget:
    target = MemoryTarget(tmp_path / "target.json")
    columns = [
        TargetColumn("name", ColumnType.TEXT, max_length=20, required=True),
        TargetColumn("revenue", ColumnType.MONEY),
        TargetColumn("since", ColumnType.DATE),
        TargetColumn("seenat", ColumnType.DATETIME),
        TargetColumn("active", ColumnType.BOOLEAN),
        TargetColumn("parentid", ColumnType.LOOKUP, targets=(ACCOUNT,)),
    ]
    target.build(TargetTable(ACCOUNT, "Account", "accountid", "name", {c.name: c for c in columns}))
    return target


def example() -> SinkExample:
    key = TargetColumn("mem_id", ColumnType.TEXT, "Source id", 100, custom=True)
    return SinkExample(
        table=ACCOUNT,
        key="mem_id",
        changes=[
            SchemaChange(SchemaKind.COLUMN, "mem_id", ACCOUNT, "Source id", key),
            SchemaChange(SchemaKind.KEY, "mem_id_key", ACCOUNT, "Source id", None, ("mem_id",)),
        ],
        good={
            RowId("row-1"): {
                "name": "One", "mem_id": "1", "revenue": Decimal("1.50"), "since": date(2020, 1, 2),
                "seenat": datetime(2026, 1, 1, 9, tzinfo=UTC), "active": False,
            },
            RowId("row-2"): {"name": "Two", "mem_id": "2"},
        },
        bad=(RowId("row-3"), {"name": "A name that is far too long", "mem_id": "3"}),
        update={"name": "First", "revenue": Decimal("2.50")},
    )  # fmt: skip


def test_the_memory_source_keeps_what_a_source_promises(tmp_path: Path, company: MemoryCompany) -> None:
    with open_context(tmp_path, MemorySourceSettings()) as context:
        found = check_source(memory_source, context, {KEY: FIELDS}, secrets=["password"])

    assert list(found) == [KEY]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"fax": ""}, "fax is '', and should be None"),
        ({"nickname": None}, "nickname is None, and should be ''"),
        ({"paid": 10}, "paid is 10, and should be Decimal"),
        ({"visits": True}, "visits is True, and should be 3"),
        ({"password": "hunter2"}, "password is a secret"),
        ({"note": "the hunter2"}, None),
        ({"note": "hunter2"}, "note holds a secret"),
        ({"met": datetime(2026, 1, 1, 9)}, "met has no zone"),  # noqa: DTZ001 - that is the point
    ],
)
def test_a_source_that_breaks_a_promise_is_found_out(
    tmp_path: Path, company: MemoryCompany, fields: Mapping[str, Value], complaint: str | None
) -> None:
    company.put_record(Record(KEY, {**FIELDS, **fields}))

    with open_context(tmp_path, MemorySourceSettings()) as context:
        if complaint is None:
            check_source(memory_source, context, {KEY: FIELDS}, secrets=["password", "hunter2"])
            return
        with pytest.raises(AssertionError, match=complaint):
            check_source(memory_source, context, {KEY: FIELDS}, secrets=["password", "hunter2"])


def test_a_source_that_misses_a_record_is_found_out(tmp_path: Path, company: MemoryCompany) -> None:
    missing = RecordKey(EntityName("person"), SourceId("2"))

    with (
        open_context(tmp_path, MemorySourceSettings()) as context,
        pytest.raises(AssertionError, match="never extracted: person 2"),
    ):
        check_source(memory_source, context, {KEY: FIELDS, missing: {}})


def test_the_memory_sink_keeps_what_a_sink_promises(tmp_path: Path, target: MemoryTarget) -> None:
    before = target.tables()

    with open_context(tmp_path, MemorySinkSettings()) as context:
        check_sink(memory_sink, context, example())

    assert target.rows("account") == {}
    assert target.tables() == before


def faulty(**hooks: object) -> ModuleType:
    """Return the memory sink with some hooks in place of its own."""
    module = ModuleType("faulty_sink")
    vars(module).update({**vars(memory_sink), **hooks, "__name__": "faulty_sink"})
    return module


@hookimpl
def load_all_or_nothing(batch: Batch, context: RunContext) -> list[Outcome]:
    outcomes = memory_sink.load(batch, context) or []
    refused = next((outcome for outcome in outcomes if not outcome.ok), None)
    return [refused or outcome for outcome in outcomes]


@hookimpl
def load_without_decimals(batch: Batch, context: RunContext) -> object:
    def plain(cell: Cell) -> Cell:
        return Decimal(0) if isinstance(cell, Decimal) else cell

    upserts = [write for write in batch if isinstance(write, Upsert)]
    writes = [replace(w, columns={name: plain(cell) for name, cell in w.columns.items()}) for w in upserts]
    return memory_sink.load(Batch(batch.table, writes), context)


@hookimpl
def roll_nothing_back(inverses: list[object]) -> list[Outcome]:
    return [Outcome() for _ in inverses]


@pytest.mark.parametrize(
    ("hooks", "complaint"),
    [
        ({"load": load_all_or_nothing}, "outcomes are not in order"),
        ({"load": load_without_decimals}, "revenue was written as"),
        ({"rollback": roll_nothing_back}, "was written as"),
    ],
)
def test_a_sink_that_breaks_a_promise_is_found_out(
    tmp_path: Path, target: MemoryTarget, hooks: dict[str, object], complaint: str
) -> None:
    with (
        open_context(tmp_path, MemorySinkSettings()) as context,
        pytest.raises(AssertionError, match=complaint),
    ):
        check_sink(faulty(**hooks), context, example())


def test_commands_may_name_the_clients_folder(client: ClientFolder) -> None:
    result = invoke("status", "-C", str(client.path), "--json")

    assert result.exit_code == 2
    assert result.json["error"]["code"] == "ledger"


def test_a_command_runs_the_same_in_a_process_of_its_own(client: ClientFolder) -> None:
    here = client.run("plugins")
    there = client.run("plugins", process=True)

    assert (here.exit_code, there.exit_code) == (0, 0)
    assert here.output == there.output


def test_a_strangers_tests_need_one_line(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["transload.testing.fixtures"]')
    pytester.makepyfile(
        textwrap.dedent(
            """
            from transload.testing import ProjectFactory

            def test_mine(project: ProjectFactory) -> None:
                client = project()
                client.target.build()
                client.source.found()
                assert client.run("doctor").exit_code == 0
            """
        )
    )

    pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:xdist"
    ).assert_outcomes(passed=1)


def test_folders_of_one_test_are_strangers_to_each_other(project: ProjectFactory) -> None:
    one, other = project(), project()
    one.offer("mine", "")

    listed = other.run("plugins")

    assert "test-mine" not in listed.output
