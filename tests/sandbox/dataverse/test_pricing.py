"""Lines and totals: what belongs together, what it costs, and when the amounts stand still."""

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import error_code as code
from transload_sandbox.dataverse.testing_sales import World, build_world, post, product_body

TOTALS = "totallineitemamount,totaldiscountamount,totalamountlessfreight,totaltax,totalamount,pricingerrorcode"


@pytest.fixture
def world(api: httpx.Client) -> World:
    return build_world(api)


@pytest.fixture
def quote(api: httpx.Client, world: World) -> str:
    return post(api, "quotes", world.document())


def _totals(api: httpx.Client, document: str) -> list[float]:
    row = api.get(f"{document}?$select={TOTALS}").json()
    return [row[name] for name in TOTALS.split(",")]


def test_a_catalogue_line_costs_what_the_price_list_says(api: httpx.Client, world: World, quote: str) -> None:
    line = post(api, "quotedetails", world.line("quoteid", quote, manualdiscountamount=10, tax=3))

    row = api.get(f"{line}?$select=priceperunit,baseamount,extendedamount,pricingerrorcode").json()

    # The price list rounds to the pricing decimals of the organisation.
    amounts = [row[name] for name in ("priceperunit", "baseamount", "extendedamount", "pricingerrorcode")]
    assert amounts == [80.13, 160.26, 153.26, 0]


def test_a_document_adds_up_with_discount_freight_and_tax(api: httpx.Client, world: World) -> None:
    quote = post(api, "quotes", world.document(discountpercentage=10, discountamount=5, freightamount=7.5))
    for price, tax in ((100, 19), (50, 9.5)):
        body = world.line("quoteid", quote, quantity=1, ispriceoverridden=True, priceperunit=price, tax=tax)
        post(api, "quotedetails", body)

    totals = _totals(api, quote)

    assert totals == [150, 20, 130, 28.5, 166, 0]


def test_computed_amounts_cannot_be_sent(api: httpx.Client, world: World, quote: str) -> None:
    post(api, "quotedetails", world.line("quoteid", quote, ispriceoverridden=True, priceperunit=10))

    api.patch(quote, json={"totalamount": 999}).raise_for_status()

    assert _totals(api, quote)[4] == 20


def test_a_line_that_goes_takes_its_amount_along(api: httpx.Client, world: World, quote: str) -> None:
    line = post(api, "quotedetails", world.line("quoteid", quote))

    api.delete(line).raise_for_status()

    assert _totals(api, quote)[4] == 0


def test_a_product_without_a_price_makes_an_error_code(api: httpx.Client, world: World) -> None:
    [currency] = api.get("transactioncurrencies").json()["value"]
    bind = {"transactioncurrencyid@odata.bind": f"transactioncurrencies({currency['transactioncurrencyid']})"}
    empty = post(api, "pricelevels", {"name": "Empty", **bind})
    quote = post(api, "quotes", world.document(**{"pricelevelid@odata.bind": empty}))

    line = post(api, "quotedetails", world.line("quoteid", quote))

    row = api.get(f"{line}?$select=pricingerrorcode,extendedamount").json()
    assert (row["pricingerrorcode"], row["extendedamount"]) == (11, 0)
    assert _totals(api, quote)[5] == 1


def test_reading_an_open_document_prices_it_again(api: httpx.Client, world: World, quote: str) -> None:
    post(api, "quotedetails", world.line("quoteid", quote))
    [item] = api.get("productpricelevels").json()["value"]

    api.patch(f"productpricelevels({item['productpricelevelid']})", json={"amount": 100}).raise_for_status()

    assert _totals(api, quote)[4] == 200


def test_a_locked_document_keeps_its_amounts(api: httpx.Client, world: World) -> None:
    order = post(api, "salesorders", world.document())
    line = post(api, "salesorderdetails", world.line("salesorderid", order))
    [item] = api.get("productpricelevels").json()["value"]

    api.post(f"{order}/Microsoft.Dynamics.CRM.LockSalesOrderPricing", json={}).raise_for_status()
    api.patch(f"productpricelevels({item['productpricelevelid']})", json={"amount": 100}).raise_for_status()

    assert _totals(api, order)[4] == 160.26
    assert code(api.patch(line, json={"quantity": 9})) == (400, "0x80043b09")
    unlocked = api.post("UnlockSalesOrderPricing", json={"SalesOrderId": order.partition("(")[2].rstrip(")")})
    assert unlocked.status_code == 204
    assert _totals(api, order)[4] == 200


