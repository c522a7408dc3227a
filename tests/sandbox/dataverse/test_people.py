"""Users, roles and owners: who may do what, for whom, and who can own a row."""

from collections.abc import Iterator

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg, Fault
from transload_sandbox.dataverse.testing import Clock, add_publisher, created_id, sign_in
from transload_sandbox.dataverse.testing import add_source_id as add_column
from transload_sandbox.dataverse.testing import error_code as code

Owner = dict[str, object]


@pytest.fixture
def weak(org: DataverseOrg) -> Iterator[httpx.Client]:
    """The Web API as an application sees it that is a mere salesperson."""
    org.add_application_user("weak", roles=("Salesperson",))
    client = sign_in(org, "weak")
    yield client
    client.close()


def _owned_by(user: str) -> Owner:
    return {"ownerid@odata.bind": f"systemusers({user})"}


def test_a_privilege_that_is_missing_is_named(weak: httpx.Client) -> None:
    answer = weak.post("incidents", json={"title": "x"})

    assert code(answer) == (403, "0x80040220")
    assert "prvCreateIncident" in answer.json()["error"]["message"]


def test_reading_needs_a_privilege_too(weak: httpx.Client) -> None:
    assert weak.get("accounts").status_code == 200
    assert code(weak.get("incidents")) == (403, "0x80040220")


def test_a_salesperson_deletes_nothing_of_others(org: DataverseOrg, weak: httpx.Client) -> None:
    account = org.create("account", {"name": "Kiel"})
    own = created_id(weak.post("accounts", json={"name": "Lübeck"}))

    answers = [weak.delete(f"accounts({each})") for each in (account, own)]

    assert [answer.status_code for answer in answers] == [403, 204]


def test_metadata_is_for_customizers(weak: httpx.Client) -> None:
    answer = weak.post("EntityDefinitions(LogicalName='account')/Attributes", json={})

    assert answer.status_code == 403


def test_an_owner_must_be_able_to_read_the_table(org: DataverseOrg, api: httpx.Client) -> None:
    seller = org.add_user("Ann Example", "ann@example.com", roles=("Salesperson",))
    nobody = org.add_user("Ben Example", "ben@example.com", roles=())

    account = org.create("account", {"name": "Kiel"})
    case = {"title": "x", "customerid_account@odata.bind": f"accounts({account})"}

    answers = [api.post("incidents", json={**case, **_owned_by(user)}) for user in (seller, nobody)]

    assert [code(answer) for answer in answers] == [(403, "0x80040231"), (403, "0x80042f09")]
    assert org.count("incident") == 0


def test_a_disabled_user_with_roles_can_own_rows(org: DataverseOrg, api: httpx.Client) -> None:
    gone = org.add_user("Ann Example", "ann@example.com", disabled=True)

    assert api.post("accounts", json={"name": "Kiel", **_owned_by(gone)}).status_code == 204


def test_a_team_without_roles_owns_nothing(org: DataverseOrg, api: httpx.Client) -> None:
    unit, boss = org.environment.fixed_id("business unit"), org.add_user("Boss", "boss@example.com")
    bind = {"businessunitid@odata.bind": f"businessunits({unit})", "administratorid@odata.bind": f"systemusers({boss})"}
    team = created_id(api.post("teams", json={"name": "North", "teamtype": 0, **bind}))

    answer = api.post("accounts", json={"name": "Kiel", "ownerid@odata.bind": f"teams({team})"})

    assert code(answer) == (403, "0x80040231")


def test_rows_below_follow_an_assigned_row(org: DataverseOrg, api: httpx.Client) -> None:
    account = created_id(api.post("accounts", json={"name": "Kiel"}))
    contact = {"lastname": "Tanaka", "parentcustomerid_account@odata.bind": f"accounts({account})"}
    person = created_id(api.post("contacts", json=contact))
    ann = org.add_user("Ann Example", "ann@example.com")

    api.patch(f"accounts({account})", json=_owned_by(ann)).raise_for_status()

    row = api.get(f"contacts({person})?$select=_ownerid_value,_owninguser_value").json()
    assert (row["_ownerid_value"], row["_owninguser_value"]) == (ann, ann)


