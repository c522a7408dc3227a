"""Functions with parameters: by alias or in the brackets, in the quotes that the documentation uses."""

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import created_id
from transload_sandbox.dataverse.testing import error_code as code


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("@p1='12 Elm St.'&@p2='Seattle'&@p3='WA'&@p4='98007'&@p5='USA'", "12 Elm St.\r\nSeattle, WA 98007\r\nUSA"),
        (
            "@p1='1-2-3 Sakura'&@p2='Nagoya'&@p3='Aichi'&@p4='455-2345'&@p5='JAPAN'",
            "455-2345\r\nAichi\r\nNagoya\r\n1-2-3 Sakura\r\nJAPAN",
        ),
        ("@p1='1 O''Neil Rd'&@p2=null&@p3=null&@p4=null&@p5=null", "1 O'Neil Rd"),
    ],
)
def test_an_address_is_written_as_its_country_does(parts: str, expected: str, api: httpx.Client) -> None:
    names = "Line1=@p1,City=@p2,StateOrProvince=@p3,PostalCode=@p4,Country=@p5"

    answer = api.get(f"FormatAddress({names})?{parts}")

    assert answer.json()["Address"] == expected


@pytest.mark.parametrize(
    "call",
    [
        'RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["account","contact"]',
        "RetrieveTotalRecordCount(EntityNames=@names)?@names=['account','contact']",
        "RetrieveTotalRecordCount(EntityNames=['account','contact'])",
    ],
)
def test_rows_of_several_tables_are_counted(call: str, api: httpx.Client) -> None:
    api.post("accounts", json={"name": "A"}).raise_for_status()

    counts = api.get(call).json()["EntityRecordCountCollection"]

    assert (counts["Keys"], counts["Values"]) == (["account", "contact"], [1, 0])


@pytest.mark.parametrize(
    ("table", "binding"),
    [
        ("account", "parentaccountid"),
        ("contact", "parentcustomerid_account"),
        ("opportunity", "parentaccountid"),
        ("task", "regardingobjectid_account_task"),
    ],
)
def test_a_new_row_starts_from_another(table: str, binding: str, api: httpx.Client) -> None:
    account = f"accounts({created_id(api.post('accounts', json={'name': 'A'}))})"
    entity_set = api.get(f"EntityDefinitions(LogicalName='{table}')?$select=EntitySetName").json()["EntitySetName"]
    names = "EntityMoniker=@p1,TargetEntityName=@p2,TargetFieldType=@p3"
    kind = "Microsoft.Dynamics.CRM.TargetFieldType'ValidForCreate'"

    start = api.get(f"InitializeFrom({names})?@p1={{'@odata.id':'{account}'}}&@p2='{table}'&@p3={kind}").json()
    created = api.post(entity_set, json=start)

    assert start[f"{binding}@odata.bind"] == account
    assert created.status_code == 204


def test_a_row_starts_only_from_a_table_that_it_can_point_to(api: httpx.Client) -> None:
    task = f"tasks({created_id(api.post('tasks', json={'subject': 'T'}))})"
    call = "InitializeFrom(EntityMoniker=@p1,TargetEntityName=@p2)"

    unrelated = api.get(f"{call}?@p1={{'@odata.id':'{task}'}}&@p2='account'")
    unknown = api.get(f"{call}?@p1={{'@odata.id':'{task}'}}&@p2='nothing'")
    broken = api.get(f"{call}?@p1={{'@odata.id'&@p2='account'")

    assert [code(each) for each in (unrelated, unknown, broken)] == [(400, "0x80040203")] * 3


def test_metadata_is_asked_for_in_either_quotes(api: httpx.Client) -> None:
    query = (
        "{'Properties':{'PropertyNames':['LogicalName']},'Criteria':{'FilterOperator':'And','Conditions':"
        "[{'PropertyName':'LogicalName','ConditionOperator':'Equals','Value':{'Type':'System.String','Value':'lead'}}]}}"
    )

    single = api.get(f"RetrieveMetadataChanges(Query=@p1)?@p1={query}")
    double = api.get("RetrieveMetadataChanges(Query=@p1)?@p1=" + query.replace("'", '"'))

    assert single.json() == double.json()
    assert [each["LogicalName"] for each in single.json()["EntityMetadata"]] == ["lead"]


