"""Undoes writes: deletes what was created, restores what was changed."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from transload import (
    DeleteRow,
    Disassociate,
    DropSchema,
    Outcome,
    RestoreRow,
    RowId,
    RunContext,
)
from transload.errors import RefusedError
from transload.values import Inverse
from transload_dynamics_sink.batch import Operation, check_stopping, send_operations
from transload_dynamics_sink.client import Dataverse, open_dataverse
from transload_dynamics_sink.errors import KEY_ROW_MISSING, ROW_MISSING
from transload_dynamics_sink.files import open_files
from transload_dynamics_sink.links import unlink_rows
from transload_dynamics_sink.metadata import Metadata, Table, open_metadata
from transload_dynamics_sink.orphans import find_foreign_children
from transload_dynamics_sink.restore import Restoration
from transload_dynamics_sink.schema_changes import open_schema_worker


def undo(inverses: Sequence[Inverse], context: RunContext) -> list[Outcome]:
    """Undo writes of one kind and table, and return an outcome for each, in order."""
    dataverse, metadata = context.resource(open_dataverse), context.resource(open_metadata)
    match inverses[0]:
        case DeleteRow():
            return delete_rows(dataverse, metadata, cast(Sequence[DeleteRow], inverses))
        case RestoreRow():
            files = context.resource(open_files)
            return Restoration(dataverse, metadata, files, cast(Sequence[RestoreRow], inverses)).run()
        case Disassociate():
            return unlink_rows(dataverse, metadata, cast(Sequence[Disassociate], inverses))
        case DropSchema():
            worker = context.resource(open_schema_worker)
            outcomes = [worker.drop(inverse.change) for inverse in cast(Sequence[DropSchema], inverses)]
            # Once, at the end: to describe a table anew for each of hundreds of columns takes longer than to drop them.
            metadata.forget()
            return outcomes


def delete_rows(dataverse: Dataverse, metadata: Metadata, inverses: Sequence[DeleteRow]) -> list[Outcome]:
    """Delete rows of one table, sparing those whose deletion would take rows of other people along."""
    table = metadata.get_table(inverses[0].table)
    spared = find_foreign_children(dataverse, metadata, table, [inverse.row_id for inverse in inverses])
    operations = {
        index: Operation("DELETE", f"{table.entity_set}({inverse.row_id})")
        for index, inverse in enumerate(inverses)
        if inverse.row_id not in spared
    }
    outcomes = [
        Outcome(error=_keeps_children(table, inverse.row_id, spared.get(inverse.row_id, ""))) for inverse in inverses
    ]
    for index, outcome in _undo_all(dataverse, operations, lambda index: str(inverses[index].row_id)):
        outcomes[index] = outcome
    return outcomes


def _undo_all(
    dataverse: Dataverse, operations: Mapping[int, Operation], subject: Callable[[int], str]
) -> list[tuple[int, Outcome]]:
    """Send deleting operations and return their outcomes; what is gone already is fine."""
    results = []
    replies = send_operations(dataverse, list(operations.values()))
    for index, reply in zip(operations, replies, strict=True):
        refusal = reply.refusal
        if refusal is None:
            results.append((index, Outcome()))
        elif refusal.status == 404 or refusal.code in {ROW_MISSING, KEY_ROW_MISSING}:
            results.append((index, Outcome(note="was gone already")))
        else:
            check_stopping(refusal, dataverse)
            results.append((index, Outcome(error=refusal.error(subject(index)))))
    return results


def _keeps_children(table: Table, row_id: RowId, child: str) -> RefusedError | None:
    if not child:
        return None
    return RefusedError(
        f"{table.name}({row_id})",
        "foreign children",
        f"deleting it would delete a row of {child} that the migration did not make",
        f"Look at the {child} rows of this record in Dynamics: delete or move them, "
        "then run `transload rollback` again; or keep the record.",
    )
