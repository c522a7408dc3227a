"""Customisation in full: tables, relationships, choices and definitions that come, change and go."""

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import add_publisher, created_id, label, sign_in
from transload_sandbox.dataverse.testing import error_code as code

NAMESPACE = "Microsoft.Dynamics.CRM."
JOB = "EntityDefinitions(LogicalName='mig_job')"


def _add_table(api: httpx.Client, schema_name: str = "mig_Job", **facts: Any) -> httpx.Response:
    primary = {
        "@odata.type": f"{NAMESPACE}StringAttributeMetadata",
        "SchemaName": "mig_Name",
        "IsPrimaryName": True,
        "MaxLength": 200,
        "DisplayName": label("Name"),
    }
    body = {
        "@odata.type": f"{NAMESPACE}EntityMetadata",
        "SchemaName": schema_name,
        "DisplayName": label("Job"),
        "DisplayCollectionName": label("Jobs"),
        "OwnershipType": "UserOwned",
        "IsActivity": False,
        "HasActivities": True,
        "HasNotes": True,
        "Attributes": [primary],
        **facts,
    }
    return api.post("EntityDefinitions", json=body)


def _add_lookup(api: httpx.Client, **cascade: str) -> httpx.Response:
    body = {
        "@odata.type": f"{NAMESPACE}OneToManyRelationshipMetadata",
        "SchemaName": "mig_account_mig_job",
        "ReferencedEntity": "account",
        "ReferencedAttribute": "accountid",
        "ReferencingEntity": "mig_job",
        "CascadeConfiguration": cascade,
        "Lookup": {
            "@odata.type": f"{NAMESPACE}LookupAttributeMetadata",
            "SchemaName": "mig_AccountId",
            "DisplayName": label("Account"),
        },
    }
    return api.post("RelationshipDefinitions", json=body)


def _add_link(api: httpx.Client) -> httpx.Response:
    body = {
        "@odata.type": f"{NAMESPACE}ManyToManyRelationshipMetadata",
        "SchemaName": "mig_contact_mig_job",
        "IntersectEntityName": "mig_contact_mig_job",
        "Entity1LogicalName": "contact",
        "Entity2LogicalName": "mig_job",
    }
    return api.post("RelationshipDefinitions", json=body)


def test_a_new_table_takes_rows_notes_and_activities(api: httpx.Client) -> None:
    address = _add_table(api).raise_for_status().headers["OData-EntityId"]

    job = created_id(api.post("mig_jobs", json={"mig_name": "J"}))
    note = api.post("annotations", json={"subject": "N", "objectid_mig_job@odata.bind": f"/mig_jobs({job})"})
    bind = {"regardingobjectid_mig_job_task@odata.bind": f"/mig_jobs({job})"}
    task = api.post("tasks", json={"subject": "T", **bind})
    row = api.get(f"mig_jobs({job})").json()

    assert (note.status_code, task.status_code) == (204, 204)
    assert (row["mig_name"], row["statecode"], row["statuscode"]) == ("J", 0, 1)
    assert api.get(address).json()["LogicalName"] == "mig_job"
    assert api.get(JOB + "?$select=EntitySetName").json()["EntitySetName"] == "mig_jobs"


def test_a_new_activity_table_is_an_activity(api: httpx.Client) -> None:
    subject = {"@odata.type": f"{NAMESPACE}StringAttributeMetadata", "SchemaName": "Subject", "IsPrimaryName": True}
    _add_table(api, "mig_Survey", IsActivity=True, HasActivities=False, Attributes=[subject]).raise_for_status()
    account = created_id(api.post("accounts", json={"name": "A"}))

    survey = created_id(
        api.post(
            "mig_surveys",
            json={"subject": "S", "regardingobjectid_account_mig_survey@odata.bind": f"/accounts({account})"},
        )
    )

    [pointer] = api.get("activitypointers?$select=activityid,activitytypecode").json()["value"]
    assert (pointer["activityid"], pointer["activitytypecode"]) == (survey, "mig_survey")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"SchemaName": "other_Job"}, (400, "0x80044366")),
        ({"Attributes": []}, (400, "0x80040203")),
        ({"DisplayName": None}, (400, "0x80040203")),
        ({"OwnershipType": "Nobody"}, (400, "0x80040203")),
    ],
)
def test_a_bad_table_leaves_no_trace(
    facts: dict[str, Any], expected: tuple[int, str], org: DataverseOrg, api: httpx.Client
) -> None:
    before = org.digest()

    assert code(_add_table(api, **facts)) == expected
    assert org.digest() == before


