"""Accounts for tests: the stand-in, or a few documents behind a transport."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from transload.files import FileStore
from transload_kickserv_source.account import Account
from transload_kickserv_source.catalogue import Catalogue
from transload_kickserv_source.client import KickservClient
from transload_kickserv_source.downloads import Downloads
from transload_kickserv_source.observations import Observations
from transload_kickserv_source.reading import Reader
from transload_kickserv_source.settings import KickservSettings
from transload_kickserv_source.slots import Definitions
from transload_kickserv_source.source import KickservSource
from transload_sandbox import KickservSandbox


class Quick:
    """A clock that does not wait."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


@pytest.fixture
def kickserv() -> Iterator[KickservSandbox]:
    with KickservSandbox(customers=70, seed=3) as sandbox:
        yield sandbox


@pytest.fixture
def open_source(kickserv: KickservSandbox) -> Callable[..., closing[KickservSource]]:
    """Open the stand-in's account, with settings by name; with a folder its files are read too."""

    def open_(folder: Path | None = None, **more: object) -> closing[KickservSource]:
        values = {"base_url": kickserv.base_url, "account": kickserv.account, "api_token": kickserv.token}
        settings = KickservSettings.model_validate({**values, **more})
        files = FileStore(folder) if folder is not None else None
        downloads = Downloads(settings, clock=Quick()) if folder is not None else None
        return closing(KickservSource(KickservClient(settings, clock=Quick()), files, downloads))

    return open_


@pytest.fixture
def scripted() -> Callable[..., KickservClient]:
    """Make a client of an account that answers paths with documents or a status; all else is not offered."""

    def make(answers: Mapping[str, str | int], **more: object) -> KickservClient:
        def answer(request: httpx.Request) -> httpx.Response:
            path = request.url.path.removeprefix("/a/")
            found = answers.get(f"{path}?{request.url.params.get('include', '')}", answers.get(path, 404))
            if isinstance(found, int):
                said = "Invalid job." if found == 400 else "No."
                return httpx.Response(found, text=f"<errors><error>{said}</error></errors>")
            if request.url.params.get("page", "1") != "1":
                root = found.removeprefix("<").partition(">")[0].partition(" ")[0]
                found = f"<{root} type='array'/>"
            return httpx.Response(200, content=found.encode())

        settings = KickservSettings.model_validate({"account": "a", "api_token": "t", **more})
        return KickservClient(settings, transport=httpx.MockTransport(answer), clock=Quick())

    return make


@pytest.fixture
def scripted_source(scripted: Callable[..., KickservClient]) -> Iterator[Callable[..., KickservSource]]:
    """Make a source of an account that answers so; its documented lists are empty unless something else is said."""
    with ExitStack() as closers:

        def make(answers: Mapping[str, str | int], **more: object) -> KickservSource:
            empty = {f"{name}.xml": f"<{name} type='array'/>" for name in ("employees", "customers", "jobs")}
            return closers.enter_context(closing(KickservSource(scripted({**empty, **answers}, **more))))

        yield make


@pytest.fixture
def account(scripted: Callable[..., KickservClient]) -> Callable[..., Account]:
    """Make an account whose lists are all missing, to take rows apart with."""

    def make(definitions: Definitions | None = None, **more: object) -> Account:
        client, seen = scripted({}, **more), Observations()
        reader = Reader(client, seen)
        return Account(client.settings, seen, Catalogue(reader, {}), definitions or Definitions())

    return make