def test_an_application_user_needs_its_application_and_a_unit(org: DataverseOrg, api: httpx.Client) -> None:
    unit = {"businessunitid@odata.bind": f"businessunits({org.environment.fixed_id('business unit')})"}

    created = api.post("systemusers", json={"applicationid": "5e1003e7-7d10-4c3e-9b21-6045bd001b51", **unit})

    user = api.get(f"{created.raise_for_status().headers['OData-EntityId']}?$select=accessmode,domainname").json()
    assert user["accessmode"] == 4
    assert user["domainname"]


def test_a_new_team_belongs_to_whoever_makes_it(api: httpx.Client) -> None:
    me = api.get("WhoAmI").json()

    team = api.post("teams", json={"name": "Loaders"}, headers={"Prefer": "return=representation"}).json()

    assert team["_administratorid_value"] == me["UserId"]
    assert team["_businessunitid_value"] == me["BusinessUnitId"]


def test_a_user_who_is_given_an_object_id_can_be_impersonated(org: DataverseOrg, api: httpx.Client) -> None:
    user = org.add_user("Ann Berg", "ann@example.com")
    object_id = "3B8F0A52-6F0E-4D33-8F2C-0F8A2B1C9D77"

    changed = api.patch(f"systemusers({user})", json={"azureactivedirectoryobjectid": object_id})
    row = api.post(
        "tasks?$select=_createdby_value",
        json={"subject": "Call"},
        headers={"CallerObjectId": object_id, "Prefer": "return=representation"},
    ).json()

    assert (changed.status_code, row["_createdby_value"]) == (204, user)


@pytest.mark.parametrize("header", ["MSCRMCallerID", "CallerObjectId"])
def test_acting_for_somebody_leaves_both_names(header: str, org: DataverseOrg, api: httpx.Client) -> None:
    ann = org.add_user("Ann Example", "ann@example.com")
    [user] = api.get(f"systemusers?$filter=systemuserid eq {ann}").json()["value"]
    value = ann if header == "MSCRMCallerID" else user["azureactivedirectoryobjectid"]

    task = created_id(api.post("tasks", json={"subject": "x"}, headers={header: value}))

    row = api.get(f"tasks({task})?$select=_createdby_value,_createdonbehalfby_value,_ownerid_value").json()
    loader = org.add_application_user("loader").user_id
    assert (row["_createdby_value"], row["_createdonbehalfby_value"], row["_ownerid_value"]) == (ann, loader, ann)


def test_acting_for_somebody_takes_the_rights_of_both(org: DataverseOrg, api: httpx.Client) -> None:
    ann = org.add_user("Ann Example", "ann@example.com", roles=("Salesperson",))

    answer = api.post("incidents", json={"title": "x"}, headers={"MSCRMCallerID": ann})

    assert code(answer) == (403, "0x80040220")


def test_acting_for_somebody_needs_a_privilege(org: DataverseOrg, weak: httpx.Client) -> None:
    ann = org.add_user("Ann Example", "ann@example.com")

    answer = weak.post("accounts", json={"name": "x"}, headers={"MSCRMCallerID": ann})

    assert code(answer) == (403, "0x8004a110")


def test_nobody_acts_for_a_disabled_user(org: DataverseOrg, api: httpx.Client) -> None:
    gone = org.add_user("Ann Example", "ann@example.com", disabled=True)

    answer = api.post("tasks", json={"subject": "x"}, headers={"MSCRMCallerID": gone})

    assert code(answer) == (403, "0x80040225")


