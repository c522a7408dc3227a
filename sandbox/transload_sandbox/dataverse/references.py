"""What happens to the rows that point to a row when it is deleted.

The schema says it per relationship: delete along, remove the link, or forbid. A relationship that says nothing
loses its link, so that no lookup ever points to a row that is gone; where the link must not be empty, the delete
is refused.
"""

from collections.abc import Iterator, Sequence

from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.files import remove_files
from transload_sandbox.dataverse.links import remove_links
from transload_sandbox.dataverse.model import Column, Table
from transload_sandbox.dataverse.sharing import TABLE as SHARES
from transload_sandbox.dataverse.sharing import Shares

_UNDELETABLE = frozenset({"systemuser", "businessunit", "organization"})


def cascade(environment: Environment, table: Table, ids: Sequence[str]) -> None:
    """Delete rows with their dependants, or refuse and leave everything to the caller's rollback.

    Raises:
        ODataError: A restricting relationship points to one of the rows.
    """
    if table.name in _UNDELETABLE:
        raise ODataError(405, "0x80040228", f"The {table.name} is read-only and cannot be deleted.")
    store = environment.store
    store.statements(table)
    remove_files(environment, table, ids)
    store.delete(table, ids)
    remove_links(environment, table, ids)
    Shares(store, environment.model.tables[SHARES]).forget(ids)
    for child, column, target in _pointing_to(environment, table):
        behavior = column.on_delete.get(target, "RemoveLink")
        if behavior == "RemoveLink" and column.required == "SystemRequired":
            behavior = "Restrict"
        found = [row for row in store.find_in(child, column.name, ids) if _points_to(row, column, target)]
        if not found:
            continue
        if behavior == "Restrict":
            raise ODataError(
                405,
                "0x80040227",
                "The object you tried to delete is associated with another object and cannot be deleted.",
            )
        if behavior == "Cascade":
            cascade(environment, child, [str(row[child.primary_id]) for row in found])
            continue
        for row in found:
            row[column.name] = None
            if column.type_column:
                row[column.type_column] = None
            row["versionnumber"] = store.next_version()
        store.update(child, found)
    if table.name in {"team", "transactioncurrency"}:
        environment.forget_facts()


def _points_to(row: dict[str, str | int | float | None], column: Column, target: str) -> bool:
    return column.type_column is None or row[column.type_column] == target


def _pointing_to(environment: Environment, table: Table) -> Iterator[tuple[Table, Column, str]]:
    """Yield child table, lookup and the target name by which the lookup knows the table."""
    names = {table.name, "activitypointer"} if table.is_activity else {table.name}
    for name in sorted(environment.store.existing):
        child = environment.model.tables.get(name)
        for column in child.lookups() if child else ():
            for target in names.intersection(column.targets):
                if child is not None:
                    yield child, column, target
