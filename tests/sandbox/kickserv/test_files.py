"""Attachments: their records, their bytes, and where credentials may go."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

import httpx
import pytest
from lxml import etree

from transload_sandbox.kickserv._bytes import CONTENT_TYPES, make_bytes
from transload_sandbox.kickserv.company import number_of

if TYPE_CHECKING:
    from sandbox.kickserv.conftest import Api


def add_file(api: Api, content: bytes = b"some bytes") -> int:
    return number_of(api.kickserv.company.add_attachment("Zoë's photo.jpg", content, "image/jpeg", job=1))


def url_of(api: Api, path: str = "jobs/1/attachments") -> str:
    return api.rows(path)[-1].findtext("url") or ""


def signed_in(api: Api) -> tuple[str, str]:
    return api.kickserv.token, api.kickserv.token


def test_every_file_has_as_many_bytes_as_its_record_says_and_the_same_each_time(api: Api) -> None:
    company = api.kickserv.company

    for row in company.attachments.rows():
        content = company.content_of(row)
        assert len(content) == row["file_size"]
        assert hashlib.sha256(content).digest() == hashlib.sha256(company.content_of(row)).digest()


def test_files_hang_on_jobs_and_on_customers(api: Api) -> None:
    jobs = [row for page in api.walk("jobs", include="attachments") for row in page]
    customers = [row for page in api.walk("customers", include="attachments") for row in page]

    on_job = [row for job in jobs for row in job.iterfind("attachments/attachment")]
    on_customer = [row for customer in customers for row in customer.iterfind("attachments/attachment")]

    assert {row.findtext("job-id") is not None for row in on_job} == {True}
    assert {row.findtext("customer-id") is not None for row in on_customer} == {True}
    ids = [row.findtext("id") for row in on_job + on_customer]
    assert len(ids) == len(set(ids)) > 20


def test_a_file_on_kickservs_host_wants_the_token(own: Api) -> None:
    own.kickserv.switches.files = "kickserv"
    add_file(own, b"\0\1\2")

    url = url_of(own)

    assert own.http.get(url).status_code == 401
    answer = own.http.get(url, auth=signed_in(own))
    assert (answer.content, answer.headers["content-type"]) == (b"\0\1\2", "image/jpeg")


def test_a_redirect_leads_to_the_storage_host_where_a_client_without_credentials_gets_the_file(own: Api) -> None:
    own.kickserv.switches.files = "redirect"
    add_file(own)

    answer = own.http.get(url_of(own), auth=signed_in(own), follow_redirects=True)

    assert answer.content == b"some bytes"
    assert answer.url.host == "localhost"
    assert [request.status for request in own.kickserv.storage_requests.seen] == [200]
    assert own.kickserv.leaks == []


def test_credentials_on_the_storage_host_are_refused_and_noted(own: Api) -> None:
    own.kickserv.switches.files = "storage"
    add_file(own)

    answer = own.http.get(url_of(own), auth=signed_in(own))

    assert (answer.status_code, "InvalidArgument" in answer.text) == (400, True)
    assert len(own.kickserv.leaks) == 1


def test_a_signed_link_grows_old_and_cannot_be_forged(own: Api) -> None:
    own.kickserv.switches.files = "storage"
    add_file(own)
    url = url_of(own)

    forged = own.http.get(url.replace("signature=", "signature=0"))
    fresh = own.http.get(url)
    own.kickserv.clock.advance(own.kickserv.switches.link_seconds + 1)
    old = own.http.get(url)

    assert [forged.status_code, fresh.status_code, old.status_code] == [403, 200, 403]


def test_files_can_be_lost_or_cut_short(own: Api) -> None:
    own.kickserv.switches.files = "kickserv"
    ident = add_file(own)
    url = url_of(own)

    own.kickserv.switches.short_files.add(ident)
    short = own.http.get(url, auth=signed_in(own))
    own.kickserv.switches.lost_files.add(ident)
    lost = own.http.get(url, auth=signed_in(own))

    assert (short.content, lost.status_code) == (b"some ", 404)


def test_a_limited_employee_gets_no_file_of_others(own: Api) -> None:
    own.kickserv.switches.files = "kickserv"
    company = own.kickserv.company
    company.assign(1, [71315])
    add_file(own)
    limited = own.kickserv.limited_token

    assert own.http.get(url_of(own), auth=(limited, limited)).status_code == 400


def test_files_of_a_deleted_job_are_gone(own: Api) -> None:
    add_file(own)
    url = url_of(own)

    own.kickserv.company.delete_job(1)

    assert own.http.get(url, auth=signed_in(own)).status_code in (400, 403, 404)


@pytest.mark.parametrize("content_type", sorted(CONTENT_TYPES))
@pytest.mark.parametrize("size", [0, 1, 5_000, 65_540, 131_400])
def test_bytes_are_made_to_measure(content_type: str, size: int) -> None:
    assert len(make_bytes(content_type, size, "seed")) == size


def test_a_picture_can_be_read() -> None:
    picture = make_bytes("image/png", 9_000, "seed")

    place, pixels = 8, b""
    while place < len(picture):
        length, kind = int.from_bytes(picture[place : place + 4], "big"), picture[place + 4 : place + 8]
        data = picture[place + 8 : place + 8 + length]
        assert zlib.crc32(kind + data) == int.from_bytes(picture[place + 8 + length : place + 12 + length], "big")
        pixels += data if kind == b"IDAT" else b""
        place += 12 + length

    assert len(zlib.decompress(pixels)) == 24 * (1 + 24 * 3)


def test_the_records_survive_a_client_that_reads_them_with_xpath(api: Api) -> None:
    text = api.http.get(
        f"{api.kickserv.base_url}/{api.kickserv.account}/jobs.xml?include=attachments", auth=signed_in(api)
    ).content

    urls = etree.fromstring(text).xpath("//attachments/attachment/url/text()")

    assert all(str(httpx.URL(str(url)).host) in ("127.0.0.1", "localhost") for url in urls)  # type: ignore[union-attr]  # a list of texts