def test_a_table_exists_once(api: httpx.Client) -> None:
    _add_table(api).raise_for_status()

    assert code(_add_table(api)) == (400, "0x8004700b")


def _money(schema_name: str) -> dict[str, object]:
    kind = f"{NAMESPACE}MoneyAttributeMetadata"
    return {"@odata.type": kind, "SchemaName": schema_name, "DisplayName": label("Amount"), "PrecisionSource": 2}


def test_the_first_money_column_of_a_table_brings_its_currency(org: DataverseOrg, api: httpx.Client) -> None:
    _add_table(api).raise_for_status()
    pound = {"currencyname": "Pound", "isocurrencycode": "GBP", "currencysymbol": "£", "currencyprecision": 2}
    currency = org.create("transactioncurrency", {**pound, "exchangerate": 0.8})
    bind = {"transactioncurrencyid@odata.bind": f"transactioncurrencies({currency})"}
    before = api.post("mig_jobs", json={"mig_name": "Boiler", **bind})

    for name in ("mig_Estimate", "mig_Paid"):
        api.post(f"{JOB}/Attributes", json=_money(name)).raise_for_status()
    job = created_id(api.post("mig_jobs", json={"mig_name": "Boiler", "mig_estimate": 100, **bind}))

    row = api.get(f"mig_jobs({job})?$select=mig_estimate,mig_estimate_base,mig_paid_base,exchangerate").json()
    assert code(before) == (400, "0x80048d19")
    assert (row["mig_estimate_base"], row["mig_paid_base"], row["exchangerate"]) == (125.0, None, 0.8)
    assert "TransactionCurrency_mig_job" in api.get("$metadata").text


def test_a_table_that_comes_with_money_has_a_currency(api: httpx.Client) -> None:
    name = {"@odata.type": f"{NAMESPACE}StringAttributeMetadata", "SchemaName": "mig_Name", "IsPrimaryName": True}

    _add_table(api, Attributes=[{**name, "DisplayName": label("Name")}, _money("mig_Estimate")]).raise_for_status()

    columns = {each["LogicalName"] for each in api.get(f"{JOB}/Attributes?$select=LogicalName").json()["value"]}
    assert columns >= {"mig_estimate", "mig_estimate_base", "transactioncurrencyid", "exchangerate"}


def test_customisation_is_undone_in_reverse_order(org: DataverseOrg, api: httpx.Client) -> None:
    before = org.digest()
    table = _add_table(api).raise_for_status().headers["OData-EntityId"]
    lookup = _add_lookup(api).raise_for_status().headers["OData-EntityId"]
    link = _add_link(api).raise_for_status().headers["OData-EntityId"]
    api.post("mig_jobs", json={"mig_name": "J", "mig_contact_mig_job": [{"lastname": "C"}]}).raise_for_status()
    [contact] = api.get("contacts?$select=contactid").json()["value"]

    too_early = api.delete(table)
    for address in (link, lookup, table, f"contacts({contact['contactid']})"):
        api.delete(address).raise_for_status()

    assert code(too_early) == (400, "0x8004f01f")
    assert org.digest() == before


def test_a_lookup_has_both_names_and_follows_its_cascade(api: httpx.Client) -> None:
    _add_table(api).raise_for_status()
    _add_lookup(api, Delete="Restrict").raise_for_status()
    account = created_id(api.post("accounts", json={"name": "A", "mig_account_mig_job": [{"mig_name": "J"}]}))

    [relation] = api.get(f"{JOB}/ManyToOneRelationships?$filter=SchemaName eq 'mig_account_mig_job'").json()["value"]
    refused = api.delete(f"accounts({account})")

    assert relation["ReferencingEntityNavigationPropertyName"] == "mig_AccountId"
    assert relation["ReferencedEntityNavigationPropertyName"] == "mig_account_mig_job"
    assert relation["CascadeConfiguration"]["Delete"] == "Restrict"
    assert code(refused) == (405, "0x80040227")


