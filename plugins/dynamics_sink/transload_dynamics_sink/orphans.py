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

_PARENTS_AT_ONCE = 100
"""Conditions of one query; the service takes no more than 500."""


def find_foreign_children(
    dataverse: Dataverse, metadata: Metadata, table: Table, row_ids: Sequence[RowId]
) -> dict[RowId, str]:
    """Return the rows whose deletion would delete children, with the table of one child."""
    found: dict[RowId, str] = {}
    children = [each for each in metadata.get_cascading_children(table.name) if each[0] in _WORK]
    for start in range(0, len(row_ids), _PARENTS_AT_ONCE):
        chunk = row_ids[start : start + _PARENTS_AT_ONCE]
        for child, column in children:
            property_name = f"_{column}_value"
            condition = " or ".join(f"{property_name} eq {row_id}" for row_id in chunk)
            path = query(metadata.get_entity_set(child), select=property_name, filter=condition)
            for raw in dataverse.rows(path, f"look for rows of {child}"):
                found.setdefault(RowId(str(raw[property_name]).lower()), child)
    return found
