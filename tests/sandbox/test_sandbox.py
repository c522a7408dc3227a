"""Both stand-ins together: reachable, seeded from one company, gone afterwards."""

import os
import socket
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest

from transload_sandbox import Sandbox
from transload_sandbox._seeding import FALLBACK_OWNER, WITHOUT_USER
from transload_sandbox._server import PortTakenError
from transload_sandbox.dataverse.editions import Edition, Name


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(customers=20, seed=7) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def dataverse(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client of Dataverse over https, signed in."""
    trust = ssl.create_default_context(cafile=sandbox.dataverse.ca_file)
    with httpx.Client(base_url=f"{sandbox.dataverse.url}/api/data/v9.2/", verify=trust) as client:
        form = {
            "grant_type": "client_credentials",
            "client_id": sandbox.dataverse.client_id,
            "client_secret": sandbox.dataverse.client_secret,
            "scope": f"{sandbox.dataverse.url}/.default",
        }
        answer = client.post(f"{sandbox.dataverse.authority}/oauth2/v2.0/token", data=form)
        client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def test_both_systems_answer_with_the_credentials_of_the_sandbox(sandbox: Sandbox, dataverse: httpx.Client) -> None:
    kickserv, token = sandbox.kickserv, sandbox.environment()["TRANSLOAD_KICKSERV_SOURCE__API_TOKEN"]

    customers = httpx.get(f"{kickserv.base_url}/{kickserv.account}/customers.xml", auth=(token, token))
    who_am_i = dataverse.get("WhoAmI")

    assert customers.text.count("<customer-number ") >= 20
    assert who_am_i.status_code == 200


def test_employees_have_users_but_for_one_and_the_archived_are_disabled(
    sandbox: Sandbox, dataverse: httpx.Client
) -> None:
    employees = {str(row["email_address"]).lower(): row["active"] for row in sandbox.kickserv.company.employees.rows()}

    rows = dataverse.get("systemusers?$select=internalemailaddress,isdisabled").json()["value"]

    users = {row["internalemailaddress"]: row["isdisabled"] for row in rows}
    assert FALLBACK_OWNER in users
    assert employees.keys() - users.keys() == {WITHOUT_USER, ""}
    assert all(users[mail] is not active for mail, active in employees.items() if mail in users)


def test_a_few_rows_were_there_before(sandbox: Sandbox) -> None:
    assert sandbox.dataverse.org.count("account") == 3
    assert sandbox.dataverse.org.count("contact") == 3


def test_the_project_file_names_both_systems_and_no_secret(sandbox: Sandbox) -> None:
    text = sandbox.project_file()

    project = tomllib.loads(text)

    assert project["kickserv_source"]["base_url"] == sandbox.kickserv.base_url
    assert Path(project["dynamics_sink"]["ca_file"]).read_text().startswith("-----BEGIN CERTIFICATE")
    assert not [secret for secret in sandbox.environment().values() if secret in text]


def test_a_store_keeps_rows_and_credentials_beyond_a_run(tmp_path: Path) -> None:
    store = tmp_path / "org.db"
    with Sandbox(customers=1, store=store) as first:
        before = (first.dataverse.client_id, first.dataverse.client_secret, first.dataverse.org.digest())

    with Sandbox(customers=1, store=store) as second:
        after = (second.dataverse.client_id, second.dataverse.client_secret, second.dataverse.org.digest())

    assert after == before


def test_nobody_listens_after_the_end() -> None:
    with Sandbox(customers=1) as sandbox:
        url, port = sandbox.kickserv.base_url, sandbox.kickserv.base_url.rpartition(":")[2]

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))
    assert url.startswith("http://127.0.0.1:")


def test_a_sandbox_that_never_serves_makes_no_folder(tmp_path: Path) -> None:
    code = "from transload_sandbox import Sandbox; kept = Sandbox(customers=1); input('made')"
    command, environment = [sys.executable, "-c", code], {**os.environ, "TMPDIR": str(tmp_path)}

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        made = process.stdout.read(4) if process.stdout else b""
        found = list(tmp_path.iterdir())
        process.communicate(b"\n")

    assert made == b"made"
    assert found == []


def test_a_port_in_use_is_named(sandbox: Sandbox) -> None:
    port = int(sandbox.kickserv.base_url.rpartition(":")[2])

    with pytest.raises(PortTakenError, match=str(port)), Sandbox(customers=1, kickserv_port=port):
        pass


def test_an_unknown_edition_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no edition 'ultimate'; there are enterprise and professional"):
        Edition(cast(Name, "ultimate"))
