"""Metadata: what is read about tables and columns, and how columns and keys come and go."""

from typing import Any

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import Clock, add_publisher, add_source_id, created_id, label, sign_in
from transload_sandbox.dataverse.testing import error_code as code

ACCOUNT = "EntityDefinitions(LogicalName='account')"
NAMESPACE = "Microsoft.Dynamics.CRM."


def _column(kind: str, name: str, **facts: Any) -> dict[str, Any]:
    return {
        "@odata.type": f"{NAMESPACE}{kind}AttributeMetadata",
        "SchemaName": name,
        "DisplayName": label(name),
        **facts,
    }


def _key_status(api: httpx.Client) -> str:
    [key] = api.get(f"{ACCOUNT}/Keys?$select=EntityKeyIndexStatus").json()["value"]
    return str(key["EntityKeyIndexStatus"])


def test_status_reasons_tell_their_state_and_states_their_default(api: httpx.Client) -> None:
    incident = "EntityDefinitions(LogicalName='incident')/Attributes"

    [status] = api.get(f"{incident}/{NAMESPACE}StatusAttributeMetadata?$expand=OptionSet").json()["value"]
    [state] = api.get(f"{incident}/{NAMESPACE}StateAttributeMetadata?$expand=OptionSet").json()["value"]

    states = {option["Value"]: option["State"] for option in status["OptionSet"]["Options"]}
    assert (states[1], states[5], states[2000]) == (0, 1, 2)
    assert [option["DefaultStatus"] for option in state["OptionSet"]["Options"]] == [1, 5, 6]


def test_two_options_show_both_labels(api: httpx.Client) -> None:
    path = f"{ACCOUNT}/Attributes(LogicalName='donotemail')/{NAMESPACE}BooleanAttributeMetadata"

    found = api.get(f"{path}?$select=LogicalName&$expand=OptionSet").json()

    assert found["OptionSet"]["TrueOption"]["Value"] == 1
    assert found["OptionSet"]["FalseOption"]["Label"]["UserLocalizedLabel"]["Label"] == "Allow"


def test_attributes_can_be_filtered_by_enum_and_flag(api: httpx.Client) -> None:
    required = f"RequiredLevel/Value eq {NAMESPACE}AttributeRequiredLevel'SystemRequired'"

    found = api.get(
        f"{ACCOUNT}/Attributes",
        params={"$select": "LogicalName", "$filter": f"{required} and IsValidForCreate eq true"},
    ).json()

    assert [column["LogicalName"] for column in found["value"]] == ["accountid", "ownerid"]


def test_lookups_tell_their_targets_and_navigation_names(api: httpx.Client) -> None:
    contact = "EntityDefinitions(LogicalName='contact')"

    relations = api.get(f"{contact}/ManyToOneRelationships?$filter=ReferencingAttribute eq 'parentcustomerid'").json()
    lookup = api.get(f"{contact}/Attributes(LogicalName='parentcustomerid')").json()

    names = {each["ReferencedEntity"]: each["ReferencingEntityNavigationPropertyName"] for each in relations["value"]}
    assert names == {"account": "parentcustomerid_account", "contact": "parentcustomerid_contact"}
    assert lookup["Targets"] == ["account", "contact"]
    assert lookup["@odata.type"] == "#Microsoft.Dynamics.CRM.LookupAttributeMetadata"


def test_an_unknown_table_is_not_found(api: httpx.Client) -> None:
    assert code(api.get("EntityDefinitions(LogicalName='nothing')")) == (404, "0x80060888")


@pytest.mark.parametrize(
    ("kind", "facts", "good", "bad"),
    [
        ("String", {"MaxLength": 5, "FormatName": {"Value": "Text"}}, "12345", "123456"),
        ("Memo", {"MaxLength": 6}, "a\r\nb", "1234567"),
        ("Integer", {"MinValue": 0, "MaxValue": 9}, 9, 10),
        ("Decimal", {"Precision": 2, "MinValue": 0, "MaxValue": 9}, 1.25, 9.5),
        ("Double", {"Precision": 3, "MinValue": 0, "MaxValue": 9}, 1.125, "1"),
        ("Money", {"PrecisionSource": 2, "MinValue": 0, "MaxValue": 9}, 1.25, -1),
        ("DateTime", {"DateTimeBehavior": {"Value": "DateOnly"}, "Format": "DateOnly"}, "2024-02-29", "2024-02-30"),
        ("DateTime", {"DateTimeBehavior": {"Value": "UserLocal"}}, "2024-02-29T10:00:00Z", "29.2.2024"),
        ("Boolean", {}, True, "true"),
        ("Picklist", {"OptionSet": {"Options": [{"Value": 100000000, "Label": label("A")}]}}, 100000000, 100000001),
    ],
)
def test_a_new_column_of_each_type_holds_what_it_should(
    kind: str, facts: dict[str, Any], good: object, bad: object, api: httpx.Client
) -> None:
    api.post(f"{ACCOUNT}/Attributes", json=_column(kind, "mig_New", **facts)).raise_for_status()

    account = created_id(api.post("accounts", json={"name": "Kiel", "mig_new": good}))
    refused = api.post("accounts", json={"name": "Kiel", "mig_new": bad})

    assert api.get(f"accounts({account})?$select=mig_new").json()["mig_new"] == good
    assert refused.status_code == 400


