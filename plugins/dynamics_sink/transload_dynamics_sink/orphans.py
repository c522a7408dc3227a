"""Finds rows of other people that a delete would take along.

Deleting an account deletes its contacts, cases and activities. When a rollback deletes
what it created, its own children are gone already; a child that is still there was made
by somebody else, and nobody asked to lose it.
"""

from collections.abc import Sequence

from transload import RowId
from transload_dynamics_sink.client import Dataverse, query
from transload_dynamics_sink.metadata import Metadata, Table

_WORK = frozenset(
    {
        "account",
        "annotation",
        "appointment",
        "contact",
        "email",
        "fax",
        "incident",
        "invoice",
        "lead",
        "letter",
        "msdyn_customerasset",
        "msdyn_workorder",
        "opportunity",
        "phonecall",
        "quote",
        "salesorder",
        "task",
    }
)
"""Tables that people work in. Others that cascade are the platform's own bookkeeping, made for every row."""


def find_foreign_children(
    dataverse: Dataverse, metadata: Metadata, table: Table, row_ids: Sequence[RowId]
) -> dict[RowId, str]:
    """Return the rows whose deletion would delete children, with the table of one child."""
    found: dict[RowId, str] = {}
    for child, column in metadata.get_cascading_children(table.name):
        if child not in _WORK:
            continue
        property_name = f"_{column}_value"
        path = query(
            metadata.get_entity_set(child),
            select=property_name,
            filter=" or ".join(f"{property_name} eq {row_id}" for row_id in row_ids),
        )
        for raw in dataverse.rows(path, f"look for rows of {child}"):
            found.setdefault(RowId(str(raw[property_name]).lower()), child)
    return found
