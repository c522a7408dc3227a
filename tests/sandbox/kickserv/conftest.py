"""A running Kickserv and a client that holds its owner's token."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from lxml import etree

from transload_sandbox import KickservSandbox

Get = Callable[..., httpx.Response]


@pytest.fixture(scope="package")
def standing() -> Iterator[KickservSandbox]:
    """A company of 100 customers that no test changes."""
    with KickservSandbox(customers=100, seed=7) as kickserv:
        yield kickserv


@pytest.fixture
def kickserv() -> Iterator[KickservSandbox]:
    """A company of 40 customers of the test's own."""
    with KickservSandbox(customers=40, seed=7) as kickserv:
        yield kickserv


@pytest.fixture(scope="package")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10) as client:
        yield client


class Api:
    """Asks one account the short way."""

    def __init__(self, kickserv: KickservSandbox, http: httpx.Client) -> None:
        self.kickserv, self.http = kickserv, http

    def get(self, path: str, token: str | None = None, **query: str | int) -> httpx.Response:
        token = token or self.kickserv.token
        url = f"{self.kickserv.base_url}/{self.kickserv.account}/{path}.xml"
        return self.http.get(url, params=query, auth=(token, token))

    def rows(self, path: str, token: str | None = None, **query: str | int) -> list[etree._Element]:
        response = self.get(path, token, **query)
        assert response.status_code == 200, response.text
        return list(etree.fromstring(response.content))

    def walk(self, path: str, token: str | None = None, **query: str | int) -> list[list[etree._Element]]:
        """Read pages until one is empty."""
        pages: list[list[etree._Element]] = []
        while page := self.rows(path, token, page=len(pages) + 1, **query):
            pages.append(page)
        return pages


@pytest.fixture
def api(standing: KickservSandbox, http: httpx.Client) -> Api:
    """Asks the company that no test changes."""
    return Api(standing, http)


@pytest.fixture
def own(kickserv: KickservSandbox, http: httpx.Client) -> Api:
    """Asks the company of the test's own."""
    return Api(kickserv, http)
