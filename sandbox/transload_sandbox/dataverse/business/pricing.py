"""The default pricing engine: what a line costs and what a document adds up to.

It runs when a document or one of its lines is saved, and when the document is read, as long as the document
can be edited; then the amounts stand still. `Organization.oobpricecalculationenabled` turns it off.

Facts: the formulas are those of Microsoft's description of the sales entities, the codes those of the choice
`pricingerrorcode`.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business import money
from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.business.documents import BY_LINE, DOCUMENTS, Document, is_editable
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row, Stored
from transload_sandbox.dataverse.values import round_half_up

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer

_NONE = 0
_DETAIL_ERROR = 1
_MISSING_PRICE_LIST = 2
_MISSING_QUANTITY = 4
_MISSING_UNIT_PRICE = 5
_NOT_IN_PRICE_LIST = 11
_MISSING_AMOUNT = 12
_MISSING_PERCENTAGE = 13

_METHODS: Mapping[int, tuple[str, bool, int]] = {
    2: ("price", False, 14),
    3: ("currentcost", False, 15),
    4: ("currentcost", True, 15),
    5: ("standardcost", False, 16),
    6: ("standardcost", True, 16),
}
"""Pricing method: the product's column it starts from, whether the percentage is a margin, error when empty."""
_PERCENT_OF_LIST = 2

_HEADER_INPUTS = frozenset(
    {
        "discountamount",
        "discountpercentage",
        "freightamount",
        "pricelevelid",
        "transactioncurrencyid",
        "isrevenuesystemcalculated",
        "estimatedvalue",
        "ispricelocked",
        "statecode",
        "totalamount",
        "totalamountlessfreight",
        "totaldiscountamount",
        "totallineitemamount",
        "totallineitemdiscountamount",
        "totaltax",
    }
)


def is_on(environment: Environment) -> bool:
    """Tell whether the organisation lets the platform compute prices."""
    return environment.organization()["oobpricecalculationenabled"] != 0


def price_line(environment: Environment, header: Row, line: Row) -> None:
    """Compute the price and the amounts of a line in place."""
    price, error = _unit_price(environment, header, line)
    if error == _NONE and line["quantity"] is None:
        error = _MISSING_QUANTITY
    line["pricingerrorcode"] = error
    line["priceperunit"] = price
    digits = _digits(environment, header)
    base = _round(_number(price) * _number(line["quantity"]), digits) if error == _NONE else 0.0
    line["volumediscountamount"] = 0.0
    line["baseamount"] = base
    extended = _number(base) - _number(line["manualdiscountamount"]) + _number(line["tax"])
    line["extendedamount"] = _round(extended, digits) if error == _NONE else 0.0


def _unit_price(environment: Environment, header: Row, line: Row) -> tuple[Stored, int]:
    if line["isproductoverridden"] or line["ispriceoverridden"]:
        price = line["priceperunit"]
        return price, _NONE if price is not None else _MISSING_UNIT_PRICE
    if header["pricelevelid"] is None:
        return None, _MISSING_PRICE_LIST
    tables, store = environment.model.tables, environment.store
    wanted = {name: line[name] for name in ("productid", "uomid")} | {"pricelevelid": header["pricelevelid"]}
    items = store.find(tables["productpricelevel"], wanted, 1)
    if not items:
        return None, _NOT_IN_PRICE_LIST
    method = int(str(items[0]["pricingmethodcode"] or 1))
    if method not in _METHODS:
        return items[0]["amount"], _NONE if items[0]["amount"] is not None else _MISSING_AMOUNT
    if items[0]["percentage"] is None:
        return None, _MISSING_PERCENTAGE
    column, is_margin, missing = _METHODS[method]
    product = store.fetch(tables["product"], [str(line["productid"])]).get(str(line["productid"]))
    if product is None or product[column] is None:
        return None, missing
    share = _number(items[0]["percentage"]) / 100
    start = _number(product[column])
    if method == _PERCENT_OF_LIST:
        amount = start * share
    elif is_margin:
        amount = start / (1 - share)
    else:
        amount = start * (1 + share)
    return _round(amount, int(str(environment.organization()["pricingdecimalprecision"] or 2))), _NONE


