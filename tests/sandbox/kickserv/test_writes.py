"""Writes over HTTP, enough to seed an account from outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from lxml import etree

if TYPE_CHECKING:
    from sandbox.kickserv.conftest import Api


DATA = Path(__file__).parents[2] / "data" / "kickserv"


def send(api: Api, method: str, path: str, body: bytes | str = "") -> httpx.Response:
    token = api.kickserv.token
    return api.http.request(
        method,
        f"{api.kickserv.base_url}/{api.kickserv.account}/{path}.xml",
        content=body.encode() if isinstance(body, str) else body,
        headers={"content-type": "application/xml"},
        auth=(token, token),
    )


def test_a_customer_is_created_with_the_next_number(own: Api) -> None:
    body = (DATA / "inferred/request.customers.create.xml").read_bytes()

    created = send(own, "POST", "customers", body)

    root = etree.fromstring(created.content)
    assert (created.status_code, root.tag, root.findtext("customer-number")) == (201, "customers", "41")
    assert etree.fromstring(own.get("customers/41").content).findtext("name") == "Wilda Pruitt"


def test_a_customer_without_a_name_is_refused(own: Api) -> None:
    response = send(own, "POST", "customers", "<customer/>")

    assert response.status_code == 422
    assert "<error>Name can't be blank</error>" in response.text


def test_a_customer_is_changed_and_deleted(own: Api) -> None:
    changed = send(own, "PUT", "customers/3", "<customer><name>Renamed</name><balance>9</balance></customer>")
    deleted = send(own, "DELETE", "customers/3")

    assert etree.fromstring(changed.content).findtext("name") == "Renamed"
    assert etree.fromstring(changed.content).findtext("balance") != "9.0"
    assert deleted.status_code == 200
    assert own.get("customers/3").status_code == 400


def test_a_job_needs_a_customer_and_a_type(own: Api) -> None:
    customer = own.kickserv.company.customers.get(1) or {}
    good = f"<job><customer_id>{customer['id']}</customer_id><job_type_id>44760</job_type_id><name>Ducts</name>"
    when = "<scheduled_on>10/2/2026 09:30am</scheduled_on>"

    refused = send(own, "POST", "jobs", "<job><name>Ducts</name></job>")
    created = send(own, "POST", "jobs", f"{good}{when}</job>")
    opportunity = send(own, "POST", "jobs", f"{good}<estimate>true</estimate></job>")

    assert refused.status_code == 422
    assert etree.fromstring(created.content).findtext("scheduled-on") == "2026-10-02T09:30:00-04:00"
    assert etree.fromstring(opportunity.content).findtext("status") == "new"


def test_a_note_is_added_to_a_job(own: Api) -> None:
    created = send(own, "POST", "jobs/1/notes", "<note><note>Ring twice</note><public>true</public></note>")

    assert created.status_code == 201
    assert "Ring twice" in own.get("jobs/1/notes").text


def test_unknown_records_and_paths_are_not_written(own: Api) -> None:
    assert send(own, "PUT", "customers/9999", "<customer/>").status_code == 400
    assert send(own, "POST", "jobs/9999/notes", "<note><note>x</note></note>").status_code == 400
    assert send(own, "DELETE", "jobs/1").status_code == 404
    assert send(own, "POST", "employees", "<employee/>").status_code == 404
    assert send(own, "POST", "customers", "<customer>").status_code == 422
