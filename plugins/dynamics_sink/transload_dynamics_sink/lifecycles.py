"""How rows of each table go from state to state, as data: which ways there are, and what each of them takes.

Facts: the state model and the messages of Microsoft's sales, service and activity tables. A table
that is not listed goes from any state to any other by its two columns alone.
"""

from collections import deque
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from transload import TableName


@dataclass(frozen=True, slots=True)
class ClosingMessage:
    """A message that closes a row and leaves an activity behind.

    Attributes:
        action: The action, as a path: unbound, or below an entity set.
        argument: Its parameter that holds the activity.
        activity: Table of the activity.
        parent: Its lookup to the row that is closed.
        subject: What the activity is called when nobody says.
        typed: Whether the activity has to say of which table it is.
    """

    action: str
    argument: str
    activity: TableName
    parent: str
    subject: str
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The states of a table's rows.

    Attributes:
        initial: The state that rows are born in.
        closed: States in which the platform refuses edits of most columns.
        ways: State to the states that follow it in one step; empty when all follow each other.
        messages: States that a message alone leads to.
        lock: Bound action that freezes the prices before the row is closed.
        unlock: Unbound action that thaws them, and its parameter.
        dead_end: What a person can do where no way leads to the state that is wanted.
    """

    initial: int = 0
    closed: Set[int] = frozenset()
    ways: Mapping[int, Set[int]] = field(default_factory=dict)
    messages: Mapping[int, ClosingMessage] = field(default_factory=dict)
    lock: str = ""
    unlock: tuple[str, str] = ("", "")
    dead_end: str = "Bring the row to that state in Dynamics, or let the mapping choose another; then run again."

    def path(self, start: int, end: int) -> list[int] | None:
        """Return the states to go through, the last one being ``end``; None when there is no way.

        From a state to itself the way leads out and back: a message has to be sent again.
        """
        if not self.ways:
            return [end]
        reached: dict[int, list[int]] = {}
        waiting = deque([(start, list[int]())])
        while waiting:
            state, path = waiting.popleft()
            for following in sorted(self.ways.get(state, ())):
                if following not in reached:
                    reached[following] = [*path, following]
                    waiting.append((following, reached[following]))
        return reached.get(end)


def _closing(action: str, argument: str, activity: str, parent: str, subject: str) -> ClosingMessage:
    return ClosingMessage(action, argument, TableName(activity), parent, subject)


_ACTIVITY = Lifecycle(closed=frozenset({1, 2}))
_OPEN_OR_CLOSED = {0: {1, 2}, 1: {0}, 2: {0}}

LIFECYCLES: Mapping[str, Lifecycle] = {
    "incident": Lifecycle(
        closed=frozenset({1, 2}),
        ways=_OPEN_OR_CLOSED,
        messages={1: _closing("CloseIncident", "IncidentResolution", "incidentresolution", "incidentid", "Resolved")},
    ),
    "opportunity": Lifecycle(
        closed=frozenset({1, 2}),
        ways=_OPEN_OR_CLOSED,
        messages={
            1: _closing("WinOpportunity", "OpportunityClose", "opportunityclose", "opportunityid", "Won"),
            2: _closing("LoseOpportunity", "OpportunityClose", "opportunityclose", "opportunityid", "Lost"),
        },
    ),
    "lead": Lifecycle(closed=frozenset({1, 2}), ways=_OPEN_OR_CLOSED),
    "quote": Lifecycle(
        closed=frozenset({1, 2, 3}),
        ways={0: {1}, 1: {2, 3}},
        messages={
            2: _closing("WinQuote", "QuoteClose", "quoteclose", "quoteid", "Won"),
            3: _closing("CloseQuote", "QuoteClose", "quoteclose", "quoteid", "Closed"),
        },
        dead_end="A quote that has left its draft never becomes one again. Revise it in Dynamics (that makes a new "
        "draft with the next revision number) and enter the change there, or keep the quote as it is.",
    ),
    "salesorder": Lifecycle(
        closed=frozenset({2, 3, 4}),
        ways={0: {1, 2, 3, 4}, 1: {0, 2, 3, 4}, 2: {0}, 3: {4}},
        messages={
            2: _closing("CancelSalesOrder", "OrderClose", "orderclose", "salesorderid", "Canceled"),
            3: ClosingMessage(
                "salesorders/Microsoft.Dynamics.CRM.FulfillSalesOrder",
                "OrderClose",
                TableName("orderclose"),
                "salesorderid",
                "Fulfilled",
                typed=True,
            ),
        },
        dead_end="A fulfilled or invoiced order cannot be opened again. Enter the change in Dynamics, on a new order, "
        "or keep the order as it is.",
    ),
    "invoice": Lifecycle(
        closed=frozenset({1, 2, 3}),
        ways={0: {1, 2, 3}, 1: {0}, 2: {0, 3}, 3: {0}},
        lock="LockInvoicePricing",
        unlock=("UnlockInvoicePricing", "InvoiceId"),
    ),
    # Born Active only without a parent, and where the organisation wants it so; then it is in its state already.
    "product": Lifecycle(initial=2, ways={0: {1, 3}, 1: {0, 2}, 2: {0}, 3: {0, 2}}),
    **dict.fromkeys(("task", "phonecall", "email", "appointment", "letter", "fax"), _ACTIVITY),
}


@dataclass(frozen=True, slots=True)
class Lines:
    """A table of lines, which change only as long as their document is open.

    Attributes:
        document: Its lookup to the document.
        remedy: What helps when the document does not let a line change.
    """

    document: str
    remedy: str


LINES: Mapping[str, Lines] = {
    "quotedetail": Lines(
        "quoteid",
        "Its quote is no longer a draft, and lines go with drafts only. Revise the quote in Dynamics "
        "(that makes a new draft) and enter the line there.",
    ),
    "salesorderdetail": Lines(
        "salesorderid",
        "Its order is closed or its prices are locked. Unlock the prices in Dynamics "
        "(UnlockSalesOrderPricing), or set the order back to Active, then run `transload retry`.",
    ),
    "invoicedetail": Lines(
        "invoiceid",
        "Its invoice is paid or canceled, or its prices are locked. Set the invoice back to Active and "
        "unlock its prices in Dynamics (UnlockInvoicePricing), then run `transload retry`.",
    ),
    "opportunityproduct": Lines(
        "opportunityid", "Its opportunity is closed. Reopen it in Dynamics, then run `transload retry`."
    ),
}


def lifecycle_of(table: str, *, is_activity: bool = False) -> Lifecycle:
    """Return how rows of a table change their state."""
    return LIFECYCLES.get(table) or (_ACTIVITY if is_activity else Lifecycle())
