"""``$filter`` and ``$orderby``: the platform's functions, collections, wildcards, aliases, and what is refused."""

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import Clock, error_code

CRM = "Microsoft.Dynamics.CRM"
LONG_AGO = "2024-03-15T10:00:00Z"


@pytest.fixture
def accounts(org: DataverseOrg, clock: Clock) -> dict[str, str]:
    """A parent with two generations below it; the parent has a task and a contact with an opportunity."""
    ids = {"Top": org.create("account", {"name": "Top", "numberofemployees": 5, "overriddencreatedon": LONG_AGO})}
    bind = {"parentaccountid@odata.bind": f"accounts({ids['Top']})"}
    ids["Middle"] = org.create(
        "account", {"name": "Middle", "numberofemployees": 2000, "address1_city": "Middle", **bind}
    )
    bind = {"parentaccountid@odata.bind": f"accounts({ids['Middle']})"}
    ids["Low 50%"] = org.create("account", {"name": "Low 50%", "numberofemployees": 3000, **bind})
    org.create("task", {"subject": "Open", "regardingobjectid_account_task@odata.bind": f"accounts({ids['Top']})"})
    here = {"parentcustomerid_account@odata.bind": f"accounts({ids['Top']})"}
    contact = org.create("contact", {"lastname": "Buyer", "jobtitle": "Owner", **here})
    org.create("opportunity", {"name": "Sale", "customerid_contact@odata.bind": f"contacts({contact})"})
    return ids


def _names(api: httpx.Client, condition: str, more: dict[str, str] | None = None) -> list[str]:
    query = {"$select": "name", "$orderby": "name desc", "$filter": condition, **(more or {})}
    return [row["name"] for row in api.get("accounts", params=query).raise_for_status().json()["value"]]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("name eq 'öl & wärme 50%'", ["Öl & Wärme 50%"]),
        ("name ne 'ÖL & WÄRME 50%'", ["Öl & Wärme 500"]),
        ("contains(name,'WÄRME')", ["Öl & Wärme 500", "Öl & Wärme 50%"]),
        ("startswith(name,'öl')", ["Öl & Wärme 500", "Öl & Wärme 50%"]),
        (f'{CRM}.In(PropertyName=\'name\',PropertyValues=["öl & wärme 500","other"])', ["Öl & Wärme 500"]),
    ],
)
def test_letters_of_every_alphabet_compare_without_case(
    condition: str, expected: list[str], org: DataverseOrg, api: httpx.Client
) -> None:
    for name in ("Öl & Wärme 50%", "Öl & Wärme 500"):
        org.create("account", {"name": name})

    assert _names(api, condition) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f'{CRM}.Between(PropertyName=\'numberofemployees\',PropertyValues=["5","2000"])', ["Top", "Middle"]),
        (f"{CRM}.NotBetween(PropertyName='numberofemployees',PropertyValues=['5','2000'])", ["Low 50%"]),
        (f'{CRM}.In(PropertyName=\'name\',PropertyValues=["top","O\'Neil"])', ["Top"]),
        (f"{CRM}.On(PropertyName='createdon',PropertyValue='2024-03-15')", ["Top"]),
        (f"{CRM}.OnOrBefore(PropertyName='createdon',PropertyValue='2024-03-15')", ["Top"]),
        (f"{CRM}.OnOrAfter(PropertyName='createdon',PropertyValue='2024-03-16')", ["Middle", "Low 50%"]),
        (f"{CRM}.Today(PropertyName='createdon')", ["Middle", "Low 50%"]),
        (f"{CRM}.LastXDays(PropertyName='createdon',PropertyValue=3)", ["Middle", "Low 50%"]),
        (f"{CRM}.LastXHours(PropertyName='createdon',PropertyValue='1')", ["Middle", "Low 50%"]),
        (f"{CRM}.OlderThanXMonths(PropertyName='createdon',PropertyValue=2)", ["Top"]),
        (f"{CRM}.ThisYear(PropertyName='createdon')", ["Middle", "Low 50%"]),
        (f"{CRM}.InFiscalYear(PropertyName='createdon',PropertyValue=2024)", ["Top"]),
        (f"{CRM}.InFiscalPeriodAndYear(PropertyName='createdon',PropertyValue1=1,PropertyValue2=2024)", ["Top"]),
        (f"{CRM}.EqualUserId(PropertyName='ownerid')", []),
        (f"{CRM}.NotEqualUserId(PropertyName='ownerid')", ["Top", "Middle", "Low 50%"]),
        (f"{CRM}.NotUserId(PropertyName='ownerid')", ["Top", "Middle", "Low 50%"]),
        (f"{CRM}.EqualBusinessId(PropertyName='owningbusinessunit')", ["Top", "Middle", "Low 50%"]),
        ("Account_Tasks/any()", ["Top"]),
        ("Account_Tasks/any(t:t/statecode eq 0)", ["Top"]),
        ("not Account_Tasks/any(t:t/statecode eq 0)", ["Middle", "Low 50%"]),
        ("Account_Tasks/all(t:t/statecode eq 1)", ["Middle", "Low 50%"]),
        (
            "(contact_customer_accounts/any(c:c/jobtitle eq 'owner' and "
            "c/opportunity_customer_contacts/any(o:o/description ne 'N/A'))) and endswith(name,'op')",
            ["Top"],
        ),
        ("name eq address1_city", ["Middle"]),
        ("5 eq numberofemployees", ["Top"]),
        ("contains(name,'[%]')", ["Low 50%"]),
        ("startswith(name,'[l-m]')", ["Middle", "Low 50%"]),
        ("startswith(name,'[^l-m]')", ["Top"]),
        ("contains(name,'m_d')", ["Middle"]),
        ("contains(name,'t%p')", ["Top"]),
        ("not contains(name,'o')", ["Middle"]),
        ("name eq 'top' or name eq 'middle' and numberofemployees eq 1", ["Top"]),
        ("(name eq 'top' or name eq 'middle') and numberofemployees eq 5", ["Top"]),
    ],
)
def test_conditions_find_what_they_should(
    condition: str, expected: list[str], accounts: dict[str, str], api: httpx.Client
) -> None:
    assert _names(api, condition) == expected


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("Under", ["Middle", "Low 50%"]),
        ("UnderOrEqual", ["Top", "Middle", "Low 50%"]),
        ("NotUnder", ["Top"]),
        ("Above", []),
        ("AboveOrEqual", ["Top"]),
    ],
)
def test_hierarchies_are_walked(
    function: str, expected: list[str], accounts: dict[str, str], api: httpx.Client
) -> None:
    assert _names(api, f"{CRM}.{function}(PropertyName='accountid',PropertyValue='{accounts['Top']}')") == expected


