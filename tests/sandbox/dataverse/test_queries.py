"""Queries: filters, orders, pages, counts, expanded lookups, annotations."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import error_code as code


@pytest.fixture
def people(org: DataverseOrg) -> DataverseOrg:
    """Two accounts; three people, of whom two belong to the first account."""
    kiel = org.create("account", {"name": "Kiel Werft", "numberofemployees": 12, "revenue": 1500, "industrycode": 5})
    org.create("account", {"name": "Atelier 100%", "creditonhold": True})
    here = {"parentcustomerid_account@odata.bind": f"accounts({kiel})"}
    org.create("contact", {"firstname": "Mira", "lastname": "Tanaka", "birthdate": "1980-02-29", **here})
    org.create("contact", {"firstname": "Sean", "lastname": "O'Neil", **here})
    org.create("contact", {"lastname": "Zander", "overriddencreatedon": "2019-01-01T00:00:00Z"})
    return org


def _names(api: httpx.Client, condition: str) -> list[str]:
    answer = api.get("contacts", params={"$select": "lastname", "$orderby": "lastname", "$filter": condition})
    return [row["lastname"] for row in answer.raise_for_status().json()["value"]]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("lastname eq 'o''neil'", ["O'Neil"]),
        ("lastname ne 'Zander'", ["O'Neil", "Tanaka"]),
        ("firstname eq null", ["Zander"]),
        ("firstname ne 'Mira'", ["O'Neil", "Zander"]),
        ("not (firstname eq 'Mira')", ["O'Neil", "Zander"]),
        ("contains(lastname,'an')", ["Tanaka", "Zander"]),
        ("startswith(lastname,'tan') or endswith(lastname,'neil')", ["O'Neil", "Tanaka"]),
        ("lastname ge 'T' and lastname lt 'U'", ["Tanaka"]),
        ("createdon lt 2020-01-01T00:00:00Z", ["Zander"]),
        ("birthdate eq 1980-02-29", ["Tanaka"]),
        ("_parentcustomerid_value eq null", ["Zander"]),
        ("parentcustomerid_account/name eq 'Kiel Werft'", ["O'Neil", "Tanaka"]),
        (
            'Microsoft.Dynamics.CRM.In(PropertyName=\'lastname\',PropertyValues=["O\'Neil","Zander"])',
            ["O'Neil", "Zander"],
        ),
        ("Microsoft.Dynamics.CRM.NotIn(PropertyName='firstname',PropertyValues=['Mira'])", ["O'Neil", "Zander"]),
        ("statecode eq 0 and (firstname eq 'Mira' or firstname eq 'Sean')", ["O'Neil", "Tanaka"]),
        ("donotemail eq false", ["O'Neil", "Tanaka", "Zander"]),
    ],
)
def test_filters_find_what_they_should(
    condition: str, expected: list[str], people: DataverseOrg, api: httpx.Client
) -> None:
    assert _names(api, condition) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"$select": "Name"}, (400, "0x0")),
        ({"$select": "primarycontactid_x"}, (400, "0x0")),
        ({"$filter": "name eq 5"}, (400, "0x0")),
        ({"$filter": "primarycontactid eq 5e1003e7-7d10-4c3e-9b21-6045bd001b51"}, (400, "0x0")),
        ({"$filter": "name eq 'open"}, (400, "0x0")),
        ({"$filter": "length(name) eq 3"}, (400, "0x0")),
        ({"$skip": "5"}, (400, "0x80060888")),
        ({"$orderby": "name up"}, (400, "0x0")),
        ({"$top": "many"}, (400, "0x0")),
        ({"$expand": "nothing"}, (400, "0x0")),
    ],
)
def test_refuses_queries_that_the_service_does_not_know(
    options: dict[str, str], expected: tuple[int, str], api: httpx.Client
) -> None:
    assert code(api.get("accounts", params=options)) == expected


def test_hundreds_of_terms_make_a_filter(people: DataverseOrg, api: httpx.Client) -> None:
    terms = [f"lastname eq 'nobody {number}'" for number in range(900)]

    assert _names(api, " or ".join([*terms, "lastname eq 'Zander'"])) == ["Zander"]


def _pages(api: httpx.Client, url: str) -> list[list[dict[str, Any]]]:
    pages = []
    while url:
        body = api.get(url, headers={"Prefer": "odata.maxpagesize=2"}).raise_for_status().json()
        pages.append(body["value"])
        url = body.get("@odata.nextLink", "")
    return pages


@pytest.mark.parametrize("order", ["", "&$orderby=firstname desc"])
def test_pages_hold_every_row_once(order: str, org: DataverseOrg, api: httpx.Client) -> None:
    for number in range(5):
        org.create("contact", {"firstname": str(number % 2), "lastname": str(number)})

    pages = _pages(api, f"contacts?$select=lastname{order}")

    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(row["lastname"] for page in pages for row in page) == ["0", "1", "2", "3", "4"]


def test_the_next_page_is_at_the_address_that_the_client_used(people: DataverseOrg, api: httpx.Client) -> None:
    answer = api.get("contacts?$select=lastname", headers={"Prefer": "odata.maxpagesize=1"}).json()

    assert answer["@odata.nextLink"].startswith("https://org.example.com/api/data/v9.2/contacts?$select=lastname&")


def test_top_ends_the_list(people: DataverseOrg, api: httpx.Client) -> None:
    answer = api.get("contacts?$select=lastname&$orderby=lastname&$top=2&$count=true").json()

    assert [row["lastname"] for row in answer["value"]] == ["O'Neil", "Tanaka"]
    assert answer["@odata.count"] == 3
    assert "@odata.nextLink" not in answer


def test_a_plain_count_starts_with_a_byte_order_mark(people: DataverseOrg, api: httpx.Client) -> None:
    answer = api.get("contacts/$count?$filter=firstname ne null")

    assert answer.content == "\ufeff2".encode()


def test_lookups_expand(people: DataverseOrg, api: httpx.Client) -> None:
    expand = "parentcustomerid_account($select=name),ownerid($select=fullname)"

    rows = api.get(f"contacts?$select=lastname&$orderby=lastname&$expand={expand}").json()["value"]

    assert {row["ownerid"]["fullname"] for row in rows} == {"SYSTEM"}
    assert [row["parentcustomerid_account"] and row["parentcustomerid_account"]["name"] for row in rows] == [
        "Kiel Werft",
        "Kiel Werft",
        None,
    ]


def test_annotations_name_what_values_mean(people: DataverseOrg, api: httpx.Client) -> None:
    query = "accounts?$select=industrycode,revenue,_ownerid_value,numberofemployees&$filter=revenue eq 1500"

    [row] = api.get(query, headers={"Prefer": 'odata.include-annotations="*"'}).json()["value"]

    shown = {name.partition("@")[0]: value for name, value in row.items() if name.endswith("FormattedValue")}
    assert shown["industrycode"] == "Building Supply Retail"
    assert shown["revenue"] == "$1,500.00"
    assert row["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "systemuser"


def test_only_the_annotations_asked_for_come(people: DataverseOrg, api: httpx.Client) -> None:
    wanted = 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'

    row = api.get("accounts?$select=_ownerid_value&$top=1", headers={"Prefer": wanted}).json()["value"][0]

    assert [name for name in row if "@" in name[1:]] == ["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"]


def test_users_and_settings_can_be_read(org: DataverseOrg, api: httpx.Client) -> None:
    user = org.add_user("Pia Lindqvist", "pia@example.com", disabled=True)

    found = api.get("systemusers?$select=fullname,isdisabled&$filter=internalemailaddress eq 'pia@example.com'").json()
    [settings] = api.get("organizations?$select=maxuploadfilesize,_basecurrencyid_value").json()["value"]

    [row] = found["value"]
    assert (row["systemuserid"], row["ownerid"], row["fullname"]) == (user, user, "Pia Lindqvist")
    assert row["isdisabled"] is True
    assert settings["maxuploadfilesize"] == 5_242_880
    assert api.get(f"transactioncurrencies({settings['_basecurrencyid_value']})").json()["isocurrencycode"] == "USD"


@pytest.mark.parametrize(("table", "expected"), [("account", 1), ("contact", 1), ("incident", 1), ("annotation", 0)])
def test_tells_which_tables_have_bulk_messages(table: str, expected: int, api: httpx.Client) -> None:
    condition = f"sdkmessageid/name eq 'UpsertMultiple' and primaryobjecttypecode eq '{table}'"

    found = api.get("sdkmessagefilters", params={"$select": "sdkmessagefilterid", "$filter": condition}).json()

    assert len(found["value"]) == expected


def test_a_page_is_asked_for_by_its_number(org: DataverseOrg, api: httpx.Client) -> None:
    for number in range(5):
        org.create("account", {"name": f"A{number}"})
    size = {"Prefer": "odata.maxpagesize=2"}

    pages = [
        api.get(f"accounts?$select=name&$orderby=name&$skiptoken={quote(token)}", headers=size).json()
        for token in (f'<cookie pagenumber="{page}" istracking="False" />' for page in (1, 2, 3, 4))
    ]
    following = api.get(pages[0]["@odata.nextLink"], headers=size).json()

    assert [[row["name"] for row in page["value"]] for page in pages] == [["A0", "A1"], ["A2", "A3"], ["A4"], []]
    assert ["@odata.nextLink" in page for page in pages] == [True, True, False, False]
    assert following["value"] == pages[1]["value"]
