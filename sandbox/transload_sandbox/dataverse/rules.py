"""Rules of one table or one kind of column: what the platform computes, completes or refuses on save."""

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Currency, Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.plan import Composite, Plan
from transload_sandbox.dataverse.values import round_half_up

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer

_COLLECTIONS: dict[tuple[str, str], tuple[str, str]] = {
    ("quote", "quote_details"): ("quotedetail", "quoteid"),
    ("salesorder", "order_details"): ("salesorderdetail", "salesorderid"),
    ("invoice", "invoice_details"): ("invoicedetail", "invoiceid"),
}

_NUMBERS = {
    "incident": ("ticketnumber", "CAS"),
    "quote": ("quotenumber", "QUO"),
    "salesorder": ("ordernumber", "ORD"),
    "invoice": ("invoicenumber", "INV"),
}


def collection(table: Table, name: str) -> tuple[str, str] | None:
    """Return child table and lookup of a collection that can come with a new row."""
    if table.is_activity and name == f"{table.name}_activity_parties":
        return "activityparty", "activityid"
    return _COLLECTIONS.get((table.name, name))


def complete(environment: Environment, plan: Plan, row: Row, former: Row | None, assigned: set[str]) -> None:
    """Fill in what the platform computes before a row is saved.

    Raises:
        ODataError: A rule of the table refuses the row.
    """
    table = plan.table
    if plan.names_person:
        row["fullname"] = " ".join(str(row[part]) for part in ("firstname", "lastname") if row[part]) or None
    for composite in plan.composites:
        if former is None or not assigned.isdisjoint((*composite.lines, composite.city, composite.postal_code)):
            row[composite.column] = _address(composite, row)
    if plan.money:
        _convert_money(environment, plan, row)
    if former is None:
        _begin(environment, table, row)
    if table.name == "annotation":
        _measure_note(environment, row, assigned)
    elif table.name == "solution" and former is None:
        _check_solution(environment, row)


def _begin(environment: Environment, table: Table, row: Row) -> None:
    if table.is_activity:
        row["activitytypecode"] = table.name
    if table.name in _NUMBERS:
        column, prefix = _NUMBERS[table.name]
        if row[column] is None:
            version = environment.store.version
            row[column] = f"{prefix}-{version:05d}-{environment.new_id()[:6].upper()}"


def _address(composite: Composite, row: Row) -> str | None:
    city = ", ".join(str(row[name]) for name in (composite.city, composite.state) if row[name])
    place = " ".join(part for part in (city, str(row[composite.postal_code] or "")) if part)
    lines = [str(row[name]) for name in composite.lines if row[name]]
    parts = [*lines, place, str(row[composite.country] or "")]
    return "\r\n".join(part for part in parts if part) or None


def _convert_money(environment: Environment, plan: Plan, row: Row) -> None:
    """Round money to its currency, the default one where there is none, and compute the base values."""
    if all(row[column.name] is None for column, _ in plan.money):
        for _, base in plan.money:
            if base:
                row[base] = None
        if "transactioncurrencyid" in row and row["transactioncurrencyid"] is None:
            return
    currency = environment.currency(str(row["transactioncurrencyid"]) if row.get("transactioncurrencyid") else None)
    if "transactioncurrencyid" in row:
        row["transactioncurrencyid"] = currency.currency_id
    if "exchangerate" in row:
        row["exchangerate"] = currency.rate
    for column, base in plan.money:
        value = row[column.name]
        if isinstance(value, int | float):
            digits = currency.precision if column.precision_source == 2 else (column.precision or 2)
            value = row[column.name] = round_half_up(float(value), digits)
        if base:
            row[base] = _base_value(value, currency)


def _base_value(value: object, currency: Currency) -> float | None:
    return round_half_up(value / currency.rate, 4) if isinstance(value, int | float) else None


def _measure_note(environment: Environment, row: Row, assigned: set[str]) -> None:
    if "objectid" in assigned:
        row["objecttypecode"] = row["objectid__type"]
    if not {"documentbody", "filename"} & assigned:
        return
    row["isdocument"] = int(row["documentbody"] is not None or row["filename"] is not None)
    if row["documentbody"] is None:
        row["filesize"] = 0
        return
    try:
        size = len(base64.b64decode(str(row["documentbody"]), validate=True))
    except binascii.Error as error:
        raise errors.invalid_argument("The documentbody is not valid base64.") from error
    organization = environment.organization()
    if size > int(str(organization["maxuploadfilesize"])):
        raise ODataError(400, "0x80044a02", "Attachment file size is too big.")
    extension = str(row["filename"] or "").rpartition(".")[2].lower()
    if extension in str(organization["blockedattachments"]).split(";"):
        raise ODataError(400, "0x80043e09", "The attachment is either not a valid type or is too large.")
    row["filesize"] = size


def _check_solution(environment: Environment, row: Row) -> None:
    table = environment.model.tables["solution"]
    if environment.store.find(table, {"uniquename": row["uniquename"]}, 1):
        raise errors.duplicate_row()
    row["isvisible"] = 1
    row["installedon"] = row["createdon"]


def after_write(writer: "Writer", table: Table, rows: Sequence[Row]) -> None:
    """Do what follows from rows that were just written."""
    if table.name in {"transactioncurrency", "systemuser", "team"} and rows:
        writer.environment.forget_facts()
