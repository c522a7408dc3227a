"""Cassettes play what was recorded, refuse what was not, and hold no secret."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from transload.testing import Cassettes
from transload.testing.cassettes import FIRST_LINE, mask_secrets

SECRETS = ("hunter2", "bearer-of-all", "cookie-of-all")


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        said = self.rfile.read(length).decode()
        body = json.dumps({"path": self.path, "said": said[:5], "access_token": "hunter2"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "session=cookie-of-all")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def talk(address: str, said: str = "hello", path: str = "/rows?page=1") -> dict[str, str]:
    form = {"said": said, "client_secret": "hunter2"}
    with httpx.Client() as client:
        answer = client.post(f"{address}{path}", data=form, headers={"Authorization": "bearer-of-all"})
    found: dict[str, str] = answer.json()
    return found


@pytest.fixture
def recorded(tmp_path: Path, address: str) -> Path:
    with Cassettes(tmp_path, recording=True)("mine/hello.yaml"):
        talk(address)
    return tmp_path


def test_a_recorded_conversation_is_played_without_a_server(recorded: Path) -> None:
    with Cassettes(recorded)("mine/hello.yaml") as tape:
        answer = talk("http://nowhere.example.com")

    assert answer["path"] == "/rows?page=1"
    assert tape.all_played
    assert tape.play_count == 1


def test_a_tape_says_what_it_is_and_holds_no_secret(recorded: Path) -> None:
    text = (recorded / "mine" / "hello.yaml").read_text()

    assert text.startswith(FIRST_LINE)
    assert [secret for secret in SECRETS if secret in text] == []


@pytest.mark.parametrize(
    ("said", "path"), [("goodbye", "/rows?page=1"), ("hello", "/rows?page=2"), ("hello", "/other?page=1")]
)
def test_a_request_that_is_not_on_the_tape_fails(recorded: Path, said: str, path: str) -> None:
    from vcr.errors import CannotOverwriteExistingCassetteException

    with Cassettes(recorded)("mine/hello.yaml") as tape, pytest.raises(CannotOverwriteExistingCassetteException):
        talk("http://nowhere.example.com", said, path)

    assert not tape.all_played


def test_a_tape_that_is_missing_says_how_to_record_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="TRANSLOAD_RECORD=1"), Cassettes(tmp_path)("none.yaml"):
        pass


def test_recording_anew_forgets_the_old_tape(recorded: Path, address: str) -> None:
    with Cassettes(recorded, recording=True)("mine/hello.yaml"):
        talk(address, "goodbye")

    with Cassettes(recorded)("mine/hello.yaml") as tape:
        talk("http://nowhere.example.com", "goodbye")

    assert tape.all_played


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"access_token": "hunter2", "n": 1}', '{"access_token": "masked", "n": 1}'),
        ('{"client-secret":"hun\\"ter2"}', '{"client-secret":"masked"}'),
        ("<token>hunter2</token><name>Ada</name>", "<token>masked</token><name>Ada</name>"),
        ('<api-token type="string">hunter2</api-token>', '<api-token type="string">masked</api-token>'),
        ("grant=x&client_secret=hunter2&scope=y", "grant=x&client_secret=masked&scope=y"),
        ('{"tokens": "many"}', '{"tokens": "many"}'),
    ],
)
def test_secrets_are_masked_in_every_form(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked
