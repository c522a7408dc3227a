"""What a delete takes along, leaves alone, or fails on."""

import httpx

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import created_id
from transload_sandbox.dataverse.testing import error_code as code


def test_contacts_cases_notes_and_activities_go_with_their_account(org: DataverseOrg, api: httpx.Client) -> None:
    account = created_id(api.post("accounts", json={"name": "Kiel"}))
    here = f"accounts({account})"
    api.post("contacts", json={"lastname": "Ito", "parentcustomerid_account@odata.bind": here})
    case = created_id(api.post("incidents", json={"customerid_account@odata.bind": here}))
    api.post("annotations", json={"subject": "n", "objectid_incident@odata.bind": f"incidents({case})"})
    api.post("tasks", json={"subject": "t", "regardingobjectid_account_task@odata.bind": here})

    answer = api.delete(here)

    assert answer.status_code == 204
    gone = ["account", "contact", "incident", "annotation", "task"]
    assert [org.count(table) for table in gone] == [0, 0, 0, 0, 0]


def test_child_accounts_and_primary_contacts_only_lose_their_link(org: DataverseOrg, api: httpx.Client) -> None:
    contact = created_id(api.post("contacts", json={"lastname": "Ito"}))
    parent = created_id(
        api.post("accounts", json={"name": "Kiel", "primarycontactid@odata.bind": f"contacts({contact})"})
    )
    api.post("accounts", json={"name": "Child", "parentaccountid@odata.bind": f"accounts({parent})"})

    api.delete(f"contacts({contact})")
    after_contact = api.get(f"accounts({parent})?$select=_primarycontactid_value").json()
    api.delete(f"accounts({parent})")

    assert after_contact["_primarycontactid_value"] is None
    [child] = org.rows("account")
    assert child["_parentaccountid_value"] is None


def test_an_account_with_an_order_stays(org: DataverseOrg, api: httpx.Client) -> None:
    account = created_id(api.post("accounts", json={"name": "Kiel"}))
    prices = created_id(api.post("pricelevels", json={"name": "List"}))
    order = {
        "name": "Order",
        "customerid_account@odata.bind": f"accounts({account})",
        "pricelevelid@odata.bind": f"pricelevels({prices})",
    }
    api.post("salesorders", json=order).raise_for_status()

    answer = api.delete(f"accounts({account})")

    assert code(answer) == (405, "0x80040227")
    assert org.count("account") == 1


def test_users_cannot_be_deleted(org: DataverseOrg, api: httpx.Client) -> None:
    user = org.add_user("Pia Lindqvist", "pia@example.com")

    assert code(api.delete(f"systemusers({user})"))[0] == 405


def test_a_delete_restores_the_digest(org: DataverseOrg, api: httpx.Client) -> None:
    org.create("account", {"name": "There before"})
    before = org.digest()

    account = created_id(api.post("accounts", json={"name": "Kiel"}))
    during = org.digest()
    api.delete(f"accounts({account})")

    assert during["account"] != before["account"]
    assert org.digest() == before


def test_a_publisher_stays_as_long_as_its_solutions(org: DataverseOrg, api: httpx.Client) -> None:
    before = org.digest()
    body = {
        "uniquename": "p",
        "friendlyname": "P",
        "customizationprefix": "px",
        "customizationoptionvalueprefix": 10001,
    }
    publisher = f"publishers({created_id(api.post('publishers', json=body))})"
    bridge = {"uniquename": "bridge", "friendlyname": "Bridge", "version": "1.0", "publisherid@odata.bind": publisher}
    solution = created_id(api.post("solutions", json=bridge))

    refused = api.delete(publisher)
    api.delete(f"solutions({solution})").raise_for_status()
    api.delete(publisher).raise_for_status()

    assert code(refused) == (405, "0x80040227")
    assert org.digest() == before
