"""A client whose plugin speaks HTTP, so that there are requests and answers to explain."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from transload.testing import ClientFolder, ProjectFactory

FoundCompany: TypeAlias = Callable[[ProjectFactory], ClientFolder]
CopyClient: TypeAlias = Callable[[ClientFolder, Path], ClientFolder]

WIRE = '''
"""Says over HTTP what the plugins of the kit do in memory."""

import json

import httpx
from pydantic import BaseModel, SecretStr

from transload import hookimpl
from transload.errors import ProtocolError
from transload.http import HttpClient

PAGE = "<{0}s type='array'>{1}</{0}s>"
ONE = "<{0}><id type='integer'>{1}</id><name>{0} {1}</name><api-token>SESAME-{1}</api-token></{0}>"


class WireSettings(BaseModel):
    """The secret that nobody may read anywhere."""

    client_secret: SecretStr


@hookimpl
def settings():
    return WireSettings


class Wire:
    """A source and a target of pages and batches."""

    def __init__(self, context):
        self._secret = context.settings_of(WireSettings).client_secret.get_secret_value()
        self._http = HttpClient(
            system="Wire", base_url="https://crm.example.com/api", headers={"Authorization": f"Bearer {self._secret}"},
            transport=httpx.MockTransport(self._answer),
        )

    def close(self):
        self._http.close()

    def _answer(self, request):
        if request.method == "GET":
            entity = request.url.path.rpartition("/")[2]
            ones = "".join(ONE.format(entity, number) for number in range(1, 9))
            return httpx.Response(200, headers={"Content-Type": "application/xml"}, text=PAGE.format(entity, ones))
        refused = b"Bad Title" in request.content
        head = {"Content-Type": "application/json", "X-MS-Service-Request-Id": "r-77"}
        said = {"error": {"message": f"no, {self._secret}"}}
        return httpx.Response(400 if refused else 204, headers=head if refused else {}, json=said if refused else None)

    def read(self, entity):
        self._http.send("GET", f"{entity}", repeatable=True)

    def write(self, table, rows):
        body = json.dumps({"Targets": rows, "password": self._secret}).encode()
        headers = {"Content-Type": "application/json", "If-Match": "*"}
        path = f"{table}/UpsertMultiple?code={self._secret}"
        if self._http.send("POST", path, repeatable=True, content=body, headers=headers).status_code == 400:
            raise ProtocolError("the target refuses us")

    def delete(self, table, row_id):
        self._http.send("DELETE", f"{table}({row_id})", repeatable=True)


@hookimpl(wrapper=True)
def extract(entity, context):
    context.resource(Wire).read(entity)
    return (yield)


@hookimpl(wrapper=True)
def load(batch, context):
    columns = [str(getattr(write, "columns", "")) for write in batch]
    rows = [
        {"id": write.row_id, "record": str(write.key), "said": said} for write, said in zip(batch, columns, strict=True)
    ]
    context.resource(Wire).write(batch.table, rows)
    return (yield)


@hookimpl(wrapper=True)
def rollback(inverses, context):
    for inverse in (inverse for inverse in inverses if hasattr(inverse, "row_id")):
        context.resource(Wire).delete(inverse.table, inverse.row_id)
    return (yield)
'''
SECRET = {"TRANSLOAD_WIRE__CLIENT_SECRET": "OPEN-SESAME"}


JOURNEY = (
    ("audit",), ("plan",), ("approve", "mapping", "--by", "Ada Example"), ("prepare",), ("sample",), ("run",),
)  # fmt: skip


@pytest.fixture(scope="session")
def wired_once(found: FoundCompany, tmp_path_factory: pytest.TempPathFactory) -> ClientFolder:
    """The company of the other tests, read and loaded through the wire; to be copied and never changed."""
    client = found(ProjectFactory(tmp_path_factory.mktemp("wired")))
    client.offer("wire", WIRE)
    client.configure(
        ["memory_source", "memory_sink", "wire"],
        run={"batch_size": 3, "workers": 2},
        sample={"records": 1},
        memory_sink={"fallback": {"systemuser": "user-0"}},
    )
    for command in JOURNEY:
        told = client.run(*command, environ=SECRET)
        assert told.exit_code == 0, told.output + told.errors
    return client


@pytest.fixture
def wired(copy_client: CopyClient, tmp_path: Path, wired_once: ClientFolder) -> ClientFolder:
    """A client's folder after the run, whose requests were kept."""
    return copy_client(wired_once, tmp_path / "wired")
