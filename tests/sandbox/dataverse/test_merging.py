"""Merge: what pointed to one row points to another, and the row is given up."""

from contextlib import closing

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import created_id, sign_in
from transload_sandbox.dataverse.testing import error_code as code

Rows = tuple[str, str]


def _named(kind: str, row_id: str, **columns: object) -> dict[str, object]:
    return {"@odata.type": f"Microsoft.Dynamics.CRM.{kind}", f"{kind}id": row_id, **columns}


def _merge(api: httpx.Client, kind: str, rows: Rows, *, checked: bool = False, **content: object) -> httpx.Response:
    body: dict[str, object] = {
        "Target": _named(kind, rows[0], name="One"),
        "Subordinate": _named(kind, rows[1]),
        "PerformParentingChecks": checked,
    }
    if content:
        body["UpdateContent"] = {"@odata.type": f"Microsoft.Dynamics.CRM.{kind}", **content}
    return api.post("Merge", json=body)


@pytest.fixture
def accounts(api: httpx.Client) -> Rows:
    one, two = (created_id(api.post("accounts", json={"name": name})) for name in ("One", "Two"))
    return one, two


def test_the_other_row_gives_everything_away_and_is_deactivated(api: httpx.Client, accounts: Rows) -> None:
    one, two = accounts
    contact = {"lastname": "Frost", "parentcustomerid_account@odata.bind": f"accounts({two})"}
    kept = created_id(api.post("contacts", json=contact))
    task = {"subject": "Call", "regardingobjectid_account_task@odata.bind": f"accounts({two})"}
    api.post("tasks", json=task).raise_for_status()
    below = {"parentaccountid@odata.bind": f"accounts({two})"}
    api.patch(f"accounts({one})", json=below).raise_for_status()

    merged = _merge(api, "account", accounts, accountnumber="1234")

    collections = "contact_customer_accounts($select=contactid),Account_Tasks($select=subject)"
    target = api.get(f"accounts({one})?$select=accountnumber,_parentaccountid_value&$expand={collections}").json()
    given_up = api.get(f"accounts({two})?$select=statecode,statuscode,merged,_masterid_value").json()
    assert merged.status_code == 204
    assert (target["accountnumber"], target["_parentaccountid_value"]) == ("1234", None)
    assert [row["contactid"] for row in target["contact_customer_accounts"]] == [kept]
    assert [row["subject"] for row in target["Account_Tasks"]] == ["Call"]
    assert (given_up["statecode"], given_up["statuscode"]) == (1, 2)
    assert (given_up["merged"], given_up["_masterid_value"]) == (True, one)


def test_links_move_too_and_none_comes_twice(api: httpx.Client) -> None:
    definition = {
        "@odata.type": "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata",
        "SchemaName": "mig_account_contact",
        "Entity1LogicalName": "account",
        "Entity2LogicalName": "contact",
        "IntersectEntityName": "mig_account_contact",
    }
    api.post("RelationshipDefinitions", json=definition).raise_for_status()
    one, two = (created_id(api.post("accounts", json={"name": name})) for name in ("One", "Two"))
    both, second = (created_id(api.post("contacts", json={"lastname": name})) for name in ("Both", "Second"))
    for account, contact in ((one, both), (two, both), (two, second)):
        link = {"@odata.id": f"contacts({contact})"}
        api.post(f"accounts({account})/mig_account_contact/$ref", json=link).raise_for_status()

    _merge(api, "account", (one, two)).raise_for_status()

    linked = api.get(f"accounts({one})/mig_account_contact?$select=lastname&$orderby=lastname").json()["value"]
    left = api.get(f"accounts({two})/mig_account_contact?$select=lastname").json()["value"]
    assert ([row["lastname"] for row in linked], left) == (["Both", "Second"], [])


def test_a_case_that_is_given_up_is_merged_and_its_content_is_not_used(api: httpx.Client, accounts: Rows) -> None:
    customer = {"customerid_account@odata.bind": f"accounts({accounts[0]})"}
    one, two = (created_id(api.post("incidents", json={"title": name, **customer})) for name in ("One", "Two"))

    _merge(api, "incident", (one, two), title="Changed").raise_for_status()

    assert api.get(f"incidents({one})?$select=title").json()["title"] == "One"
    given_up = api.get(f"incidents({two})?$select=statecode,statuscode").json()
    assert (given_up["statecode"], given_up["statuscode"]) == (2, 2000)


def test_what_cannot_be_merged_is_refused(api: httpx.Client, accounts: Rows) -> None:
    one, two = accounts
    task = created_id(api.post("tasks", json={"subject": "T"}))
    parent = created_id(api.post("accounts", json={"name": "Parent"}))
    api.patch(f"accounts({two})", json={"parentaccountid@odata.bind": f"accounts({parent})"}).raise_for_status()

    itself = _merge(api, "account", (one, one))
    missing = _merge(api, "account", (one, "5e100001-7d10-4c3e-9b21-6045bd000007"))
    other_table = _merge(api, "task", (task, task))
    other_parent = _merge(api, "account", accounts, checked=True)
    first, again = _merge(api, "account", accounts), _merge(api, "account", accounts)

    assert code(missing) == (404, "0x80040217")
    assert [code(each) for each in (itself, other_table, other_parent, again)] == [(400, "0x80040203")] * 4
    assert first.status_code == 204


def test_both_rows_must_be_writable(org: DataverseOrg, accounts: Rows) -> None:
    org.add_application_user("weak", roles=["Basic User"])

    with closing(sign_in(org, "weak")) as weak:
        refused = _merge(weak, "account", accounts)

    assert code(refused) == (403, "0x80040220")