@pytest.mark.parametrize("name", ["SourceId", "other_SourceId", "mig_with space"])
def test_a_name_needs_the_prefix_of_a_publisher(name: str, api: httpx.Client) -> None:
    answer = api.post(f"{ACCOUNT}/Attributes", json=_column("String", name, MaxLength=10))

    assert answer.status_code == 400


def test_the_prefix_refusal_has_its_own_code(api: httpx.Client) -> None:
    answer = api.post(f"{ACCOUNT}/Attributes", json=_column("String", "other_SourceId", MaxLength=10))

    assert code(answer) == (400, "0x80044366")


def test_an_unknown_solution_is_refused(api: httpx.Client) -> None:
    answer = api.post(
        f"{ACCOUNT}/Attributes",
        json=_column("String", "mig_SourceId", MaxLength=10),
        headers={"MSCRM.SolutionUniqueName": "nothing"},
    )

    assert answer.status_code == 400


def test_a_key_cannot_be_used_before_its_index_is_active(clock: Clock) -> None:
    org = DataverseOrg(key_index_seconds=10, clock=clock)
    api = sign_in(org)
    add_publisher(api)
    add_source_id(api, "account")

    seen = []
    for seconds in (0, 6, 5):
        clock.advance(seconds)
        status = api.patch("accounts(mig_sourceid='a')", json={"name": "A"}).status_code
        seen.append((_key_status(api), status))

    api.close()
    org.close()
    assert seen == [("Pending", 400), ("InProgress", 400), ("Active", 204)]


def test_a_key_over_duplicates_fails_and_can_be_tried_again(api: httpx.Client) -> None:
    column = _column("String", "mig_SourceId", MaxLength=100)
    api.post(f"{ACCOUNT}/Attributes", json=column).raise_for_status()
    ids = [created_id(api.post("accounts", json={"name": "A", "mig_sourceid": "same"})) for _ in range(2)]
    key = {"SchemaName": "mig_SourceIdKey", "DisplayName": label("Source Id"), "KeyAttributes": ["mig_sourceid"]}
    again = {"EntityLogicalName": "account", "EntityKeyLogicalName": "mig_sourceidkey"}

    api.post(f"{ACCOUNT}/Keys", json=key).raise_for_status()
    failed = _key_status(api)
    api.patch(f"accounts({ids[0]})", json={"mig_sourceid": "other"})
    api.post("ReactivateEntityKey", json=again).raise_for_status()

    assert failed == "Failed"
    assert _key_status(api) == "Active"
    assert code(api.post("ReactivateEntityKey", json=again)) == (400, "0x80060897")


def test_columns_and_keys_leave_no_trace_when_they_are_removed(org: DataverseOrg, api: httpx.Client) -> None:
    org.create("account", {"name": "There before"})
    before = org.digest()

    add_source_id(api, "account")
    during = org.digest()
    in_use = api.delete(f"{ACCOUNT}/Attributes(LogicalName='mig_sourceid')")
    api.delete(f"{ACCOUNT}/Keys(LogicalName='mig_sourceidkey')").raise_for_status()
    api.delete(f"{ACCOUNT}/Attributes(LogicalName='mig_sourceid')").raise_for_status()

    assert in_use.status_code == 400
    assert during["metadata"] != before["metadata"]
    assert org.digest() == before


def test_the_same_key_is_not_made_twice(api: httpx.Client) -> None:
    add_source_id(api, "account")
    key = {"SchemaName": "mig_SourceIdKey", "KeyAttributes": ["mig_sourceid"]}

    same_name = api.post(f"{ACCOUNT}/Keys", json=key)
    same_columns = api.post(f"{ACCOUNT}/Keys", json={**key, "SchemaName": "mig_Other"})

    assert code(same_name) == (400, "0x80060893")
    assert code(same_columns) == (400, "0x80060894")


def test_publishing_is_accepted(api: httpx.Client) -> None:
    entities = "<importexportxml><entities><entity>account</entity></entities></importexportxml>"

    answers = [api.post("PublishXml", json={"ParameterXml": entities}), api.post("PublishAllXml")]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert api.post("PublishXml", json={"ParameterXml": "<open>"}).status_code == 400


def test_a_table_names_the_privileges_that_it_takes(api: httpx.Client) -> None:
    account, territory = (
        {each["PrivilegeType"]: each["Name"] for each in api.get(path).json()["Privileges"]}
        for path in (f"EntityDefinitions(LogicalName='{name}')?$select=Privileges" for name in ("account", "territory"))
    )

    assert account["AppendTo"] == "prvAppendToAccount"
    assert account.keys() - territory.keys() == {"Assign", "Share"}
