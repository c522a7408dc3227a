"""An environment in memory, and the sink's parts connected to it without sockets."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import HttpUrl, SecretStr

from transload import (
    Batch,
    EntityName,
    Outcome,
    RecordKey,
    RowId,
    RowRef,
    SetState,
    SourceId,
    TableName,
    Upsert,
    Write,
)
from transload.files import FileStore
from transload.http import HttpClient
from transload.values import Cell
from transload_dynamics_sink.auth import ClientCredentials
from transload_dynamics_sink.client import API, Dataverse
from transload_dynamics_sink.files import Files
from transload_dynamics_sink.load import load_batch
from transload_dynamics_sink.metadata import Metadata
from transload_dynamics_sink.read_back import read_rows
from transload_dynamics_sink.schema_changes import SchemaWorker
from transload_dynamics_sink.settings import DynamicsSettings
from transload_sandbox.dataverse.app import build_app
from transload_sandbox.dataverse.connection import ConnectionCutError
from transload_sandbox.dataverse.org import DataverseOrg

ADDRESS = "https://contoso.example.com"


SETTINGS = DynamicsSettings(
    url=HttpUrl(ADDRESS),
    tenant_id="contoso.example.com",
    client_id="app",
    client_secret=SecretStr("secret"),
    publisher_prefix="mig",
    fallback_owner="owner@example.com",
    key_wait_seconds=60,
)


class Clock:
    """Time that only moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def epoch(self) -> float:
        """Return seconds since 1970, for the organisation."""
        return 1_700_000_000 + self.now


class AppTransport(httpx.BaseTransport):
    """Hands requests to an ASGI application in this process."""

    def __init__(self, org: DataverseOrg) -> None:
        self._transport = httpx.ASGITransport(build_app(org))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._exchange(request))

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        try:
            answer = await self._transport.handle_async_request(request)
        except ConnectionCutError as error:
            raise httpx.ReadError(str(error), request=request) from error
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


ACCOUNT = TableName("account")


@dataclass
class Connected:
    """The sink's parts, the organisation behind them, and short words for what tests do with them."""

    org: DataverseOrg
    dataverse: Dataverse
    metadata: Metadata
    clock: Clock
    store: FileStore

    @property
    def files(self) -> Files:
        """What moves files between the store and the organisation."""
        return Files(self.dataverse, self.store)

    def paths(self, method: str = "POST") -> list[str]:
        """Return the paths that were asked for, without queries."""
        return [seen.path.partition("?")[0] for seen in self.org.requests if seen.method == method]

    def key(self, number: int) -> RecordKey:
        """Return the key of the n-th record."""
        return RecordKey(EntityName("customer"), SourceId(str(number)))

    def id(self, number: int) -> RowId:
        """Return the id of the n-th row."""
        return RowId(f"5e100000-0000-8000-8000-{number:012x}")

    def ref(self, number: int, table: TableName = ACCOUNT) -> RowRef:
        """Return a reference to the n-th row."""
        return RowRef(table, self.id(number))

    def upsert(
        self, number: int, columns: Mapping[str, Cell], table: TableName = ACCOUNT, *, exists: bool = False
    ) -> Upsert:
        """Return a write of the n-th row."""
        return Upsert(self.key(number), table, self.id(number), columns, exists=exists)

    def accounts(self, count: int) -> list[Upsert]:
        """Return writes of new accounts, numbered from 1."""
        return [self.upsert(number, {"name": f"Account {number}"}) for number in range(1, count + 1)]

    def case(self, number: int, **columns: Cell) -> Upsert:
        """Return the write of a new case of account 1."""
        cells = {"title": f"Case {number}", "customerid": self.ref(1), **columns}
        return self.upsert(number, cells, TableName("incident"))

    def change(self, number: int, state: int, status: int, table: str = "incident", **columns: Cell) -> SetState:
        """Return the change of a row's state."""
        return SetState(self.key(number), TableName(table), self.id(number), state, status, columns)

    def load(self, *writes: Write) -> Sequence[Outcome]:
        """Write one batch."""
        return load_batch(Batch(writes[0].table, writes), self.dataverse, self.metadata, self.files)

    def read(self, table: str, number: int, *columns: str) -> Mapping[str, Cell]:
        """Return the cells of the n-th row."""
        ids = [self.id(number)]
        found = read_rows(self.dataverse, self.metadata, TableName(table), ids, columns, self.files)
        return found[self.id(number)].columns


@pytest.fixture
def connected(tmp_path: Path) -> Iterator[Connected]:
    clock = Clock()
    org = DataverseOrg(clock=clock.epoch)
    user, transport = org.add_application_user("transload"), AppTransport(org)
    auth = ClientCredentials(
        authority=f"{ADDRESS}/{org.tenant_id}",
        client_id=user.client_id,
        client_secret=user.client_secret,
        resource=ADDRESS,
        transport=transport,
        clock=clock,
    )
    http = HttpClient(
        system="Dataverse",
        base_url=ADDRESS + API,
        auth=auth,
        headers={"Accept": "application/json", "OData-MaxVersion": "4.0", "OData-Version": "4.0"},
        transport=transport,
        clock=clock,
    )
    dataverse = Dataverse(http, auth, sleep=clock.sleep)
    yield Connected(org, dataverse, Metadata(dataverse), clock, FileStore(tmp_path / "files"))
    dataverse.close()
    org.close()


@pytest.fixture
def worker(connected: Connected) -> SchemaWorker:
    return SchemaWorker(connected.dataverse, connected.metadata, SETTINGS)
