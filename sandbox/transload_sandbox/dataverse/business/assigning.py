"""Assigning a row takes along what hangs on it, as its relationships say."""

from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business import ownership
from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.model import Row, Table

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer


def cascade(writer: "Writer", change: Change) -> None:
    """Give the owner of a row to the rows below it."""
    if change.former is None or "ownerid" not in change.row or not change.moved("ownerid"):
        return
    owner: Row = {name: change.row[name] for name in ("ownerid", "ownerid__type")}
    _give(writer, change.table, [change.row_id], owner, {change.row_id})


def _give(writer: "Writer", table: Table, ids: list[str], owner: Row, seen: set[str]) -> None:
    environment = writer.environment
    names = {table.name, "activitypointer"} if table.is_activity else {table.name}
    for name in sorted(environment.store.existing):
        child = environment.model.tables.get(name)
        if child is None or "ownerid" not in child.columns:
            continue
        for column in child.lookups():
            targets = [target for target in names & set(column.targets) if column.on_assign.get(target) == "Cascade"]
            if not targets:
                continue
            rows = [
                row
                for row in environment.store.find_in(child, column.name, ids)
                if (column.type_column is None or row[column.type_column] in targets)
                and str(row[child.primary_id]) not in seen
            ]
            if rows:
                _store(writer, child, rows, owner)
                children = [str(row[child.primary_id]) for row in rows]
                seen.update(children)
                _give(writer, child, children, owner, seen)


def _store(writer: "Writer", table: Table, rows: list[Row], owner: Row) -> None:
    for row in rows:
        row |= owner
        ownership.derive(writer.environment, row)
        row["versionnumber"] = writer.environment.store.next_version()
        if "modifiedon" in row:
            row["modifiedon"], row["modifiedby"] = writer.now, writer.caller_id
    writer.environment.store.update(table, rows)