def test_a_customer_column_points_to_both(api: httpx.Client) -> None:
    _add_table(api).raise_for_status()
    relations = [
        {"SchemaName": f"mig_job_customer_{target}", "ReferencedEntity": target, "ReferencingEntity": "mig_job"}
        for target in ("account", "contact")
    ]
    lookup = {
        "@odata.type": f"{NAMESPACE}ComplexLookupAttributeMetadata",
        "SchemaName": "mig_CustomerId",
        "DisplayName": label("Customer"),
    }

    made = api.post("CreateCustomerRelationships", json={"OneToManyRelationships": relations, "Lookup": lookup}).json()
    contact = created_id(api.post("contacts", json={"lastname": "C"}))
    bind = {"mig_CustomerId_contact@odata.bind": f"/contacts({contact})"}
    job = created_id(api.post("mig_jobs", json={"mig_name": "J", **bind}))

    assert len(made["RelationshipIds"]) == 2
    assert api.get(f"mig_jobs({job})?$select=_mig_customerid_value").json()["_mig_customerid_value"] == contact


def test_relationship_names_are_unique(api: httpx.Client) -> None:
    _add_table(api).raise_for_status()
    _add_link(api).raise_for_status()

    assert code(_add_link(api)) == (400, "0x8004432b")


def test_a_global_choice_serves_several_columns(api: httpx.Client) -> None:
    options = [{"Value": 1, "Label": label("One")}]
    choice = {"Name": "mig_color", "DisplayName": label("Color"), "Options": options, "OptionSetType": "Picklist"}
    address = api.post("GlobalOptionSetDefinitions", json=choice).raise_for_status().headers["OData-EntityId"]
    relative = address.partition("/api/data/v9.2")[2]
    for table in ("account", "contact"):
        column = {
            "@odata.type": f"{NAMESPACE}PicklistAttributeMetadata",
            "SchemaName": "mig_Color",
            "DisplayName": label("Color"),
            "GlobalOptionSet@odata.bind": relative,
        }
        api.post(f"EntityDefinitions(LogicalName='{table}')/Attributes", json=column).raise_for_status()

    inserted = api.post("InsertOptionValue", json={"OptionSetName": "mig_color", "Value": 2, "Label": label("Two")})

    assert inserted.json()["NewOptionValue"] == 2
    assert api.post("accounts", json={"name": "A", "mig_color": 2}).status_code == 204
    assert code(api.delete(address)) == (400, "0x8004f01f")
    [found] = [each for each in api.get(address).json()["Options"] if each["Value"] == 2]
    assert found["Label"]["UserLocalizedLabel"]["Label"] == "Two"


def test_options_are_inserted_renamed_ordered_and_deleted(api: httpx.Client) -> None:
    place = {"EntityLogicalName": "lead", "AttributeLogicalName": "leadsourcecode"}
    path = f"EntityDefinitions(LogicalName='lead')/Attributes(LogicalName='leadsourcecode')/{NAMESPACE}"

    def options() -> dict[int, str]:
        found = api.get(f"{path}PicklistAttributeMetadata/OptionSet").json()["Options"]
        return {each["Value"]: each["Label"]["UserLocalizedLabel"]["Label"] for each in found}

    first = api.post("InsertOptionValue", json={**place, "Label": label("Sign")}).json()["NewOptionValue"]
    api.post("UpdateOptionValue", json={**place, "Value": first, "Label": label("Yard sign"), "MergeLabels": True})
    api.post("OrderOption", json={**place, "Values": [first, *(value for value in options() if value != first)]})
    ordered = options()
    api.post("DeleteOptionValue", json={**place, "Value": first}).raise_for_status()

    assert first == 100_000_000
    assert next(iter(ordered.items())) == (first, "Yard sign")
    assert first not in options()


