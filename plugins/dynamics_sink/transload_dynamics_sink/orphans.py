"""Finds rows of other people that a delete would take along.

Deleting an account deletes its contacts, cases and activities. When a rollback deletes
what it created, its own children are gone already; a child that is still there was made
by somebody else, and nobody asked to lose it.
"""

from collections.abc import Sequence

from transload import RowId
from transload_dynamics_sink.client import Dataverse, Json, query
from transload_dynamics_sink.lifecycles import LIFECYCLES
from transload_dynamics_sink.metadata import Metadata, Table

_NOTES = "annotation"
_EVERY_ACTIVITY = "activitypointer"
"""What all activities are seen through; each kind of them is looked at by itself."""
_MADE_BY_CLOSING = {message.activity for its in LIFECYCLES.values() for message in its.messages.values()}
_PARENTS_AT_ONCE = 100
"""Conditions of one query; the service takes no more than 500."""


def find_foreign_children(
    dataverse: Dataverse, metadata: Metadata, table: Table, row_ids: Sequence[RowId]
) -> dict[RowId, str]:
    """Return the rows whose deletion would delete children, with the table of one child."""
    found: dict[RowId, str] = {}
    children = [
        (child, column)
        for child, column in metadata.get_cascading_children(table.name)
        if is_work(child, metadata.find_facts(child))
    ]
    for start in range(0, len(row_ids), _PARENTS_AT_ONCE):
        chunk = row_ids[start : start + _PARENTS_AT_ONCE]
        for child, column in children:
            property_name = f"_{column}_value"
            condition = " or ".join(f"{property_name} eq {row_id}" for row_id in chunk)
            path = query(metadata.get_entity_set(child), select=property_name, filter=condition)
            for raw in dataverse.rows(path, f"look for rows of {child}"):
                found.setdefault(RowId(str(raw[property_name]).lower()), child)
    return found


def is_work(name: str, facts: Json) -> bool:
    """Return whether people make the rows of a table.

    They do if it is an activity, if it is a standard table that takes notes, or if the client made the table; notes are
    theirs too. Other tables that cascade are the platform's and its apps' own bookkeeping: addresses, trackers,
    timestamps, the activity that closing a row leaves behind. They have no owners, take no notes, or come with an app.
    """
    if name == _NOTES:
        return True
    if facts.get("OwnershipType") != "UserOwned" or name in {_EVERY_ACTIVITY, *_MADE_BY_CLOSING}:
        return False
    if facts["IsCustomEntity"]:
        return bool(facts["IsActivity"] or not facts["IsManaged"])
    return bool(facts["IsActivity"] or facts["HasNotes"])