def test_aliases_stand_for_properties_values_and_null(accounts: dict[str, str], api: httpx.Client) -> None:
    aliases = {"$filter": "@p1 ne @p3 and @p2 ne @p4", "@p1": "numberofemployees", "@p2": "name", "@p4": "'Top'"}
    query = {"$select": "name", "$orderby": "@p1 desc,@p2 asc", **aliases}

    rows = api.get("accounts", params=query).raise_for_status().json()["value"]

    assert [row["name"] for row in rows] == ["Low 50%", "Middle"]


def test_choices_are_found_by_the_values_that_they_contain(api: httpx.Client, org: DataverseOrg) -> None:
    definition = {
        "@odata.type": "Microsoft.Dynamics.CRM.MultiSelectPicklistAttributeMetadata",
        "SchemaName": "mig_Trades",
        "DisplayName": {"LocalizedLabels": [{"Label": "Trades", "LanguageCode": 1033}]},
        "OptionSet": {
            "@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata",
            "IsGlobal": False,
            "OptionSetType": "Picklist",
            "Options": [
                {"Value": value, "Label": {"LocalizedLabels": [{"Label": str(value), "LanguageCode": 1033}]}}
                for value in (1, 2, 12)
            ],
        },
    }
    api.post("EntityDefinitions(LogicalName='account')/Attributes", json=definition).raise_for_status()
    org.create("account", {"name": "Both", "mig_trades": "1,2"})
    org.create("account", {"name": "Twelve", "mig_trades": "12"})

    found = _names(api, f"{CRM}.ContainValues(PropertyName='mig_trades',PropertyValues=['1','7'])")
    others = _names(api, f"{CRM}.DoesNotContainValues(PropertyName='mig_trades',PropertyValues=['1'])")

    assert (found, others) == (["Both"], ["Twelve"])


