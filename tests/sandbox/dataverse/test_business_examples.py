"""Replays captured exchanges that are about business rules, people and limits."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg, Fault
from transload_sandbox.dataverse.faults import Kind
from transload_sandbox.dataverse.testing import ORIGIN, Clock, sign_in

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    name: steps
    for file in sorted((Path(__file__).parent / "business_examples").glob("*.json"))
    for name, steps in json.loads(file.read_text()).items()
}
Rows = list[tuple[str, Mapping[str, object]]]
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _id(number: str, rest: str) -> str:
    return f"5e1000{number}-7d10-4c3e-9b21-6045bd{rest}"


ACCOUNT, CONTACT, USER = _id("01", "000007"), _id("03", "000015"), _id("06", "00002a")
OTHER_USER, UNIT, ROLE = _id("07", "000031"), _id("3e", "0001b2"), _id("3d", "0001ab")
EURO, POUND, PRICES = _id("05", "000023"), _id("4a", "000206"), _id("0b", "00004d")
GROUP, HOUR, PRODUCT, FAMILY = _id("0c", "000054"), _id("0d", "00005b"), _id("0e", "000062"), _id("46", "0001ea")
QUOTE, OTHER_QUOTE, LINE = _id("10", "000070"), _id("26", "00010a"), _id("11", "000077")
ORDER, OTHER_ORDER, INVOICE = _id("13", "000085"), _id("48", "0001f8"), _id("15", "000093")
OPPORTUNITY, CASE, OTHER_CASE = _id("17", "0000a1"), _id("18", "0000a8"), _id("49", "0001ff")
WORK_ORDER, KIND, BOOKING = _id("19", "0000af"), _id("1a", "0000b6"), _id("1b", "0000bd")
STATUS, RESOURCE, EMAIL = _id("1c", "0000c4"), _id("1d", "0000cb"), _id("21", "0000e7")
DISABLED = _id("56", "00025a")
GOOD_ROLE = _id("0a", "000046")
COMPETITOR = _id("3c", "0001a4")
OBJECT = "3b8f0a52-6f0e-4d33-8f2c-0f8a2b1c9d77"
CUSTOMER = {"customerid_account@odata.bind": f"accounts({ACCOUNT})"}
DOCUMENT = {
    "name": "Heat pump",
    **CUSTOMER,
    "pricelevelid@odata.bind": f"pricelevels({PRICES})",
    "transactioncurrencyid@odata.bind": f"transactioncurrencies({EURO})",
}
OF_UNIT = {"name": "Hour", "uomscheduleid@odata.bind": f"uomschedules({GROUP})"}
WITH_UNIT = {
    "defaultuomid@odata.bind": f"uoms({HOUR})",
    "defaultuomscheduleid@odata.bind": f"uomschedules({GROUP})",
    "quantitydecimal": 2,
}
SERVICE = {"msdyn_serviceaccount@odata.bind": f"accounts({ACCOUNT})"}
BOOKED = {"starttime": "2024-11-05T08:00:00Z", "endtime": "2024-11-05T10:00:00Z", "duration": 120}

CATALOGUE: Rows = [
    ("uomschedule", {"uomscheduleid": GROUP, "name": "Hours"}),
    ("uom", {"uomid": HOUR, **OF_UNIT}),
    ("product", {"productid": PRODUCT, "name": "HP", "productnumber": "HP-0", "statecode": 0, **WITH_UNIT}),
]
FIELD: Rows = [
    ("msdyn_workordertype", {"msdyn_workordertypeid": KIND, "msdyn_name": "Repair"}),
    ("bookableresource", {"bookableresourceid": RESOURCE, "name": "Pia", "resourcetype": 1, "timezone": 110}),
    ("msdyn_workorder", {"msdyn_workorderid": WORK_ORDER, **SERVICE}),
    (
        "bookingstatus",
        {"bookingstatusid": STATUS, "name": "Done", "status": 2, "msdyn_fieldservicestatus": 690970004},
    ),
]
BOOKINGS: Rows = [
    (
        "bookableresourcebooking",
        {
            "bookableresourcebookingid": BOOKING,
            **BOOKED,
            "Resource@odata.bind": f"bookableresources({RESOURCE})",
            "BookingStatus@odata.bind": f"bookingstatuses({STATUS})",
        },
    )
]
QUOTED: Rows = [("quote", {"quoteid": QUOTE, **DOCUMENT})]
WRITTEN_IN = {
    "quoteid@odata.bind": f"quotes({QUOTE})",
    "productdescription": "Disposal of the old boiler",
    "isproductoverridden": True,
    "quantity": 1,
}
TWO_LINES: Rows = [
    (
        "quotedetail",
        {
            "quotedetailid": LINE,
            "quoteid@odata.bind": f"quotes({QUOTE})",
            "productid@odata.bind": f"products({PRODUCT})",
            "uomid@odata.bind": f"uoms({HOUR})",
            "quantity": 1,
            "ispriceoverridden": True,
            "priceperunit": 9150.0,
            "manualdiscountamount": 50.0,
            "tax": 1729.0,
        },
    ),
    (
        "quotedetail",
        {**WRITTEN_IN, "quotedetailid": _id("12", "00007e"), "priceperunit": 180.0, "tax": 34.2},
    ),
]
ANNOTATED: Rows = [
    ("quote", {"quoteid": QUOTE, **DOCUMENT, "name": "Q-2211 heat pump", "ownerid@odata.bind": f"systemusers({USER})"}),
    ("quotedetail", {**WRITTEN_IN, "quotedetailid": LINE, "priceperunit": 9480.0}),
]
COMPETING: Rows = [*CATALOGUE, ("competitor", {"competitorid": COMPETITOR, "name": "Wärmewerk"})]
DRAFT = {"productid": FAMILY, "name": "Pumps", "productnumber": "F", "productstructure": 2}
GIVEN: dict[str, Rows] = {
    "sales-family-publish": [("product", DRAFT)],
    "sales-incident-close": [("incident", {"incidentid": CASE, **CUSTOMER})],
    "sales-incident-close-open-activities": [
        ("incident", {"incidentid": OTHER_CASE, **CUSTOMER}),
        ("task", {"subject": "x", "regardingobjectid_incident_task@odata.bind": f"incidents({OTHER_CASE})"}),
    ],
    "sales-invoice-paid": [*CATALOGUE, ("salesorder", {"salesorderid": ORDER, **DOCUMENT})],
    "sales-invoice-pay-twice": [("invoice", {"invoiceid": INVOICE, **DOCUMENT})],
    "sales-line-uom-and-writein": [*CATALOGUE, *QUOTED],
    "sales-opportunity-direct-state": [("opportunity", {"opportunityid": OPPORTUNITY, "name": "Pump"})],
    "sales-opportunity-win": [("opportunity", {"opportunityid": OPPORTUNITY, "name": "Pump"})],
    "sales-order-cancel": [("salesorder", {"salesorderid": OTHER_ORDER, **DOCUMENT})],
    "sales-order-lifecycle": [*CATALOGUE, *QUOTED],
    "sales-product-publish": CATALOGUE[:2],
    "sales-quote-activate-not-draft": QUOTED,
    "sales-quote-closed-edit": [*CATALOGUE, *QUOTED, *TWO_LINES],
    "sales-quote-lifecycle-won": CATALOGUE,
    "sales-quote-lost": [("quote", {"quoteid": OTHER_QUOTE, **DOCUMENT})],
    "sales-quote-revise": [("quote", {"quoteid": OTHER_QUOTE, **DOCUMENT, "name": "Q-2212 service plan"})],
    "sales-totals-after-lines": [*CATALOGUE, *QUOTED, *TWO_LINES],
    "field-service-booking": FIELD,
    "field-service-workorder-create-complete": FIELD,
    "field-service-timeentry": [*FIELD, *BOOKINGS],
    "activities-parties-replace": [("email", {"activityid": EMAIL, "subject": "Offer"})],
    "activities-phonecall-parties": QUOTED,
    "activities-appointment": [("opportunity", {"opportunityid": OPPORTUNITY, "name": "Pump"})],
    "relations-assign-no-privilege": QUOTED,
    "bulk-bulk-delete": [
        ("account", {"accountid": _id("51", "000237"), "name": "One"}),
        ("account", {"accountid": _id("52", "00023e"), "name": "Two"}),
    ],
    "relations-role-assign": [
        ("role", {"roleid": GOOD_ROLE, "name": "Loader", "businessunitid@odata.bind": "businessunits(ROOT)"})
    ],
    "relations-role-wrong-business-unit": [
        ("businessunit", {"businessunitid": UNIT, "name": "North"}),
        ("role", {"roleid": ROLE, "name": "Loader", "businessunitid@odata.bind": f"businessunits({UNIT})"}),
    ],
    "crud-duplicate-detection": [("contact", {"lastname": "A", "emailaddress1": "jonas@nordwind.example"})],
    "errors-delete-restricted": QUOTED,
    "crud-create-deep-insert": CATALOGUE,
    "crud-retrieve-annotated": ANNOTATED,
    "relations-nn-associate": COMPETING,
    "relations-nn-associate-twice": COMPETING,
}
BEFORE: dict[str, list[tuple[str, str, dict[str, object]]]] = {
    "sales-quote-activate-not-draft": [("PATCH", f"quotes({QUOTE})", {"statecode": 1})],
    "sales-quote-closed-edit": [("PATCH", f"quotes({QUOTE})", {"statecode": 1})],
    "sales-quote-lost": [("PATCH", f"quotes({OTHER_QUOTE})", {"statecode": 1})],
    "sales-quote-revise": [
        ("PATCH", f"quotes({OTHER_QUOTE})", {"statecode": 1}),
        (
            "POST",
            "CloseQuote",
            {"QuoteClose": {"subject": "x", "quoteid@odata.bind": f"quotes({OTHER_QUOTE})"}, "Status": 6},
        ),
    ],
    "sales-invoice-pay-twice": [("PATCH", f"invoices({INVOICE})", {"statecode": 2})],
    "relations-nn-associate-twice": [
        (
            "POST",
            f"products({PRODUCT})/competitorproduct_association/$ref",
            {"@odata.id": f"competitors({COMPETITOR})"},
        )
    ],
}
THROTTLED: dict[str, Kind] = {
    "errors-throttle-requests": "throttle_requests",
    "errors-throttle-execution-time": "throttle_time",
    "errors-throttle-concurrency": "throttle_concurrency",
}
OPEN_ENDED = {"sales-quote-revise", "field-service-booking", "environment-users", "environment-whoami"}
"""The live service lists what its own customer has; here only the names of the members can agree."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_answers_as_the_live_service_did(name: str, org: DataverseOrg, clock: Clock) -> None:
    # The captured job starts at a time of its own.
    clock.seconds = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()
    api = _arrange(name, org)

    exchanges = _replay(name, api)

    api.close()
    for step, answer in exchanges:
        assert answer.status_code == step["status"], answer.text
        for header, value in step.get("answer_headers", {}).items():
            assert GUID.sub("", answer.headers[header]) == GUID.sub("", value)
        if "answer_json" in step:
            _compare(name, answer.json(), step["answer_json"])


