"""For tests against an organisation: a client without a network, a clock to turn, requests that many tests need."""

import asyncio
from collections.abc import Mapping

import httpx

from transload_sandbox.dataverse.app import build_app
from transload_sandbox.dataverse.org import DataverseOrg
from transload_sandbox.dataverse.tokens import AppUser

ORIGIN = "https://org.example.com"
API = f"{ORIGIN}/api/data/v9.2/"


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.seconds = 1_770_000_000.0

    def __call__(self) -> float:
        """Return epoch seconds."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.seconds += seconds


class InProcess(httpx.BaseTransport):
    """Hands requests to an ASGI application; a new event loop per client, no sockets."""

    def __init__(self, org: DataverseOrg) -> None:
        self._transport = httpx.ASGITransport(build_app(org))
        self._runner = asyncio.Runner()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""

        async def answer() -> httpx.Response:
            response = await self._transport.handle_async_request(request)
            return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())

        return self._runner.run(answer())

    def close(self) -> None:
        """Stop the event loop."""
        self._runner.close()


def token(client: httpx.Client, org: DataverseOrg, user: AppUser) -> str:
    """Sign in and return the token."""
    form = {
        "grant_type": "client_credentials",
        "client_id": user.client_id,
        "client_secret": user.client_secret,
        "scope": f"{ORIGIN}/.default",
    }
    answer = client.post(f"{ORIGIN}/{org.tenant_id}/oauth2/v2.0/token", data=form)
    return str(answer.raise_for_status().json()["access_token"])


def sign_in(org: DataverseOrg, name: str = "loader") -> httpx.Client:
    """Return a client that is signed in as an application user."""
    client = httpx.Client(transport=InProcess(org), base_url=API)
    client.headers["Authorization"] = f"Bearer {token(client, org, org.add_application_user(name))}"
    return client


def label(text: str) -> Mapping[str, object]:
    """Return a Label object."""
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}


def add_source_id(client: httpx.Client, table: str) -> None:
    """Add the column mig_sourceid with an alternate key to a table."""
    definitions = f"EntityDefinitions(LogicalName='{table}')"
    column = {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "SchemaName": "mig_SourceId",
        "DisplayName": label("Source Id"),
        "MaxLength": 100,
    }
    key = {"SchemaName": "mig_SourceIdKey", "DisplayName": label("Source Id"), "KeyAttributes": ["mig_sourceid"]}
    client.post(f"{definitions}/Attributes", json=column).raise_for_status()
    client.post(f"{definitions}/Keys", json=key).raise_for_status()


def add_publisher(client: httpx.Client) -> str:
    """Add the publisher whose prefix the tests use; return its address."""
    publisher = {
        "friendlyname": "Migration",
        "uniquename": "migrationpublisher",
        "customizationprefix": "mig",
        "customizationoptionvalueprefix": 38120,
    }
    return client.post("publishers", json=publisher).raise_for_status().headers["OData-EntityId"]


def created_id(answer: httpx.Response) -> str:
    """Return the id of the row that an answer says was created."""
    return answer.raise_for_status().headers["OData-EntityId"].rpartition("(")[2].rstrip(")")


def error_code(answer: httpx.Response) -> tuple[int, str]:
    """Return status and error code of a refusal."""
    return answer.status_code, answer.json()["error"]["code"]
