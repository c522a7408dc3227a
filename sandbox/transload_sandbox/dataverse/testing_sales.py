"""What sales tests start from: a customer, a unit, a price list with a product."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from transload_sandbox.dataverse.testing import created_id


@dataclass(frozen=True, slots=True)
class World:
    """Addresses of the rows, as a bind wants them."""

    account: str
    unit: str
    unit_group: str
    prices: str
    product: str

    def document(self, **columns: object) -> dict[str, object]:
        """Return the body of a quote, order or invoice."""
        return {
            "name": "Boiler",
            "customerid_account@odata.bind": self.account,
            "pricelevelid@odata.bind": self.prices,
            **columns,
        }

    def line(self, parent: str, address: str, **columns: object) -> dict[str, object]:
        """Return the body of a catalogue line below a document."""
        return {
            f"{parent}@odata.bind": address,
            "productid@odata.bind": self.product,
            "uomid@odata.bind": self.unit,
            "quantity": 2,
            **columns,
        }


def post(api: httpx.Client, entity_set: str, body: Mapping[str, object]) -> str:
    """Create a row and return its address."""
    return f"{entity_set}({created_id(api.post(entity_set, json=body))})"


def build_world(api: httpx.Client) -> World:
    """Make the rows."""
    group = post(api, "uomschedules", {"name": "Hours", "baseuomname": "Hour"})
    key = group.partition("(")[2].rstrip(")")
    [unit] = api.get(f"uoms?$filter=_uomscheduleid_value eq {key}").json()["value"]
    unit_address = f"uoms({unit['uomid']})"
    [currency] = api.get("transactioncurrencies").json()["value"]
    bind = f"transactioncurrencies({currency['transactioncurrencyid']})"
    prices = post(api, "pricelevels", {"name": "List", "transactioncurrencyid@odata.bind": bind})
    product = post(api, "products", product_body(unit_address, group, "P-1"))
    item = {
        "pricelevelid@odata.bind": prices,
        "productid@odata.bind": product,
        "uomid@odata.bind": unit_address,
        "amount": 80.125,
    }
    post(api, "productpricelevels", item)
    api.patch(product, json={"statecode": 0, "statuscode": 1}).raise_for_status()
    return World(post(api, "accounts", {"name": "Kiel"}), unit_address, group, prices, product)


def product_body(unit: str, group: str, number: str, **columns: object) -> dict[str, object]:
    """Return the body of a product."""
    return {
        "name": number,
        "productnumber": number,
        "quantitydecimal": 2,
        "defaultuomid@odata.bind": unit,
        "defaultuomscheduleid@odata.bind": group,
        **columns,
    }
