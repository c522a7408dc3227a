"""Fixtures for tests against the stand-in systems.

    pytest_plugins = ["transload_sandbox.pytest"]    # in conftest.py

    @pytest.mark.sandbox(customers=50, latency=0.01)
    def test_something(sandbox): ...

Each test gets systems of its own, which end with it. The mark takes the arguments of the class behind the
fixture; without one there are 20 customers.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from transload_sandbox import DataverseSandbox, KickservSandbox, Sandbox

_CUSTOMERS = 20


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "sandbox(**options): arguments of the sandbox that a test asks for")


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> "Iterator[Sandbox]":
    """Both systems, serving."""
    from transload_sandbox import Sandbox  # here, because whoever runs no such test need not wait for servers

    with Sandbox(**{"customers": _CUSTOMERS, **_options(request)}) as running:
        yield running


@pytest.fixture
def kickserv_sandbox(request: pytest.FixtureRequest) -> "Iterator[KickservSandbox]":
    """Kickserv alone, serving."""
    from transload_sandbox import KickservSandbox

    with KickservSandbox(**{"customers": _CUSTOMERS, **_options(request)}) as running:
        yield running


@pytest.fixture
def dataverse_sandbox(request: pytest.FixtureRequest) -> "Iterator[DataverseSandbox]":
    """Dataverse alone, serving; its users are the employees of a small company."""
    from transload_sandbox import DataverseSandbox
    from transload_sandbox.kickserv import Company

    options = _options(request)
    company = Company(options.pop("customers", 1), options.pop("seed", 7))
    with DataverseSandbox(company, **options) as running:
        yield running


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:  # Any: the mark takes any keyword, the class checks
    mark = request.node.get_closest_marker("sandbox")
    return dict(mark.kwargs) if mark else {}
