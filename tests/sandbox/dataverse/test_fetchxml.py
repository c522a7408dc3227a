"""FetchXML: columns, conditions, links, pages, aggregates."""

import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import API, error_code

EVERYTHING = {"Prefer": 'odata.include-annotations="*"'}


@pytest.fixture
def shop(org: DataverseOrg) -> str:
    """An account with two contacts and a contact without an account."""
    account = org.create("account", {"name": "Nordwind", "revenue": 1500, "numberofemployees": 12})
    here = {"parentcustomerid_account@odata.bind": f"accounts({account})"}
    org.create("contact", {"firstname": "Mira", "lastname": "Tanaka", "jobtitle": "Owner", **here})
    org.create("contact", {"firstname": "Sean", "lastname": "O'Neil", "numberofchildren": 2, **here})
    org.create("contact", {"lastname": "Zander", "firstname": "Zander", "numberofchildren": 1})
    return account


def _fetch(api: httpx.Client, xml: str, entity_set: str = "contacts", **query: str) -> dict[str, Any]:
    answer = api.get(entity_set, params={"fetchXml": xml, **query}, headers=EVERYTHING).raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _contacts(api: httpx.Client, inner: str, fetch: str = "<fetch>") -> list[str]:
    order = '<attribute name="lastname"/><order attribute="lastname"/>'
    body = _fetch(api, f'{fetch}<entity name="contact">{order}{inner}</entity></fetch>')
    return [row["lastname"] for row in body["value"]]


def test_columns_without_a_value_are_left_out(shop: str, api: httpx.Client) -> None:
    xml = (
        '<fetch count="1" page="1"><entity name="account"><attribute name="name"/><attribute name="fax"/>'
        '<attribute name="primarycontactid"/></entity></fetch>'
    )

    body = _fetch(api, xml, "accounts")

    shape = "accounts(name,fax,_primarycontactid_value,primarycontactid,accountid,primarycontactid())"
    assert body["@odata.context"] == f"{API}$metadata#{shape}"
    assert body["value"][0].keys() == {"@odata.etag", "name", "accountid"}
    assert body["@Microsoft.Dynamics.CRM.totalrecordcount"] == -1
    assert "@Microsoft.Dynamics.CRM.morerecords" not in body


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("<condition attribute='firstname' operator='eq' value='mira'/>", ["Tanaka"]),
        ("<condition attribute='firstname' operator='ne' value='mira'/>", ["O'Neil", "Zander"]),
        ("<condition attribute='firstname' operator='neq' value='mira'/>", ["O'Neil", "Zander"]),
        ("<condition attribute='lastname' operator='like' value='%an%'/>", ["Tanaka", "Zander"]),
        ("<condition attribute='lastname' operator='not-like' value='%an%'/>", ["O'Neil"]),
        ("<condition attribute='lastname' operator='begins-with' value='tan'/>", ["Tanaka"]),
        ("<condition attribute='lastname' operator='ends-with' value='neil'/>", ["O'Neil"]),
        ("<condition attribute='jobtitle' operator='null'/>", ["O'Neil", "Zander"]),
        ("<condition attribute='jobtitle' operator='not-null'/>", ["Tanaka"]),
        ("<condition attribute='numberofchildren' operator='gt' value='1'/>", ["O'Neil"]),
        ("<condition attribute='firstname' operator='eq' valueof='lastname'/>", ["Zander"]),
        ("<condition attribute='createdon' operator='today'/>", ["O'Neil", "Tanaka", "Zander"]),
        ("<condition attribute='createdon' operator='last-x-days' value='2'/>", ["O'Neil", "Tanaka", "Zander"]),
        ("<condition attribute='createdon' operator='olderthan-x-days' value='2'/>", []),
        ("<condition attribute='createdon' operator='on-or-before' value='2020-01-01'/>", []),
        ("<condition attribute='ownerid' operator='eq-userid'/>", []),
        ("<condition attribute='ownerid' operator='ne-userid'/>", ["O'Neil", "Tanaka", "Zander"]),
        (
            "<condition attribute='lastname' operator='in'><value>Zander</value><value>O'Neil</value></condition>",
            ["O'Neil", "Zander"],
        ),
        (
            "<condition attribute='numberofchildren' operator='between'><value>1</value><value>2</value></condition>",
            ["O'Neil", "Zander"],
        ),
    ],
)
def test_operators_find_what_they_should(condition: str, expected: list[str], shop: str, api: httpx.Client) -> None:
    assert _contacts(api, f"<filter>{condition}</filter>") == expected


def test_filters_nest(shop: str, api: httpx.Client) -> None:
    either = (
        "<filter type='or'><condition attribute='firstname' operator='eq' value='Mira'/>"
        "<condition attribute='firstname' operator='eq' value='Sean'/></filter>"
    )

    found = _contacts(api, f"<filter><condition attribute='statecode' operator='eq' value='0'/>{either}</filter>")

    assert found == ["O'Neil", "Tanaka"]


