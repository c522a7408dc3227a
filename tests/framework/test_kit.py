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
from transload.errors import LockedError, MissingFileError, RefusedError
from transload.files import FileStore
from transload.testing import (
    Belonging,
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
    FieldType,
    Inverse,
    Outcome,
    Record,
    RecordKey,
    Row,
    RowId,
    RowRef,
    SchemaChange,
    SchemaKind,
    SourceEntity,
    SourceField,
    SourceId,
    TableName,
    TargetColumn,
    TargetSchema,
    TargetState,
    TargetTable,
    Upsert,
    Value,
)

ACCOUNT, LINE, USER = TableName("account"), TableName("line"), TableName("user")
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
        TargetColumn("tags", ColumnType.CHOICES, options={1: "New", 2: "Late"}),
        TargetColumn("people", ColumnType.PARTIES, targets=(USER,)),
        TargetColumn("photo", ColumnType.FILE),
        TargetColumn("total", ColumnType.MONEY, creatable=False, updatable=False),
    ]
    states = (TargetState(0, "Open", {1: "Open"}, 1), TargetState(1, "Closed", {2: "Closed"}, 2, read_only=True))
    lines = [TargetColumn("accountid", ColumnType.LOOKUP, targets=(ACCOUNT,)), TargetColumn("amount", ColumnType.MONEY)]
    target.build(
        TargetTable(ACCOUNT, "Account", "accountid", "name", {c.name: c for c in columns}, states=states),
        TargetTable(LINE, "Line", "lineid", "amount", {c.name: c for c in lines}, locked_by="accountid"),
        TargetTable(USER, "User", "userid", "name", {"name": TargetColumn("name", ColumnType.TEXT)}),
    )
    target.total(ACCOUNT, "total", of=LINE, amount="amount", by="accountid")
    for name in ("ada", "grace"):
        target.put(USER, name, name=name)
    return target


def example(folder: Path) -> SinkExample:
    photo = FileStore(folder / "files").keep([b"a roof"], "roof.jpg")
    users = RowRef(USER, RowId("ada")), RowRef(USER, RowId("grace"))
    tag_name = TargetColumn("mem_name", ColumnType.TEXT, "Name", 100, custom=True)
    key = TargetColumn("mem_id", ColumnType.TEXT, "Source id", 100, custom=True)
    return SinkExample(
        table=ACCOUNT,
        key="mem_id",
        changes=[
            SchemaChange(SchemaKind.TABLE, "mem_tag", TableName("mem_tag"), "Tag", tag_name, plural="Tags"),
            SchemaChange(SchemaKind.COLUMN, "mem_id", ACCOUNT, "Source id", key),
            SchemaChange(SchemaKind.LINK, "mem_account_user", ACCOUNT, "People", other=USER),
            SchemaChange(SchemaKind.KEY, "mem_id_key", ACCOUNT, "Source id", None, ("mem_id",)),
        ],
        good={
            RowId("row-1"): {
                "name": "One", "mem_id": "1", "revenue": Decimal("1.50"), "since": date(2020, 1, 2),
                "seenat": datetime(2026, 1, 1, 9, tzinfo=UTC), "active": False, "tags": (1, 2), "people": users,
                "photo": photo,
            },
            RowId("row-2"): {"name": "Two", "mem_id": "2"},
        },
        bad=(RowId("row-3"), {"name": "A name that is far too long", "mem_id": "3"}),
        update={"name": "First", "revenue": Decimal("2.50")},
        computed={RowId("row-1"): {"total": Decimal(0)}},
        link=("mem_account_user", users[0]),
        belonging=Belonging(RowRef(LINE, RowId("line-1")), {"accountid": RowRef(ACCOUNT, RowId("row-1"))}, (1, 2)),
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


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"rank": "third"}, "rank is 'third', which is not one of its options"),
        ({"photo": {"digest": "0" * 32, "size": 1, "name": "", "media_type": ""}}, "photo names a file that was not"),
    ],
)
def test_a_source_that_names_what_there_is_not_is_found_out(
    tmp_path: Path, fields: Mapping[str, Value], complaint: str
) -> None:
    company = MemoryCompany(tmp_path / "source.json")
    rank = SourceField("rank", FieldType.TEXT, "Rank", options=("first", "second"))
    company.found(SourceEntity(EntityName("person"), "Person", {"rank": rank}))
    company.put("person", "1", rank="first")
    company.attach("person", "1", "photo", b"a face", "face.jpg")

    with open_context(tmp_path, MemorySourceSettings()) as context:
        check_source(memory_source, context, {KEY: {"rank": "first"}})
        company.put("person", "2", **fields)
        with pytest.raises(AssertionError, match=complaint):
            check_source(memory_source, context, {KEY: {"rank": "first"}})


