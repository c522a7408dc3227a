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


def owner_id(api: Api, number: int = 1) -> object:
    return (api.kickserv.company.customers.get(number) or {})["id"]


def job_id(api: Api, number: int = 1) -> object:
    return (api.kickserv.company.jobs.get(number) or {})["id"]


def errors(response: httpx.Response) -> list[str | None]:
    assert response.status_code == 422, response.text
    return [error.text for error in etree.fromstring(response.content)]


def test_a_line_changes_the_totals_of_its_job_and_discount_and_tax_add_up(own: Api) -> None:
    own.kickserv.company.update_job(1, tax_id=9810)
    body = (
        "<job_charge><job_charge_type_id>31</job_charge_type_id><item_id>520</item_id>"
        "<quantity>3</quantity><discount>5.5</discount></job_charge>"
    )

    created = send(own, "POST", "jobs/1/job_charges", body)

    line, job = etree.fromstring(created.content), etree.fromstring(own.get("jobs/1").content)
    lines = own.rows("jobs/1/job_charges")
    subtotal = sum(float(row.findtext("total") or 0) for row in lines)
    assert created.status_code == 201
    assert (line.findtext("total"), line.findtext("description")) == ("50.0", "Filters:Filter 16x25")
    assert float(job.findtext("subtotal") or 0) == subtotal
    assert float(job.findtext("tax") or 0) == round(subtotal * 0.08625, 2)
    assert float(job.findtext("total") or 0) == round(subtotal + float(job.findtext("tax") or 0), 2)


def test_a_line_needs_a_kind_and_a_known_item(own: Api) -> None:
    body = "<job_charge><item_id>1</item_id><quantity>many</quantity></job_charge>"

    said = errors(send(own, "POST", "jobs/1/job_charges", body))

    assert said == ["Job charge type can't be blank", "Item is invalid", "Quantity is not a number"]


def test_working_time_is_booked_in_account_local_time(own: Api) -> None:
    body = (
        "<time_entry><employee_id>112262</employee_id><started_on>2026-01-02 09:30</started_on>"
        "<number_of_hours>1.5</number_of_hours><billable>true</billable></time_entry>"
    )

    created = send(own, "POST", "jobs/1/time_entries", body)
    refused = send(own, "POST", "jobs/1/time_entries", "<time_entry><started_on>soon</started_on></time_entry>")

    entry = own.rows("jobs/1/time_entries")[-1]
    assert created.status_code == 201
    assert entry.findtext("started-on") == "2026-01-02T09:30:00-05:00"
    assert (entry.findtext("number-of-hours"), entry.find("ended-on").get("nil")) == ("1.5", "true")  # type: ignore[union-attr]  # it is there
    assert errors(refused) == [
        "Employee can't be blank",
        "Number of hours can't be blank",
        "Started on is not a valid date",
    ]


def test_an_appointment_is_made_counted_and_found(own: Api) -> None:
    before = int(etree.fromstring(own.get("jobs/1").content).findtext("tasks-count") or 0)
    body = (
        f"<task><job_id>{job_id(own)}</job_id><name>Visit</name><task_type_id>1</task_type_id>"
        "<scheduled_at>2026-07-02 14:00</scheduled_at><duration>90</duration>"
        '<employee_ids type="array"><employee_id>112262</employee_id></employee_ids></task>'
    )

    created = send(own, "POST", "tasks", body)

    task = etree.fromstring(created.content)
    found = own.rows("tasks", job_id=str(job_id(own)), **{"from": "2026-07-02", "to": "2026-07-03"})
    assert (created.status_code, task.findtext("job/job-number")) == (201, "1")
    assert [row.findtext("id") for row in found] == [task.findtext("id")]
    assert found[0].findtext("employees/employee/name") == "Kester Dressler"
    assert own.get(f"tasks/{task.findtext('id')}").status_code == 200
    assert etree.fromstring(own.get("jobs/1").content).findtext("tasks-count") == str(before + 1)
    assert errors(send(own, "POST", "tasks", "<task/>")) == [
        "Job can't be blank",
        "Name can't be blank",
        "Task type can't be blank",
    ]


def test_a_job_gets_other_employees_and_another_status(own: Api) -> None:
    body = "<job><status>complete</status><employee_ids>112262 112701</employee_ids></job>"

    changed = etree.fromstring(send(own, "PATCH", "jobs/1", body).content)
    refused = send(own, "PATCH", "jobs/1", "<job><status>splendid</status><job_type_id>1</job_type_id></job>")

    assert [row.text for row in changed.iterfind(".//allocation/id")] == ["112262", "112701"]
    assert changed.findtext("status") == "complete"
    assert changed.findtext("completed-on")
    assert errors(refused) == ["Job type is invalid", "Status is not included in the list"]


def test_what_the_interface_cannot_set_stays(own: Api) -> None:
    before = etree.fromstring(own.get("jobs/1").content)
    body = (
        "<job><total>1</total><invoice_status>paid</invoice_status>"
        "<custom_text1>x</custom_text1><job_number>9</job_number></job>"
    )

    after = etree.fromstring(send(own, "PATCH", "jobs/1", body).content)

    for name in ("total", "invoice-status", "custom-text1", "job-number"):
        assert after.findtext(name) == before.findtext(name)


def test_an_opportunity_is_won_and_enters_the_list_of_jobs(own: Api) -> None:
    number = own.rows("opportunities", status="new")[0].findtext("job-number")

    won = send(own, "PUT", f"opportunities/{number}/mark_as_won")

    listed = [row.findtext("job-number") for page in own.walk("jobs") for row in page]
    assert (won.status_code, number in listed) == (200, True)


def test_a_limited_employee_cannot_write_to_what_others_have(own: Api) -> None:
    own.kickserv.company.assign(1, [71315])
    token = own.kickserv.limited_token
    url = f"{own.kickserv.base_url}/{own.kickserv.account}/jobs/1/notes.xml"

    answer = own.http.post(url, content="<note><note>x</note></note>", auth=(token, token))

    assert answer.status_code == 400
