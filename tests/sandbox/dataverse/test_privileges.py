"""Privileges: what can be granted, what roles grant, and what follows when that changes."""

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.roles import SHIPPED, privileges
from transload_sandbox.dataverse.testing import created_id, label, sign_in
from transload_sandbox.dataverse.testing import error_code as code

NAMESPACE = "Microsoft.Dynamics.CRM."


@pytest.fixture
def role(org: DataverseOrg, api: httpx.Client) -> str:
    """A role of the client's own that grants nothing yet; the application user clerk has it and no other."""
    unit = org.environment.fixed_id("business unit")
    role = created_id(api.post("roles", json={"name": "Clerk", "businessunitid@odata.bind": f"businessunits({unit})"}))
    user = org.add_application_user("clerk", roles=[]).user_id
    reference = {"@odata.id": f"{api.base_url}roles({role})"}
    api.post(f"systemusers({user})/systemuserroles_association/$ref", json=reference).raise_for_status()
    return role


@pytest.fixture
def clerk(org: DataverseOrg, role: str) -> Iterator[httpx.Client]:
    """The Web API as the application user clerk sees it."""
    assert role
    with closing(sign_in(org, "clerk")) as client:
        yield client


def privilege(api: httpx.Client, name: str) -> dict[str, str]:
    [row] = api.get(f"privileges?$filter=name eq '{name}'").json()["value"]
    return {"PrivilegeId": row["privilegeid"], "Depth": "Global"}


def change(api: httpx.Client, role: str, action: str, **body: object) -> httpx.Response:
    return api.post(f"roles({role})/{NAMESPACE}{action}", json=body)


def granted(api: httpx.Client, role: str) -> list[str]:
    expand = "$expand=roleprivileges_association($select=name)"
    return sorted(row["name"] for row in api.get(f"roles({role})?{expand}").json()["roleprivileges_association"])


def test_a_privilege_tells_what_it_allows_and_how_far_it_can_reach(api: httpx.Client) -> None:
    columns = "$select=name,accessright,canbebasic,canbeglobal"

    rows = api.get(
        f"privileges?{columns}&$filter=name eq 'prvReadAccount' or name eq 'prvBulkDelete'&$orderby=name"
    ).json()

    found = [(row["name"], row["accessright"], row["canbebasic"], row["canbeglobal"]) for row in rows["value"]]
    assert found == [("prvBulkDelete", 0, False, True), ("prvReadAccount", 1, True, True)]


def test_what_is_added_to_a_role_by_id_is_allowed_at_once(role: str, api: httpx.Client, clerk: httpx.Client) -> None:
    wanted = [privilege(api, name) for name in ("prvReadContact", "prvReadAccount")]
    before = clerk.get("contacts")

    change(api, role, "AddPrivilegesRole", Privileges=wanted).raise_for_status()

    assert (code(before), clerk.get("contacts").status_code) == ((403, "0x80040220"), 200)
    assert granted(api, role) == ["prvReadAccount", "prvReadContact"]


def test_privileges_of_a_role_are_replaced_and_removed(role: str, api: httpx.Client, clerk: httpx.Client) -> None:
    contact, account = (privilege(api, name) for name in ("prvReadContact", "prvReadAccount"))
    change(api, role, "AddPrivilegesRole", Privileges=[contact]).raise_for_status()

    change(api, role, "ReplacePrivilegesRole", Privileges=[account]).raise_for_status()
    replaced = [clerk.get(name).status_code for name in ("contacts", "accounts")]
    change(api, role, "RemovePrivilegeRole", PrivilegeId=account["PrivilegeId"]).raise_for_status()

    assert replaced == [403, 200]
    assert clerk.get("accounts").status_code == 403
    assert granted(api, role) == []


def test_a_role_tells_how_far_its_privileges_reach(org: DataverseOrg, api: httpx.Client) -> None:
    role = org.environment.fixed_id("role Salesperson")

    listed = api.get(f"RetrieveRolePrivilegesRole(RoleId={role})").json()["RolePrivileges"]
    masks = api.get(f"roleprivilegescollection?$filter=roleid eq {role}&$select=privilegeid,privilegedepthmask").json()

    depths = {each["PrivilegeId"]: (each["PrivilegeName"], each["Depth"]) for each in listed}
    reached = {depths[row["privilegeid"]][0]: row["privilegedepthmask"] for row in masks["value"]}
    assert dict(depths.values())["prvCreateQuote"] == "Local"
    assert (reached["prvCreateQuote"], reached["prvDeleteQuote"], reached["prvReadProduct"]) == (2, 1, 8)


def test_a_new_table_brings_its_privileges_and_takes_them_along(org: DataverseOrg, api: httpx.Client) -> None:
    administrator = org.environment.fixed_id("role System Administrator")
    name = {"@odata.type": f"{NAMESPACE}StringAttributeMetadata", "SchemaName": "mig_Name", "IsPrimaryName": True}
    table = {
        "@odata.type": f"{NAMESPACE}EntityMetadata",
        "SchemaName": "mig_Visit",
        "DisplayName": label("Visit"),
        "DisplayCollectionName": label("Visits"),
        "OwnershipType": "UserOwned",
        "Attributes": [{**name, "DisplayName": label("Name"), "MaxLength": 100}],
    }
    api.post("EntityDefinitions", json=table).raise_for_status()

    there = granted(api, administrator)
    api.delete("EntityDefinitions(LogicalName='mig_visit')").raise_for_status()

    assert len([each for each in there if each.endswith("mig_Visit")]) == 8
    assert not [each for each in granted(api, administrator) if each.endswith("mig_Visit")]
    assert api.get("privileges?$filter=endswith(name,'mig_Visit')").json()["value"] == []


@pytest.mark.parametrize(
    "wanted", [{"PrivilegeName": "prvFlyAway"}, {"PrivilegeName": "prvReadLead", "Depth": "Deeper"}, {}]
)
def test_a_privilege_that_does_not_exist_is_refused(wanted: dict[str, str], role: str, api: httpx.Client) -> None:
    answer = change(api, role, "AddPrivilegesRole", Privileges=[wanted])

    assert code(answer) == (400, "0x80040203")


def test_privileges_are_not_made_by_clients(api: httpx.Client) -> None:
    assert api.post("privileges", json={"name": "prvFlyAway"}).status_code >= 400


def test_a_role_that_is_not_there_has_no_privileges_to_tell(api: httpx.Client) -> None:
    assert api.get("RetrieveRolePrivilegesRole(RoleId=00000000-0000-0000-0000-000000000001)").status_code == 404


def test_shipped_roles_grant_only_what_there_is(api: httpx.Client) -> None:
    there = {row["name"] for row in api.get("privileges?$select=name").json()["value"]}

    wanted = {name for role in SHIPPED for name in privileges(role)}

    assert wanted - there == set()
