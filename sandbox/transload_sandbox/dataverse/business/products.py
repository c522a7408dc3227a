"""Actions on products and on the prices of documents."""

import orjson

from transload_sandbox.dataverse.business import catalogue
from transload_sandbox.dataverse.business.actions import Call
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row
from transload_sandbox.dataverse.wire import Response, no_content

_PUBLISHABLE = frozenset({catalogue.DRAFT, catalogue.UNDER_REVISION})
_PARAMETERS = {
    "UnlockInvoicePricing": ("invoice", "InvoiceId"),
    "UnlockSalesOrderPricing": ("salesorder", "SalesOrderId"),
}


def publish(call: Call) -> Response:
    """Answer PublishProductHierarchy: the product and everything below it becomes Active.

    Raises:
        ODataError: The product is neither a draft nor under revision, or its family is not published.
    """
    call.expect()
    product = call.row
    assert product is not None
    if product["statecode"] not in _PUBLISHABLE:
        text = "You can only publish records that are in the Draft or Under Revision state."
        raise ODataError(400, "0x8004f90a", text)
    _publish(call, product)
    return no_content()


def _publish(call: Call, product: Row) -> None:
    table = call.environment.model.tables["product"]
    call.writer.update(table, [(product, {"statecode": catalogue.ACTIVE, "statuscode": 1})], by_message=True)
    for child in call.environment.store.find(table, {"parentproductid": product["productid"]}):
        if child["statecode"] in _PUBLISHABLE:
            _publish(call, child)


def revert(call: Call) -> Response:
    """Answer RevertProduct: a product under revision becomes what it was when it was last published.

    Raises:
        ODataError: The product is not under revision.
    """
    call.expect()
    product, environment = call.row, call.environment
    assert product is not None
    if product["statecode"] != catalogue.UNDER_REVISION:
        raise ODataError(400, "0x80040233", "You can only revert a product that is under revision.")
    saved = environment.store.get_meta(catalogue.published_name(str(product["productid"])))
    published: Row = orjson.loads(str(saved)) if saved else {**product, "statecode": catalogue.ACTIVE, "statuscode": 1}
    former = {name: published.get(name, value) for name, value in product.items()}
    former["versionnumber"] = environment.store.next_version()
    environment.store.update(environment.model.tables["product"], [former])
    return no_content()


def lock_prices(call: Call) -> Response:
    """Answer LockInvoicePricing and LockSalesOrderPricing."""
    call.expect()
    table = call.name.removeprefix("Lock").removesuffix("Pricing").lower()
    assert call.row is not None
    call.writer.update(call.environment.model.tables[table], [(call.row, {"ispricelocked": True})])
    return no_content()


def unlock_prices(call: Call) -> Response:
    """Answer UnlockInvoicePricing and UnlockSalesOrderPricing."""
    table, parameter = _PARAMETERS[call.name]
    call.expect(required=(parameter,))
    row = call.fetch(table, call.guid(parameter))
    call.writer.update(call.environment.model.tables[table], [(row, {"ispricelocked": False})])
    return no_content()