def _replay(name: str, api: httpx.Client) -> list[tuple[dict[str, Any], httpx.Response]]:
    """Send the requests of an example in order; later ones name rows by the ids that earlier ones really got."""
    exchanges: list[tuple[dict[str, Any], httpx.Response]] = []
    renamed: dict[str, str] = {}
    for step in EXAMPLES[name]:
        text = json.dumps(step)
        for captured, real in renamed.items():
            text = text.replace(captured, real)
        request = json.loads(text)
        answer = api.request(
            request["method"], request["path"], headers=request.get("headers"), json=request.get("json")
        )
        if answer.status_code != step["status"]:
            return [*exchanges, (step, answer)]
        captured_ids = GUID.findall(step.get("answer_headers", {}).get("OData-EntityId", ""))
        captured_ids += [step["answer_json"]["JobId"]] if "JobId" in step.get("answer_json", {}) else []
        real_ids = GUID.findall(answer.headers.get("OData-EntityId", ""))
        real_ids += [answer.json()["JobId"]] if "JobId" in answer.text else []
        renamed |= dict(zip(captured_ids, real_ids, strict=True))
        exchanges.append((step, answer))
    return exchanges


def _arrange(name: str, org: DataverseOrg) -> httpx.Client:
    org.create("account", {"accountid": ACCOUNT, "name": "Nordwind Haustechnik GmbH"})
    org.create("contact", {"contactid": CONTACT, "lastname": "Albrecht"})
    money = {"currencyprecision": 2, "exchangerate": 0.92}
    for guid, code, name_of, symbol in ((EURO, "EUR", "Euro", "€"), (POUND, "GBP", "Pound", "£")):
        body: dict[str, object] = {
            "transactioncurrencyid": guid,
            "currencyname": name_of,
            "isocurrencycode": code,
            "currencysymbol": symbol,
        }
        org.create("transactioncurrency", {**body, **money})
    price_list = {"pricelevelid": PRICES, "name": "Standard EUR"}
    org.create("pricelevel", {**price_list, "transactioncurrencyid@odata.bind": f"transactioncurrencies({EURO})"})
    root = org.environment.fixed_id("business unit")
    for guid, object_id in ((USER, OBJECT), (OTHER_USER, None), (DISABLED, None)):
        org.add_user("Pia Lindqvist", f"{guid}@example.com", user_id=guid, object_id=object_id)
    _disturb(name, org)
    for table, columns in GIVEN.get(name, []):
        org.create(table, json.loads(json.dumps(columns).replace("ROOT", root)))
    api = _sign_in(name, org)
    for method, path, body in BEFORE.get(name, []):
        api.request(method, path, json=body).raise_for_status()
    return api


