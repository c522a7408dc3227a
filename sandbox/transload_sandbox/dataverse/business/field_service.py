"""Field Service: bookings drive work orders, completed bookings leave time entries, posting makes an invoice.

Facts: the choices and the rules by which booking statuses and work order statuses follow each other are those
of Microsoft's Field Service documentation.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.business.numbering import next_number
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row, Stored

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer

UNSCHEDULED, SCHEDULED, IN_PROGRESS, COMPLETED, POSTED, CANCELED = range(690970000, 690970006)
"""Values of a work order's system status."""
BOOKED, TRAVELING, ON_BREAK, WORKING, DONE, DROPPED = range(690970000, 690970006)
"""Values of a booking status's field service status."""
_AT_WORK = frozenset({TRAVELING, ON_BREAK, WORKING})
AUTOMATIC_TIME_ENTRIES = 192355201
_INVOICE_WHEN_POSTED = 690970001
_COMMITTED_OR_PROPOSED = frozenset({1, 2})
_FIELD_SERVICE_LINE = 690970001
_USED = 690970001
_DIGITS = 5


def setting(environment: Environment) -> Row:
    """Return the one row of Field Service settings, empty when somebody deleted it."""
    rows = environment.store.iterate(environment.model.tables["msdyn_fieldservicesetting"])
    return rows[0] if rows else {}


# -- work orders


def complete_work_order(writer: "Writer", change: Change) -> None:
    """Give a work order its number and what follows from account, type and price list; stamp its ends."""
    row, environment = change.row, writer.environment
    if change.former is None:
        _begin_work_order(writer, row)
    if change.moved("msdyn_systemstatus"):
        status = row["msdyn_systemstatus"]
        if status in {COMPLETED, POSTED} and row["msdyn_completedon"] is None:
            row["msdyn_completedon"] = writer.now
        if status == POSTED:
            row["msdyn_timeclosed"] = row["msdyn_timeclosed"] or writer.now
            row["msdyn_closedby"] = row["msdyn_closedby"] or writer.caller_id
    if row["transactioncurrencyid"] is None:
        price_list = writer.peek("pricelevel", row["msdyn_pricelist"])
        default = environment.currency(None).currency_id
        row["transactioncurrencyid"] = (price_list or {}).get("transactioncurrencyid") or default


def _begin_work_order(writer: "Writer", row: Row) -> None:
    environment = writer.environment
    if row["msdyn_name"] is None:
        settings = setting(environment)
        first = int(str(settings.get("msdyn_workorderstartingnumber") or 1))
        number = next_number(environment, "msdyn_workorder", first)
        row["msdyn_name"] = f"{settings.get('msdyn_workorderprefix') or ''}{number:0{_DIGITS}d}"
    account = writer.peek("account", row["msdyn_serviceaccount"])
    if account is not None and row["msdyn_billingaccount"] is None:
        row["msdyn_billingaccount"] = account.get("msdyn_billingaccount") or account["accountid"]
    kind = writer.peek("msdyn_workordertype", row["msdyn_workordertype"])
    if kind is not None and row["msdyn_pricelist"] is None:
        row["msdyn_pricelist"] = kind["msdyn_pricelist"]
    if row["msdyn_systemstatus"] is None:
        row["msdyn_systemstatus"] = UNSCHEDULED


def after_work_order(writer: "Writer", change: Change) -> None:
    """Invoice a work order that was posted, when the settings say so."""
    if change.row["msdyn_systemstatus"] != POSTED or not change.moved("msdyn_systemstatus"):
        return
    wanted = setting(writer.environment).get("msdyn_workorderinvoicecreation")
    if wanted in {None, _INVOICE_WHEN_POSTED} and change.row["msdyn_billingaccount"] is not None:
        _invoice(writer, change.row)


def _invoice(writer: "Writer", order: Row) -> None:
    header: Row = {
        "name": order["msdyn_name"],
        "customerid": order["msdyn_billingaccount"],
        "customerid__type": "account",
        "pricelevelid": order["msdyn_pricelist"],
        "transactioncurrencyid": order["transactioncurrencyid"],
        "ownerid": order["ownerid"],
        "ownerid__type": order["ownerid__type"],
    }
    invoice = writer.follow_up("invoice", {}, header)
    tables, store = writer.environment.model.tables, writer.environment.store
    for table, product, quantity, lookup in (
        ("msdyn_workorderproduct", "msdyn_product", "msdyn_quantity", "msdyn_workorderproductid"),
        ("msdyn_workorderservice", "msdyn_service", "msdyn_duration", "msdyn_workorderserviceid"),
    ):
        for line in store.find(tables[table], {"msdyn_workorder": order["msdyn_workorderid"]}):
            if line["msdyn_linestatus"] != _USED:
                continue
            is_catalogue = line[product] is not None and line["msdyn_unit"] is not None
            what: Row = {"productid": line[product], "uomid": line["msdyn_unit"]}
            if not is_catalogue:
                what = {"productdescription": line["msdyn_name"] or order["msdyn_name"], "isproductoverridden": 1}
            share = 60 if table == "msdyn_workorderservice" else 1
            writer.follow_up("invoicedetail", {}, {
                **what,
                "invoiceid": invoice["invoiceid"],
                "ispriceoverridden": 1,
                "priceperunit": line["msdyn_unitamount"] or 0.0,
                "quantity": float(str(line[quantity] or 0)) / share,
                "manualdiscountamount": line["msdyn_discountamount"],
                "msdyn_linetype": _FIELD_SERVICE_LINE,
                "msdyn_workorderid": order["msdyn_workorderid"],
                lookup: line[tables[table].primary_id],
            })  # fmt: skip