def test_linked_columns_are_named_by_the_alias_of_the_link(shop: str, api: httpx.Client) -> None:
    link = (
        "<link-entity name='account' from='accountid' to='parentcustomerid' link-type='{}' alias='a'>"
        "<attribute name='name'/><attribute name='revenue' alias='turnover'/></link-entity>"
    )
    xml = "<fetch><entity name='contact'><attribute name='lastname'/><order attribute='lastname'/>{}</entity></fetch>"

    inner = _fetch(api, xml.format(link.format("inner")))["value"]
    outer = _fetch(api, xml.format(link.format("outer")))["value"]

    assert [(row["lastname"], row["a.name"], row["turnover"]) for row in inner] == [
        ("O'Neil", "Nordwind", 1500.0),
        ("Tanaka", "Nordwind", 1500.0),
    ]
    assert [row.get("a.name") for row in outer] == ["Nordwind", "Nordwind", None]


def test_conditions_reach_into_links(shop: str, api: httpx.Client) -> None:
    link = "<link-entity name='account' from='accountid' to='parentcustomerid' link-type='outer' alias='a'/>"

    without = _contacts(
        api, f"{link}<filter><condition entityname='a' attribute='accountid' operator='null'/></filter>"
    )
    some = "<link-entity name='account' from='accountid' to='parentcustomerid' link-type='{}'/>"
    related = _contacts(api, f"<filter>{some.format('any')}</filter>")
    unrelated = _contacts(api, f"<filter>{some.format('not any')}</filter>")

    assert (without, related, unrelated) == (["Zander"], ["O'Neil", "Tanaka"], ["Zander"])


def test_pages_follow_the_cookie_as_clients_are_told_to(shop: str, api: httpx.Client) -> None:
    fetch = ET.fromstring(
        "<fetch count='2' page='1'><entity name='contact'><attribute name='lastname'/>"
        "<order attribute='lastname' descending='true'/></entity></fetch>"
    )
    first = _fetch(api, ET.tostring(fetch, encoding="unicode"), **{"$count": "true"})
    cookie = ET.fromstring(first["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"])
    fetch.set("paging-cookie", unquote(unquote(cookie.attrib["pagingcookie"])))
    fetch.set("page", "2")
    second = _fetch(api, ET.tostring(fetch, encoding="unicode"))

    assert (first["@odata.count"], first["@Microsoft.Dynamics.CRM.morerecords"]) == (3, True)
    assert cookie.get("pagenumber") == "2"
    assert fetch.get("paging-cookie", "").startswith('<cookie page="1"><lastname last="Tanaka" first="Zander" />')
    assert [row["lastname"] for row in second["value"]] == ["O'Neil"]
    assert "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie" not in second


def test_pages_work_without_a_cookie(shop: str, api: httpx.Client) -> None:
    assert _contacts(api, "", "<fetch count='2' page='2'>") == ["Zander"]
    assert _contacts(api, "", "<fetch top='1'>") == ["O'Neil"]
    assert _contacts(api, "", "<fetch count='2' page='3'>") == []


def test_aggregates_group_by_columns_and_parts_of_dates(shop: str, api: httpx.Client) -> None:
    xml = (
        "<fetch aggregate='true'><entity name='contact'>"
        "<attribute name='contactid' alias='people' aggregate='count'/>"
        "<attribute name='numberofchildren' alias='children' aggregate='sum'/>"
        "<attribute name='numberofchildren' alias='known' aggregate='countcolumn' distinct='true'/>"
        "<attribute name='createdon' alias='year' groupby='true' dategrouping='year'/>"
        "<order alias='year'/></entity></fetch>"
    )

    [row] = _fetch(api, xml)["value"]

    plain = {name: value for name, value in row.items() if "@" not in name}
    assert plain == {"people": 3, "children": 3, "known": 2, "year": 2026}


def test_distinct_rows_carry_only_what_was_asked_for(shop: str, api: httpx.Client) -> None:
    xml = "<fetch distinct='true'><entity name='contact'><attribute name='statecode'/></entity></fetch>"

    rows = _fetch(api, xml)["value"]

    assert [row["statecode"] for row in rows] == [0]


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ("<fetch><entity name='contact'>", "0x8004111c"),
        ("<fetch><entity name='account'/></fetch>", "0x80041102"),
        ("<fetch><entity name='contact'><attribute name='nothing'/></entity></fetch>", "0x80041103"),
        ("<fetch count='0'><entity name='contact'/></fetch>", "0x8004111c"),
        ("<fetch top='2' count='2'><entity name='contact'/></fetch>", "0x8004111c"),
        ("<fetch aggregate='true'><entity name='contact'><attribute name='fullname'/></entity></fetch>", "0x8004111c"),
        (
            "<fetch><entity name='contact'>"
            + "<link-entity name='account' from='accountid' to='parentcustomerid'/>" * 16
            + "</entity></fetch>",
            "0x8004430d",
        ),
    ],
)
def test_refuses_queries_that_are_no_fetchxml(xml: str, code: str, shop: str, api: httpx.Client) -> None:
    assert error_code(api.get("contacts", params={"fetchXml": xml})) == (400, code)
