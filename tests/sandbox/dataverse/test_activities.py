"""Activities: parties, ends, and what stays read-only."""

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import created_id
from transload_sandbox.dataverse.testing import error_code as code


@pytest.fixture
def contact(org: DataverseOrg) -> str:
    return f"contacts({org.create('contact', {'lastname': 'Tanaka'})})"


def _party(contact: str, mask: int) -> dict[str, object]:
    return {"partyid_contact@odata.bind": contact, "participationtypemask": mask}


def _masks(org: DataverseOrg) -> list[object]:
    return sorted(row["participationtypemask"] for row in org.rows("activityparty"))  # type: ignore[type-var]  # numbers


def test_owner_and_regarding_are_parties_of_themselves(org: DataverseOrg, api: httpx.Client, contact: str) -> None:
    body = {"subject": "x", "regardingobjectid_contact_phonecall@odata.bind": contact}

    api.post("phonecalls", json={**body, "phonecall_activity_parties": [_party(contact, 2)]}).raise_for_status()

    assert _masks(org) == [2, 8, 9]


def test_a_list_that_is_put_takes_the_place_of_the_former(org: DataverseOrg, api: httpx.Client, contact: str) -> None:
    parties = [_party(contact, 1), _party(contact, 2)]
    email = created_id(api.post("emails", json={"subject": "x", "email_activity_parties": parties}))

    answer = api.put(f"emails({email})/email_activity_parties", json={"value": [_party(contact, 3)]})

    assert answer.status_code == 204
    assert _masks(org) == [3, 9]


def test_parties_of_a_closed_email_stay(api: httpx.Client, contact: str) -> None:
    email = created_id(api.post("emails", json={"subject": "x"}))
    api.patch(f"emails({email})", json={"statecode": 1, "statuscode": 4}).raise_for_status()

    answer = api.put(f"emails({email})/email_activity_parties", json={"value": [_party(contact, 2)]})

    assert code(answer) == (400, "0x8004022e")


@pytest.mark.parametrize(("entity_set", "mask"), [("phonecalls", 5), ("appointments", 2), ("letters", 3)])
def test_a_kind_of_activity_has_its_own_parts(entity_set: str, mask: int, api: httpx.Client, contact: str) -> None:
    times = {"scheduledstart": "2024-01-01T08:00:00Z", "scheduledend": "2024-01-01T09:00:00Z"}
    parties = {f"{entity_set[:-1]}_activity_parties": [_party(contact, mask)]}

    answer = api.post(entity_set, json={"subject": "x", **times, **parties})

    assert answer.status_code == 400


def test_there_is_one_sender(api: httpx.Client, contact: str) -> None:
    parties = [_party(contact, 1), {"addressused": "a@example.com", "participationtypemask": 1}]

    answer = api.post("emails", json={"subject": "x", "email_activity_parties": parties})

    assert answer.status_code == 400


def test_a_party_is_not_created_on_its_own(api: httpx.Client) -> None:
    answer = api.post("activityparties", json={"participationtypemask": 1})

    assert code(answer) == (405, "0x80040800")


def test_a_completed_task_ends_now_unless_it_says_when(api: httpx.Client) -> None:
    tasks = [created_id(api.post("tasks", json={"subject": "x"})) for _ in range(2)]
    api.patch(f"tasks({tasks[0]})", json={"statecode": 1}).raise_for_status()
    api.patch(f"tasks({tasks[1]})", json={"statecode": 1, "actualend": "2020-01-01T00:00:00Z"}).raise_for_status()

    ends = [api.get(f"tasks({task})?$select=actualend").json()["actualend"] for task in tasks]

    assert ends[0] is not None
    assert ends[1] == "2020-01-01T00:00:00Z"


def test_an_email_is_sent_to_somebody(api: httpx.Client, contact: str) -> None:
    lonely = created_id(api.post("emails", json={"subject": "x"}))
    parties = {"email_activity_parties": [_party(contact, 2)]}
    email = created_id(api.post("emails", json={"subject": "x", **parties}))

    refused = api.post(f"emails({lonely})/Microsoft.Dynamics.CRM.SendEmail", json={"IssueSend": True})
    sent = api.post(f"emails({email})/Microsoft.Dynamics.CRM.SendEmail", json={"IssueSend": True})

    assert refused.status_code == 400
    assert sent.status_code == 200
    row = api.get(f"emails({email})?$select=statecode,statuscode,senton").json()
    assert (row["statecode"], row["statuscode"]) == (1, 3)
    assert row["senton"] is not None
