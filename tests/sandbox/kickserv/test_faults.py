"""Scripted trouble: each fault does what it says, as often as asked, and then the service is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from lxml import etree

if TYPE_CHECKING:
    from sandbox.kickserv.conftest import Api


def test_throttling_lasts_as_long_as_asked_and_only_where_it_matches(own: Api) -> None:
    own.kickserv.faults.answer(429, times=2, match=r"jobs\.xml", retry_after="1")

    answers = [own.get("customers"), own.get("jobs"), own.get("jobs"), own.get("jobs")]

    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["retry-after"] == "1"


def test_a_fault_can_wait_for_its_turn(own: Api) -> None:
    own.kickserv.faults.answer(503, after=2)

    assert [own.get("tags").status_code for _ in range(4)] == [200, 200, 503, 200]


def test_an_error_page_is_html(own: Api) -> None:
    own.kickserv.faults.html(500)

    response = own.get("jobs")

    assert (response.status_code, response.text[:14]) == (500, "<!DOCTYPE html")


def test_a_truncated_body_is_proper_http_and_broken_xml(own: Api) -> None:
    own.kickserv.faults.truncate()

    response = own.get("jobs")

    assert response.status_code == 200
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(response.content)


def test_a_cut_connection_breaks_off(own: Api) -> None:
    own.kickserv.faults.cut()

    with pytest.raises(httpx.RemoteProtocolError):
        own.get("jobs")
    assert own.get("jobs").status_code == 200


def test_a_late_answer_can_outlast_a_client(own: Api) -> None:
    own.kickserv.faults.delay(0.3)
    url, token = f"{own.kickserv.base_url}/{own.kickserv.account}/tags.xml", own.kickserv.token

    with pytest.raises(httpx.ReadTimeout):
        own.http.get(url, auth=(token, token), timeout=0.05)


def test_a_list_can_shift_while_it_is_read(own: Api) -> None:
    company = own.kickserv.company
    oldest = own.walk("jobs")[-1][-1].findtext("job-number") or ""
    own.kickserv.faults.call(lambda: company.update_job(int(oldest), name="Moved up"), match="page=2")

    pages = own.walk("jobs")

    seen = [row.findtext("job-number") for page in pages for row in page]
    assert oldest not in seen
    assert len(seen) != len(set(seen))


def test_a_token_can_be_reset_in_the_middle(own: Api) -> None:
    own.kickserv.faults.call(own.kickserv.reset_token, after=1)
    old = own.kickserv.token

    assert [own.get("jobs", token=old, page=page).status_code for page in (1, 2, 3)] == [200, 401, 401]


def test_faults_can_be_forgotten(own: Api) -> None:
    own.kickserv.faults.answer(503, times=100)

    own.kickserv.faults.clear()

    assert own.get("tags").status_code == 200


def test_the_log_holds_what_was_asked(own: Api) -> None:
    own.kickserv.faults.answer(503)

    own.get("tags")
    own.get("jobs", page=2)

    assert [request.status for request in own.kickserv.requests.seen] == [503, 200]
    assert own.kickserv.requests.count("jobs.xml?page=2") == 1
