"""Quotes, orders, invoices and opportunities: what their headers and lines must look like.

Facts: which unit, product and description go together, which currencies must agree and the error codes are
those of Microsoft's error listing and sales entity reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer


@dataclass(frozen=True, slots=True)
class Document:
    """A kind of document: its tables and the columns that tie them."""

    table: str
    line: str
    parent: str
    """The line's lookup to the document, and the document's primary key."""
    collection: str
    """Collection-valued navigation property from the document to its lines."""
    line_state: str
    """Column of the line that repeats the state of the document."""
    currency_locked: str = ""
    """Code of the refusal to change the currency once there are lines; empty where it cannot change at all."""


DOCUMENTS: Mapping[str, Document] = {
    each.table: each
    for each in (
        Document(
            "opportunity",
            "opportunityproduct",
            "opportunityid",
            "product_opportunities",
            "opportunitystatecode",
            "0x80048479",
        ),
        Document("quote", "quotedetail", "quoteid", "quote_details", "quotestatecode", "0x8004480e"),
        Document("salesorder", "salesorderdetail", "salesorderid", "order_details", "salesorderstatecode"),
        Document("invoice", "invoicedetail", "invoiceid", "invoice_details", "invoicestatecode"),
    )
}
BY_LINE: Mapping[str, Document] = {each.line: each for each in DOCUMENTS.values()}

_SAME_CURRENCY = (
    ("quote", "opportunityid", "opportunity", "0x80048cef", "opportunity"),
    ("salesorder", "opportunityid", "opportunity", "0x80048cef", "opportunity"),
    ("invoice", "opportunityid", "opportunity", "0x80048cef", "opportunity"),
    ("salesorder", "quoteid", "quote", "0x80048cee", "quote"),
    ("invoice", "salesorderid", "salesorder", "0x80048ced", "order"),
)
"""Document, its lookup, the table it points to, the code of the refusal, and what the text calls it."""

_OWNER = ("ownerid", "ownerid__type", "owninguser", "owningteam", "owningbusinessunit")
_ACTIVE_PRODUCT = frozenset({0, 3})
"""Active, and under revision: the published version goes on being sold."""


def is_editable(document: Row) -> bool:
    """Tell whether lines may change: the document is in its first state and its prices are not locked."""
    return document["statecode"] == 0 and not document.get("ispricelocked")


_CURRENCY_INPUTS = ("transactioncurrencyid", "pricelevelid", "opportunityid", "quoteid", "salesorderid")


def check_header(writer: "Writer", change: Change) -> None:
    """Check the currencies of a document.

    Raises:
        ODataError: The currency is not the one of the price list or of the document it comes from, or it
            changes although there are lines.
    """
    row = change.row
    if row["transactioncurrencyid"] is None:
        row["transactioncurrencyid"] = writer.environment.currency(None).currency_id
    if change.former is not None:
        _check_currency_change(writer, change)
    if change.former is None or change.touches(*_CURRENCY_INPUTS):
        _check_currencies(writer, change)


def _check_currency_change(writer: "Writer", change: Change) -> None:
    document, environment = DOCUMENTS[change.table.name], writer.environment
    if not document.currency_locked or not change.moved("transactioncurrencyid"):
        return
    if environment.store.find_id(environment.model.tables[document.line], {document.parent: change.row_id}):
        text = f"The currency cannot be changed because the {document.table} has products."
        raise ODataError(400, document.currency_locked, text)


def _check_currencies(writer: "Writer", change: Change) -> None:
    row = change.row
    currency = row["transactioncurrencyid"]
    price_list = writer.peek("pricelevel", row["pricelevelid"])
    if price_list is not None and price_list["transactioncurrencyid"] not in {None, currency}:
        text = "The currency of the record does not match the currency of the price list."
        raise ODataError(400, "0x80048cf6", text)
    for table, lookup, target, code, name in _SAME_CURRENCY:
        origin = writer.peek(target, row[lookup]) if table == change.table.name else None
        if origin is not None and origin["transactioncurrencyid"] not in {None, currency}:
            raise ODataError(400, code, f"The currency of the record does not match the currency of the {name}.")


def check_line(writer: "Writer", change: Change) -> Row | None:
    """Check a line against its document and take over what the document decides.

    Returns:
        The document; None when the line names one that does not exist, which is refused elsewhere.

    Raises:
        ODataError: The document is closed or locked, or product, unit and description do not fit.
    """
    document, row = BY_LINE[change.table.name], change.row
    for parent_id in {row[document.parent], (change.former or row)[document.parent]}:
        parent = writer.peek(document.table, parent_id)
        if parent is not None and not is_editable(parent):
            raise parent_read_only()
    header = writer.peek(document.table, row[document.parent])
    if header is None:
        return None
    _check_product(writer, change, header)
    row["transactioncurrencyid"] = header["transactioncurrencyid"]
    row[document.line_state] = header["statecode"]
    if "ownerid" in row:
        row |= {name: header[name] for name in _OWNER if name in row}
    return header


def _check_product(writer: "Writer", change: Change, header: Row) -> None:
    row = change.row
    organization = writer.environment.organization()
    if row["productdescription"] is not None:
        _check_write_in(change, is_allowed=organization["iswriteinproductsallowed"] != 0)
        return
    if row["productid"] is None:
        raise ODataError(400, "0x80043b11", "The product id is missing.")
    if row["uomid"] is None:
        raise ODataError(400, "0x80043b0d", "The unit id is missing.")
    if header["pricelevelid"] is None and organization["ispricelistmandatory"] != 0:
        raise ODataError(400, "0x80043b12", "The price level id is missing.")
    if change.former is None or change.touches("productid", "uomid"):
        _check_unit(writer, row)


def _check_write_in(change: Change, *, is_allowed: bool) -> None:
    row = change.row
    for column, code in (("productid", "0x80043afb"), ("uomid", "0x80043afa")):
        if row[column] is not None:
            raise ODataError(400, code, f"You cannot set both '{column}' and 'productdescription' for the same record.")
    if change.former is None and not is_allowed:
        raise ODataError(400, "0x80040203", "Write-in products are not allowed in this organization.")
    row["isproductoverridden"] = 1


def _check_unit(writer: "Writer", row: Row) -> None:
    product, unit = writer.peek("product", row["productid"]), writer.peek("uom", row["uomid"])
    if product is None or unit is None:
        return
    if product["statecode"] not in _ACTIVE_PRODUCT:
        raise ODataError(400, "0x8004f908", "You can only add active products.")
    if unit["uomscheduleid"] != product["defaultuomscheduleid"]:
        raise ODataError(400, "0x80043b14", "The specified unit is not valid for this product.")
    row["productnumber"] = product["productnumber"]


def parent_read_only() -> ODataError:
    """Return the refusal of a change below a closed or locked document."""
    return ODataError(400, "0x80043b09", "The parent is read only and cannot be edited.")


def check_line_delete(writer: "Writer", table: str, line: Row) -> None:
    """Check that a line may go.

    Raises:
        ODataError: Its document is closed or locked.
    """
    document = BY_LINE[table]
    parent = writer.peek(document.table, line[document.parent])
    if parent is not None and not is_editable(parent):
        raise parent_read_only()
