"""An environment in memory, and the sink's parts connected to it without sockets."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from transload import RecordKey
from transload.http import HttpClient
from transload.values import EntityName, SourceId
from transload_dynamics_sink.auth import ClientCredentials
from transload_dynamics_sink.client import API, Dataverse
from transload_dynamics_sink.metadata import Metadata
from transload_sandbox.dataverse.app import build_app
from transload_sandbox.dataverse.org import DataverseOrg

ADDRESS = "https://contoso.example.com"


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


class AppTransport(httpx.BaseTransport):
    """Hands requests to an ASGI application in this process."""

    def __init__(self, org: DataverseOrg) -> None:
        self._transport = httpx.ASGITransport(build_app(org))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._exchange(request))

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


@dataclass
class Connected:
    """The sink's parts, and the organisation behind them."""

    org: DataverseOrg
    dataverse: Dataverse
    metadata: Metadata
    clock: Clock
    credentials: dict[str, str] = field(default_factory=dict)

    def paths(self, method: str = "POST") -> list[str]:
        """Return the paths that were asked for, without queries."""
        return [seen.path.partition("?")[0] for seen in self.org.requests if seen.method == method]


@pytest.fixture
def connected() -> Iterator[Connected]:
    org, clock = DataverseOrg(), Clock()
    user, transport = org.add_application_user("transload"), AppTransport(org)
    auth = ClientCredentials(
        authority=f"{ADDRESS}/{org.tenant_id}",
        client_id=user.client_id,
        client_secret=user.client_secret,
        resource=ADDRESS,
        transport=transport,
    )
    http = HttpClient(
        system="Dataverse",
        base_url=ADDRESS + API,
        auth=auth,
        headers={"Accept": "application/json", "OData-MaxVersion": "4.0", "OData-Version": "4.0"},
        transport=transport,
        clock=clock,
    )
    dataverse = Dataverse(http, sleep=clock.sleep)
    yield Connected(org, dataverse, Metadata(dataverse), clock)
    dataverse.close()
    auth.close()
    org.close()


def record(source_id: str, entity: str = "customer") -> RecordKey:
    """Return the key of a record."""
    return RecordKey(EntityName(entity), SourceId(source_id))


def row_id(number: int) -> str:
    """Return the id of the n-th row."""
    return f"5e100000-0000-8000-8000-{number:012x}"
