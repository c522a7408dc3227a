"""State machines: which changes of state are allowed, and what they lock."""

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import created_id
from transload_sandbox.dataverse.testing import error_code as code


@pytest.fixture
def case(api: httpx.Client) -> str:
    """The address of an active case."""
    account = created_id(api.post("accounts", json={"name": "Kiel"}))
    body = {"title": "Leak", "customerid_account@odata.bind": f"accounts({account})"}
    return f"incidents({created_id(api.post('incidents', json=body))})"


def _close(api: httpx.Client, case: str, status: int = 5) -> httpx.Response:
    resolution = {"subject": "Done", "incidentid@odata.bind": case}
    return api.post("CloseIncident", json={"IncidentResolution": resolution, "Status": status})


def test_a_case_is_resolved_by_its_message_only(api: httpx.Client, case: str) -> None:
    answer = api.patch(case, json={"statecode": 1, "statuscode": 5})

    assert answer.status_code == 400
    assert api.get(f"{case}?$select=statecode").json()["statecode"] == 0


def test_a_resolved_case_cannot_be_edited_until_it_is_reopened(org: DataverseOrg, api: httpx.Client, case: str) -> None:
    closed = _close(api, case, 1000)
    refused = api.patch(case, json={"title": "Changed"})
    reopened = api.patch(case, json={"statecode": 0, "statuscode": 1})
    changed = api.patch(case, json={"title": "Changed"})

    assert (closed.status_code, reopened.status_code, changed.status_code) == (204, 204, 204)
    assert code(refused) == (400, "0x8004022e")
    [resolution] = org.rows("incidentresolution")
    assert (resolution["statecode"], resolution["activitytypecode"]) == (1, "incidentresolution")


def test_a_case_is_closed_once(api: httpx.Client, case: str) -> None:
    _close(api, case)

    again = _close(api, case)

    assert code(again) == (400, "0x80044411")


def test_a_case_with_open_activities_stays_open(api: httpx.Client, case: str) -> None:
    task = created_id(api.post("tasks", json={"subject": "x", "regardingobjectid_incident_task@odata.bind": case}))

    refused = _close(api, case)
    api.patch(f"tasks({task})", json={"statecode": 1})
    closed = _close(api, case, -1)

    assert code(refused) == (400, "0x8004440a")
    assert closed.status_code == 204
    assert api.get(f"{case}?$select=statuscode").json()["statuscode"] == 5


def test_a_cancelled_case_is_read_only(api: httpx.Client, case: str) -> None:
    api.patch(case, json={"statecode": 2, "statuscode": 6})

    assert code(api.patch(case, json={"title": "Changed"})) == (400, "0x8004022e")


def test_a_state_brings_its_default_status(api: httpx.Client) -> None:
    account = created_id(api.post("accounts", json={"name": "Kiel"}))

    api.patch(f"accounts({account})", json={"statecode": 1})

    row = api.get(f"accounts({account})?$select=statecode,statuscode").json()
    assert (row["statecode"], row["statuscode"]) == (1, 2)


def test_an_inactive_account_can_still_be_changed(api: httpx.Client) -> None:
    account = created_id(api.post("accounts", json={"name": "Kiel"}))
    api.patch(f"accounts({account})", json={"statecode": 1, "statuscode": 2})

    answer = api.patch(f"accounts({account})", json={"name": "Lübeck"})

    assert answer.status_code == 204


def test_a_completed_task_is_read_only(api: httpx.Client) -> None:
    task = created_id(api.post("tasks", json={"subject": "x"}))
    api.patch(f"tasks({task})", json={"statecode": 1, "statuscode": 5, "actualend": "2024-11-05T15:20:00Z"})

    answer = api.patch(f"tasks({task})", json={"subject": "y"})

    assert code(answer) == (400, "0x8004022e")