def test_an_action_that_a_row_does_not_have_is_not_found(api: httpx.Client) -> None:
    account = created_id(api.post("accounts", json={"name": "A"}))

    bound = api.post(f"accounts({account})/Microsoft.Dynamics.CRM.Nothing", json={})
    on_set = api.post("accounts/Microsoft.Dynamics.CRM.Nothing", json={})

    assert [code(each) for each in (bound, on_set)] == [(404, "0x8006088a")] * 2


def _duplicates(api: httpx.Client, entity: str, more: str = "") -> httpx.Response:
    names = "BusinessEntity=@p1,MatchingEntityName=@p2,PagingInfo=@p3"
    return api.get(f"RetrieveDuplicates({names})?@p1={entity}&@p2='account'&@p3={more or '{}'}")


def test_duplicates_of_a_row_that_is_yet_to_be_are_found(org: DataverseOrg, api: httpx.Client) -> None:
    for name in ("Kiel", "Kiel", "Lund"):
        org.create("account", {"name": name})
    entity = "{'@odata.type':'Microsoft.Dynamics.CRM.account','name':'Kiel'}"

    found = _duplicates(api, entity)
    second = _duplicates(api, entity, "{'PageNumber':2,'Count':1}")

    assert [each["name"] for each in found.json()["value"]] == ["Kiel", "Kiel"]
    assert found.json()["@odata.context"].endswith("$metadata#accounts")
    assert [each["accountid"] for each in second.json()["value"]] == [found.json()["value"][1]["accountid"]]


def test_a_row_is_no_duplicate_of_itself(org: DataverseOrg, api: httpx.Client) -> None:
    first, second = (org.create("account", {"name": "Kiel"}) for _ in range(2))

    found = _duplicates(api, f"{{'@odata.type':'Microsoft.Dynamics.CRM.account','accountid':'{first}'}}")

    assert [each["accountid"] for each in found.json()["value"]] == [second]


@pytest.mark.parametrize("entity", ["{'name':'Kiel'}", "{'@odata.type':'Microsoft.Dynamics.CRM.nothing'}", "[]"])
def test_duplicates_of_nothing_are_refused(entity: str, api: httpx.Client) -> None:
    assert code(_duplicates(api, entity)) == (400, "0x80040203")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("LocalTimeFromUtcTime(TimeZoneCode=35,UtcTime=2024-07-01T12:00:00Z)", {"LocalTime": "2024-07-01T08:00:00Z"}),
        (
            "LocalTimeFromUtcTime(TimeZoneCode=@z,UtcTime=@t)?@z=110&@t=2024-01-01T12:00:00Z",
            {"LocalTime": "2024-01-01T13:00:00Z"},
        ),
        ("UtcTimeFromLocalTime(LocalTime=2024-07-01T08:00:00Z,TimeZoneCode=35)", {"UtcTime": "2024-07-01T12:00:00Z"}),
        ("UtcTimeFromLocalTime(LocalTime=2024-11-03T01:30:00Z,TimeZoneCode=35)", {"UtcTime": "2024-11-03T05:30:00Z"}),
    ],
)
def test_times_are_converted_by_the_code_of_a_zone(call: str, expected: dict[str, str], api: httpx.Client) -> None:
    answer = api.get(call).json()

    context = answer.pop("@odata.context")
    assert context.endswith(f"{call.partition('(')[0]}Response")
    assert answer == expected


@pytest.mark.parametrize(
    "given", ["TimeZoneCode=999,UtcTime=2024-07-01T12:00:00Z", "TimeZoneCode=35,UtcTime=noon", "TimeZoneCode=35"]
)
def test_a_time_that_cannot_be_converted_is_refused(given: str, api: httpx.Client) -> None:
    assert code(api.get(f"LocalTimeFromUtcTime({given})")) == (400, "0x80040203")
