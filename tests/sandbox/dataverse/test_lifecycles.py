"""How documents end: the close activities, the states they lead to, and what is made from them."""

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import error_code as code
from transload_sandbox.dataverse.testing_sales import World, build_world, post

ENDED = "2024-09-18T10:00:00Z"


@pytest.fixture
def world(api: httpx.Client) -> World:
    return build_world(api)


def _key(address: str) -> str:
    return address.partition("(")[2].rstrip(")")


def _active_quote(api: httpx.Client, world: World, **columns: object) -> str:
    quote = post(api, "quotes", world.document(**columns))
    post(api, "quotedetails", world.line("quoteid", quote))
    api.patch(quote, json={"statecode": 1, "statuscode": 2}).raise_for_status()
    return quote


def _close(api: httpx.Client, action: str, parameter: str, lookup: str, row: str, status: int) -> httpx.Response:
    body = {"subject": "Done", "actualend": ENDED, f"{lookup}@odata.bind": row}
    return api.post(action, json={parameter: body, "Status": status})


def _state(api: httpx.Client, row: str) -> tuple[int, int]:
    found = api.get(f"{row}?$select=statecode,statuscode").json()
    return found["statecode"], found["statuscode"]


@pytest.mark.parametrize(("action", "status", "expected"), [("WinQuote", 4, (2, 4)), ("CloseQuote", -1, (3, 7))])
def test_an_active_quote_is_closed_with_an_activity(
    action: str, status: int, expected: tuple[int, int], org: DataverseOrg, api: httpx.Client, world: World
) -> None:
    quote = _active_quote(api, world)

    answer = _close(api, action, "QuoteClose", "quoteid", quote, status)

    [activity] = org.rows("quoteclose")
    assert (answer.status_code, _state(api, quote)) == (204, expected)
    assert (activity["statecode"], activity["actualend"], activity["_quoteid_value"]) == (1, ENDED, _key(quote))
    assert code(api.patch(quote, json={"name": "x"})) == (400, "0x8004022e")


def test_a_draft_is_not_won(api: httpx.Client, world: World) -> None:
    quote = post(api, "quotes", world.document())

    answer = _close(api, "WinQuote", "QuoteClose", "quoteid", quote, 4)

    assert answer.status_code == 400
    assert _state(api, quote) == (0, 1)


@pytest.mark.parametrize("state", [2, 3])
def test_a_quote_is_not_closed_by_an_update(state: int, api: httpx.Client, world: World) -> None:
    quote = _active_quote(api, world)

    assert api.patch(quote, json={"statecode": state}).status_code == 400


def test_a_status_of_another_state_leaves_no_activity(org: DataverseOrg, api: httpx.Client, world: World) -> None:
    quote = _active_quote(api, world)

    answer = _close(api, "WinQuote", "QuoteClose", "quoteid", quote, 5)

    assert code(answer) == (400, "0x80048408")
    assert org.count("quoteclose") == 0


def test_an_action_refuses_parameters_it_does_not_have(api: httpx.Client, world: World) -> None:
    answer = api.post("WinQuote", json={"QuoteClose": {}, "Status": 4, "Colour": "red"})

    assert code(answer) == (400, "0x80048d19")


def test_a_revision_shares_the_number_and_counts_up(api: httpx.Client, world: World) -> None:
    quote = _active_quote(api, world, quotenumber="Q-1")

    revised = api.post("ReviseQuote", json={"QuoteId": _key(quote), "ColumnSet": {"AllColumns": True}}).json()

    assert (revised["quotenumber"], revised["revisionnumber"], revised["statecode"]) == ("Q-1", 1, 0)
    assert _state(api, quote) == (3, 7)
    lines = api.get(f"quotedetails?$filter=_quoteid_value eq {revised['quoteid']}").json()["value"]
    assert [line["extendedamount"] for line in lines] == [160.26]
    assert revised["totalamount"] == 160.26


def test_a_quote_number_is_open_once(api: httpx.Client, world: World) -> None:
    quote = _active_quote(api, world, quotenumber="Q-1")

    while_open = api.post("quotes", json=world.document(quotenumber="Q-1"))
    _close(api, "CloseQuote", "QuoteClose", "quoteid", quote, 6)
    afterwards = api.post("quotes", json=world.document(quotenumber="Q-1"))

    assert code(while_open) == (400, "0x80048d00")
    assert code(afterwards) == (412, "0x80040237")


def test_documents_are_numbered(api: httpx.Client, world: World) -> None:
    for entity_set, column, prefix in (("quotes", "quotenumber", "QUO-"), ("invoices", "invoicenumber", "INV-")):
        first, second = (post(api, entity_set, world.document()) for _ in range(2))

        numbers = [api.get(f"{each}?$select={column}").json()[column] for each in (first, second)]

        assert all(number.startswith(prefix) for number in numbers)
        assert len(set(numbers)) == 2