def drive_work_order(writer: "Writer", work_order_id: Stored) -> None:
    """Let the bookings of a work order decide its system status."""
    if work_order_id is None:
        return
    tables, store = writer.environment.model.tables, writer.environment.store
    order = store.fetch(tables["msdyn_workorder"], [str(work_order_id)]).get(str(work_order_id))
    if order is None or order["msdyn_systemstatus"] in {POSTED, CANCELED}:
        return
    bookings = store.find(tables["bookableresourcebooking"], {"msdyn_workorder": work_order_id})
    status = _status([_kind(writer, booking) for booking in bookings])
    if status != order["msdyn_systemstatus"]:
        writer.carry_on("msdyn_workorder", order, {"msdyn_systemstatus": status})


def _kind(writer: "Writer", booking: Row) -> tuple[int, bool]:
    """Return the field service status of a booking, and whether it completes the work order."""
    status = writer.peek("bookingstatus", booking["bookingstatus"]) or {}
    completes = status.get("msdyn_statuscompletesworkorder") != 0
    if status.get("msdyn_fieldservicestatus") is not None:
        return int(str(status["msdyn_fieldservicestatus"])), completes
    return (BOOKED if status.get("status") in _COMMITTED_OR_PROPOSED else DROPPED), completes


def _status(bookings: list[tuple[int, bool]]) -> int:
    kinds = {kind for kind, _ in bookings}
    if kinds & _AT_WORK:
        return IN_PROGRESS
    if BOOKED in kinds:
        return SCHEDULED
    return COMPLETED if (DONE, True) in bookings else UNSCHEDULED


# -- bookings


def complete_booking(writer: "Writer", change: Change) -> None:
    """Check the times of a booking and give it a name.

    Raises:
        ODataError: It ends before it starts.
    """
    row = change.row
    if row["starttime"] is not None and row["endtime"] is not None:
        minutes = _minutes(row["starttime"], row["endtime"])
        if minutes < 0:
            raise errors.invalid_argument("The end time of a booking cannot be before its start time.")
        if row["duration"] is None or (change.touches("starttime", "endtime") and not change.touches("duration")):
            row["duration"] = minutes
    if row["name"] is None:
        resource = writer.peek("bookableresource", row["resource"])
        row["name"] = resource["name"] if resource else None


def after_booking(writer: "Writer", change: Change) -> None:
    """Write a timestamp and time entries for a new status, and let the work order follow."""
    row = change.row
    if change.moved("bookingstatus"):
        kind, _ = _kind(writer, row)
        if not row["msdyn_preventtimestampcreation"]:
            _stamp(writer, row, kind)
        if kind == DONE:
            _record_time(writer, row)
    for work_order_id in {row["msdyn_workorder"], (change.former or row)["msdyn_workorder"]}:
        drive_work_order(writer, work_order_id)


def _stamp(writer: "Writer", booking: Row, kind: int) -> None:
    writer.follow_up("msdyn_bookingtimestamp", {}, {
        "msdyn_booking": booking["bookableresourcebookingid"],
        "msdyn_bookingstatus": booking["bookingstatus"],
        "msdyn_systemstatus": kind,
        "msdyn_timestamptime": writer.now,
        "ownerid": booking["ownerid"],
        "ownerid__type": booking["ownerid__type"],
    })  # fmt: skip


def _record_time(writer: "Writer", booking: Row) -> None:
    if setting(writer.environment).get("msdyn_timeentrygenerationstrategy") != AUTOMATIC_TIME_ENTRIES:
        return
    writer.follow_up("msdyn_timeentry", {}, {
        "msdyn_bookableresource": booking["resource"],
        "msdyn_bookableresourcebooking": booking["bookableresourcebookingid"],
        "msdyn_bookingstatus": booking["bookingstatus"],
        "msdyn_workorder": booking["msdyn_workorder"],
        "msdyn_start": booking["starttime"],
        "msdyn_end": booking["endtime"],
        "msdyn_duration": booking["duration"],
        "ownerid": booking["ownerid"],
        "ownerid__type": booking["ownerid__type"],
    })  # fmt: skip


def complete_time_entry(_writer: "Writer", change: Change) -> None:
    """Work out the part of start, end and duration that was not sent."""
    row = change.row
    start, end, minutes = row["msdyn_start"], row["msdyn_end"], row["msdyn_duration"]
    if start is not None and end is not None and minutes is None:
        row["msdyn_duration"] = _minutes(start, end)
    elif start is not None and end is None and minutes is not None:
        moment = datetime.fromisoformat(str(start)) + timedelta(minutes=int(str(minutes)))
        row["msdyn_end"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _minutes(start: Stored, end: Stored) -> int:
    return int((datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))).total_seconds() // 60)
