"""The account controlled from outside, as a client in any other language would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from sandbox.kickserv.conftest import Api


def control(api: Api, method: str, path: str, body: object = None) -> httpx.Response:
    return api.http.request(method, f"{api.kickserv.base_url}/_sandbox/{path}", json=body)


def told(api: Api, method: str, path: str, body: object = None) -> Any:  # Any: JSON
    return control(api, method, path, body).raise_for_status().json()


def test_records_are_shown_added_changed_and_deleted(own: Api) -> None:
    added = told(own, "POST", "records/customers", {"name": "Made outside", "latitude": 39.5})
    number = added["customer_number"]
    changed = told(own, "PATCH", f"records/customers/{number}", {"name": "Changed outside", "balance": "12.50"})
    shown = told(own, "GET", f"records/customers/{number}")
    gone = control(own, "DELETE", f"records/customers/{number}")

    assert number in (41,)
    assert (changed["name"], shown["balance"]) == ("Changed outside", "12.50")
    assert gone.status_code == 204
    assert control(own, "GET", f"records/customers/{number}").status_code == 404


def test_a_change_can_keep_its_old_stamp(own: Api) -> None:
    before = told(own, "GET", "records/jobs/1")

    after = told(own, "PATCH", "records/jobs/1?stale=true", {"name": "In silence"})

    assert (after["name"], after["updated_at"]) == ("In silence", before["updated_at"])


def test_every_kind_of_record_can_be_added(own: Api) -> None:
    job = told(own, "GET", "records/jobs/1")
    for kind in ("contacts", "time_entries", "payments", "attachments", "employees", "items", "tags"):
        before = told(own, "GET", f"records/{kind}")
        added = told(own, "POST", f"records/{kind}", {"job_id": job["id"], "name": "x"})
        assert told(own, "GET", f"records/{kind}") == [*before, added["id"]]


def test_switches_are_shown_and_changed(own: Api) -> None:
    told(own, "PATCH", "switches", {"page_size": 5, "off": ["tags"], "era": 2017})

    assert len(own.rows("customers")) == 5
    assert own.get("tags").status_code == 404
    assert told(own, "GET", "switches")["off"] == ["tags"]
    assert control(own, "PATCH", "switches", {"speed": 1}).status_code == 400
    assert control(own, "PATCH", "switches", {"page_size": "many"}).status_code == 400


@pytest.mark.parametrize("kind", ["throttle", "unavailable", "error", "html"])
def test_faults_are_queued_shown_and_forgotten(own: Api, kind: str) -> None:
    waiting = told(own, "POST", "faults", {"kind": kind, "match": "tags", "times": 5})

    assert own.get("tags").status_code >= 429
    assert [fault["times"] for fault in waiting] == [5]
    assert told(own, "DELETE", "faults") == []
    assert own.get("tags").status_code == 200


def test_a_record_can_be_changed_or_deleted_between_two_pages(own: Api) -> None:
    oldest = own.walk("jobs")[-1][-1].findtext("job-number") or ""
    told(own, "POST", "faults", {"kind": "change", "match": "page=2", "key": int(oldest), "fields": {"name": "Up"}})
    told(own, "POST", "faults", {"kind": "delete", "match": "page=2", "resource": "customers", "key": 40})

    jobs = [row.findtext("job-number") for page in own.walk("jobs") for row in page]
    customers = [row.findtext("customer-number") for page in own.walk("customers") for row in page]

    assert oldest not in jobs
    assert "40" not in customers


def test_a_job_can_enter_the_list_late(own: Api) -> None:
    number = int(own.rows("opportunities", status="new")[0].findtext("job-number") or 0)
    before = [row.findtext("job-number") for page in own.walk("jobs") for row in page]

    told(own, "PATCH", f"records/jobs/{number}?stale=true", {"status": "scheduled"})

    after = [row.findtext("job-number") for page in own.walk("jobs") for row in page]
    assert set(after) - set(before) == {str(number)}


def test_the_token_is_reset_and_the_log_is_read_from_outside(own: Api) -> None:
    old = own.kickserv.token

    new = told(own, "POST", "token", {"token": "FAKE-new"})["token"]
    statuses = [own.get("tags", token=token).status_code for token in (old, new)]

    log = told(own, "GET", "log?part=tags.xml")
    assert statuses == [request["status"] for request in log] == [401, 200]
    assert log[0].keys() >= {"system", "method", "path", "query", "status", "seconds", "at", "authorized"}
    told(own, "DELETE", "log")
    assert told(own, "GET", "log") == []


def test_a_state_is_remembered_compared_and_restored(own: Api) -> None:
    before = told(own, "PUT", "snapshots/start")
    told(own, "PATCH", "records/customers/3", {"name": "Other"})

    changes = told(own, "GET", "snapshots/start/changes")

    assert [(change["kind"], change["key"], change["fields"]) for change in changes] == [
        ("customers", "3", ["name", "updated_at"])
    ]
    assert told(own, "POST", "snapshots/start/restore") == before == told(own, "GET", "digest")
    assert control(own, "POST", "snapshots/other/restore").status_code == 404


def test_time_and_delay_are_set_from_outside(own: Api) -> None:
    now = own.kickserv.clock.now()

    told(own, "POST", "clock", {"advance": 3600})
    told(own, "PUT", "latency", {"seconds": 0.05})

    assert (own.kickserv.clock.now() - now).total_seconds() >= 3600
    assert own.get("tags").elapsed.total_seconds() >= 0.05
    assert "/_sandbox/faults" in own.http.get(f"{own.kickserv.base_url}/_sandbox").json()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "nonsense"}),
        ("faults", {"kind": "change", "resource": "nobody", "key": 1}),
        ("faults", {"kind": "change", "key": 1, "fields": {"total": "much"}}),
        ("clock", {"advance": "far"}),
        ("records/jobs", {"customer_id": 1, "scheduled_on": "soon"}),
    ],
)
def test_what_cannot_be_understood_is_400(own: Api, path: str, body: object) -> None:
    answer = control(own, "POST", path, body)

    assert answer.status_code == 400
    assert answer.json()["error"]
