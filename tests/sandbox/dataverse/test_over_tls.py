"""The organisation behind uvicorn and TLS: unmodified MSAL signs in, and connections really break."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from transload_sandbox._server import Server as Loopback
from transload_sandbox._server import make_certificates
from transload_sandbox.dataverse import AppUser, DataverseOrg, Fault, build_app


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    origin: str
    authority_file: Path
    """Certificate of the authority that signed the server's certificate."""
    org: DataverseOrg


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    certificates = make_certificates(tmp_path_factory.mktemp("tls"))
    org = DataverseOrg()
    with Loopback(build_app(org)).with_tls(certificates) as running:
        yield Server(running.url, certificates.ca_file, org)
    org.close()


def _token(server: Server, user: AppUser) -> str:
    import msal
    import requests

    session = requests.Session()
    session.trust_env = False
    session.verify = str(server.authority_file)
    application = msal.ConfidentialClientApplication(
        user.client_id,
        client_credential=user.client_secret,
        authority=f"{server.origin}/{server.org.tenant_id}",
        validate_authority=False,
        instance_discovery=False,
        http_client=session,
    )
    answer = application.acquire_token_for_client([f"{server.origin}/.default"])
    session.close()
    return str(answer.get("access_token") or answer["error_description"])


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=str(server.authority_file))
    bearer = _token(server, server.org.add_application_user("loader"))
    headers = {"Authorization": f"Bearer {bearer}"}
    with httpx.Client(base_url=f"{server.origin}/api/data/v9.2/", headers=headers, verify=context) as client:
        yield client


def test_msal_signs_in_and_the_token_opens_the_web_api(server: Server, client: httpx.Client) -> None:
    answer = client.get("WhoAmI")

    assert answer.json()["UserId"] == server.org.add_application_user("loader").user_id
    assert answer.headers["x-ms-dop-hint"]


def test_msal_reports_a_wrong_secret(server: Server) -> None:
    user = server.org.add_application_user("loader")

    answer = _token(server, AppUser(user.client_id, "wrong", user.user_id))

    assert answer.startswith("AADSTS7000215: Invalid client secret")


def test_a_connection_cut_before_the_work_leaves_nothing_behind(server: Server, client: httpx.Client) -> None:
    before = server.org.count("account")
    server.org.faults.add(Fault("cut_before", method="POST", path="accounts"))

    with pytest.raises(httpx.RemoteProtocolError):
        client.post("accounts", json={"name": "Lost"})

    assert server.org.count("account") == before


def test_a_connection_cut_after_the_work_leaves_the_row_behind(server: Server, client: httpx.Client) -> None:
    before = server.org.count("account")
    server.org.faults.add(Fault("cut_after", method="POST", path="accounts"))

    with pytest.raises(httpx.RemoteProtocolError):
        client.post("accounts", json={"name": "Kept"})

    assert server.org.count("account") == before + 1


def test_half_an_answer_is_a_broken_answer(server: Server, client: httpx.Client) -> None:
    server.org.faults.add(Fault("truncate", method="GET", path="accounts"))

    with pytest.raises(httpx.RemoteProtocolError):
        client.get("accounts?$select=name")


def test_requests_at_the_same_time_all_arrive(server: Server, client: httpx.Client) -> None:
    before = server.org.count("account")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda number: client.post("accounts", json={"name": str(number)}), range(20)))

    assert server.org.count("account") == before + 20