def _disturb(name: str, org: DataverseOrg) -> None:
    if name == "relations-assign-no-privilege":
        org.set_roles(OTHER_USER, ("Field Service - Resource",))
    if name == "errors-disabled-user-caller":
        org.set_user_disabled(DISABLED)
    if name == "errors-plugin-error":
        org.faults.add(Fault("refuse_row", table="account", message="Customer number is mandatory."))
    if name in THROTTLED:
        org.faults.add(Fault(THROTTLED[name]))


def _sign_in(name: str, org: DataverseOrg) -> httpx.Client:
    if name == "errors-forbidden-privilege":
        org.add_application_user("weak", roles=("Customer Service Representative",))
        return sign_in(org, "weak")
    if name == "errors-not-member":
        org.register_application("stranger")
        return sign_in(org, "stranger")
    return sign_in(org)


def _compare(name: str, answer: dict[str, Any], expected: dict[str, Any]) -> None:
    if "error" in expected:
        assert answer["error"]["code"] == expected["error"]["code"], answer
        return
    if name in OPEN_ENDED:
        assert expected.keys() <= answer.keys()
        return
    masked = [GUID.sub("", re.sub(r'W/\\"\d+\\"', "", json.dumps(each))) for each in (answer, expected)]
    for each in masked:
        json.loads(each)
    assert json.loads(masked[0]) == json.loads(masked[1])


def test_every_example_knows_its_host() -> None:
    text = json.dumps(EXAMPLES)

    hosts = set(re.findall(r"https://[^/\"\\]+", text))

    assert hosts == {ORIGIN}
