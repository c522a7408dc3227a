"""``$expand``: lookups, collections, references, nesting, and what each case does to pages."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import API, error_code


@dataclass(frozen=True)
class Shop:
    """One account with a primary contact, a second contact and three tasks; one account without anything."""

    account: str
    contact: str
    empty: str


@pytest.fixture
def shop(org: DataverseOrg, api: httpx.Client) -> Shop:
    account = org.create("account", {"name": "Nordwind"})
    here = {"parentcustomerid_account@odata.bind": f"accounts({account})"}
    contact = org.create("contact", {"firstname": "Jonas", "lastname": "Albrecht", **here})
    org.create("contact", {"firstname": "Mira", "lastname": "Tanaka", **here})
    for number in range(3):
        regarding = {"regardingobjectid_account_task@odata.bind": f"accounts({account})"}
        org.create("task", {"subject": f"Task {number}", **regarding})
    api.patch(f"accounts({account})", json={"primarycontactid@odata.bind": f"contacts({contact})"}).raise_for_status()
    return Shop(account, contact, org.create("account", {"name": "Werft"}))


def _accounts(api: httpx.Client, query: str, prefer: str = "") -> dict[str, dict[str, Any]]:
    headers = {"Prefer": prefer} if prefer else {}
    rows = api.get(f"accounts?$select=name&{query}", headers=headers).raise_for_status().json()["value"]
    return {row["name"]: row for row in rows}


def test_a_retrieved_row_expands_lookups_and_collections(shop: Shop, api: httpx.Client) -> None:
    collection = "contact_customer_accounts($select=fullname;$filter=statecode%20eq%200;$orderby=fullname;$top=2)"

    query = f"$select=name&$expand=primarycontactid($select=fullname),{collection}"
    row = api.get(f"accounts({shop.account})?{query}").raise_for_status().json()

    shape = "accounts(name,primarycontactid(fullname),contact_customer_accounts(fullname))/$entity"
    assert row["@odata.context"] == f"{API}$metadata#{shape}"
    assert row["primarycontactid"].keys() == {"@odata.etag", "fullname", "contactid"}
    assert [each["fullname"] for each in row["contact_customer_accounts"]] == ["Jonas Albrecht", "Mira Tanaka"]
    assert row["contact_customer_accounts"][0].keys() == {"@odata.etag", "fullname", "contactid"}
    assert "contact_customer_accounts@odata.nextLink" not in row


def test_a_retrieved_row_links_to_its_collections(shop: Shop, api: httpx.Client) -> None:
    tasks = "Account_Tasks($select=subject;$filter=subject ne 'Task 0';$orderby=subject)"

    row = api.get(f"accounts({shop.account})?$select=name&$expand={tasks},contact_customer_accounts").json()

    linked = api.get(row["Account_Tasks@odata.nextLink"]).raise_for_status().json()["value"]
    assert [each["subject"] for each in linked] == [each["subject"] for each in row["Account_Tasks"]]
    link = row["contact_customer_accounts@odata.nextLink"]
    assert link == f"{API}accounts({shop.account})/contact_customer_accounts"


def test_a_query_that_expands_one_level_links_to_the_whole_collection(shop: Shop, api: httpx.Client) -> None:
    rows = _accounts(
        api, "$expand=primarycontactid($select=fullname),Account_Tasks($select=subject)", "odata.maxpagesize=1"
    ) | _accounts(api, "$expand=Account_Tasks($select=subject)&$filter=name eq 'Nordwind'", "odata.maxpagesize=1")

    tasks = rows["Nordwind"]["Account_Tasks"]
    link = rows["Nordwind"]["Account_Tasks@odata.nextLink"]
    assert len(tasks) == 3
    assert tasks[0].keys() == {"@odata.etag", "subject", "_regardingobjectid_value", "activityid"}
    assert link == f"{API}accounts({shop.account})/Account_Tasks?$select=subject"
    assert len(api.get(link).raise_for_status().json()["value"]) == 3


def test_expanded_lookups_of_a_query_carry_no_entity_tag(shop: Shop, api: httpx.Client) -> None:
    rows = _accounts(api, "$expand=primarycontactid($select=contactid),createdby($select=fullname)")

    assert rows["Nordwind"]["primarycontactid"] == {"contactid": shop.contact}
    assert rows["Nordwind"]["createdby"].keys() == {"fullname", "systemuserid", "ownerid"}
    assert rows["Werft"]["primarycontactid"] is None


def test_nesting_pages_the_inner_collections_too(shop: Shop, api: httpx.Client) -> None:
    expand = "$expand=Account_Tasks($select=subject),contact_customer_accounts($select=fullname;$expand=owninguser)"

    row = _accounts(api, f"{expand}&$filter=name eq 'Nordwind'", "odata.maxpagesize=2")["Nordwind"]
    rest = api.get(row["Account_Tasks@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=2"}).json()

    assert [each.keys() for each in row["Account_Tasks"]] == [{"subject", "activityid"}] * 2
    subjects = {each["subject"] for each in [*row["Account_Tasks"], *rest["value"]]}
    assert subjects == {"Task 0", "Task 1", "Task 2"}
    assert "@odata.nextLink" not in rest


def test_lookups_nest_over_several_levels(shop: Shop, api: httpx.Client) -> None:
    inner = "parentcustomerid_account($select=name;$expand=createdby($select=fullname))"

    row = _accounts(api, f"$expand=primarycontactid($select=fullname;$expand={inner})")["Nordwind"]

    assert row["primarycontactid"]["parentcustomerid_account"]["name"] == "Nordwind"
    assert row["primarycontactid"]["parentcustomerid_account"]["createdby"]["fullname"] == "SYSTEM"


def test_a_lookup_can_be_expanded_to_its_address(shop: Shop, api: httpx.Client) -> None:
    row = _accounts(api, "$expand=primarycontactid/$ref")["Nordwind"]

    assert row["primarycontactid"] == {"@odata.id": f"{API}contacts({shop.contact})"}
    assert row["_primarycontactid_value"] == shop.contact


ONLY = "Only $select and $filter clause can be provided"


@pytest.mark.parametrize(
    ("expand", "message"),
    [
        ("Account_Tasks/$ref", "Expand with $ref is only supported on lookup type navigation property."),
        ("Account_Tasks($top=1),contact_customer_accounts($expand=owninguser)", ONLY),
        ("contact_customer_accounts($orderby=fullname;$expand=owninguser)", ONLY),
        ("primarycontactid($top=1)", ONLY),
        ("Account_Tasks($skip=1)", "The option '$skip' is not supported inside $expand."),
        ("accountleads_association($expand=owninguser)", "Nested $expand is not supported on many-to-many"),
        (",".join(["primarycontactid"] * 16), "The number of $expand is over the limit of 15."),
    ],
)
def test_refuses_what_an_expand_cannot_do(expand: str, message: str, shop: Shop, api: httpx.Client) -> None:
    answer = api.get(f"accounts?$select=name&$expand={expand}")

    assert error_code(answer) == (400, "0x80060888")
    assert answer.json()["error"]["message"].startswith(message)


def test_many_to_many_links_expand(shop: Shop, org: DataverseOrg, api: httpx.Client) -> None:
    lead = org.create("lead", {"subject": "Heat pump", "lastname": "Brandt"})
    reference = {"@odata.id": f"{API}leads({lead})"}
    api.post(f"accounts({shop.account})/accountleads_association/$ref", json=reference).raise_for_status()

    rows = _accounts(api, "$expand=accountleads_association($select=subject)")

    assert [each["subject"] for each in rows["Nordwind"]["accountleads_association"]] == ["Heat pump"]
    assert rows["Werft"]["accountleads_association"] == []
