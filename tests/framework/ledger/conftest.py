"""A ledger in each of the two databases; every test runs on both."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from transload._ledger import Ledger


class Clock:
    """Starts on a fixed morning; each look is a second later."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes the URL of a ledger that does not exist yet."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / uuid4().hex}.db"
    server: str = request.getfixturevalue("postgres_server")

    def new_schema() -> str:
        name = f"t{uuid4().hex}"
        engine = create_engine(server.replace("://", "+psycopg://"), poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text(f"create schema {name}"))
        return f"{server}&options=-csearch_path%3D{name}"

    return new_schema


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()


@pytest.fixture
def ledger(url: str, clock: Clock) -> Iterator[Ledger]:
    with Ledger.open(url, clock=clock) as opened:
        yield opened
