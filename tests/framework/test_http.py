"""The polite client: what it sends again, for how long it waits, and what it keeps to itself."""

import ssl
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import httpx
import pytest

from transload.errors import UnreachableError
from transload.http import Exchange, HttpClient, Patience, excerpt, retry_after, trust

BASE = "https://crm.example.com/api"
Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Clock:
    """Time that only moves when somebody waits."""

    def __init__(self) -> None:
        self.now, self.pauses = 100.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class Server:
    """Answers with one step after the other, and the last one from then on."""

    def __init__(self, *steps: Step) -> None:
        self.steps, self.seen = steps, list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        step = self.steps[min(len(self.seen), len(self.steps)) - 1]
        if isinstance(step, Exception):
            raise step
        if callable(step):
            return step(request)
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)


class Bearer(httpx.Auth):
    """Credentials that are easy to spot."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = "Bearer secret"
        yield request


def client(server: Server, clock: Clock | None = None, patience: Patience | None = None) -> HttpClient:
    return HttpClient(
        system="CRM",
        base_url=BASE,
        auth=Bearer(),
        headers={"X-Account": "acme"},
        transport=httpx.MockTransport(server),
        clock=clock or Clock(),
        patience=patience,
    )


def test_answers_are_handed_on_whatever_their_status() -> None:
    server = Server(httpx.Response(404, text="no such row"))

    answer = client(server).send("POST", "rows", repeatable=False)

    assert (answer.status_code, answer.text) == (404, "no such row")
    assert str(server.seen[0].url) == f"{BASE}/rows"


def test_pauses_grow_between_attempts() -> None:
    server, clock = Server(*[httpx.Response(502)] * 4, httpx.Response(200)), Clock()

    client(server, clock).send("GET", "rows", repeatable=True)

    assert len(clock.pauses) == 4
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(clock.pauses, (0.5, 1, 2, 4), strict=True))


def test_gives_up_after_the_agreed_number_of_failures() -> None:
    server = Server(httpx.Response(504))

    with pytest.raises(UnreachableError, match=r"sent 6 times.*status 504"):
        client(server).send("GET", "rows", repeatable=True)

    assert len(server.seen) == 6


def test_being_throttled_is_no_failure() -> None:
    throttled = httpx.Response(429, headers={"Retry-After": "30"})
    server, clock = Server(*[throttled] * 40, httpx.Response(200)), Clock()

    answer = client(server, clock).send("POST", "rows", repeatable=False)

    assert answer.status_code == 200
    assert clock.pauses == [30.0] * 40


@pytest.mark.parametrize("wish", [{"Retry-After": "60"}, {"Retry-After": "0"}, {}])
def test_throttling_without_end_exhausts_the_total_patience(wish: dict[str, str]) -> None:
    server, clock = Server(httpx.Response(429, headers=wish)), Clock()

    with pytest.raises(UnreachableError, match="status 429"):
        client(server, clock, Patience(total=600)).send("GET", "rows", repeatable=True)

    assert sum(clock.pauses) <= 600
    assert len(server.seen) < 40


def test_a_pause_longer_than_our_patience_is_not_waited_for() -> None:
    server, clock = Server(httpx.Response(429, headers={"Retry-After": "86400"})), Clock()

    with pytest.raises(UnreachableError):
        client(server, clock).send("GET", "rows", repeatable=True)

    assert clock.pauses == []


def test_one_throttled_thread_holds_all_of_them() -> None:
    server, clock = Server(httpx.Response(429, headers={"Retry-After": "20"}), httpx.Response(200)), Clock()
    shared, started = client(server, clock), threading.Event()
    moments: list[float] = []

    def other() -> None:
        started.wait(5)
        shared.send("GET", "other", repeatable=True)
        moments.append(clock.now)

    thread = threading.Thread(target=other)
    thread.start()
    shared.send("GET", "rows", repeatable=True)
    started.set()
    thread.join(5)

    assert clock.pauses == [20.0]
    assert moments == [120.0]


@pytest.mark.parametrize(
    "trouble", [httpx.ReadError("cut"), httpx.RemoteProtocolError("half"), httpx.ReadTimeout("late")]
)
def test_a_lost_answer_is_asked_for_again_only_when_that_is_harmless(trouble: Exception) -> None:
    again, once = Server(trouble, httpx.Response(200)), Server(trouble, httpx.Response(200))

    client(again).send("PATCH", "rows(1)", repeatable=True)
    with pytest.raises(UnreachableError, match="whether it acted on it is unknown"):
        client(once).send("POST", "rows", repeatable=False)

    assert (len(again.seen), len(once.seen)) == (2, 1)


@pytest.mark.parametrize("step", [httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(429)])
def test_what_the_server_cannot_have_acted_on_is_sent_again(step: Step) -> None:
    server = Server(step, httpx.Response(201))

    assert client(server).send("POST", "rows", repeatable=False).status_code == 201


def test_a_gateway_that_lost_the_answer_leaves_a_create_unknown() -> None:
    server = Server(httpx.Response(504))

    with pytest.raises(UnreachableError, match="unknown"):
        client(server).send("POST", "rows", repeatable=False)

    assert len(server.seen) == 1


def test_a_certificate_nobody_trusts_is_said_at_once() -> None:
    server = Server(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"))

    with pytest.raises(UnreachableError) as caught:
        client(server).send("GET", "rows", repeatable=True)

    assert "ca_file" in caught.value.remedy
    assert len(server.seen) == 1


def redirect(to: str, status: int = 302) -> httpx.Response:
    return httpx.Response(status, headers={"Location": to})


def test_credentials_follow_a_redirect_at_home() -> None:
    server = Server(redirect("/api/moved"), httpx.Response(200))

    client(server).send("GET", "rows", repeatable=True)

    assert server.seen[1].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    "stranger",
    ["https://files.example.org/1", "http://crm.example.com/api/1", "https://crm.example.com:8443/1"],
)
def test_strangers_get_neither_credentials_nor_our_headers(stranger: str) -> None:
    redirected, direct = Server(redirect(stranger), httpx.Response(200)), Server(httpx.Response(200))

    client(redirected).send("GET", "files/1", repeatable=True)
    client(direct).send("GET", stranger, repeatable=True)

    for seen in (redirected.seen[1], direct.seen[0]):
        assert not {"authorization", "x-account"} & set(seen.headers)


def test_a_body_that_is_meant_for_another_host_arrives_whole() -> None:
    server = Server(httpx.Response(200))

    client(server).send("POST", "https://login.example.org/token", repeatable=True, content=b"a=b")

    assert server.seen[0].headers["Content-Length"] == "3"
    assert server.seen[0].content == b"a=b"


def test_a_write_is_never_redirected() -> None:
    server = Server(redirect("https://files.example.org/1", 307))

    answer = client(server).send("POST", "rows", repeatable=True, content=b"private")

    assert answer.status_code == 307
    assert len(server.seen) == 1


def test_cookies_are_neither_kept_nor_sent() -> None:
    server = Server(httpx.Response(200, headers={"Set-Cookie": "ARRAffinity=1"}))
    shared = client(server)

    shared.send("GET", "rows", repeatable=True)
    shared.send("GET", "rows", repeatable=True)

    assert "cookie" not in server.seen[1].headers


def test_messages_hold_no_secrets() -> None:
    told: list[Exchange] = []
    server = Server(httpx.LocalProtocolError("Illegal header value b'Bearer secret\\n'"))
    shared = HttpClient(
        system="CRM", base_url=BASE, transport=httpx.MockTransport(server), clock=Clock(), listen=told.append
    )

    with pytest.raises(UnreachableError) as caught:
        shared.send("GET", "https://user:secret@crm.example.com/api/rows?key=secret", repeatable=True)

    assert "secret" not in f"{caught.value} {caught.value.remedy} {told}"
    assert told[0].url == "https://crm.example.com/api/rows"


def test_every_exchange_is_told_of_even_the_lost_ones() -> None:
    told: list[Exchange] = []
    server = Server(httpx.Response(503), httpx.ReadError("cut"))
    shared = HttpClient(
        system="CRM", base_url=BASE, transport=httpx.MockTransport(server), clock=Clock(), listen=told.append
    )

    with pytest.raises(UnreachableError):
        shared.send("POST", "rows", repeatable=False)

    assert [(exchange.status, exchange.problem) for exchange in told] == [
        (503, "status 503"),
        (None, "ReadError: cut"),
    ]


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("34", 34.0),
        ("1.5", 1.5),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("Wed, 21 Oct 2026 07:28:30 -0000", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
    ],
)
def test_reads_retry_after(asked: str, seconds: float | None) -> None:
    answer = httpx.Response(429, headers={"Retry-After": asked, "Date": "Wed, 21 Oct 2026 07:28:00 GMT"})

    assert retry_after(answer) == seconds


def test_an_excerpt_is_one_short_printable_line() -> None:
    answer = httpx.Response(500, text="<html>\n\x1b[31mOops " + "x" * 900)

    assert excerpt(answer, 20) == "<html> [31mOops xxxx"


def test_a_file_that_holds_no_certificates_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")

    with pytest.raises(ssl.SSLError):
        trust(file)
