"""A small company, a target for it, and mappings between them: what most tests here start from."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import pytest

from transload.testing import ClientFolder, ProjectFactory
from transload.values import (
    ColumnType,
    EntityName,
    FieldType,
    SourceEntity,
    SourceField,
    TableName,
    TargetColumn,
    TargetState,
    TargetTable,
)

CopyClient: TypeAlias = Callable[[ClientFolder, Path], ClientFolder]

FoundCompany: TypeAlias = Callable[[ProjectFactory], ClientFolder]

READY = ("audit", "plan", "approve mapping", "prepare", "sample")

CUSTOMER = """\
entity: customer
table: account
key: {column: "{prefix}_customerid", from: id}
flag: "{prefix}_review"
placeholder: {name: Unknown customer}
fields:
  name: {from: name, on_overflow: ledger}
  emailaddress: {from: email}
  creditlimit: {from: limit}
  parentaccountid: {lookup: customer, from: parent_id, missing: empty}
  primaryincidentid: {lookup: job, from: main_job_id, missing: empty}
  ownerid: {find: {table: systemuser, column: email}, from: agent, missing: fallback}
dropped:
  etag: Bookkeeping of the source
"""
JOB = """\
entity: job
table: incident
key: {column: "{prefix}_jobid", from: id}
fields:
  title: {from: name}
  customerid: {lookup: customer, from: customer_id, missing: placeholder, empty: placeholder}
  prioritycode: {from: priority, values: {urgent: High, usual: Normal}}
  followupby: {from: due_at}
finish:
  statecode: {from: status, values: {open: Active, done: Resolved}}
"""
LINE = """\
entity: line
table: task
key: {from: id}
fields:
  subject: {from: text}
  regardingid: {lookup: job, from: job_id}
"""


def entity(name: str, /, **fields: FieldType) -> SourceEntity:
    return SourceEntity(
        EntityName(name), name.capitalize(), {field: SourceField(field, kind) for field, kind in fields.items()}
    )


def table(name: str, *columns: TargetColumn, states: tuple[TargetState, ...] = ()) -> TargetTable:
    by_name = {column.name: column for column in columns}
    return TargetTable(TableName(name), name.capitalize(), f"{name}id", "name", by_name, states=states)


ENTITIES = (
    entity("customer", id=FieldType.INTEGER, name=FieldType.TEXT, etag=FieldType.TEXT),
    entity("job", id=FieldType.INTEGER, name=FieldType.TEXT, customer_id=FieldType.INTEGER),
    entity("line", id=FieldType.INTEGER, text=FieldType.TEXT, job_id=FieldType.INTEGER),
)
TABLES = (
    table("systemuser", TargetColumn("email", ColumnType.TEXT)),
    table(
        "account",
        TargetColumn("name", ColumnType.TEXT, max_length=20, required=True),
        TargetColumn("emailaddress", ColumnType.TEXT, max_length=100),
        TargetColumn("creditlimit", ColumnType.MONEY, precision=2, minimum=Decimal(0)),
        TargetColumn("parentaccountid", ColumnType.LOOKUP, targets=(TableName("account"),)),
        TargetColumn("primaryincidentid", ColumnType.LOOKUP, targets=(TableName("incident"),)),
        TargetColumn("ownerid", ColumnType.LOOKUP, targets=(TableName("systemuser"),)),
    ),
    table(
        "incident",
        TargetColumn("title", ColumnType.TEXT, max_length=100, required=True),
        TargetColumn("customerid", ColumnType.LOOKUP, targets=(TableName("account"),), required=True),
        TargetColumn("prioritycode", ColumnType.CHOICE, options={1: "High", 2: "Normal"}),
        TargetColumn("followupby", ColumnType.DATETIME),
        states=(
            TargetState(0, "Active", {1: "In progress"}, 1),
            TargetState(1, "Resolved", {5: "Solved"}, 5, read_only=True),
        ),
    ),
    table(
        "task",
        TargetColumn("subject", ColumnType.TEXT, max_length=200, required=True),
        TargetColumn("regardingid", ColumnType.LOOKUP, targets=(TableName("incident"),)),
    ),
)


@pytest.fixture
def client(project: ProjectFactory) -> ClientFolder:
    """A client's folder with the company, before any stage: eight customers, a job each, a line each."""
    return found_company(project)


@pytest.fixture(scope="session")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> ClientFolder:
    """The same after the sample, to be copied and never changed: a journey costs a second."""
    client = found_company(ProjectFactory(tmp_path_factory.mktemp("sampled")))
    last = client.walk(*READY)
    assert last.exit_code == 0, last.output + last.errors
    return client


@pytest.fixture(scope="session")
def finished(copy_client: CopyClient, tmp_path_factory: pytest.TempPathFactory, sampled: ClientFolder) -> ClientFolder:
    """The same after the run, to be copied and never changed."""
    client = copy_client(sampled, tmp_path_factory.mktemp("finished"))
    assert client.run("run").exit_code == 0
    return client


@pytest.fixture
def ready(copy_client: CopyClient, tmp_path: Path, sampled: ClientFolder) -> ClientFolder:
    """A client's folder after the sample: the next stage is the run."""
    return copy_client(sampled, tmp_path / "ready")


@pytest.fixture
def loaded(copy_client: CopyClient, tmp_path: Path, finished: ClientFolder) -> ClientFolder:
    """A client's folder after the run."""
    return copy_client(finished, tmp_path / "loaded")


@pytest.fixture(scope="session")
def found() -> FoundCompany:
    """Founds another such company."""
    return found_company


@pytest.fixture(scope="session")
def copy_client() -> CopyClient:
    """Copies a client's folder into another, ledger and all."""

    def copy(original: ClientFolder, into: Path) -> ClientFolder:
        copied = ClientFolder(into / "client", into / "site")
        shutil.copytree(original.path, copied.path)
        shutil.copytree(original.site, copied.site)
        return copied

    return copy


def found_company(project: ProjectFactory) -> ClientFolder:
    client = project(
        run={"batch_size": 3, "workers": 2},
        sample={"records": 1},
        memory_sink={"fallback": {"systemuser": "user-0"}},
    )
    for name, document in {"customer": CUSTOMER, "job": JOB, "line": LINE}.items():
        client.write_mapping(name, document)
    client.target.build(*TABLES)
    client.target.put("systemuser", "user-0", email="office@example.com")
    client.target.put("systemuser", "user-1", email="ada@example.com")
    client.source.found(*ENTITIES)
    monday = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    for number in range(1, 9):
        client.source.put(
            "customer", str(number), id=number, name=f"Customer {number}", email=f"c{number}@example.com",
            limit=Decimal("100.50") * number, parent_id=8 if number < 8 else None, main_job_id=number,
            agent="Ada@Example.com", etag="x",
        )  # fmt: skip
        client.source.put(
            "job", str(number), id=number, name=f"Job {number}", customer_id=number, priority="usual",
            due_at=monday + timedelta(days=number), status="done" if number % 4 == 0 else "open",
        )  # fmt: skip
        client.source.put("line", str(number), id=number, text=f"Line {number}", job_id=number)
    return client
