"""Actions that make one document from another: revise a quote, turn it into an order, that into an invoice.

Facts: names and parameters are those of the Web API action reference. Columns of the same name are taken
over, as the platform's own column mappings do.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from transload_sandbox.dataverse.business import closing, pricing
from transload_sandbox.dataverse.business.actions import Call
from transload_sandbox.dataverse.business.documents import DOCUMENTS
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.wire import Response, json_response
from transload_sandbox.dataverse.writer import Writer

_OWN = frozenset({"statecode", "statuscode", "overriddencreatedon", "importsequencenumber", "versionnumber"})
_REVISED = 7
_WON = 4


@dataclass(frozen=True, slots=True)
class Conversion:
    """One document made from another."""

    source: str
    target: str
    parameter: str
    """The action's parameter with the id of the source."""
    lookup: str
    """The new document's lookup to the source."""
    line_lookup: str = ""
    """The new line's lookup to the source's line."""


CONVERSIONS: Mapping[str, Conversion] = {
    "ConvertQuoteToSalesOrder": Conversion("quote", "salesorder", "QuoteId", "quoteid", "quotedetailid"),
    "ConvertSalesOrderToInvoice": Conversion(
        "salesorder", "invoice", "SalesOrderId", "salesorderid", "salesorderdetailid"
    ),
}
_OPTIONAL = {
    "ConvertQuoteToSalesOrder": (
        "ColumnSet",
        "QuoteCloseDate",
        "QuoteCloseStatus",
        "QuoteCloseSubject",
        "QuoteCloseDescription",
        "ProcessInstanceId",
    ),
    "ConvertSalesOrderToInvoice": ("ColumnSet", "ProcessInstanceId"),
}


def revise(call: Call) -> Response:
    """Answer ReviseQuote: an active or closed quote gives way to a new draft with the next revision.

    Raises:
        ODataError: The quote is a draft, won, or another one with its number is open.
    """
    call.expect(required=("QuoteId",), optional=("ColumnSet", "ProcessInstanceId"))
    environment, writer = call.environment, call.writer
    table = environment.model.tables["quote"]
    quote = call.fetch("quote", call.guid("QuoteId"))
    if quote["statecode"] not in {1, 3}:
        raise ODataError(400, "0x80040233", "The quote must be active or closed to be revised.")
    with environment.transaction():
        if quote["statecode"] == 1:
            body = {"subject": "Quote Revised"}
            body["quoteid@odata.bind"] = f"/quotes({quote['quoteid']})"
            closing.finish(writer, closing.CLOSINGS["CloseQuote"], quote, body, _REVISED)
        numbered = environment.store.find(table, {"quotenumber": quote["quotenumber"]})
        revision = 1 + max(int(str(each["revisionnumber"] or 0)) for each in numbered)
        extra: Row = {"revisionnumber": revision, "quotecreationmethod": 776160001}
        made = _copy(writer, quote, "quote", "quote", extra)
        _copy_lines(writer, quote, made, Conversion("quote", "quote", "", ""))
        made = call.fetch("quote", str(made["quoteid"]))
    return call.show("quote", made)


def convert(call: Call) -> Response:
    """Answer ConvertQuoteToSalesOrder and ConvertSalesOrderToInvoice.

    Raises:
        ODataError: The source is missing or closed.
    """
    conversion = CONVERSIONS[call.name]
    call.expect(required=(conversion.parameter,), optional=_OPTIONAL[call.name])
    environment, writer = call.environment, call.writer
    source = call.fetch(conversion.source, call.guid(conversion.parameter))
    allowed = {1, 2} if conversion.source == "quote" else {0, 1, 3}
    if source["statecode"] not in allowed:
        raise ODataError(
            400, "0x80040233", f"The {conversion.source} is not in a state from which it can be converted."
        )
    with environment.transaction():
        if conversion.source == "quote" and source["statecode"] == 1:
            _win(call, source)
        source_id = source[environment.model.tables[conversion.source].primary_id]
        made = _copy(writer, source, conversion.source, conversion.target, {conversion.lookup: source_id})
        _copy_lines(writer, source, made, conversion)
        if conversion.source == "salesorder":
            invoiced = {"statecode": 4, "statuscode": 100003}
            writer.update(environment.model.tables["salesorder"], [(source, invoiced)], by_message=True)
        made = call.fetch(conversion.target, str(made[environment.model.tables[conversion.target].primary_id]))
    return call.show(conversion.target, made)


def _win(call: Call, quote: Row) -> None:
    body: dict[str, object] = {"subject": call.value("QuoteCloseSubject") or "Quote Won (Converted to Order)"}
    body["quoteid@odata.bind"] = f"/quotes({quote['quoteid']})"
    if call.value("QuoteCloseDate"):
        body["actualend"] = call.value("QuoteCloseDate")
    closing.finish(call.writer, closing.CLOSINGS["WinQuote"], quote, body, call.value("QuoteCloseStatus") or _WON)


