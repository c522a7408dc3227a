"""The product catalogue: units, price lists, and the life of a product."""

import httpx
import pytest

from transload_sandbox.dataverse.testing import error_code as code
from transload_sandbox.dataverse.testing_sales import World, build_world, post, product_body


@pytest.fixture
def world(api: httpx.Client) -> World:
    return build_world(api)


def _draft(api: httpx.Client, world: World, number: str, **columns: object) -> str:
    return post(api, "products", product_body(world.unit, world.unit_group, number, **columns))


def _item(world: World, product: str) -> dict[str, object]:
    return {
        "pricelevelid@odata.bind": world.prices,
        "productid@odata.bind": product,
        "uomid@odata.bind": world.unit,
        "amount": 1,
    }


def test_a_unit_group_makes_its_base_unit(api: httpx.Client, world: World) -> None:
    unit = api.get(f"{world.unit}?$select=name,quantity,isschedulebaseuom").json()

    assert (unit["name"], unit["quantity"], unit["isschedulebaseuom"]) == ("Hour", 1, True)


def test_a_unit_builds_on_one_of_its_group(api: httpx.Client, world: World) -> None:
    other = post(api, "uomschedules", {"name": "Pieces", "baseuomname": "Piece"})

    answer = api.post(
        "uoms",
        json={"name": "Box", "quantity": 6, "uomscheduleid@odata.bind": other, "baseuom@odata.bind": world.unit},
    )

    assert code(answer) == (400, "0x80043b0b")


def test_a_price_list_has_one_price_for_product_and_unit(api: httpx.Client, world: World) -> None:
    answer = api.post("productpricelevels", json=_item(world, world.product))

    assert code(answer) == (400, "0x80043b08")


def test_a_price_takes_its_currency_from_the_list(api: httpx.Client, world: World) -> None:
    [item] = api.get("productpricelevels").json()["value"]

    assert item["_transactioncurrencyid_value"] is not None
    assert item["productnumber"] == "P-1"


def test_families_and_retired_products_have_no_price(api: httpx.Client, world: World) -> None:
    family = post(api, "products", {"name": "F", "productnumber": "F", "productstructure": 2})
    retired = _draft(api, world, "P-2")
    for state in (0, 1):
        api.patch(retired, json={"statecode": state}).raise_for_status()

    answers = [api.post("productpricelevels", json=_item(world, each)) for each in (family, retired)]

    assert [code(each) for each in answers] == [(400, "0x8004f902"), (400, "0x80061009")]


def test_a_product_with_a_price_cannot_be_retired(api: httpx.Client, world: World) -> None:
    answer = api.patch(world.product, json={"statecode": 1, "statuscode": 2})

    assert code(answer) == (400, "0x8004f915")


def test_a_product_below_a_family_is_published_with_it(api: httpx.Client, world: World) -> None:
    family = post(api, "products", {"name": "F", "productnumber": "F", "productstructure": 2})
    child = _draft(api, world, "C", **{"parentproductid@odata.bind": family})

    alone = api.patch(child, json={"statecode": 0, "statuscode": 1})
    published = api.post(f"{family}/Microsoft.Dynamics.CRM.PublishProductHierarchy", json={})

    assert code(alone) == (400, "0x8004f909")
    assert published.status_code == 204
    assert api.get(f"{child}?$select=statecode").json()["statecode"] == 0


def test_only_drafts_and_revisions_are_published(api: httpx.Client, world: World) -> None:
    answer = api.post(f"{world.product}/Microsoft.Dynamics.CRM.PublishProductHierarchy", json={})

    assert code(answer) == (400, "0x8004f90a")


def test_a_revision_can_be_reverted(api: httpx.Client, world: World) -> None:
    api.patch(world.product, json={"statecode": 3, "statuscode": 3}).raise_for_status()
    api.patch(world.product, json={"name": "Changed"}).raise_for_status()

    answer = api.post(f"{world.product}/Microsoft.Dynamics.CRM.RevertProduct", json={})

    product = api.get(f"{world.product}?$select=name,statecode").json()
    assert (answer.status_code, product["name"], product["statecode"]) == (204, "P-1", 0)