def test_a_user_who_is_disabled_in_the_middle_of_a_run_is_out(org: DataverseOrg, api: httpx.Client) -> None:
    loader = org.add_application_user("loader").user_id
    org.interrupt(lambda there: there.set_user_disabled(loader), after=1, method="POST")

    answers = [api.post("accounts", json={"name": "x"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [204, 403, 403]
    assert code(answers[1]) == (403, "0x80040225")


def test_a_column_that_is_removed_in_the_middle_of_a_run_is_unknown(org: DataverseOrg, api: httpx.Client) -> None:
    address = "EntityDefinitions(LogicalName='account')/Attributes"
    label = {"LocalizedLabels": [{"Label": "Tag", "LanguageCode": 1033}]}
    body = {"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "mig_Tag", "MaxLength": 9}
    org.customize("POST", address, {**body, "DisplayName": label})
    org.interrupt(
        lambda there: there.customize("DELETE", f"{address}(LogicalName='mig_tag')"), after=1, path="accounts*"
    )

    answers = [api.post("accounts", json={"name": "x", "mig_tag": "y"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 400]


def test_tokens_that_are_revoked_in_the_middle_of_a_run_are_refused(org: DataverseOrg, api: httpx.Client) -> None:
    org.interrupt(lambda there: there.tokens.revoke_all(), after=1)

    assert [api.get("WhoAmI").status_code for _ in range(2)] == [200, 401]


def test_an_application_without_a_user_is_no_member_until_it_has_one(org: DataverseOrg, api: httpx.Client) -> None:
    stranger = org.register_application("stranger")
    client = sign_in(org, "stranger")
    before = client.get("WhoAmI")

    unit = org.environment.fixed_id("business unit")
    body = {"applicationid": stranger.client_id, "businessunitid@odata.bind": f"businessunits({unit})"}
    # The schema asks for more than the live service does of an application.
    more = {"lastname": "# stranger", "domainname": "stranger", "internalemailaddress": "s@example.com"}
    api.post("systemusers", json={**body, **more, "userlicensetype": 0}).raise_for_status()
    after = client.get("WhoAmI")

    client.close()
    assert code(before) == (403, "0x80072560")
    assert after.status_code == 200


def test_dating_back_needs_a_privilege(weak: httpx.Client) -> None:
    answer = weak.post("accounts", json={"name": "x", "overriddencreatedon": "2019-05-14T07:30:00Z"})

    assert code(answer) == (403, "0x80040220")


@pytest.mark.parametrize(
    "header", [("MSCRM.BypassBusinessLogicExecution", "CustomSync"), ("MSCRM.BypassCustomPluginExecution", "true")]
)
def test_plug_ins_are_skipped_by_whoever_may(
    header: tuple[str, str], org: DataverseOrg, api: httpx.Client, weak: httpx.Client
) -> None:
    org.faults.add(Fault("refuse_row", times=9, table="account"))

    answers = [each.post("accounts", json={"name": "x"}, headers=dict([header])) for each in (api, weak)]

    assert [answer.status_code for answer in answers] == [204, 403]
    assert code(api.post("accounts", json={"name": "x"})) == (400, "0x80040265")


def test_duplicates_are_found_on_request_only(org: DataverseOrg, api: httpx.Client) -> None:
    body = {"lastname": "Tanaka", "emailaddress1": "mira@example.com"}
    org.create("contact", body)
    wanted = {"MSCRM.SuppressDuplicateDetection": "false"}

    found = api.post("contacts", json=body, headers=wanted)
    unasked = api.post("contacts", json=body)
    for rule in api.get("duplicaterules?$select=duplicateruleid").json()["value"]:
        api.post("UnpublishDuplicateRule", json={"DuplicateRuleId": rule["duplicateruleid"]}).raise_for_status()
    unruled = api.post("contacts", json=body, headers=wanted)

    assert code(found) == (412, "0x80040333")
    assert [unasked.status_code, unruled.status_code] == [204, 204]


def test_a_user_can_ask_for_its_privileges(org: DataverseOrg, weak: httpx.Client) -> None:
    user = org.add_application_user("weak").user_id

    listed = weak.get(f"systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges").json()["RolePrivileges"]

    depths = {each["PrivilegeName"]: each["Depth"] for each in listed}
    assert depths["prvCreateQuote"] == "Local"
    assert "prvCreateIncident" not in depths


def test_access_to_one_row_can_be_asked_about(org: DataverseOrg, weak: httpx.Client) -> None:
    user, account = org.add_application_user("weak").user_id, org.create("account", {"name": "Kiel"})

    answer = weak.get(
        f"systemusers({user})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)"
        f"?@t={{'@odata.id':'accounts({account})'}}"
    )

    rights = answer.json()["AccessRights"].split(", ")
    assert "ReadAccess" in rights
    assert "DeleteAccess" not in rights


def test_every_business_unit_has_its_roles_and_team(org: DataverseOrg, api: httpx.Client) -> None:
    root = org.environment.fixed_id("business unit")
    bind = {"parentbusinessunitid@odata.bind": f"businessunits({root})"}

    unit = created_id(api.post("businessunits", json={"name": "North", **bind}))

    roles = api.get(f"roles?$select=name&$filter=_businessunitid_value eq {unit}").json()["value"]
    teams = api.get(f"teams?$select=name&$filter=_businessunitid_value eq {unit}").json()["value"]
    assert "Salesperson" in {role["name"] for role in roles}
    assert [team["name"] for team in teams] == ["North"]


def test_everything_of_a_user_goes_to_another(org: DataverseOrg, api: httpx.Client) -> None:
    ann, ben = org.add_user("Ann", "ann@example.com"), org.add_user("Ben", "ben@example.com")
    account = created_id(api.post("accounts", json={"name": "Kiel", **_owned_by(ann)}))

    body = {"ReassignPrincipal": {"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": ben}}
    answer = api.post(f"systemusers({ann})/Microsoft.Dynamics.CRM.ReassignObjectsSystemUser", json=body)

    assert answer.status_code == 204
    assert api.get(f"accounts({account})?$select=_ownerid_value").json()["_ownerid_value"] == ben


def test_new_columns_are_seen_later_unless_the_request_insists(clock: Clock) -> None:
    org = DataverseOrg(clock=clock, metadata_cache_seconds=30)
    api = sign_in(org)
    add_publisher(api)
    add_column(api, "account")

    cached = api.post("accounts", json={"name": "x", "mig_sourceid": "1"})
    strong = api.post("accounts", json={"name": "x", "mig_sourceid": "1"}, headers={"Consistency": "Strong"})
    clock.advance(31)
    later = api.post("accounts", json={"name": "x", "mig_sourceid": "2"})

    api.close()
    org.close()
    assert [answer.status_code for answer in (cached, strong, later)] == [400, 204, 204]


def _give(org: DataverseOrg, api: httpx.Client, *privileges: str) -> httpx.Client:
    """Return the Web API as an application sees it that has these privileges of the whole organisation."""
    unit = {"businessunitid@odata.bind": f"businessunits({org.environment.fixed_id('business unit')})"}
    role = created_id(api.post("roles", json={"name": "Narrow", **unit}))
    given = [{"PrivilegeName": each, "Depth": "Global"} for each in privileges]
    path = f"roles({role})/Microsoft.Dynamics.CRM.AddPrivilegesRole"
    api.post(path, json={"Privileges": given}).raise_for_status()
    org.add_application_user("narrow", roles=("Narrow",))
    return sign_in(org, "narrow")


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        (("prvAppendToAccount",), "prvAppendContact"),
        (("prvAppendContact",), "prvAppendToAccount"),
        (("prvAppendContact", "prvAppendToAccount"), None),
    ],
)
def test_pointing_to_a_row_needs_append_and_append_to(
    held: tuple[str, ...], missing: str | None, org: DataverseOrg, api: httpx.Client
) -> None:
    account = org.create("account", {"name": "Kiel"})
    narrow = _give(org, api, "prvCreateContact", "prvWriteContact", *held)

    answer = narrow.post(
        "contacts", json={"lastname": "A", "parentcustomerid_account@odata.bind": f"accounts({account})"}
    )
    free = narrow.post("contacts", json={"lastname": "B"})

    narrow.close()
    assert answer.status_code == (403 if missing else 204)
    assert missing is None or missing in answer.json()["error"]["message"]
    assert free.status_code == 204


def test_links_need_append_and_append_to(org: DataverseOrg, api: httpx.Client) -> None:
    account, lead = org.create("account", {"name": "Kiel"}), org.create("lead", {"lastname": "L"})
    narrow = _give(org, api, "prvReadAccount", "prvWriteAccount", "prvAppendAccount", "prvReadLead")

    answer = narrow.post(f"accounts({account})/accountleads_association/$ref", json={"@odata.id": f"leads({lead})"})

    narrow.close()
    assert code(answer) == (403, "0x80040220")
    assert "prvAppendToLead" in answer.json()["error"]["message"]


def test_nobody_gives_roles_without_the_privilege(org: DataverseOrg, weak: httpx.Client) -> None:
    me = weak.get("WhoAmI").json()["UserId"]
    role = org.environment.fixed_id("role System Administrator")

    answer = weak.post(f"systemusers({me})/systemuserroles_association/$ref", json={"@odata.id": f"roles({role})"})

    assert code(answer) == (403, "0x80040220")
