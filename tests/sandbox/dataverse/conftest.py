from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import Clock, add_publisher, sign_in


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def org(clock: Clock) -> Iterator[DataverseOrg]:
    """An empty organisation whose key indexes are ready at once."""
    org = DataverseOrg(key_index_seconds=0, clock=clock)
    yield org
    org.close()


@pytest.fixture
def api(org: DataverseOrg) -> Iterator[httpx.Client]:
    """The Web API as an application user sees it; a publisher with the prefix mig exists."""
    with closing(sign_in(org)) as client:
        add_publisher(client)
        yield client