def test_lookups_sort_by_the_name_that_they_show(accounts: dict[str, str], api: httpx.Client) -> None:
    query = "$select=name&$filter=parentaccountid/name ne null&$orderby="

    by_value = api.get(f"accounts?{query}_parentaccountid_value desc").raise_for_status().json()["value"]
    by_path = api.get(f"accounts?{query}parentaccountid/numberofemployees").raise_for_status().json()["value"]

    assert [row["name"] for row in by_value] == ["Middle", "Low 50%"]
    assert [row["name"] for row in by_path] == ["Middle", "Low 50%"]


@pytest.mark.parametrize(
    ("query", "expected", "message"),
    [
        ("$filter=name eq 'O'Brien'", "0x0", "There is an unterminated literal at position 17 in"),
        ("$filter=year(createdon) eq 2024", "0x0", "An unknown function with name 'year' was found."),
        ("$filter=name eq", "0x0", "Syntax error at position 7 in 'name eq'."),
        ("$filter=(name eq 'a'", "0x0", "Syntax error at position 12"),
        ("$filter=name", "0x0", "The $filter expression must evaluate to a single boolean value."),
        ("$filter=name eq numberofemployees", "0x0", "A binary operator with incompatible types was detected."),
        ("$filter=contains(numberofemployees,'1')", "0x0", "No function signature for the function with name"),
        (f"$filter=not {CRM}.Today(PropertyName='createdon')", "0x80060888", "Not operator along with the Custom"),
        (f"$filter={CRM}.In(PropertyName='name',PropertyValues=['O'Brien'])", "0x0", "Invalid JSON. A comma"),
        (f"$filter={CRM}.Nothing(PropertyName='name')", "0x80060888", "The query function Nothing is not supported."),
        ("$filter=primarycontactid/account_primary_contact/any()", "0x80060888", "Conditions on collections of"),
        ("$filter=Account_Nothing/any()", "0x0", "Could not find a property named 'Account_Nothing'"),
        ("$search=x", "0x80060888", 'The "$search" query parameter isn\'t supported.'),
        ("$format=json", "0x80060888", 'The "$format" query parameter isn\'t supported.'),
        ("$Select=name", "0x0", "The query parameter '$Select' is not supported."),
        ("$count=yes", "0x0", "Invalid value 'yes' for $count query option found."),
        ("$skiptoken=made-up", "0x80060888", "Malformed XML in the paging cookie."),
    ],
)
def test_refuses_what_the_service_refuses(query: str, expected: str, message: str, api: httpx.Client) -> None:
    answer = api.get(f"accounts?{query}")

    assert error_code(answer) == (400, expected)
    assert answer.json()["error"]["message"].startswith(message)


def test_pages_neither_skip_nor_repeat_rows_when_others_come_and_go(org: DataverseOrg, api: httpx.Client) -> None:
    for name in ("b", "d", "f", "h", None):
        org.create("contact", {"lastname": "x", "firstname": name})
    first = api.get(
        "contacts?$select=firstname&$orderby=firstname desc", headers={"Prefer": "odata.maxpagesize=2"}
    ).json()

    org.create("contact", {"lastname": "x", "firstname": "z"})
    api.delete(f"contacts({first['value'][0]['contactid']})").raise_for_status()
    second = api.get(first["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=2"}).json()
    third = api.get(second["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=2"}).json()

    pages = [[row["firstname"] for row in page["value"]] for page in (first, second, third)]
    assert pages == [["h", "f"], ["d", "b"], [None]]


def test_annotations_tell_that_nothing_was_counted(org: DataverseOrg, api: httpx.Client) -> None:
    body = api.get("accounts?$select=name", headers={"Prefer": 'odata.include-annotations="*"'}).json()

    assert body["@Microsoft.Dynamics.CRM.totalrecordcount"] == -1
    assert body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False
    assert body["@Microsoft.Dynamics.CRM.globalmetadataversion"].isdigit()


def test_preferences_may_come_in_several_headers(org: DataverseOrg, api: httpx.Client) -> None:
    org.create("account", {"name": "One"})
    org.create("account", {"name": "Two"})
    prefer = [("Prefer", "odata.maxpagesize=1"), ("Prefer", 'odata.include-annotations="Microsoft.Dynamics.CRM.*"')]

    body = api.get("accounts?$select=name,statecode&$count=true", headers=prefer).raise_for_status().json()

    assert (len(body["value"]), body["@odata.count"]) == (1, 2)
    assert body["@Microsoft.Dynamics.CRM.totalrecordcount"] == 2
    assert not any(name.endswith("FormattedValue") for name in body["value"][0])
