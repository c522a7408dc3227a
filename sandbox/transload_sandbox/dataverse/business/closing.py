"""Actions that end documents and cases: a close activity is written, then the row moves to its last state.

Facts: names, bindings and bodies of the actions are those of the Web API action reference; where a table has
rules on the state from which it can be closed, the codes are those of the error listing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.business.actions import Call
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row
from transload_sandbox.dataverse.wire import Response, no_content
from transload_sandbox.dataverse.writer import Writer

_OPEN_ACTIVITY = (0, 3)
_DEFAULT = -1
_FULFILLED = 3


@dataclass(frozen=True, slots=True)
class Closing:
    """One way to end a row."""

    table: str
    parameter: str
    """Name of the parameter that holds the close activity."""
    activity: str
    lookup: str
    """The close activity's lookup to the row."""
    state: int
    starts: Sequence[int]
    """States from which the action works."""
    refusal: tuple[str, str]
    """Code and text of the refusal from any other state."""


_NOT_ACTIVE_QUOTE = ("0x80040233", "The quote must be in active state.")
_CLOSED_ORDER = ("0x80040233", "The order has already been fulfilled, invoiced or canceled.")
_CLOSED_OPPORTUNITY = ("0x80040515", "The opportunity has already been closed.")
_CLOSED_CASE = ("0x80044411", "The incident has already been closed or canceled.")

CLOSINGS: Mapping[str, Closing] = {
    "WinQuote": Closing("quote", "QuoteClose", "quoteclose", "quoteid", 2, (1,), _NOT_ACTIVE_QUOTE),
    "CloseQuote": Closing("quote", "QuoteClose", "quoteclose", "quoteid", 3, (1,), _NOT_ACTIVE_QUOTE),
    "WinOpportunity": Closing(
        "opportunity", "OpportunityClose", "opportunityclose", "opportunityid", 1, (0,), _CLOSED_OPPORTUNITY
    ),
    "LoseOpportunity": Closing(
        "opportunity", "OpportunityClose", "opportunityclose", "opportunityid", 2, (0,), _CLOSED_OPPORTUNITY
    ),
    "FulfillSalesOrder": Closing("salesorder", "OrderClose", "orderclose", "salesorderid", 3, (0, 1), _CLOSED_ORDER),
    "CancelSalesOrder": Closing("salesorder", "OrderClose", "orderclose", "salesorderid", 2, (0, 1), _CLOSED_ORDER),
    "CloseIncident": Closing(
        "incident", "IncidentResolution", "incidentresolution", "incidentid", 1, (0,), _CLOSED_CASE
    ),
}


def close(call: Call) -> Response:
    """Answer one of the closing actions.

    Raises:
        ODataError: The row is missing, not in a state from which it can be closed, or held open by others.
    """
    closing = CLOSINGS[call.name]
    call.expect(required=(closing.parameter, "Status"))
    activity = call.mapping(closing.parameter)
    reference = activity.get(f"{closing.lookup}@odata.bind")
    if not isinstance(reference, str):
        raise errors.invalid_argument(f"Required member '{closing.lookup}' missing for field '{closing.parameter}'")
    writer, environment = call.writer, call.environment
    _, row_id = writer.lookups.resolve(reference, [closing.table])
    row = call.fetch(closing.table, row_id)
    if row["statecode"] not in closing.starts:
        raise ODataError(400, *closing.refusal)
    if check := _CHECKS.get(closing.table):
        check(writer, row_id)
    with environment.transaction():
        finish(writer, closing, row, activity, call.value("Status"))
    return no_content()


def finish(writer: Writer, closing: Closing, row: Row, activity: Mapping[str, object], status: object) -> None:
    """Write the close activity and move the row to its last state."""
    tables = writer.environment.model.tables
    table = tables[closing.table]
    change: dict[str, object] = {"statecode": closing.state, **_stamps(writer, closing, activity)}
    if status not in {None, _DEFAULT}:
        change["statuscode"] = status
    body = {name: value for name, value in activity.items() if not name.startswith("@")}
    [closed] = writer.create(
        tables[closing.activity], [body], [_inherited(closing, row)] if "transactioncurrencyid" in row else ()
    )
    ended = {"statecode": 1} | ({} if closed["actualend"] else {"actualend": writer.now})
    writer.update(tables[closing.activity], [(closed, ended)], by_message=True)
    writer.update(table, [(row, change)], by_message=True)


def _inherited(closing: Closing, row: Row) -> Row:
    inherited: Row = {"regardingobjectid": row[closing.lookup], "regardingobjectid__type": closing.table}
    if closing.table != "incident":
        inherited["transactioncurrencyid"] = row["transactioncurrencyid"]
    return inherited


def _stamps(writer: Writer, closing: Closing, activity: Mapping[str, object]) -> dict[str, object]:
    """Return what closing writes down on the row itself."""
    ended = str(activity.get("actualend") or writer.now)[:10]
    if closing.table == "opportunity":
        value = activity.get("actualrevenue")
        return {"actualclosedate": ended, **({"actualvalue": value} if value is not None else {})}
    if closing.table == "quote":
        return {"closedon": ended}
    return {"datefulfilled": ended} if closing.state == 3 else {}


def _check_case(writer: Writer, case_id: str) -> None:
    environment = writer.environment
    for name in sorted(environment.store.existing):
        table = environment.model.tables.get(name)
        if table is None or not table.is_activity or "regardingobjectid" not in table.columns:
            continue
        for state in _OPEN_ACTIVITY:
            wanted: Row = {"regardingobjectid": case_id, "statecode": state}
            if environment.store.find_id(table, wanted):
                raise ODataError(
                    400,
                    "0x8004440a",
                    "The incident can not be closed because there are open activities for this incident.",
                )
    cases = environment.model.tables["incident"]
    if environment.store.find_id(cases, {"parentcaseid": case_id, "statecode": 0}):
        text = "This case can't be resolved because it has active child cases."
        raise ODataError(400, "0x8004f456", text)


_CHECKS: Mapping[str, Callable[[Writer, str], None]] = {"incident": _check_case}
