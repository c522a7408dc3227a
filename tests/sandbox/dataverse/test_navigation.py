"""Addresses below a row: collections, lookups, references, values; activities of all kinds in one list."""

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import API, created_id, error_code


@pytest.fixture
def account(org: DataverseOrg, api: httpx.Client) -> str:
    """An account with one contact, its primary one, two tasks and a phone call."""
    account = org.create("account", {"name": "Nordwind", "creditonhold": True})
    here = {"parentcustomerid_account@odata.bind": f"accounts({account})"}
    contact = org.create("contact", {"firstname": "Jonas", "lastname": "Albrecht", **here})
    for kind, subject in (("task", "Measure"), ("task", "Quote"), ("phonecall", "Call back")):
        bind = {f"regardingobjectid_account_{kind}@odata.bind": f"accounts({account})"}
        org.create(kind, {"subject": subject, **bind})
    api.patch(f"accounts({account})", json={"primarycontactid@odata.bind": f"contacts({contact})"}).raise_for_status()
    return account


def test_a_collection_is_queried_like_a_set(account: str, api: httpx.Client) -> None:
    query = "$select=subject&$filter=contains(subject,'quo')&$orderby=subject&$count=true"

    body = api.get(f"accounts({account})/Account_Tasks?{query}").raise_for_status().json()

    assert body["@odata.context"] == f"{API}$metadata#tasks(subject)"
    assert body["@odata.count"] == 1
    assert [row["subject"] for row in body["value"]] == ["Quote"]


def test_pages_of_a_collection_stay_below_its_address(account: str, api: httpx.Client) -> None:
    body = api.get(f"accounts({account})/Account_Tasks", headers={"Prefer": "odata.maxpagesize=1"}).json()

    assert body["@odata.nextLink"].startswith(f"{API}accounts({account})/Account_Tasks?$skiptoken=")
    assert len(api.get(body["@odata.nextLink"]).json()["value"]) == 1


def test_collections_answer_with_references_and_counts(account: str, api: httpx.Client) -> None:
    references = api.get(f"accounts({account})/Account_Tasks/$ref").json()
    count = api.get(f"accounts({account})/Account_Tasks/$count")

    assert references["@odata.context"] == f"{API}$metadata#Collection($ref)"
    assert all(each["@odata.id"].startswith(f"{API}tasks(") for each in references["value"])
    assert count.content == "\ufeff2".encode()


def test_a_lookup_leads_to_the_row_behind_it(account: str, api: httpx.Client) -> None:
    row = api.get(f"accounts({account})/primarycontactid?$select=fullname").json()
    reference = api.get(f"accounts({account})/primarycontactid/$ref").json()
    value = api.get(f"accounts({account})/primarycontactid/lastname/$value")
    empty = api.get(f"accounts({account})/parentaccountid")

    assert row["@odata.context"] == f"{API}$metadata#contacts(fullname)/$entity"
    assert row["fullname"] == "Jonas Albrecht"
    assert reference == {"@odata.context": f"{API}$metadata#$ref", "@odata.id": f"{API}contacts({row['contactid']})"}
    assert value.text == "Albrecht"
    assert empty.status_code == 204


def test_a_member_of_a_collection_has_an_address_there(account: str, org: DataverseOrg, api: httpx.Client) -> None:
    [contact] = api.get(f"accounts({account})/contact_customer_accounts?$select=contactid").json()["value"]
    stranger = org.create("contact", {"lastname": "Brandt"})

    inside = api.get(f"accounts({account})/contact_customer_accounts({contact['contactid']})?$select=lastname")
    outside = api.get(f"accounts({account})/contact_customer_accounts({stranger})")

    assert inside.json()["lastname"] == "Albrecht"
    assert error_code(outside) == (404, "0x80040217")


def test_a_raw_value_is_text(account: str, api: httpx.Client) -> None:
    assert api.get(f"accounts({account})/name/$value").text == "Nordwind"
    assert api.get(f"accounts({account})/creditonhold/$value").text == "true"
    assert api.get(f"accounts({account})/telephone1/$value").status_code == 204