def _copy(writer: Writer, source: Row, source_table: str, target_table: str, extra: Row) -> Row:
    tables = writer.environment.model.tables
    preset = _shared(tables[source_table], tables[target_table], source)
    if source_table != target_table:
        preset.pop({"salesorder": "ordernumber", "invoice": "invoicenumber"}[target_table], None)
    [made] = writer.create(tables[target_table], [{}], [preset | extra])
    return made


def _copy_lines(writer: Writer, source: Row, made: Row, conversion: Conversion) -> None:
    environment = writer.environment
    tables = environment.model.tables
    first, second = DOCUMENTS[conversion.source], DOCUMENTS[conversion.target]
    lines = environment.store.find(tables[first.line], {first.parent: source[first.parent]})
    for line in lines:
        preset = _shared(tables[first.line], tables[second.line], line)
        preset[second.parent] = made[second.parent]
        if conversion.line_lookup:
            preset[conversion.line_lookup] = line[tables[first.line].primary_id]
        writer.create(tables[second.line], [{}], [preset])
    if not lines and pricing.is_on(environment):
        pricing.recalculate(environment, second, made)


def _shared(source: Table, target: Table, row: Row) -> Row:
    """Return the values of the columns that both tables have and a create may set."""
    shared: Row = {}
    for name, column in target.columns.items():
        former = source.columns.get(name)
        skipped = name in _OWN or name in {target.primary_id, source.primary_id} or not column.valid_for_create
        if former is None or skipped or not (column.is_stored and former.is_stored):
            continue
        if column.type_column and former.type_column is None:
            continue
        shared[name] = row[name]
        if column.type_column:
            shared[column.type_column] = row[column.type_column]
    return shared


_CREATES = ("CreateAccount", "CreateContact", "CreateOpportunity")


def qualify(call: Call) -> Response:
    """Answer QualifyLead: make the rows that are asked for and qualify the lead.

    Raises:
        ODataError: The lead is closed already.
    """
    call.expect(
        required=(*_CREATES, "Status"),
        optional=(
            "OpportunityCurrencyId",
            "OpportunityCustomerId",
            "SourceCampaignId",
            "ProcessInstanceId",
            "SuppressDuplicateDetection",
        ),
    )
    lead, environment = call.row, call.environment
    assert lead is not None
    if lead["statecode"] != 0:
        raise ODataError(400, "0x80040519", "The lead is already closed.")
    made: list[tuple[str, Row]] = []
    with environment.transaction():
        if call.value("CreateAccount"):
            account: Row = {"name": lead["companyname"] or lead["fullname"], "telephone1": lead["telephone1"]}
            made.append(("account", _make(call, "account", {**_address(lead), **account})))
        if call.value("CreateContact"):
            contact: Row = {
                name: lead[name]
                for name in ("firstname", "lastname", "emailaddress1", "telephone1", "mobilephone", "jobtitle")
            }
            if made:
                contact |= {"parentcustomerid": made[0][1]["accountid"], "parentcustomerid__type": "account"}
            made.append(("contact", _make(call, "contact", {**_address(lead), **contact})))
        if call.value("CreateOpportunity"):
            opportunity: Row = {"name": lead["subject"], "originatingleadid": lead["leadid"]}
            for table, row in made[:1]:
                opportunity |= {"customerid": row[f"{table}id"], "customerid__type": table}
            made.append(("opportunity", _make(call, "opportunity", opportunity)))
        status = call.value("Status")
        change = {"statecode": 1, **({"statuscode": status} if status != -1 else {})}
        call.writer.update(environment.model.tables["lead"], [(lead, change)], by_message=True)
    return json_response(
        {
            "@odata.context": f"{call.request.base}$metadata#Collection(Microsoft.Dynamics.CRM.crmbaseentity)",
            "value": [_reference(environment, table, row) for table, row in made],
        }
    )


def _make(call: Call, table: str, preset: Row) -> Row:
    preset |= {"ownerid": (call.row or {})["ownerid"], "ownerid__type": (call.row or {})["ownerid__type"]}
    [made] = call.writer.create(call.environment.model.tables[table], [{}], [preset])
    return made


def _address(lead: Row) -> Row:
    parts = ("line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country")
    return {f"address1_{part}": lead[f"address1_{part}"] for part in parts}


def _reference(environment: Environment, table: str, row: Row) -> dict[str, object]:
    primary_id = environment.model.tables[table].primary_id
    return {"@odata.type": f"#Microsoft.Dynamics.CRM.{table}", primary_id: row[primary_id]}
