"""Journeys in the order of the Web API's official samples, with the headers that those send with every request."""

from collections.abc import Iterator
from urllib.parse import quote, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import API, created_id, label, sign_in

CRM = "Microsoft.Dynamics.CRM."
ANNOTATED = {"Prefer": 'odata.include-annotations="*"'}
LABELLED = {"DisplayName": label("Sample"), "Description": label("A sample")}
TABLE = "EntityDefinitions(LogicalName='sample_ledger')"
OPTIONS = {"TrueOption": {"Value": 1, "Label": label("Up")}, "FalseOption": {"Value": 0, "Label": label("Down")}}
COLUMNS: dict[str, dict[str, object]] = {
    "Boolean": {"OptionSet": OPTIONS},
    "DateTime": {"DateTimeBehavior": {"Value": "DateOnly"}, "Format": "DateOnly", "ImeMode": "Disabled"},
    "Decimal": {"MaxValue": 100, "MinValue": 0, "Precision": 1},
    "Integer": {"MaxValue": 100, "MinValue": 0, "Format": "None"},
    "Memo": {"Format": "Text", "ImeMode": "Disabled", "MaxLength": 500},
    "Money": {"MaxValue": 1000.0, "MinValue": 0.0, "Precision": 1, "PrecisionSource": 1, "ImeMode": "Disabled"},
    "BigInt": {},
}


@pytest.fixture
def api(org: DataverseOrg) -> Iterator[httpx.Client]:
    """The Web API with the headers of the samples; a publisher with the prefix sample exists."""
    client = sign_in(org)
    client.headers.update({"OData-MaxVersion": "4.0", "OData-Version": "4.0", "If-None-Match": "null"})
    names = {"friendlyname": "Sample", "uniquename": "samplepublisher", "customizationprefix": "sample"}
    client.post("publishers", json={**names, "customizationoptionvalueprefix": 72700}).raise_for_status()
    yield client
    client.close()


def _primary_name() -> dict[str, object]:
    kind = {"@odata.type": f"{CRM}StringAttributeMetadata", "AttributeType": "String", "MaxLength": 100}
    return {**kind, **LABELLED, "SchemaName": "sample_Name", "IsPrimaryName": True, "RequiredLevel": {"Value": "None"}}


def _add_table(api: httpx.Client, schema_name: str) -> None:
    body = {
        "@odata.type": f"{CRM}EntityMetadata",
        "SchemaName": schema_name,
        "DisplayCollectionName": label("Samples"),
        **LABELLED,
        "HasActivities": False,
        "HasNotes": False,
        "OwnershipType": "UserOwned",
        "PrimaryNameAttribute": "sample_name",
        "Attributes": [_primary_name()],
    }
    api.post("EntityDefinitions", json=body).raise_for_status()


def test_basic_operations(api: httpx.Client) -> None:
    contact = f"contacts({created_id(api.post('contacts', json={'firstname': 'Odette', 'lastname': 'Lomax'}))})"
    api.patch(contact, json={"annualincome": 80000}, headers={"If-Match": "*"}).raise_for_status()
    api.put(f"{contact}/telephone1", json={"value": "555-0105"}).raise_for_status()
    tasks = [{"subject": "Sign", "scheduledstart": "2023-04-19T03:00:00+07:00", "scheduleddurationminutes": 60}]
    deep = {"firstname": "Zoë", "lastname": "Brandt", "Contact_Tasks": tasks}
    bound = created_id(api.post("accounts", json={"name": "One", "primarycontactid@odata.bind": contact}))
    account = f"accounts({created_id(api.post('accounts', json={'name': 'Two', 'primarycontactid': deep}))})"

    # The official sample has this comma.
    query = "$select=name,&$expand=primarycontactid($select=fullname,annualincome)"
    read = api.get(f"accounts({bound})?{query}", headers=ANNOTATED).json()["primarycontactid"]
    inner = api.get(f"{account}?$select=name&$expand=primarycontactid($select=contactid)").json()
    planned = api.get(f"contacts({inner['primarycontactid']['contactid']})/Contact_Tasks?$select=scheduledstart").json()
    api.post(f"{account}/contact_customer_accounts/$ref", json={"@odata.id": f"{API}{contact}"}).raise_for_status()
    joined = api.get(f"{account}/contact_customer_accounts?$select=fullname").json()["value"]
    left = api.delete(f"{account}/contact_customer_accounts({contact[9:-1]})/$ref")

    assert read["annualincome@OData.Community.Display.V1.FormattedValue"] == "$80,000.00"
    assert planned["value"][0]["scheduledstart"] == "2023-04-18T20:00:00Z"
    assert [row["fullname"] for row in joined] == ["Odette Lomax"]
    assert (left.status_code, api.get(f"{contact}/telephone1").json()["value"]) == (204, "555-0105")


