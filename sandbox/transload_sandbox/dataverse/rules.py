"""Which rules a table has: what the platform computes, completes or refuses when its rows are written."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business import (
    activities,
    assigning,
    catalogue,
    customers,
    documents,
    duplicates,
    field_service,
    hierarchies,
    images,
    money,
    notes,
    numbering,
    people,
    pricing,
    queues,
)
from transload_sandbox.dataverse.business.addresses import format_address
from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.errors import duplicate_row
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.plan import Composite, Plan

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer

    Rule = Callable[[Writer, Change], None]

_REMEMBERED = frozenset({"transactioncurrency", "systemuser", "team", "organization", "businessunit", "role"})


def collection(table: Table, name: str) -> tuple[str, str] | None:
    """Return child table and lookup of a collection that can come with a new row."""
    if table.is_activity and name == f"{table.name}_activity_parties":
        return "activityparty", "activityid"
    document = documents.DOCUMENTS.get(table.name)
    return (document.line, document.parent) if document and document.collection == name else None


def complete(writer: "Writer", plan: Plan, change: Change) -> None:
    """Fill in what the platform computes before a row is saved.

    Raises:
        ODataError: A rule of the table refuses the row.
    """
    table, row = plan.table, change.row
    if plan.names_person:
        row["fullname"] = " ".join(str(row[part]) for part in ("firstname", "lastname") if row[part]) or None
    for composite in plan.composites:
        if change.former is None or change.touches(*composite.lines, composite.city, composite.postal_code):
            row[composite.column] = _address(composite, row)
    if plan.parents:
        hierarchies.check(writer, plan, change)
    for rule in _BEFORE.get(table.name, ()):
        rule(writer, change)
    if table.is_activity:
        activities.check(writer, change)
    images.follow(writer, change)
    if plan.money:
        money.convert(writer.environment, plan, row)
    duplicates.check(writer, change)


def after_write(writer: "Writer", changes: Sequence[Change]) -> None:
    """Do what follows from rows of one table that were just written."""
    if not changes:
        return
    writer.forget()
    table = changes[0].table
    if table.name in _REMEMBERED:
        writer.environment.forget_facts()
    if table.name in documents.BY_LINE:
        pricing.after_lines(
            writer, table.name, [row for each in changes for row in (each.row, each.former or each.row)]
        )
    for change in changes:
        for rule in _AFTER.get(table.name, ()):
            rule(writer, change)
        if table.is_activity:
            activities.gather_parties(writer, change)
        assigning.cascade(writer, change)


def before_delete(writer: "Writer", table: Table, row: Row) -> None:
    """Check that a row may go.

    Raises:
        ODataError: A rule of the table keeps it.
    """
    if table.name in documents.BY_LINE:
        documents.check_line_delete(writer, table.name, row)


def after_delete(writer: "Writer", table: Table, row: Row) -> None:
    """Do what follows from a row that was just deleted."""
    if table.name in _REMEMBERED:
        writer.environment.forget_facts()
    if table.name in documents.BY_LINE:
        pricing.after_lines(writer, table.name, [row])
    if table.name == "bookableresourcebooking":
        field_service.drive_work_order(writer, row["msdyn_workorder"])


def _address(composite: Composite, row: Row) -> str | None:
    lines = [str(row[name]) for name in composite.lines if row[name]]
    city, state = str(row[composite.city] or ""), str(row[composite.state] or "")
    postal_code, country = str(row[composite.postal_code] or ""), str(row[composite.country] or "")
    return format_address(lines, city, state, postal_code, country) or None


def _line(writer: "Writer", change: Change) -> None:
    header = documents.check_line(writer, change)
    if header is not None and pricing.is_on(writer.environment):
        pricing.price_line(writer.environment, header, change.row)


def _solution(writer: "Writer", change: Change) -> None:
    if change.former is None:
        if writer.environment.store.find(change.table, {"uniquename": change.row["uniquename"]}, 1):
            raise duplicate_row()
        change.row["isvisible"] = 1
        change.row["installedon"] = change.row["createdon"]


_DOCUMENT: tuple["Rule", ...] = (customers.follow, documents.check_header, pricing.before_header)
_BEFORE: Mapping[str, Sequence["Rule"]] = {
    "annotation": (notes.measure,),
    "activitymimeattachment": (notes.measure_attachment,),
    "solution": (_solution,),
    "queueitem": (queues.complete,),
    "contact": (customers.follow,),
    "lead": (customers.follow,),
    "incident": (customers.follow, numbering.number),
    "opportunity": _DOCUMENT,
    "quote": (numbering.number, numbering.check_quote, *_DOCUMENT),
    "salesorder": (numbering.number, *_DOCUMENT),
    "invoice": (numbering.number, *_DOCUMENT),
    **dict.fromkeys(documents.BY_LINE, (_line,)),
    "activityparty": (activities.check_party,),
    "product": (catalogue.check_product,),
    "productpricelevel": (catalogue.check_price,),
    "uom": (catalogue.check_unit,),
    "msdyn_workorder": (field_service.complete_work_order,),
    "bookableresourcebooking": (field_service.complete_booking,),
    "msdyn_timeentry": (field_service.complete_time_entry,),
    "systemuser": (people.complete_user,),
    "team": (people.complete_team,),
}
_AFTER: Mapping[str, Sequence["Rule"]] = {
    **dict.fromkeys(documents.DOCUMENTS, (pricing.after_header,)),
    "activityparty": (activities.check_senders,),
    "uomschedule": (catalogue.make_base_unit,),
    "msdyn_workorder": (field_service.after_work_order,),
    "bookableresourcebooking": (field_service.after_booking,),
    "businessunit": (people.furnish_business_unit,),
}
