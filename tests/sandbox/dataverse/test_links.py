"""Links: many-to-many and one-to-many collections, by reference and together with new rows."""

from typing import Any

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import API, add_source_id, created_id
from transload_sandbox.dataverse.testing import error_code as code


def _create(api: httpx.Client, entity_set: str, **columns: Any) -> str:
    return created_id(api.post(entity_set, json=columns))


@pytest.fixture
def pair(api: httpx.Client) -> tuple[str, str]:
    """Addresses of an account and of a lead."""
    return f"accounts({_create(api, 'accounts', name='A')})", f"leads({_create(api, 'leads', lastname='L')})"


@pytest.mark.parametrize("form", ["{}", "/{}", API + "{}", "/api/data/v9.2/{}"])
def test_rows_are_linked_by_every_form_of_reference(
    form: str, org: DataverseOrg, api: httpx.Client, pair: tuple[str, str]
) -> None:
    account, lead = pair

    linked = api.post(f"{account}/accountleads_association/$ref", json={"@odata.id": form.format(lead)})

    assert linked.status_code == 204
    assert org.count("accountleads") == 1


def test_rows_are_linked_by_alternate_keys(org: DataverseOrg, api: httpx.Client, pair: tuple[str, str]) -> None:
    add_source_id(api, "account")
    api.patch(pair[0], json={"mig_sourceid": "one"}).raise_for_status()

    path = f"{pair[1]}/accountleads_association/$ref"
    linked = api.post(path, json={"@odata.id": "accounts(mig_sourceid='one')"})
    unlinked = api.delete(f"{pair[1]}/accountleads_association(mig_sourceid='one')/$ref")

    assert (linked.status_code, unlinked.status_code) == (204, 204)
    assert org.count("accountleads") == 0


def test_the_same_link_is_not_made_twice(api: httpx.Client, pair: tuple[str, str]) -> None:
    path = f"{pair[0]}/accountleads_association/$ref"

    answers = [api.post(path, json={"@odata.id": pair[1]}) for _ in range(2)]

    assert answers[0].status_code == 204
    assert code(answers[1]) == (412, "0x80040237")


@pytest.mark.parametrize("form", ["({id})/$ref", "/$ref?$id=leads({id})", "/$ref?$id=" + API + "leads({id})"])
def test_links_are_taken_away_by_every_form(
    form: str, org: DataverseOrg, api: httpx.Client, pair: tuple[str, str]
) -> None:
    account, lead = pair
    api.post(f"{account}/accountleads_association/$ref", json={"@odata.id": lead}).raise_for_status()

    answer = api.delete(f"{account}/accountleads_association" + form.format(id=lead[6:-1]))

    assert answer.status_code == 204
    assert org.count("accountleads") == 0


def test_a_link_goes_with_its_rows(org: DataverseOrg, api: httpx.Client, pair: tuple[str, str]) -> None:
    api.post(f"{pair[0]}/accountleads_association/$ref", json={"@odata.id": pair[1]}).raise_for_status()

    api.delete(pair[1]).raise_for_status()

    assert org.count("accountleads") == 0


def test_links_to_nothing_and_to_other_tables_are_refused(api: httpx.Client, pair: tuple[str, str]) -> None:
    path = f"{pair[0]}/accountleads_association/$ref"

    missing = api.post(path, json={"@odata.id": "leads(5e100001-7d10-4c3e-9b21-6045bd000007)"})
    other = api.post(path, json={"@odata.id": pair[0]})
    unknown = api.post(f"{pair[0]}/nothing_association/$ref", json={"@odata.id": pair[1]})

    assert code(missing) == (404, "0x80040217")
    assert other.status_code == 400
    assert code(unknown) == (404, "0x8006088a")


def test_intersect_tables_are_read_and_never_written(api: httpx.Client, pair: tuple[str, str]) -> None:
    api.post(f"{pair[0]}/accountleads_association/$ref", json={"@odata.id": pair[1]}).raise_for_status()

    [row] = api.get("accountleadscollection").json()["value"]
    answers = [
        api.post("accountleadscollection", json={}),
        api.delete(f"accountleadscollection({row['accountleadid']})"),
    ]

    assert (row["accountid"], row["leadid"]) == (pair[0][9:-1], pair[1][6:-1])
    assert [code(answer) for answer in answers] == [(405, "0x80040800")] * 2