def test_a_source_that_misses_a_record_is_found_out(tmp_path: Path, company: MemoryCompany) -> None:
    missing = RecordKey(EntityName("person"), SourceId("2"))

    with (
        open_context(tmp_path, MemorySourceSettings()) as context,
        pytest.raises(AssertionError, match="never extracted: person 2"),
    ):
        check_source(memory_source, context, {KEY: FIELDS, missing: {}})


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ([], "neither gives nor names person 1"),
        ([Record(KEY, {**FIELDS, "visits": 4})], "gives another person 1"),
        ([RecordKey(EntityName("person"), SourceId("9"))], "person 9 is called unchanged, and was never read"),
    ],
)
def test_a_source_that_does_not_know_what_changed_is_found_out(
    tmp_path: Path, company: MemoryCompany, told: list[Record | RecordKey], complaint: str
) -> None:
    source = ModuleType("faulty_source")
    changes = hookimpl(lambda entity: iter(told), specname="extract_changes")
    vars(source).update({**vars(memory_source), "extract_changes": changes, "__name__": "faulty_source"})

    with open_context(tmp_path, MemorySourceSettings()) as context, pytest.raises(AssertionError, match=complaint):
        check_source(source, context, {KEY: FIELDS})


def test_a_part_of_a_record_that_there_is_not_is_found_out(tmp_path: Path, company: MemoryCompany) -> None:
    company.put_record(Record(KEY, FIELDS, part_of=RecordKey(EntityName("person"), SourceId("2"))))

    with (
        open_context(tmp_path, MemorySourceSettings()) as context,
        pytest.raises(AssertionError, match="part of person 2, which was never extracted"),
    ):
        check_source(memory_source, context, {KEY: FIELDS})


def test_the_memory_sink_keeps_what_a_sink_promises(tmp_path: Path, target: MemoryTarget) -> None:
    before = target.tables()

    with open_context(tmp_path, MemorySinkSettings()) as context:
        check_sink(memory_sink, context, example(tmp_path))

    assert target.rows("account") == target.rows("line") == {}
    assert target.links() == set()
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


@hookimpl
def load_never_idle(batch: Batch, context: RunContext) -> list[Outcome]:
    return [replace(outcome, idle=False) for outcome in memory_sink.load(batch, context) or []]


@hookimpl
def load_any_file(batch: Batch, context: RunContext) -> object:
    outcomes = memory_sink.load(batch, context) or []
    return [Outcome() if isinstance(outcome.error, MissingFileError) else outcome for outcome in outcomes]


@hookimpl
def roll_back_without_locks(inverses: list[Inverse], context: RunContext) -> list[Outcome]:
    outcomes = memory_sink.rollback(inverses, context)
    return [
        Outcome(RefusedError("row", "400", "no")) if isinstance(outcome.error, LockedError) else outcome
        for outcome in outcomes
    ]


@hookimpl
def read_no_links(
    table: TableName, row_ids: list[RowId], columns: list[str], context: RunContext
) -> Mapping[RowId, Row] | None:
    return memory_sink.read_back(table, row_ids, [name for name in columns if name != "mem_account_user"], context)


@hookimpl
def describe_no_links(tables: list[TableName], context: RunContext) -> TargetSchema:
    schema = memory_sink.describe_target(tables, context)
    plain = {name: replace(table, links=frozenset()) for name, table in schema.tables.items()}
    return replace(schema, tables=plain)


@pytest.mark.parametrize(
    ("hooks", "complaint"),
    [
        ({"load": load_never_idle}, "idle=False for a link the second time"),
        ({"load": load_any_file}, "of a file that is gone it says None"),
        ({"rollback": roll_back_without_locks}, "of a row that is locked it says RefusedError"),
        ({"read_back": read_no_links}, "mem_account_user should be read back"),
        ({"describe_target": describe_no_links}, "prepared and are not described: .'link account.mem_account_user'"),
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
        check_sink(faulty(**hooks), context, example(tmp_path))


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