def test_an_order_comes_from_a_quote_and_an_invoice_from_an_order(api: httpx.Client, world: World) -> None:
    quote = _active_quote(api, world)

    order = api.post(
        "ConvertQuoteToSalesOrder", json={"QuoteId": _key(quote), "ColumnSet": {"AllColumns": True}}
    ).json()
    invoice = api.post("ConvertSalesOrderToInvoice", json={"SalesOrderId": order["salesorderid"]}).json()

    assert (order["_quoteid_value"], order["totalamount"]) == (_key(quote), 160.26)
    assert (invoice["_salesorderid_value"], invoice["totalamount"]) == (order["salesorderid"], 160.26)
    assert _state(api, quote) == (2, 4)
    assert _state(api, f"salesorders({order['salesorderid']})") == (4, 100003)


@pytest.mark.parametrize("address", ["FulfillSalesOrder", "salesorders/Microsoft.Dynamics.CRM.FulfillSalesOrder"])
def test_an_order_is_fulfilled(address: str, org: DataverseOrg, api: httpx.Client, world: World) -> None:
    order = post(api, "salesorders", world.document())

    answer = _close(api, address, "OrderClose", "salesorderid", order, 100001)

    assert (answer.status_code, _state(api, order)) == (204, (3, 100001))
    assert org.count("orderclose") == 1


@pytest.mark.parametrize(("action", "status", "state"), [("WinOpportunity", 3, 1), ("LoseOpportunity", 5, 2)])
def test_an_opportunity_ends_once_and_can_be_reopened(
    action: str, status: int, state: int, org: DataverseOrg, api: httpx.Client
) -> None:
    opportunity = post(api, "opportunities", {"name": "O"})

    ended = _close(api, action, "OpportunityClose", "opportunityid", opportunity, status)
    again = _close(api, action, "OpportunityClose", "opportunityid", opportunity, status)

    assert (ended.status_code, _state(api, opportunity)) == (204, (state, status))
    assert code(again) == (400, "0x80040515")
    assert api.get(f"{opportunity}?$select=actualclosedate").json()["actualclosedate"] == ENDED[:10]
    assert api.patch(opportunity, json={"statecode": 0, "statuscode": 1}).status_code == 204
    assert org.count("opportunityclose") == 1


def test_a_paid_invoice_can_be_canceled_but_not_paid_again(api: httpx.Client, world: World) -> None:
    invoice = post(api, "invoices", world.document())
    api.patch(invoice, json={"statecode": 2, "statuscode": 100001}).raise_for_status()

    again = api.patch(invoice, json={"statecode": 2, "statuscode": 100002})
    canceled = api.patch(invoice, json={"statecode": 3, "statuscode": 100003})

    assert code(again) == (400, "0x80100000")
    assert canceled.status_code == 204


def test_a_lead_becomes_account_contact_and_opportunity(org: DataverseOrg, api: httpx.Client) -> None:
    lead = post(api, "leads", {"subject": "Pump", "lastname": "Tanaka", "companyname": "Kiel Werft"})

    body = {"CreateAccount": True, "CreateContact": True, "CreateOpportunity": True, "Status": 3}
    answer = api.post(f"{lead}/Microsoft.Dynamics.CRM.QualifyLead", json=body)

    made = [each["@odata.type"].rpartition(".")[2] for each in answer.json()["value"]]
    assert made == ["account", "contact", "opportunity"]
    assert _state(api, lead) == (1, 3)
    [opportunity] = org.rows("opportunity")
    assert opportunity["_originatingleadid_value"] == _key(lead)


def test_a_lead_is_disqualified_by_an_update(api: httpx.Client) -> None:
    lead = post(api, "leads", {"subject": "Pump", "lastname": "Tanaka"})

    api.patch(lead, json={"statecode": 2, "statuscode": 5}).raise_for_status()

    assert code(api.patch(lead, json={"statecode": 1, "statuscode": 3})) == (400, "0x80040519")


def test_a_case_with_open_child_cases_stays_open(api: httpx.Client, world: World) -> None:
    parent = post(api, "incidents", {"title": "A", "customerid_account@odata.bind": world.account})
    child = {"title": "B", "customerid_account@odata.bind": world.account, "parentcaseid@odata.bind": parent}
    post(api, "incidents", child)

    answer = _close(api, "CloseIncident", "IncidentResolution", "incidentid", parent, 5)

    assert code(answer) == (400, "0x8004f456")


@pytest.mark.parametrize(("state", "expected"), [("Active", True), ("Won", False)])
def test_a_transition_can_be_asked_about(state: str, expected: bool, api: httpx.Client, world: World) -> None:
    quote = post(api, "quotes", world.document())

    answer = api.get(
        "IsValidStateTransition(Entity=@p1,NewState=@p2,NewStatus=@p3)"
        f"?@p1={{'@odata.id':'{quote}'}}&@p2='{state}'&@p3={2 if expected else 4}"
    )

    assert answer.json()["IsValid"] is expected