def test_a_status_reason_belongs_to_its_state(api: httpx.Client) -> None:
    body = {
        "EntityLogicalName": "account",
        "AttributeLogicalName": "statuscode",
        "Value": 100000007,
        "Label": label("Dormant"),
        "StateCode": 1,
    }
    account = created_id(api.post("accounts", json={"name": "A"}))

    api.post("InsertStatusValue", json=body).raise_for_status()
    wrong = api.patch(f"accounts({account})", json={"statecode": 0, "statuscode": 100000007})
    right = api.patch(f"accounts({account})", json={"statecode": 1, "statuscode": 100000007})

    assert code(wrong) == (400, "0x80048408")
    assert right.status_code == 204


def test_definitions_are_put_as_a_whole(api: httpx.Client) -> None:
    _add_table(api).raise_for_status()
    definition = api.get(JOB).json()
    path = f"{JOB}/Attributes(LogicalName='mig_name')"
    column = api.get(f"{path}/{NAMESPACE}StringAttributeMetadata").json()

    merge = {"MSCRM.MergeLabels": "true"}
    api.put(JOB, json={**definition, "DisplayName": label("Order")}, headers=merge).raise_for_status()
    body = {**column, "@odata.type": f"{NAMESPACE}StringAttributeMetadata", "MaxLength": 300}
    api.put(path, json=body, headers=merge).raise_for_status()
    patched = api.patch(JOB, json={"DisplayName": label("X")})

    assert api.get(JOB).json()["DisplayName"]["UserLocalizedLabel"]["Label"] == "Order"
    assert api.get(f"{path}/{NAMESPACE}StringAttributeMetadata?$select=MaxLength").json()["MaxLength"] == 300
    assert patched.status_code >= 400


def test_a_column_is_put_with_its_type_in_the_address(api: httpx.Client) -> None:
    _add_table(api).raise_for_status()
    path = f"{JOB}/Attributes(LogicalName='mig_name')/{NAMESPACE}StringAttributeMetadata"
    column = api.get(path).json()

    changed = api.put(path, json={**column, "MaxLength": 300})
    untyped = api.put(path.rpartition("/")[0], json={**column, "MaxLength": 200})

    assert (changed.status_code, untyped.status_code) == (204, 400)
    assert api.get(f"{path}?$select=MaxLength").json()["MaxLength"] == 300


def test_definitions_are_found_by_id_and_expanded(api: httpx.Client) -> None:
    table = api.get("EntityDefinitions(LogicalName='account')?$select=LogicalName").json()
    expand = "Attributes($select=LogicalName;$filter=LogicalName eq 'name'),Keys,ManyToManyRelationships"

    found = api.get(f"EntityDefinitions({table['MetadataId']})?$select=LogicalName&$expand={expand}").json()
    owned = api.get(
        "EntityDefinitions",
        params={
            "$select": "LogicalName",
            "$filter": f"OwnershipType eq {NAMESPACE}OwnershipTypes'OrganizationOwned' and IsIntersect eq false",
        },
    ).json()["value"]

    assert [each["LogicalName"] for each in found["Attributes"]] == ["name"]
    assert "accountleads_association" in {each["SchemaName"] for each in found["ManyToManyRelationships"]}
    assert {"product", "territory"} <= {each["LogicalName"] for each in owned}


def test_components_are_listed_in_their_solution(api: httpx.Client) -> None:
    publisher = api.get("publishers?$filter=customizationprefix eq 'mig'").json()["value"][0]["publisherid"]
    bind = {"publisherid@odata.bind": f"/publishers({publisher})"}
    solution = {"friendlyname": "Bridge", "uniquename": "bridge", "version": "1.0.0.0", **bind}
    api.post("solutions", json=solution).raise_for_status()
    api.headers["MSCRM.SolutionUniqueName"] = "bridge"

    _add_table(api).raise_for_status()
    _add_lookup(api).raise_for_status()

    found = api.get("solutioncomponents?$select=componenttype&$orderby=componenttype").json()["value"]
    assert [each["componenttype"] for each in found] == [1, 2, 10]


