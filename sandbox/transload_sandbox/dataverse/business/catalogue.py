"""The product catalogue: unit groups make their base unit, products have a life cycle, price lists have rules.

Facts: Microsoft's description of the product life cycle, and the codes of its error listing.
"""

from typing import TYPE_CHECKING

import orjson

from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer

ACTIVE, RETIRED, DRAFT, UNDER_REVISION = 0, 1, 2, 3
FAMILY = 2


def published_name(product_id: str) -> str:
    """Return the name under which the store remembers a product's last published form."""
    return f"published product {product_id}"


def begin_product(writer: "Writer", row: Row) -> None:
    """Give a new product its state: Draft, or Active where the organisation wants that for parentless ones."""
    wants_active = writer.environment.organization()["createproductswithoutparentinactivestate"] == 1
    if wants_active and row["parentproductid"] is None and row["productstructure"] != FAMILY:
        row["statecode"], row["statuscode"] = ACTIVE, 1


def check_product(writer: "Writer", change: Change) -> None:
    """Check a product and the way it goes from state to state.

    Raises:
        ODataError: The parent is no family or is not published, or the product is still on price lists.
    """
    row = change.row
    if change.former is None:
        begin_product(writer, row)
        parent = writer.peek("product", row["parentproductid"])
        if parent is not None and parent["productstructure"] != FAMILY:
            raise ODataError(400, "0x8004f905", "You can only add products to a product family.")
        return
    if not change.moved("statecode"):
        return
    if row["statecode"] == ACTIVE:
        parent = writer.peek("product", row["parentproductid"])
        if parent is not None and parent["statecode"] not in {ACTIVE, UNDER_REVISION}:
            raise ODataError(
                400, "0x8004f909", "You can't publish this record because its parent product family isn't published."
            )
    if row["statecode"] == UNDER_REVISION:
        writer.environment.store.put_meta(published_name(change.row_id), orjson.dumps(change.former).decode())
    if row["statecode"] == RETIRED and row["productstructure"] != FAMILY:
        items = writer.environment.model.tables["productpricelevel"]
        if writer.environment.store.find_id(items, {"productid": change.row_id}):
            text = "You can't retire this product because it is in a price list or in an active bundle."
            raise ODataError(400, "0x8004f915", text)


def check_unit(writer: "Writer", change: Change) -> None:
    """Check that a unit builds on one of its own unit group.

    Raises:
        ODataError: Its base unit belongs to another group.
    """
    base = writer.peek("uom", change.row["baseuom"])
    if base is not None and base["uomscheduleid"] != change.row["uomscheduleid"]:
        raise ODataError(400, "0x80043b0b", "The base unit does not belong to the schedule.")


def make_base_unit(writer: "Writer", change: Change) -> None:
    """Make the base unit of a new unit group."""
    name = change.row["baseuomname"]
    if change.former is None and name is not None:
        unit: Row = {"uomscheduleid": change.row_id, "name": name, "quantity": 1.0, "isschedulebaseuom": 1}
        writer.follow_up("uom", {}, unit)


def check_price(writer: "Writer", change: Change) -> None:
    """Check a price list item and complete it from its list and its product.

    Raises:
        ODataError: A family, a retired product, a foreign unit, or a combination that has a price already.
    """
    row = change.row
    price_list, product = writer.peek("pricelevel", row["pricelevelid"]), writer.peek("product", row["productid"])
    if price_list is None or product is None:
        return
    if row["uomid"] is None:
        row["uomid"] = product["defaultuomid"]
    if product["productstructure"] == FAMILY:
        raise ODataError(400, "0x8004f902", "You can't add a product family to a price list.")
    if product["statecode"] == RETIRED:
        raise ODataError(400, "0x80061009", "Retired products can not be added to pricelists.")
    unit = writer.peek("uom", row["uomid"])
    if unit is not None and unit["uomscheduleid"] != product["defaultuomscheduleid"]:
        raise ODataError(400, "0x80043b14", "The specified unit is not valid for this product.")
    wanted = {name: row[name] for name in ("pricelevelid", "productid", "uomid")}
    found = writer.environment.store.find_id(change.table, wanted)
    if found not in {None, change.row_id}:
        text = "This product and unit combination has a price for this price list."
        raise ODataError(400, "0x80043b08", text)
    row["transactioncurrencyid"] = price_list["transactioncurrencyid"]
    row["productnumber"], row["productidname"] = product["productnumber"], product["name"]
    row["uomscheduleid"] = product["defaultuomscheduleid"]