def test_fetchxml_pages_by_the_cookie_that_the_answer_gives(api: httpx.Client) -> None:
    names = [f"Contact {number} (sample)" for number in range(7)]
    for name in names:
        api.post("contacts", json={"lastname": name}).raise_for_status()
    found, page, cookie, more = list[str](), 1, "", True

    while more:
        fetch = (
            f"<fetch count='3' page='{page}' paging-cookie={quoteattr(cookie)}><entity name ='contact'>"
            "<attribute name ='lastname' /><order descending ='true' attribute='lastname' />"
            "<filter><condition value ='%(sample)%' attribute='lastname' operator='like' /></filter></entity></fetch>"
        )
        answer = api.get(f"contacts?fetchXml={quote(fetch)}", headers=ANNOTATED).json()
        found += [row["lastname"] for row in answer["value"]]
        more = answer.get("@Microsoft.Dynamics.CRM.morerecords", False)
        if more:
            given = ElementTree.fromstring(answer["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"])
            page, cookie = page + 1, unquote(unquote(given.attrib["pagingcookie"]))

    assert (page, found) == (3, sorted(names, reverse=True))


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_of_every_type_is_read_whole_and_put_back(kind: str, api: httpx.Client) -> None:
    _add_table(api, "sample_Ledger")
    column = {"@odata.type": f"{CRM}{kind}AttributeMetadata", "SchemaName": f"sample_{kind}", **LABELLED}
    path = f"{TABLE}/Attributes(LogicalName='sample_{kind.lower()}')"
    typed = f"{path}/{CRM}{kind}AttributeMetadata"

    created = api.post(f"{TABLE}/Attributes", json={**column, **COLUMNS[kind], "RequiredLevel": {"Value": "None"}})
    definition = api.get(typed).json()
    change = {"@odata.type": column["@odata.type"], "RequiredLevel": {"Value": "ApplicationRequired"}}
    merging = {"MSCRM.MergeLabels": "True", "Consistency": "Strong"}
    put = api.put(path, json={**definition, **change, "DisplayName": label("Changed")}, headers=merging)

    after = api.get(f"{typed}?$select=DisplayName,RequiredLevel").json()
    assert (created.status_code, put.status_code) == (204, 204)
    assert after["DisplayName"]["UserLocalizedLabel"]["Label"] == "Changed"
    assert after["RequiredLevel"]["Value"] == "ApplicationRequired"
    limits = {name: value for name, value in COLUMNS[kind].items() if name != "OptionSet"}
    assert {name: definition[name] for name in limits} == limits


def test_one_lookup_points_to_rows_of_several_tables(api: httpx.Client) -> None:
    for name in ("sample_Book", "sample_Audio", "sample_Media"):
        _add_table(api, name)
    relations = [
        {"SchemaName": f"sample_media_{target}", "ReferencedEntity": target, "ReferencingEntity": "sample_media"}
        for target in ("sample_book", "sample_audio")
    ]
    lookup = {"@odata.type": f"{CRM}ComplexLookupAttributeMetadata", "SchemaName": "sample_Source", **LABELLED}
    body = {"OneToManyRelationships": relations, "Lookup": lookup}

    made = api.post("CreatePolymorphicLookupAttribute", json=body).json()
    for target in ("sample_book", "sample_audio"):
        path = f"RelationshipDefinitions/{CRM}OneToManyRelationshipMetadata"
        [relation] = api.get(f"{path}?$filter=SchemaName eq 'sample_media_{target}'").json()["value"]
        row = created_id(api.post(f"{target}s", json={"sample_name": target}))
        bind = {f"{relation['ReferencingEntityNavigationPropertyName']}@odata.bind": f"/{target}s({row})"}
        api.post("sample_medias", json={"sample_name": target, **bind}).raise_for_status()

    rows = api.get("sample_medias?$select=sample_name,_sample_source_value", headers=ANNOTATED).json()["value"]
    assert len(made["RelationshipIds"]) == 2
    assert {row["sample_name"]: row[f"_sample_source_value@{CRM}lookuplogicalname"] for row in rows} == {
        "sample_book": "sample_book",
        "sample_audio": "sample_audio",
    }