def test_the_service_describes_itself_in_valid_xml(api: httpx.Client) -> None:
    _add_table(api).raise_for_status()
    _add_lookup(api).raise_for_status()
    edm = "{http://docs.oasis-open.org/odata/ns/edm}"

    plain, annotated = api.get("$metadata"), api.get("$metadata?annotations=true")
    root = etree.fromstring(plain.content)

    types = {each.get("Name"): each for each in root.iter(f"{edm}EntityType")}
    names = {each.get("Name"): each.get("Type") for each in types["mig_job"].iter(f"{edm}NavigationProperty")}
    sets = {each.get("Name") for each in root.iter(f"{edm}EntitySet")}
    assert names["mig_AccountId"] == "mscrm.account"
    assert types["task"].get("BaseType") == "mscrm.activitypointer"
    assert {each["url"] for each in api.get("").json()["value"]} >= {"accounts", "mig_jobs"}
    assert {"accounts", "mig_jobs", "systemuserrolescollection"} <= sets
    assert b"Org.OData.Core.V1.Computed" in annotated.content
    assert b"Org.OData.Core.V1.Computed" not in plain.content


def test_customisations_outlive_the_process(tmp_path: Path) -> None:
    org = DataverseOrg(tmp_path / "org.db", key_index_seconds=0)
    api = sign_in(org)
    add_publisher(api)
    for answer in (_add_table(api), _add_lookup(api), _add_link(api)):
        answer.raise_for_status()
    api.post("accounts", json={"name": "A", "mig_account_mig_job": [{"mig_name": "J"}]}).raise_for_status()
    before = org.digest()
    api.close()
    org.close()

    again = DataverseOrg(tmp_path / "org.db")

    after = again.digest()
    again.close()
    assert after == before


def test_editions_differ_in_their_tables() -> None:
    org = DataverseOrg(edition="professional", field_service=False, customer_service=False)
    api = sign_in(org)
    add_publisher(api)
    _add_table(api).raise_for_status()

    found = [
        api.get(f"EntityDefinitions(LogicalName='{name}')").status_code
        for name in ("quote", "incident", "msdyn_workorder", "bookableresource")
    ]

    headroom = org.custom_table_headroom()
    api.close()
    org.close()
    assert found == [200, 404, 404, 404]
    assert headroom == 14


def test_a_solution_is_exported_with_what_was_put_into_it(api: httpx.Client) -> None:
    publisher = api.get("publishers?$filter=uniquename eq 'migrationpublisher'").json()["value"][0]["publisherid"]
    body = {"uniquename": "migration", "friendlyname": "Migration", "version": "1.2.0.0"}
    api.post("solutions", json={**body, "publisherid@odata.bind": f"publishers({publisher})"}).raise_for_status()
    add_source_id_in(api, "migration")

    answer = api.post("ExportSolution", json={"SolutionName": "migration", "Managed": False}).json()

    with zipfile.ZipFile(io.BytesIO(base64.b64decode(answer["ExportSolutionFile"]))) as archive:
        names = archive.namelist()
        manifest = etree.fromstring(archive.read("solution.xml"))
        customizations = etree.fromstring(archive.read("customizations.xml"))
    assert names == ["[Content_Types].xml", "customizations.xml", "solution.xml"]
    assert (manifest.findtext(".//UniqueName"), manifest.findtext(".//Version")) == ("migration", "1.2.0.0")
    assert customizations.findtext(".//Entity/Name") == "Account"
    assert customizations.findtext(".//attribute/LogicalName") == "mig_sourceid"


@pytest.mark.parametrize(("name", "expected"), [("nothing", "0x80040203"), ("Sales", "0x80048036")])
def test_a_solution_that_is_not_there_or_managed_is_not_exported(name: str, expected: str, api: httpx.Client) -> None:
    answer = api.post("ExportSolution", json={"SolutionName": name, "Managed": False})

    assert code(answer) == (400, expected)


def add_source_id_in(api: httpx.Client, solution: str) -> None:
    column = {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "SchemaName": "mig_SourceId",
        "DisplayName": label("Source Id"),
        "MaxLength": 100,
    }
    headers = {"MSCRM.SolutionUniqueName": solution}
    api.post("EntityDefinitions(LogicalName='account')/Attributes", json=column, headers=headers).raise_for_status()
