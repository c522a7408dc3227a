"""What is kept of requests and answers, and what is not: secrets above all."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from transload import RunContext
from transload._recording import MOST_BYTES, KeptExchange, recorded
from transload._redaction import redact
from transload.errors import UnreachableError
from transload.http import HttpClient, Patience, in_this_context

BASE = "https://crm.example.com/api"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
JSON, XML = {"Content-Type": "application/json"}, {"Content-Type": "application/xml; charset=utf-8"}
Answer = Callable[[httpx.Request], httpx.Response]


class Settings(BaseModel):
    """What a plugin of the client has been told."""

    url: str = BASE
    api_token: SecretStr = SecretStr("SESAME")


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return RunContext("run-1", "run", tmp_path, {Settings: Settings()}, clock=lambda: NOON)


def client(answer: Answer, **options: object) -> HttpClient:
    """A client that signs in with a token and a cookie."""
    signed = {"Authorization": "Bearer SESAME", "Cookie": "session=1"}
    transport = httpx.MockTransport(answer)
    patience = Patience(attempts=1, first_pause=0.0)
    return HttpClient(system="CRM", base_url=BASE, headers=signed, transport=transport, patience=patience, **options)  # type: ignore[arg-type]  # options of the client


def exchange(context: RunContext, answer: httpx.Response, content: bytes = b"", **options: object) -> KeptExchange:
    """Return what is kept of one request."""
    with recorded(context) as kept, client(lambda _: answer, **options) as crm:
        crm.send("POST", "rows?key=SESAME", repeatable=True, content=content, headers=JSON)
    [only] = kept
    return only


def test_a_request_is_kept_with_its_answer(context: RunContext) -> None:
    answer = httpx.Response(207, headers={**JSON, "Retry-After": "3"}, content=b'{"value":[]}')

    kept = exchange(context, answer, b'{"Targets":[]}')

    assert (kept.at, kept.method, kept.url, kept.status, kept.problem) == (NOON, "POST", f"{BASE}/rows", 207, "")
    assert (kept.sent.body, kept.sent.size) == (b'{"Targets":[]}', 14)
    assert kept.received is not None
    assert kept.received.body == b'{"value":[]}'
    assert kept.received.headers["retry-after"] == "3"


def test_nothing_is_kept_while_nobody_listens(context: RunContext) -> None:
    with client(lambda _: httpx.Response(200)) as crm:
        with recorded(context) as kept:
            pass
        crm.send("GET", "rows", repeatable=True)

    assert kept == []


def test_only_headers_that_are_known_to_matter_are_kept(context: RunContext) -> None:
    answered = {"Set-Cookie": "session=2", "X-Anything": "else", "X-MS-Service-Request-Id": "r-1", "REQ_ID": "r-2"}

    kept = exchange(context, httpx.Response(204, headers=answered), b"{}", telling=("Req_Id",))

    assert kept.sent.headers == {"content-length": "2", "content-type": "application/json"}
    assert kept.received is not None
    assert kept.received.headers == {"x-ms-service-request-id": "r-1", "req_id": "r-2"}


def test_a_place_in_a_header_is_kept_without_its_query(context: RunContext) -> None:
    answered = {"Location": f"{BASE}/upload/7?sessiontoken=SESAME"}

    kept = exchange(context, httpx.Response(200, headers=answered))

    assert kept.received is not None
    assert kept.received.headers["location"] == f"{BASE}/upload/7"


@pytest.mark.parametrize(
    ("headers", "content", "safe"),
    [
        (JSON, b'{"name":"Ada","said":"SESAME"}', b'{"name":"Ada","said":"***"}'),
        (JSON, b'{"access_token":"abc","name":"Ada"}', b'{"access_token":"***","name":"Ada"}'),
        (JSON, b'{"Client_Secret" : "a\\"b" ,"n":1}', b'{"Client_Secret" : "***" ,"n":1}'),
        (JSON, b'{"token":12345,"n":1}', b'{"token":"***","n":1}'),
        (JSON, b'{"note":"the token: is in the drawer","n":1}', b'{"note":"the token: is in the drawer","n":1}'),
        (JSON, b'{"url":"https://files.example.com/7?sv=1&sig=abc%2F&x=2"}',
         b'{"url":"https://files.example.com/7?sv=1&sig=***&x=2"}'),
        (XML, b"<row><api-token>abc</api-token><name>Ada</name></row>",
         b"<row><api-token>***</api-token><name>Ada</name></row>"),
        (XML, b"<row><token nil='true'/><Password type='s'>a<b>c</b></Password><n/></row>",
         b"<row><token nil='true'/><Password type='s'>***</Password><n/></row>"),
        (XML, b"<row><pin-code>1234</pin-code></row>", b"<row><pin-code>***</pin-code></row>"),
        (XML, b"<token>cut off", b"<token>***"),
    ],
)  # fmt: skip
def test_secrets_are_masked_wherever_they_stand(
    context: RunContext, headers: dict[str, str], content: bytes, safe: bytes
) -> None:
    kept = exchange(context, httpx.Response(200, headers=headers, content=content), secret_words=("Pin-Code",))

    assert kept.received is not None
    assert kept.received.body == safe


@given(st.text(alphabet='ab"<>?&=:\\ {}[],/*token', max_size=80))
def test_redaction_takes_any_text_and_leaves_what_is_no_secret(text: str) -> None:
    content = text.encode()

    safe = redact(content, [b"SESAME"], [b"token"])

    assert safe == content or b"token" in content


def test_a_sign_in_is_not_kept(context: RunContext) -> None:
    with recorded(context) as kept, client(lambda _: httpx.Response(200), private=True) as authority:
        authority.send("POST", "token", repeatable=True, content=b"secret")

    assert kept == []


def test_of_other_bodies_only_the_size_is_kept(context: RunContext) -> None:
    page = httpx.Response(200, headers={"Content-Type": "text/html"}, content=b"<html>sign in</html>")
    with recorded(context) as kept, client(lambda _: page) as crm:
        headers = {"Content-Type": "application/octet-stream"}
        crm.send("PATCH", "rows", repeatable=True, content=b"\x89PNG", headers=headers)

    assert kept[0].received is not None
    assert (kept[0].sent.body, kept[0].sent.size) == (b"", 4)
    assert (kept[0].received.body, kept[0].received.size) == (b"", 20)


def test_of_a_file_in_a_body_only_the_beginning_is_kept(context: RunContext) -> None:
    row = {"id": "7", "documentbody": "iVBOR" * 1000, "text": "line\n" * 1000}

    kept = exchange(context, httpx.Response(204), json.dumps(row).encode())

    found = json.loads(kept.sent.body)
    assert found["documentbody"] == "iVBOR" * 16 + "... (5000 characters)"
    assert found["text"] == row["text"]


def test_no_more_is_kept_of_a_body_than_agreed(context: RunContext) -> None:
    body = json.dumps(["word " * 9] * 60_000).encode()

    kept = exchange(context, httpx.Response(204), body)

    assert (len(kept.sent.body), kept.sent.size) == (MOST_BYTES, len(body))
    assert len(kept.sent.packed) < MOST_BYTES / 50


def test_a_body_that_was_handed_on_part_by_part_is_not_kept(context: RunContext) -> None:
    handed: list[bytes] = []
    answer = httpx.Response(200, headers=JSON, content=b'{"n":1}')
    with recorded(context) as kept, client(lambda _: answer) as crm:
        crm.send("GET", "file", repeatable=True, take=lambda parts: handed.extend(parts))

    assert handed == [b'{"n":1}']
    assert kept[0].received is not None
    assert kept[0].received.body == b""


def test_an_attempt_without_an_answer_is_kept_with_the_reason(context: RunContext) -> None:
    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut")

    with recorded(context) as kept, client(cut) as crm, pytest.raises(UnreachableError):
        crm.send("POST", "rows", repeatable=True, content=b"{}", headers=JSON)

    assert [(one.status, one.problem, one.received) for one in kept] == [(None, "ReadError: cut", None)]


def test_a_pool_of_threads_is_heard_when_it_works_in_the_context_of_the_caller(context: RunContext) -> None:
    with client(lambda _: httpx.Response(200)) as crm, ThreadPoolExecutor(2) as pool:

        def read(number: int) -> httpx.Response:
            return crm.send("GET", f"page{number}", repeatable=True)

        with recorded(context) as unheard:
            list(pool.map(read, range(4)))
        with recorded(context) as heard:
            list(pool.map(in_this_context(read), range(4)))

    assert unheard == []
    assert sorted(one.url.rpartition("/")[2] for one in heard) == ["page0", "page1", "page2", "page3"]
