"""Where a list ends, when an account does not end it as others do."""

from collections.abc import Callable, Mapping

import httpx
import pytest

from transload.errors import NotOfferedError
from transload_kickserv_source.client import KickservClient
from transload_kickserv_source.observations import Observations
from transload_kickserv_source.reading import Reader
from transload_kickserv_source.settings import KickservSettings

Read = Callable[[Mapping[int, int]], list[object]]


def page_of(number: int) -> bytes:
    return f"<jobs type='array'><job><id type='integer'>{number}</id></job></jobs>".encode()


@pytest.fixture
def seen() -> Observations:
    return Observations()


@pytest.fixture
def read(seen: Observations) -> Read:
    """Read a list of five pages, some of which are answered with a status; what comes after is refused."""

    def read_(statuses: Mapping[int, int]) -> list[object]:
        def answer(request: httpx.Request) -> httpx.Response:
            page = int(request.url.params["page"])
            status = statuses.get(page, 200 if page <= 5 else 404)
            return httpx.Response(status, content=page_of(page) if status == 200 else b"No.")

        settings = KickservSettings.model_validate({"account": "a", "api_token": "FAKE-token"})
        client = KickservClient(settings, transport=httpx.MockTransport(answer))
        return [row["id"] for page in Reader(client, seen).pages("jobs.xml", "jobs") for row in page]

    return read_


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_a_list_may_end_with_a_refusal_and_that_is_told(read: Read, seen: Observations, status: int) -> None:
    assert read({6: status}) == [1, 2, 3, 4, 5]
    assert list(seen.marks["ends"]) == ["jobs.xml page 6"]


def test_a_page_that_is_refused_between_others_is_no_end(read: Read) -> None:
    with pytest.raises(NotOfferedError, match="404"):
        read({3: 404})


@pytest.mark.parametrize("page", [1, 3])
def test_a_right_that_is_taken_away_is_no_end(read: Read, page: int) -> None:
    with pytest.raises(NotOfferedError, match="403"):
        read(dict.fromkeys(range(page, 9), 403))


def test_a_list_that_is_refused_from_the_beginning_is_none(read: Read) -> None:
    with pytest.raises(NotOfferedError, match="404"):
        read(dict.fromkeys(range(1, 9), 404))
