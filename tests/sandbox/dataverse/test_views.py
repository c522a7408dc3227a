"""Saved views: those of the system and those of a user."""

import httpx

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import API, created_id, error_code

FETCH = (
    "<fetch><entity name='contact'><attribute name='fullname'/><order attribute='fullname'/>"
    "<filter><condition attribute='jobtitle' operator='like' value='%manager%'/></filter></entity></fetch>"
)


def test_a_view_of_the_system_is_found_by_name_and_run_by_id(org: DataverseOrg, api: httpx.Client) -> None:
    org.create("account", {"name": "Nordwind"})
    query = "savedqueries?$select=name,savedqueryid&$filter=name eq 'Active Accounts'"
    [view] = api.get(query).raise_for_status().json()["value"]

    body = api.get(f"accounts?savedQuery={view['savedqueryid']}").raise_for_status().json()

    assert view["savedqueryid"] == "00000000-0000-0000-00aa-000010001002"
    assert [row["name"] for row in body["value"]] == ["Nordwind"]


def test_a_view_of_a_user_is_made_run_in_pages_and_deleted(org: DataverseOrg, api: httpx.Client) -> None:
    for name, title in (("Anderson", "Activities Manager"), ("Glynn", "Sales Manager"), ("McKay", "Coffee Master")):
        org.create("contact", {"lastname": name, "jobtitle": title})
    view = {"name": "Managers", "querytype": 0, "returnedtypecode": "contact", "fetchxml": FETCH}
    row_id = created_id(api.post("userqueries", json=view))

    first = api.get(f"contacts?userQuery={row_id}", headers={"Prefer": "odata.maxpagesize=1"}).json()
    second = api.get(first["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=1"}).json()
    api.delete(f"userqueries({row_id})").raise_for_status()

    assert [row["fullname"] for row in [*first["value"], *second["value"]]] == ["Anderson", "Glynn"]
    assert first["@odata.nextLink"].startswith(f"{API}contacts?userQuery={row_id}&$skiptoken=")
    assert "@odata.nextLink" not in second
    assert error_code(api.get(f"contacts?userQuery={row_id}")) == (404, "0x80040217")