def test_rows_join_and_leave_the_collection_of_their_parent(api: httpx.Client, pair: tuple[str, str]) -> None:
    contact = f"contacts({_create(api, 'contacts', lastname='C')})"
    path = f"{pair[0]}/contact_customer_accounts"

    api.post(f"{path}/$ref", json={"@odata.id": contact}).raise_for_status()
    joined = api.get(f"{contact}?$select=_parentcustomerid_value").json()["_parentcustomerid_value"]
    api.delete(f"{path}({contact[9:-1]})/$ref").raise_for_status()
    left = api.get(f"{contact}?$select=_parentcustomerid_value").json()["_parentcustomerid_value"]

    assert (joined, left) == (pair[0][9:-1], None)


def test_a_lookup_is_set_and_cleared_by_reference(api: httpx.Client, pair: tuple[str, str]) -> None:
    contact = f"contacts({_create(api, 'contacts', lastname='C')})"
    path = f"{pair[0]}/primarycontactid/$ref"

    put = api.put(path, json={"@odata.id": f"{API}{contact}"})
    found = api.get(path).json()["@odata.id"]
    deleted = api.delete(path)

    assert (put.status_code, found, deleted.status_code) == (204, f"{API}{contact}", 204)
    assert api.get(path).status_code == 204


def test_a_new_row_takes_existing_ones_into_its_collections(org: DataverseOrg, api: httpx.Client) -> None:
    task = _create(api, "tasks", subject="T")
    lead = _create(api, "leads", lastname="L")

    account = _create(
        api,
        "accounts",
        name="A",
        **{"Account_Tasks@odata.bind": [f"/tasks({task})"], "accountleads_association@odata.bind": [f"/leads({lead})"]},
    )

    assert api.get(f"tasks({task})?$select=_regardingobjectid_value").json()["_regardingobjectid_value"] == account
    assert org.count("accountleads") == 1


def test_a_deep_insert_reaches_every_level(org: DataverseOrg, api: httpx.Client) -> None:
    body = {
        "name": "A",
        "primarycontactid": {"lastname": "Primary"},
        "opportunity_customer_accounts": [{"name": "O", "Opportunity_Tasks": [{"subject": "T"}]}],
        "accountleads_association": [{"lastname": "L"}],
    }

    api.post("accounts", json=body).raise_for_status()

    counts = [org.count(table) for table in ("account", "contact", "opportunity", "task", "lead", "accountleads")]
    assert counts == [1, 1, 1, 1, 1, 1]


def test_one_bad_child_undoes_the_whole_deep_insert(org: DataverseOrg, api: httpx.Client) -> None:
    before = org.digest()

    answer = api.post("accounts", json={"name": "A", "contact_customer_accounts": [{"nothing": 1}]})

    assert answer.status_code == 400
    assert org.digest() == before


def test_a_role_of_another_business_unit_is_refused(api: httpx.Client, org: DataverseOrg) -> None:
    user = org.add_user("Ada Byron", "ada@example.com")
    root = api.get("businessunits?$select=businessunitid").json()["value"][0]["businessunitid"]
    bind = {"parentbusinessunitid@odata.bind": f"/businessunits({root})"}
    unit = _create(api, "businessunits", name="South", **bind)
    [foreign, *_] = api.get(f"roles?$filter=_businessunitid_value eq {unit}").json()["value"]

    answer = api.post(
        f"systemusers({user})/systemuserroles_association/$ref", json={"@odata.id": f"roles({foreign['roleid']})"}
    )

    assert code(answer) == (400, "0x80041409")


@pytest.mark.parametrize(
    ("entity_set", "columns", "intersect"),
    [
        ("leads", {"lastname": "L"}, "leadcompetitors"),
        ("opportunities", {"name": "O"}, "opportunitycompetitors"),
    ],
)
def test_a_competitor_is_linked_to_what_it_competes_for(
    entity_set: str, columns: dict[str, str], intersect: str, org: DataverseOrg, api: httpx.Client
) -> None:
    collection = f"{intersect}_association"
    competitor = _create(api, "competitors", name="Rival", reportedrevenue=1200.5, address1_city="Kiel")
    row = f"{entity_set}({_create(api, entity_set, **columns)})"

    linked = api.post(f"{row}/{collection}/$ref", json={"@odata.id": f"competitors({competitor})"})
    found = api.get(f"competitors({competitor})/{collection}?$count=true").json()

    assert (linked.status_code, found["@odata.count"], org.count(intersect)) == (204, 1, 1)
    seen = api.get(f"competitors({competitor})?$select=reportedrevenue_base,address1_composite").json()
    assert (seen["reportedrevenue_base"], seen["address1_composite"]) == (1200.5, "Kiel")
