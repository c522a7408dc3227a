"""Every action of the stand-in: where it is bound and who answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.business import (
    activities,
    bulk_delete,
    closing,
    conversions,
    duplicates,
    merging,
    people,
    products,
    queues,
    role_privileges,
    shares,
    solution_export,
)
from transload_sandbox.dataverse.business.actions import Call
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row
from transload_sandbox.dataverse.wire import Request, Response
from transload_sandbox.dataverse.writer import Writer

Handler = Callable[[Call], Response]


@dataclass(frozen=True, slots=True)
class Action:
    """One action; bound to a row or a set of its table, to nothing without a table."""

    answer: Handler
    row_of: str = ""
    set_of: str = ""
    unbound: bool = False


ACTIONS: Mapping[str, Action] = {
    **{name: Action(closing.close, unbound=True) for name in closing.CLOSINGS},
    # The action reference binds it to the set, older listings to nothing.
    "FulfillSalesOrder": Action(closing.close, set_of="salesorder", unbound=True),
    "ReviseQuote": Action(conversions.revise, unbound=True),
    "ConvertQuoteToSalesOrder": Action(conversions.convert, unbound=True),
    "ConvertSalesOrderToInvoice": Action(conversions.convert, unbound=True),
    "QualifyLead": Action(conversions.qualify, row_of="lead"),
    "LockInvoicePricing": Action(products.lock_prices, row_of="invoice"),
    "LockSalesOrderPricing": Action(products.lock_prices, row_of="salesorder"),
    "UnlockInvoicePricing": Action(products.unlock_prices, unbound=True),
    "UnlockSalesOrderPricing": Action(products.unlock_prices, unbound=True),
    "PublishProductHierarchy": Action(products.publish, row_of="product"),
    "RevertProduct": Action(products.revert, row_of="product"),
    "SendEmail": Action(activities.send_email, row_of="email"),
    "AddToQueue": Action(queues.add, row_of="queue"),
    "PickFromQueue": Action(queues.pick, row_of="queueitem"),
    "ReleaseToQueue": Action(queues.release, row_of="queueitem"),
    "RemoveFromQueue": Action(queues.remove, row_of="queueitem"),
    "ExportSolution": Action(solution_export.export, unbound=True),
    "Merge": Action(merging.merge, unbound=True),
    "BulkDelete": Action(bulk_delete.start, unbound=True),
    "PublishDuplicateRule": Action(duplicates.publish, unbound=True),
    "UnpublishDuplicateRule": Action(duplicates.unpublish, unbound=True),
    "ReassignObjectsSystemUser": Action(people.reassign, row_of="systemuser"),
    "GrantAccess": Action(shares.grant, unbound=True),
    "ModifyAccess": Action(shares.grant, unbound=True),
    "RevokeAccess": Action(shares.revoke, unbound=True),
    "AddMembersTeam": Action(people.add_members, row_of="team"),
    "RemoveMembersTeam": Action(people.remove_members, row_of="team"),
    "AddPrivilegesRole": Action(role_privileges.add, row_of="role"),
    "RemovePrivilegeRole": Action(role_privileges.remove, row_of="role"),
    "ReplacePrivilegesRole": Action(role_privileges.replace, row_of="role"),
}


class ActionsApi:
    """Serves actions on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id

    def unbound(self, request: Request, name: str) -> Response | None:
        """Answer an action that is bound to nothing; None when there is none of that name."""
        action = ACTIONS.get(name)
        if action is None or not action.unbound:
            return None
        return self._answer(request, name, action, None)

    def on_set(self, request: Request, table: str, name: str) -> Response | None:
        """Answer an action that is bound to a set; None when there is none of that name."""
        action = ACTIONS.get(name)
        return self._answer(request, name, action, None) if action and action.set_of == table else None

    def on_row(self, request: Request, table: str, name: str, row: Row) -> Response | None:
        """Answer an action that is bound to a row; None when there is none of that name."""
        action = ACTIONS.get(name)
        return self._answer(request, name, action, row) if action and action.row_of == table else None

    def _answer(self, request: Request, name: str, action: Action, row: Row | None) -> Response:
        if request.method != "POST":
            raise errors.no_such_method(request.url)
        body = request.json(name) if request.body.strip() else {}
        call = Call(name, self.environment, request, Writer(self.environment, self.caller_id), row, body)
        with self.environment.transaction():
            return action.answer(call)
