"""Hierarchies: no row is its own ancestor."""

from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Column
from transload_sandbox.dataverse.plan import Plan

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer


def check(writer: "Writer", plan: Plan, change: Change) -> None:
    """Check that the parents of a row do not lead back to it.

    Raises:
        ODataError: They do.
    """
    for column in plan.parents:
        if change.touches(column.name) and change.moved(column.name):
            _climb(writer, column, change)


def _climb(writer: "Writer", column: Column, change: Change) -> None:
    row, seen = change.row, {change.row_id}
    while row[column.name] is not None and (column.type_column is None or row[column.type_column] == change.table.name):
        parent_id = str(row[column.name])
        if parent_id in seen:
            raise ODataError(
                400, "0x80047004", "Creating this parental association would create a loop in this hierarchy."
            )
        seen.add(parent_id)
        parent = writer.peek(change.table.name, parent_id)
        if parent is None:
            return
        row = parent
