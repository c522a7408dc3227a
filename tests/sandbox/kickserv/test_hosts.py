"""The forms of address: account in the path, below ``/v2``, in the host name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from sandbox.kickserv.conftest import Api


def get(api: Api, path: str, host: str | None = None, token: str | None = None) -> httpx.Response:
    token = token or api.kickserv.token
    headers = {"host": host} if host else {}
    return api.http.get(f"{api.kickserv.base_url}{path}", headers=headers, auth=(token, token))


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/example-ducts/customers/3.xml", None),
        ("/v2/example-ducts/customers/3.xml", None),
        ("/customers/3.xml", "example-ducts.127.0.0.1"),
        ("/customers/3.xml", "example-ducts.localhost:8000"),
        ("/customers/3.xml", "example-ducts.kickservapp.com"),
        ("/v2/customers/3.xml", "example-ducts.127.0.0.1"),
        ("/example-ducts/customers/3.xml", "example-ducts.127.0.0.1"),
    ],
)
def test_one_customer_is_found_by_every_form_of_address(api: Api, path: str, host: str | None) -> None:
    answer = get(api, path, host)

    assert answer.status_code == 200
    assert '<customer-number type="integer">3</customer-number>' in answer.text


def test_a_wrong_token_is_refused_in_plain_text_where_the_host_names_the_account(api: Api) -> None:
    in_path, in_host = (
        get(api, "/example-ducts/jobs.xml", token="x"),
        get(api, "/jobs.xml", "example-ducts.127.0.0.1", "x"),
    )

    assert in_path.content.startswith(b"<?xml")
    assert in_host.content == b"HTTP Basic: Access denied.\n"
    assert get(api, "/jobs.xml", "somebody.127.0.0.1").status_code == 401


def test_older_hosts_have_their_own_headers(api: Api) -> None:
    answer = get(api, "/jobs.xml", "example-ducts.127.0.0.1")

    assert answer.headers["server"] == "Kickserv"
    assert answer.headers["set-cookie"].startswith("_ksa_secure_session=")
    assert get(api, "/example-ducts/jobs.xml").headers["server"] == "nginx"


def test_a_switch_takes_every_path_without_the_account(own: Api) -> None:
    assert get(own, "/jobs.xml").status_code == 404

    own.kickserv.switches.subdomain = True

    assert get(own, "/jobs.xml").status_code == 200


def test_answers_carry_the_recorded_headers_and_the_time_of_the_sandbox(own: Api) -> None:
    own.kickserv.clock.stop()
    now = own.kickserv.clock.now()

    answer = own.get("jobs")

    assert answer.headers["date"] == now.strftime("%a, %d %b %Y %H:%M:%S GMT")
    for name in ("x-request-id", "x-runtime", "x-revision", "x-served-by", "x-transaction", "expires", "pragma"):
        assert name in answer.headers
    assert not {"etag", "last-modified", "link"} & answer.headers.keys()
    assert answer.headers["content-encoding"] == "gzip"
