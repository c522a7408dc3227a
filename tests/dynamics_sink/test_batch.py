"""Batches on the wire, and what servers may answer to them."""

from collections.abc import Callable

import httpx
import pytest

from transload.errors import AuthenticationError, ProtocolError
from transload.http import HttpClient
from transload_dynamics_sink.batch import Operation, build_batch, parse_batch, send_operations
from transload_dynamics_sink.client import Dataverse

MULTIPART = "multipart/mixed; boundary=batchresponse_1"
NO_CONTENT = "HTTP/1.1 204 No Content\r\nOData-Version: 4.0\r\n\r\n"
DEADLOCK = '{"error": {"code": "0x80044150", "message": "Sql Number: 1205"}}'
TOO_LONG = '{"error": {"code": "0x80044331", "message": "too long"}}'


def refusal(body: str, status: str = "400 Bad Request") -> str:
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\r\n{body}"


def multipart(*parts: str) -> bytes:
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    pieces = [f"--batchresponse_1\r\n{head}{part}\r\n" for part in parts]
    return ("".join(pieces) + "--batchresponse_1--\r\n").encode()


def dataverse(handler: Callable[[httpx.Request], httpx.Response]) -> tuple[Dataverse, list[float]]:
    pauses: list[float] = []
    http = HttpClient(
        system="Dataverse",
        base_url="https://contoso.example.com/api/data/v9.2",
        transport=httpx.MockTransport(handler),
    )
    return Dataverse(http, sleep=pauses.append), pauses


def answers(*given: bytes) -> tuple[Callable[[httpx.Request], httpx.Response], list[bytes]]:
    asked: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        content = given[min(len(asked), len(given)) - 1]
        return httpx.Response(200, headers={"Content-Type": MULTIPART}, content=content)

    return handle, asked


def operations(count: int) -> list[Operation]:
    return [Operation("PATCH", f"accounts({number})", b'{"name":"x"}') for number in range(count)]


def test_every_line_of_a_batch_ends_in_crlf() -> None:
    content_type, body = build_batch(
        [Operation("PATCH", "accounts(1)", b'{"name":"x"}', {"If-Match": "*"}), Operation("DELETE", "accounts(2)")],
        {"MSCRM.BypassBusinessLogicExecution": "CustomSync"},
    )

    boundary = content_type.partition('"')[2].rstrip('"')
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert body.decode().split("\r\n") == [
        f"--{boundary}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        "PATCH /api/data/v9.2/accounts(1) HTTP/1.1",
        "MSCRM.BypassBusinessLogicExecution: CustomSync",
        "If-Match: *",
        "Content-Type: application/json; type=entry",
        "",
        '{"name":"x"}',
        f"--{boundary}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        "DELETE /api/data/v9.2/accounts(2) HTTP/1.1",
        "MSCRM.BypassBusinessLogicExecution: CustomSync",
        "",
        "",
        f"--{boundary}--",
        "",
    ]


def test_reads_status_and_body_of_each_part() -> None:
    replies = parse_batch(MULTIPART, multipart(NO_CONTENT, refusal(TOO_LONG), NO_CONTENT))

    assert [reply.status for reply in replies] == [204, 400, 204]
    assert replies[1].body.decode() == TOO_LONG


def test_an_answer_that_is_no_batch_has_no_replies() -> None:
    assert parse_batch("text/html", b"<html>") == []
    assert parse_batch(MULTIPART, b"<html>") == []


def test_a_lock_is_tried_again_alone() -> None:
    handle, asked = answers(multipart(NO_CONTENT, refusal(DEADLOCK), NO_CONTENT), multipart(NO_CONTENT))
    target, pauses = dataverse(handle)

    replies = send_operations(target, operations(3))

    assert [reply.status for reply in replies] == [204, 204, 204]
    assert asked[1].count(b"PATCH") == 1
    assert len(pauses) == 1


def test_a_lock_that_never_opens_is_an_error_of_its_row() -> None:
    handle, _ = answers(multipart(refusal(DEADLOCK)))
    target, pauses = dataverse(handle)

    [reply] = send_operations(target, operations(1))

    assert reply.refusal is not None
    assert reply.refusal.code == "0x80044150"
    assert len(pauses) == 4


def test_a_server_that_stops_at_the_first_error_gets_the_rest_again() -> None:
    handle, asked = answers(multipart(NO_CONTENT, refusal(TOO_LONG)), multipart(NO_CONTENT, NO_CONTENT))
    target, _ = dataverse(handle)

    replies = send_operations(target, operations(4))

    assert [reply.status for reply in replies] == [204, 400, 204, 204]
    assert asked[1].count(b"PATCH") == 2


def test_a_batch_that_is_too_large_is_halved() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        count = request.content.count(b"PATCH")
        if count > 2:
            return httpx.Response(413, content=b"")
        return httpx.Response(200, headers={"Content-Type": MULTIPART}, content=multipart(*[NO_CONTENT] * count))

    target, _ = dataverse(handle)

    replies = send_operations(target, operations(5))

    assert [reply.status for reply in replies] == [204] * 5


def test_many_operations_travel_in_several_batches_in_order() -> None:
    sizes: list[int] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sizes.append(request.content.count(b"PATCH"))
        parts = [NO_CONTENT] * sizes[-1]
        return httpx.Response(200, headers={"Content-Type": MULTIPART}, content=multipart(*parts))

    target, _ = dataverse(handle)

    send_operations(target, operations(230))

    assert sizes == [100, 100, 30]


def test_an_html_page_instead_of_a_batch_stops_the_run() -> None:
    target, _ = dataverse(lambda request: httpx.Response(200, html="<html>Sign in</html>"))

    with pytest.raises(ProtocolError, match="Sign in"):
        send_operations(target, operations(1))


def test_a_refused_sign_in_stops_the_run() -> None:
    target, _ = dataverse(lambda request: httpx.Response(401))

    with pytest.raises(AuthenticationError):
        send_operations(target, operations(1))
