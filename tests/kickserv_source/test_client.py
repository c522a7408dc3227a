"""Asking Kickserv, and what becomes of each kind of answer."""

import gzip
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx
import pytest

from transload.errors import (
    AuthenticationError,
    NotOfferedError,
    ProtocolError,
    RunError,
    UnreachableError,
)
from transload.http import Patience
from transload_kickserv_source.client import GoneError, KickservClient
from transload_kickserv_source.settings import KickservSettings

DATA = Path(__file__).parent.parent / "data" / "kickserv"
TOKEN = "FAKE-client-token"
EMPTY = b'<?xml version="1.0" encoding="UTF-8"?>\n<jobs type="array"/>\n'
HTML = b"<!DOCTYPE html>\n<html><body>We are down, FAKE-client-token</body></html>"


class Clock:
    def __init__(self) -> None:
        self.now, self.pauses = 0.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds
        self.pauses.append(seconds)


class Script:
    """Answers one after the other; the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers, self.requests = list(answers), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def client(handler: Callable[[httpx.Request], httpx.Response], **settings: object) -> KickservClient:
    values = {"account": "example-ducts", "api_token": TOKEN, **settings}
    return KickservClient(
        KickservSettings.model_validate(values),
        patience=Patience(attempts=3),
        transport=httpx.MockTransport(handler),
        clock=Clock(),
    )


def answers(*statuses_and_bodies: tuple[int, bytes]) -> Script:
    return Script(*(httpx.Response(status, content=body) for status, body in statuses_and_bodies))


def test_the_token_goes_twice_and_xml_and_gzip_are_asked_for() -> None:
    script = answers((200, EMPTY))

    client(script).get_list("jobs.xml", "jobs", {"page": "2", "include": "notes"})

    (request,) = script.requests
    assert request.headers["Authorization"] == "Basic " + b64encode(f"{TOKEN}:{TOKEN}".encode()).decode()
    assert request.headers["Accept"] == "application/xml"
    assert request.headers["Accept-Encoding"] == "gzip"
    assert str(request.url) == "https://app.kickserv.com/example-ducts/jobs.xml?page=2&include=notes"


def test_the_prefix_and_the_base_url_stand_before_the_account() -> None:
    script = answers((200, EMPTY))

    client(script, base_url="https://kickserv.example.com/", api_prefix="/v2").get_list("jobs.xml", "jobs")

    assert str(script.requests[0].url) == "https://kickserv.example.com/v2/example-ducts/jobs.xml"


def test_a_host_of_the_first_generation_is_an_account_of_its_own() -> None:
    script = answers((200, EMPTY))

    client(script, base_url="https://example-ducts.kickservapp.com", account="Example-Ducts").get_list(
        "jobs.xml", "jobs"
    )

    assert str(script.requests[0].url) == "https://example-ducts.kickservapp.com/jobs.xml"


def test_a_list_may_stand_under_the_name_of_its_class() -> None:
    body = b'<objects type="array"><object type="ServiceItem"><id type="integer">7</id></object></objects>'

    assert client(answers((200, body))).get_list("items.xml", "items").rows == ({"id": 7},)
    assert client(answers((200, EMPTY))).get_list("opportunities.xml", "opportunities").rows == ()
    with pytest.raises(ProtocolError):
        client(answers((200, EMPTY))).get_list("customers.xml", "customers")


def test_a_compressed_answer_is_read() -> None:
    body = (DATA / "seen" / "jobs.list.only-five-fields.2017.xml").read_bytes()
    packed = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=gzip.compress(body))

    document = client(lambda request: packed).get_list("jobs.xml", "jobs")

    assert len(document.rows) == 50


def test_one_customer_is_read_under_its_plural_root() -> None:
    body = (DATA / "seen" / "customers.show.2018.xml").read_bytes()

    document = client(answers((200, body))).get_record("customers/2.xml", "customer", "customers")

    assert document.rows[0]["customer_number"] == 2


@pytest.mark.parametrize(
    "body",
    [(DATA / "seen" / "error.401.slug-host.2018.xml").read_bytes(), b"HTTP Basic: Access denied.\n"],
)
def test_a_refused_token_stops_at_once_and_says_that_a_new_password_makes_a_new_token(body: bytes) -> None:
    script = answers((401, body))

    with pytest.raises(AuthenticationError) as caught:
        client(script).get_list("jobs.xml", "jobs")

    assert len(script.requests) == 1
    assert "new token" in caught.value.remedy
    assert TOKEN not in f"{caught.value} {caught.value.remedy}"


@pytest.mark.parametrize("body", [b"Invalid customer.", b"Invalid job."])
def test_an_unknown_number_is_a_record_that_is_gone(body: bytes) -> None:
    script = answers((400, b"<errors>\n  <error>" + body + b"</error>\n</errors>\n"))

    with pytest.raises(GoneError):
        client(script).get_record("jobs/5.xml", "job")

    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (403, (DATA / "inferred" / "error.403.plan-or-permission.xml").read_bytes(), NotOfferedError),
        (404, HTML, NotOfferedError),
        (400, b"<errors><error>No such parameter.</error></errors>", NotOfferedError),
        (406, b"", NotOfferedError),
        (302, b"", ProtocolError),
        (204, b"", ProtocolError),
    ],
)
def test_a_refusal_is_not_asked_for_again(status: int, body: bytes, error: type[RunError]) -> None:
    script = answers((status, body))

    with pytest.raises(error) as caught:
        client(script).get_list("jobs.xml", "jobs")

    assert len(script.requests) == 1
    assert str(status) in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "broken",
    [
        httpx.Response(200, content=EMPTY[:-9]),
        httpx.Response(200, content=HTML),
        httpx.Response(200, content=b""),
        httpx.Response(500, content=HTML),
        httpx.Response(503, headers={"Retry-After": "2"}),
        httpx.Response(429),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx.ReadTimeout("slow"),
    ],
    ids=["cut", "page", "empty", "500", "503", "429", "broken", "slow"],
)
def test_a_broken_answer_is_asked_for_again(broken: httpx.Response | Exception) -> None:
    script = Script(broken, httpx.Response(200, content=EMPTY))

    document = client(script).get_list("jobs.xml", "jobs")

    assert document.rows == ()
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ((200, EMPTY[:-9]), ProtocolError),
        ((200, HTML), ProtocolError),
        ((500, HTML), UnreachableError),
        ((503, HTML), UnreachableError),
        ((429, b""), UnreachableError),
    ],
)
def test_an_answer_that_stays_broken_ends_with_what_came_and_what_to_do(
    broken: tuple[int, bytes], error: type[RunError]
) -> None:
    script = answers(broken)

    with pytest.raises(error) as caught:
        client(script).get_list("jobs.xml", "jobs")

    assert 3 <= len(script.requests) < 200
    assert caught.value.remedy
    assert TOKEN not in str(caught.value)


def test_the_pause_is_kept_before_every_request_but_the_first() -> None:
    clock = Clock()
    settings = KickservSettings.model_validate({"account": "a", "api_token": TOKEN, "pause": 1.5})
    slow = KickservClient(settings, transport=httpx.MockTransport(answers((200, EMPTY))), clock=clock)

    for _ in range(3):
        slow.get_list("jobs.xml", "jobs")

    assert clock.pauses == [1.5, 1.5]


def test_the_token_does_not_follow_a_redirect_to_another_host() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.host == "app.kickserv.com":
            return httpx.Response(302, headers={"Location": "https://elsewhere.example.com/login"})
        return httpx.Response(200, content=HTML)

    with pytest.raises(ProtocolError):
        client(handler).get_list("jobs.xml", "jobs")

    assert [r for r in seen if r.url.host == "elsewhere.example.com"]
    assert not [r for r in seen if r.url.host != "app.kickserv.com" and "Authorization" in r.headers]


def test_a_token_that_a_new_host_did_not_get_is_not_called_wrong() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.host == "example-ducts.kickservapp.com":
            return httpx.Response(301, headers={"Location": "https://app.kickserv.com/example-ducts/jobs.xml"})
        return httpx.Response(401, content=b"HTTP Basic: Access denied.\n")

    with pytest.raises(ProtocolError, match=r"https://app\.kickserv\.com/example-ducts/jobs\.xml") as caught:
        client(handler, base_url="https://example-ducts.kickservapp.com").get_list("jobs.xml", "jobs")

    assert "base_url" in caught.value.remedy


def mistakes(values: Iterable[tuple[str, object]]) -> None:
    KickservSettings.model_validate({"account": "a", "api_token": TOKEN, **dict(values)})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("base_url", "http://app.kickserv.com"),
        ("base_url", "ftp://app.kickserv.com"),
        ("base_url", "https://user:pw@app.kickserv.com"),
        ("account", "../other"),
        ("account", ""),
        ("api_prefix", "v2/"),
        ("connections", 0),
        ("pause", -1),
        ("inferred", {"contacts_path": "https://elsewhere.example.com/contacts.xml"}),
        ("per_page", 10),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=setting.partition(".")[0]):
        mistakes([(setting, value)])


def test_settings_never_show_the_token() -> None:
    settings = KickservSettings.model_validate({"account": "a", "api_token": TOKEN})

    assert TOKEN not in f"{settings!r} {settings} {settings.model_dump_json()}"