def test_activity_pointers_list_activities_of_all_kinds(account: str, api: httpx.Client) -> None:
    query = "$select=subject,activitytypecode&$orderby=subject"

    everywhere = api.get(f"activitypointers?{query}").raise_for_status().json()["value"]
    below = api.get(f"accounts({account})/Account_ActivityPointers?{query}").raise_for_status().json()["value"]

    assert [(row["subject"], row["activitytypecode"]) for row in everywhere] == [
        ("Call back", "phonecall"),
        ("Measure", "task"),
        ("Quote", "task"),
    ]
    assert below == everywhere


def test_an_activity_is_changed_and_deleted_through_its_pointer(account: str, api: httpx.Client) -> None:
    [call] = api.get("activitypointers?$select=subject&$filter=activitytypecode eq 'phonecall'").json()["value"]
    address = f"activitypointers({call['activityid']})"

    api.patch(address, json={"subject": "Called"}).raise_for_status()
    subject = api.get(f"phonecalls({call['activityid']})?$select=subject").json()["subject"]
    api.delete(address).raise_for_status()

    assert subject == "Called"
    assert error_code(api.get(address)) == (404, "0x80040217")
    assert error_code(api.post("activitypointers", json={"subject": "x"})) == (405, "0x80040800")


def test_parties_of_an_activity_are_a_collection(account: str, api: httpx.Client) -> None:
    parties = [{"partyid_account@odata.bind": f"accounts({account})", "participationtypemask": 2}]
    body = {"subject": "Call", "phonecall_activity_parties": parties}
    call = api.post("phonecalls", json=body, headers={"Prefer": "return=representation"}).raise_for_status().json()

    found = api.get(f"phonecalls({call['activityid']})/phonecall_activity_parties?$filter=participationtypemask eq 2")
    of_account = api.get(f"accounts({account})/account_activity_parties/$count?$filter=participationtypemask eq 2")

    assert [row["_partyid_value"] for row in found.raise_for_status().json()["value"]] == [account]
    assert of_account.content == "\ufeff1".encode()


@pytest.mark.parametrize("path", ["nonsense", "Account_tasks", "primarycontactid/nonsense"])
def test_unknown_segments_are_refused(path: str, account: str, api: httpx.Client) -> None:
    assert api.get(f"accounts({account})/{path}").status_code in {400, 404}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json;odata.metadata=none", {"name", "accountid"}),
        ("application/json;odata.metadata=minimal", {"@odata.context", "@odata.etag", "name", "accountid"}),
        (
            "application/json;odata.metadata=full",
            {"@odata.context", "@odata.type", "@odata.id", "@odata.editLink", "@odata.etag", "name", "accountid"}
            | {"accountid@odata.type"},
        ),
    ],
)
def test_clients_choose_how_much_control_information_they_get(
    accept: str, expected: set[str], account: str, api: httpx.Client
) -> None:
    answer = api.get(f"accounts({account})?$select=name", headers={"Accept": accept})

    assert answer.json().keys() == expected
    assert answer.headers["Content-Type"] == accept.replace(";", "; ")


def test_account_and_contact_of_a_row_follow_its_customer(api: httpx.Client) -> None:
    account = created_id(api.post("accounts", json={"name": "Adatum"}))
    bind = {"parentcustomerid_account@odata.bind": f"accounts({account})"}
    contact = created_id(api.post("contacts", json={"lastname": "Frost", **bind}))
    regarding = {"regardingobjectid_contact_task@odata.bind": f"contacts({contact})"}
    api.post("tasks", json={"subject": "Call", **regarding}).raise_for_status()
    customer = {"customerid_contact@odata.bind": f"contacts({contact})"}
    case = created_id(api.post("incidents", json={"title": "C", **customer}))

    of_account = f"regardingobjectid_contact_task/_accountid_value eq {account}"
    tasks = api.get(f"tasks?$select=subject&$filter={of_account}").json()
    owner = api.get(f"incidents({case})?$select=_accountid_value,_contactid_value").json()
    api.patch(f"contacts({contact})", json={"parentcustomerid_account": None}).raise_for_status()
    alone = api.get(f"contacts({contact})?$select=_accountid_value,_parentcontactid_value").json()

    assert [row["subject"] for row in tasks["value"]] == ["Call"]
    assert (owner["_accountid_value"], owner["_contactid_value"]) == (None, contact)
    assert (alone["_accountid_value"], alone["_parentcontactid_value"]) == (None, None)
