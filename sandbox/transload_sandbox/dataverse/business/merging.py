"""Merge: one row takes over what points to another, which is deactivated.

Facts: the parameters, the tables, and that ``UpdateContent`` is not used for cases, are stated on the action's page.
Which state a lead gets that is given up is inferred.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.errors import ODataError, invalid_argument
from transload_sandbox.dataverse.links import relink
from transload_sandbox.dataverse.model import Column, Row, Table
from transload_sandbox.dataverse.wire import Response, no_content

if TYPE_CHECKING:
    from transload_sandbox.dataverse.business.actions import Call


@dataclass(frozen=True, slots=True)
class Kind:
    """How rows of one table are merged."""

    state: int
    """What the row that is given up becomes."""
    status: int
    parent: str = ""
    """Lookup that must agree when the client has parents checked."""
    takes_content: bool = True


KINDS: Mapping[str, Kind] = {
    "account": Kind(1, 2, "parentaccountid"),
    "contact": Kind(1, 2, "parentcustomerid"),
    "lead": Kind(2, 7),
    "incident": Kind(2, 2000, takes_content=False),
}


def merge(call: "Call") -> Response:
    """Answer Merge.

    Raises:
        ODataError: The rows are not of one table that can be merged, one of them does not exist or was merged before,
            or the parents differ and the client wants them checked.
    """
    call.expect(required=("Target", "Subordinate", "PerformParentingChecks"), optional=("UpdateContent",))
    table = _table(call)
    kind = KINDS[table.name]
    target = call.fetch(table.name, call.reference("Target", table.name))
    given_up = call.fetch(table.name, call.reference("Subordinate", table.name))
    call.environment.security.check(table, "Write", target, given_up)
    _check(call, kind, table, target, given_up)
    _take_over(call, table, str(target[table.primary_id]), str(given_up[table.primary_id]))
    if kind.takes_content and call.value("UpdateContent") is not None:
        target = call.fetch(table.name, str(target[table.primary_id]))
        call.writer.update(table, [(target, call.mapping("UpdateContent"))])
    _give_up(call, kind, table, given_up, str(target[table.primary_id]))
    return no_content()


def _table(call: "Call") -> Table:
    names = {str(call.mapping(name).get("@odata.type")).rpartition(".")[2] for name in ("Target", "Subordinate")}
    name = names.pop()
    if names or name not in KINDS or name not in call.environment.model.tables:
        raise invalid_argument(f"'@odata.type' of Target and Subordinate must be one of {', '.join(KINDS)}.")
    return call.environment.model.tables[name]


def _check(call: "Call", kind: Kind, table: Table, target: Row, given_up: Row) -> None:
    if target[table.primary_id] == given_up[table.primary_id]:
        raise invalid_argument("A record cannot be merged with itself.")
    if target.get("merged") or given_up.get("merged"):
        raise ODataError(400, "0x80040203", "A record that was merged before cannot be merged again.")
    if kind.parent and call.value("PerformParentingChecks") and target[kind.parent] != given_up[kind.parent]:
        raise invalid_argument("The records have different parents.")


def _take_over(call: "Call", table: Table, target_id: str, given_up_id: str) -> None:
    """Point everything to the target that pointed to the row that is given up."""
    for child in call.environment.model.tables.values():
        if child.name in call.environment.store.existing and not child.is_intersect:
            for column in child.lookups():
                if table.name in column.targets:
                    _point(call, child, column, table.name, (given_up_id, target_id))
    relink(call.environment, table, given_up_id, target_id)


def _point(call: "Call", child: Table, column: Column, kind: str, ids: tuple[str, str]) -> None:
    former, now = ids
    wanted = {column.name: former} | ({column.type_column: kind} if column.type_column else {})
    rows = call.environment.store.find(child, wanted)
    for row in rows:
        # The target may have been a child of the row that is given up.
        is_own = row[child.primary_id] == now
        row |= {column.name: None if is_own else now, "versionnumber": call.environment.store.next_version()}
        if is_own and column.type_column:
            row[column.type_column] = None
    if rows:
        call.environment.store.update(child, rows)


def _give_up(call: "Call", kind: Kind, table: Table, former: Row, target_id: str) -> None:
    row = call.fetch(table.name, str(former[table.primary_id]))
    marks: Row = {"merged": 1, "masterid": target_id, "statecode": kind.state, "statuscode": kind.status}
    row |= {name: value for name, value in marks.items() if name in row}
    row |= {"versionnumber": call.environment.store.next_version(), "modifiedon": call.environment.now()}
    call.environment.store.update(table, [row])
