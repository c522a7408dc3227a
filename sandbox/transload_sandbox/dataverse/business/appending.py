"""Whoever points one row to another needs Append on the one and AppendTo on the other."""

from collections.abc import Set
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.model import Row, Table

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer

ROLE_LINKS = frozenset({"systemuserroles", "teamroles"})
"""Links that give rights."""


def check(writer: "Writer", table: Table, row: Row, assigned: Set[str]) -> None:
    """Check that the caller may set the lookups of a row; who owns it is another matter.

    Raises:
        ODataError: A privilege is missing or does not reach one of the rows.
    """
    security = writer.environment.security
    if not security.is_limited:
        return
    for column in table.lookups():
        if column.name in assigned and row[column.name] is not None and column.type != "Owner":
            target = str(row[column.type_column]) if column.type_column else column.targets[0]
            _check_pair(writer, (table, row), (target, str(row[column.name])))


def check_link(writer: "Writer", intersect: str, table: Table, row_id: str, other: Table, other_id: str) -> None:
    """Check that the caller may link two rows, or take their link away.

    Raises:
        ODataError: A privilege is missing or does not reach one of the rows.
    """
    security = writer.environment.security
    if not security.is_limited:
        return
    if intersect in ROLE_LINKS:
        security.demand("prvAssignRole")
        return
    row = writer.peek(table.name, row_id)
    if row is not None:
        _check_pair(writer, (table, row), (other.name, other_id))


def _check_pair(writer: "Writer", near: tuple[Table, Row], far: tuple[str, str]) -> None:
    security = writer.environment.security
    security.check(near[0], "Append", near[1])
    target, other = writer.environment.model.tables.get(far[0]), writer.peek(*far)
    if target is not None and other is not None:
        security.check(target, "AppendTo", other)