def add_up(environment: Environment, header: Row, lines: Iterable[Row]) -> None:
    """Compute the totals of a document in place."""
    items = discounts = taxes = Decimal()
    error = _NONE
    digits = _digits(environment, header)
    for line in lines:
        tax = _number(line["tax"])
        items += _number(line["extendedamount"]) - (tax if line["pricingerrorcode"] == _NONE else 0)
        taxes += tax
        discounts += _number(line["manualdiscountamount"])
        if line["pricingerrorcode"]:
            error = _DETAIL_ERROR
    discount = _number(header["discountamount"]) + items * _number(header["discountpercentage"]) / 100
    less_freight = items - discount
    total = less_freight + _number(header["freightamount"]) + taxes
    header["totallineitemamount"] = _round(items, digits)
    header["totallineitemdiscountamount"] = _round(discounts, digits)
    header["totaldiscountamount"] = _round(discount, digits)
    header["totalamountlessfreight"] = _round(less_freight, digits)
    header["totaltax"] = _round(taxes, digits)
    header["pricingerrorcode"] = error
    if header.get("isrevenuesystemcalculated", 1):
        header["totalamount"] = _round(total, digits)
        if "estimatedvalue" in header:
            header["estimatedvalue"] = header["totalamount"]


def before_header(writer: "Writer", change: Change) -> None:
    """Compute a new document, which has no lines yet."""
    if change.former is None and is_on(writer.environment):
        add_up(writer.environment, change.row, ())


def after_header(writer: "Writer", change: Change) -> None:
    """Compute a document again when something changed that its amounts depend on."""
    document, former = DOCUMENTS[change.table.name], change.former
    if former is None:
        return
    if change.moved("statecode"):
        lines = writer.environment.model.tables[document.line]
        if lines.name in writer.environment.store.existing:
            sql = f'UPDATE "{lines.name}" SET "{document.line_state}" = ? WHERE "{document.parent}" = ?'
            writer.environment.store.execute(sql, (change.row["statecode"], change.row_id))
    # What the request sends is computed away while the document is open, also by the request that closes it.
    if is_editable(former) and not _HEADER_INPUTS.isdisjoint(change.assigned):
        recalculate(writer.environment, document, change.row)


def after_lines(writer: "Writer", table: str, lines: Iterable[Row]) -> None:
    """Add up the documents whose lines were written or deleted."""
    document, environment = BY_LINE[table], writer.environment
    if not is_on(environment):
        return
    tables = environment.model.tables
    parents = sorted({str(line[document.parent]) for line in lines})
    for header in environment.store.fetch(tables[document.table], parents).values():
        children = environment.store.find(tables[document.line], {document.parent: header[document.parent]})
        former = header.copy()
        add_up(environment, header, children)
        _save(environment, document.table, header, former, writer.now)
    writer.forget()


def recalculate(environment: Environment, document: Document, header: Row, now: str | None = None) -> None:
    """Price all lines of a document and add it up; nothing is written where nothing changes.

    Args:
        environment: The organisation.
        document: What kind of document it is.
        header: The document as stored; changed in place.
        now: The time of modification; None leaves it as it is, as a mere reading does.
    """
    if not is_on(environment):
        return
    lines = environment.store.find(environment.model.tables[document.line], {document.parent: header[document.parent]})
    for line in lines:
        former = line.copy()
        price_line(environment, header, line)
        _save(environment, document.line, line, former, now)
    former = header.copy()
    add_up(environment, header, lines)
    _save(environment, document.table, header, former, now)


def on_retrieve(environment: Environment, table: str, row: Row) -> None:
    """Bring a document up to date that is about to be shown."""
    document = DOCUMENTS.get(table)
    if document is not None and is_editable(row) and not row["skippricecalculation"]:
        with environment.transaction():
            recalculate(environment, document, row)


def _save(environment: Environment, table_name: str, row: Row, former: Row, now: str | None) -> None:
    table = environment.model.tables[table_name]
    money.convert(environment, environment.plan(table), row)
    if row == former:
        return
    row["versionnumber"] = environment.store.next_version()
    if now is not None:
        row["modifiedon"] = now
    environment.store.update(table, [row])


def _digits(environment: Environment, header: Row) -> int:
    currency = header["transactioncurrencyid"]
    return environment.currency(str(currency) if currency else None).precision


def _number(value: Stored) -> Decimal:
    return Decimal(str(value)) if value is not None else Decimal()


def _round(value: Decimal, digits: int) -> float:
    return round_half_up(float(value), digits)