def test_prices_stand_still_when_the_organisation_computes_none(
    org: DataverseOrg, api: httpx.Client, world: World, quote: str
) -> None:
    organization = f"organizations({org.organization_id})"
    api.patch(organization, json={"oobpricecalculationenabled": False}).raise_for_status()

    line = post(api, "quotedetails", world.line("quoteid", quote))
    api.patch(line, json={"extendedamount": 42}).raise_for_status()

    assert api.get(f"{line}?$select=extendedamount").json()["extendedamount"] == 42


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"productid@odata.bind": None, "productdescription": "x"}, "0x80043afa"),
        ({"productdescription": "x", "uomid@odata.bind": None}, "0x80043afb"),
        ({"uomid@odata.bind": None}, "0x80043b0d"),
        ({"productid@odata.bind": None}, "0x80043b11"),
    ],
)
def test_product_unit_and_description_must_fit(
    columns: dict[str, object], expected: str, api: httpx.Client, world: World, quote: str
) -> None:
    answer = api.post("quotedetails", json=world.line("quoteid", quote, **columns))

    assert code(answer) == (400, expected)


def test_a_catalogue_line_needs_a_price_list(api: httpx.Client, world: World) -> None:
    quote = post(api, "quotes", world.document(**{"pricelevelid@odata.bind": None}))

    answer = api.post("quotedetails", json=world.line("quoteid", quote))

    assert code(answer) == (400, "0x80043b12")


def test_a_unit_of_another_group_is_refused(api: httpx.Client, world: World, quote: str) -> None:
    group = post(api, "uomschedules", {"name": "Pieces", "baseuomname": "Piece"})
    key = group.partition("(")[2].rstrip(")")
    [unit] = api.get(f"uoms?$filter=_uomscheduleid_value eq {key}").json()["value"]

    answer = api.post(
        "quotedetails", json=world.line("quoteid", quote, **{"uomid@odata.bind": f"uoms({unit['uomid']})"})
    )

    assert code(answer) == (400, "0x80043b14")


def test_a_draft_product_is_not_sold(api: httpx.Client, world: World, quote: str) -> None:
    draft = post(api, "products", product_body(world.unit, world.unit_group, "D"))

    answer = api.post("quotedetails", json=world.line("quoteid", quote, **{"productid@odata.bind": draft}))

    assert code(answer) == (400, "0x8004f908")


def test_lines_belong_to_whoever_owns_the_document(org: DataverseOrg, api: httpx.Client, world: World) -> None:
    owner = org.add_user("Ann Example", "ann@example.com")
    quote = post(api, "quotes", world.document(**{"ownerid@odata.bind": f"systemusers({owner})"}))

    line = post(api, "quotedetails", world.line("quoteid", quote))

    assert api.get(f"{line}?$select=_ownerid_value").json()["_ownerid_value"] == owner


def test_an_opportunity_adds_up_only_when_its_revenue_is_computed(api: httpx.Client, world: World) -> None:
    body = {"name": "O", "pricelevelid@odata.bind": world.prices, "estimatedvalue": 7}
    given = post(api, "opportunities", body)
    computed = post(api, "opportunities", {**body, "isrevenuesystemcalculated": True})

    for each in (given, computed):
        post(api, "opportunityproducts", world.line("opportunityid", each))

    values = [api.get(f"{each}?$select=estimatedvalue").json()["estimatedvalue"] for each in (given, computed)]
    assert values == [7, 160.26]


def test_the_currency_is_fixed_once_there_are_lines(org: DataverseOrg, api: httpx.Client, world: World) -> None:
    money = {"currencyname": "Euro", "isocurrencycode": "EUR", "currencysymbol": "€", "currencyprecision": 2}
    euro = org.create("transactioncurrency", {**money, "exchangerate": 0.9})
    quote = post(api, "quotes", {"name": "x", "customerid_account@odata.bind": world.account})
    post(
        api, "quotedetails", {"quoteid@odata.bind": quote, "productdescription": "x", "priceperunit": 1, "quantity": 1}
    )

    answer = api.patch(quote, json={"transactioncurrencyid@odata.bind": f"transactioncurrencies({euro})"})

    assert code(answer) == (400, "0x8004480e")


def test_documents_that_belong_together_have_one_currency(org: DataverseOrg, api: httpx.Client, world: World) -> None:
    money = {"currencyname": "Euro", "isocurrencycode": "EUR", "currencysymbol": "€", "currencyprecision": 2}
    euro = org.create("transactioncurrency", {**money, "exchangerate": 0.9})
    quote = post(api, "quotes", world.document())
    body = {"name": "x", "customerid_account@odata.bind": world.account, "quoteid@odata.bind": quote}

    answer = api.post(
        "salesorders", json={**body, "transactioncurrencyid@odata.bind": f"transactioncurrencies({euro})"}
    )

    assert code(answer) == (400, "0x80048cee")
