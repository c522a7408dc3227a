"""Fetching files: whole, once, and with the token for Kickserv alone."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import httpx
import pytest

from transload import Record
from transload.errors import RecordError
from transload.files import FileStore
from transload.values import FileRef
from transload_kickserv_source.account import Account
from transload_kickserv_source.appendages import attachment_of
from transload_kickserv_source.audit import findings
from transload_kickserv_source.downloads import DownloadError, Downloads, safe_name
from transload_kickserv_source.schema import ENTITIES
from transload_kickserv_source.settings import KickservSettings
from transload_kickserv_source.source import KickservSource
from transload_kickserv_source.xml import Row
from transload_sandbox import KickservSandbox

Open = Callable[..., closing[KickservSource]]
HOME, STORAGE = "https://app.kickserv.com", "https://files.example.com"


class Quick:
    """A clock that does not wait."""

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float, /) -> None:
        return


def files_of(source: KickservSource) -> dict[str, Record]:
    records = (record for name in ENTITIES for record in source.read(name) or ())
    return {str(record.fields["id"]): record for record in records if record.key.entity == "attachment"}


def content_of(record: Record, folder: Path) -> bytes:
    content = record.fields["content"]
    assert isinstance(content, dict)
    with FileStore(folder).open(str(content["digest"])) as file:
        return file.read()


def test_every_file_is_kept_byte_by_byte(kickserv: KickservSandbox, open_source: Open, tmp_path: Path) -> None:
    with open_source(tmp_path, connections=4) as source:
        found = files_of(source)

    rows = list(kickserv.company.attachments.rows())
    assert found.keys() == {str(row["id"]) for row in rows}
    for row in rows:
        record = found[str(row["id"])]
        assert content_of(record, tmp_path) == kickserv.company.content_of(row)
        assert record.fields["content_error"] is None
        assert record.fields["parent_entity"] in {"customer", "job", "estimate"}
    assert kickserv.leaks == []


def test_a_file_that_did_not_change_is_not_fetched_again(
    kickserv: KickservSandbox, open_source: Open, tmp_path: Path
) -> None:
    with open_source(tmp_path) as source:
        first = files_of(source)
    fetched = kickserv.requests.count("/download")
    with open_source(tmp_path) as source:
        again = files_of(source)

    assert again == first
    assert kickserv.requests.count("/download") == fetched


def test_a_file_that_cannot_be_fetched_is_reported_and_tried_again(
    kickserv: KickservSandbox, open_source: Open, tmp_path: Path
) -> None:
    kickserv.switches.files = "kickserv"
    lost, short = list(kickserv.company.attachments.keys())[:2]
    size = kickserv.company.attachments.get(short)["file_size"]  # type: ignore[index] # it is there
    kickserv.switches.lost_files, kickserv.switches.short_files = {lost}, {short}
    with open_source(tmp_path) as source:
        found = files_of(source)
        (finding,) = [one for one in findings(source.seen) if one.code == "kickserv.files"]
    kickserv.switches.lost_files = set()
    with open_source(tmp_path) as source:
        later = files_of(source)

    assert (found[str(lost)].fields["content"], found[str(lost)].fields["content_error"]) == (None, "status 404")
    assert f"its record says {size}" in str(found[str(short)].fields["content_error"])
    assert finding.count == 2
    assert str(lost) in finding.evidence
    assert later[str(lost)].fields["content"] is not None


def test_a_link_that_has_grown_too_old_is_asked_for_anew(
    kickserv: KickservSandbox, open_source: Open, tmp_path: Path
) -> None:
    kickserv.switches.files = "storage"
    kickserv.switches.link_seconds = -1
    kickserv.faults.call(lambda: setattr(kickserv.switches, "link_seconds", 300), match=r"/attachments\.xml")
    with open_source(tmp_path) as source:
        found = files_of(source)

    assert {record.fields["content_error"] for record in found.values()} == {None}


def test_without_attachments_no_file_is_asked_for(kickserv: KickservSandbox, open_source: Open, tmp_path: Path) -> None:
    with open_source(tmp_path, attachments=False) as source:
        found = files_of(source)

    assert found == {}
    assert kickserv.requests.count("attachments") == 0


def downloads(answer: Callable[[httpx.Request], httpx.Response]) -> Downloads:
    settings = KickservSettings.model_validate({"account": "a", "api_token": "FAKE-token"})
    return Downloads(settings, transport=httpx.MockTransport(answer), clock=Quick())


def fetch(answer: Callable[[httpx.Request], httpx.Response], url: str, folder: Path, media_type: str = "") -> FileRef:
    with closing(downloads(answer)) as there:
        return there.fetch(url, FileStore(folder), "a.pdf", media_type)


@pytest.mark.parametrize("url", [f"{HOME}/a/attachments/1/download", "/a/attachments/1/download"])
def test_credentials_stay_with_kickserv(tmp_path: Path, url: str) -> None:
    asked: list[tuple[str, bool]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.host, "authorization" in request.headers))
        if request.url.host == "app.kickserv.com":
            return httpx.Response(302, headers={"location": f"{STORAGE}/1?signature=x", "set-cookie": "a=b"})
        return httpx.Response(200, content=b"bytes")

    file = fetch(answer, url, tmp_path)

    assert asked == [("app.kickserv.com", True), ("files.example.com", False)]
    assert file.size == 5


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "missing"),
        ("http://files.example.com/1", "none that may be fetched"),
        ("file:///etc/passwd", "none that may be fetched"),
        ("https://host:port/", "no address"),
        (f"{STORAGE}/loop", "redirects"),
        (f"{STORAGE}/gone", "status 410"),
        (f"{STORAGE}/login", "web page"),
        (f"{STORAGE}/down", "status 503"),
        (f"{STORAGE}/cut", "ReadError"),
    ],
)
def test_a_file_that_is_not_to_be_had_says_why(tmp_path: Path, url: str, problem: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        what = request.url.path
        if what == "/loop":
            return httpx.Response(302, headers={"location": f"{STORAGE}/loop"})
        if what == "/cut":
            raise httpx.ReadError("FAKE-token")
        if what == "/login":
            return httpx.Response(200, html="<html>Sign in</html>")
        return httpx.Response({"/gone": 410, "/down": 503}[what])

    with pytest.raises(DownloadError, match=problem) as caught:
        fetch(answer, url, tmp_path, "application/pdf")

    assert isinstance(caught.value, RecordError)
    assert "FAKE" not in str(caught.value)


def test_a_bad_moment_is_waited_out(tmp_path: Path) -> None:
    answers = iter(
        [httpx.Response(503), httpx.Response(429, headers={"Retry-After": "1"}), httpx.Response(200, content=b"ok")]
    )

    file = fetch(lambda request: next(answers), f"{HOME}/1", tmp_path)

    assert asdict(file) == {"digest": file.digest, "size": 2, "name": "a.pdf", "media_type": ""}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("before return vent.jpg", "before return vent.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\a.png", "a.png"),
        ('a<b>:"c|d?e*.pdf', "a_b___c_d_e_.pdf"),
        ("a\nb\x00.txt", "a_b_.txt"),
        (" . ", "file"),
        ("заказ.pdf", "заказ.pdf"),
        ("x" * 400 + ".pdf", "x" * 251 + ".pdf"),
        ("x" * 400, "x" * 255),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_an_attachment_is_read_under_the_names_that_libraries_give_and_without_its_signature(
    account: Callable[..., Account],
) -> None:
    row: Row = {
        "id": 1, "job_id": None, "created_by": 7, "attachment_file_name": "a.jpg", "size": 12, "mime_type": "image/png",
        "download_url": f"{STORAGE}/a?X-Signature=1#top", "thumb_url": f"{STORAGE}/t?X-Signature=2", "rotated": True,
    }  # fmt: skip

    attached = attachment_of("job", 5, row, account())

    assert attached is not None
    fields = {name: attached.fields[name] for name in ("job_id", "file_name", "file_size", "content_type", "url")}
    assert fields == {
        "job_id": 5, "file_name": "a.jpg", "file_size": 12, "content_type": "image/png", "url": f"{STORAGE}/a",
    }  # fmt: skip
    assert attached.url == f"{STORAGE}/a?X-Signature=1#top"
    assert attached.fields["more"] == f"Thumb url: {STORAGE}/t\nRotated: true"
    assert attached.fields["byline"] == "by employee 7 of Kickserv"


def test_an_attachment_that_was_deleted_is_left_out(account: Callable[..., Account]) -> None:
    reading = account()

    assert attachment_of("job", 5, {"id": 1, "deleted_at": "2017-08-04T08:16:22-04:00"}, reading) is None
    assert list(reading.seen.marks["deleted"]) == ["attachment 1"]
