"""Undoes writes: deletes what was created, restores what was changed."""

from collections.abc import Callable, Sequence
from typing import cast

from transload import (
    DeleteRow,
    Disassociate,
    DropSchema,
    EntityName,
    Outcome,
    RecordKey,
    RestoreRow,
    RunContext,
    SetState,
    SourceId,
)
from transload.errors import UnfitValueError
from transload.values import Inverse
from transload_dynamics_sink.batch import Operation, check_stopping, send_operations
from transload_dynamics_sink.client import Dataverse, open_dataverse
from transload_dynamics_sink.errors import KEY_ROW_MISSING, ROW_MISSING
from transload_dynamics_sink.metadata import Metadata, Table, open_metadata
from transload_dynamics_sink.orphans import find_foreign_children
from transload_dynamics_sink.schema_changes import open_schema_worker
from transload_dynamics_sink.states import UPDATE_ONLY, initial_state, is_read_only, set_states
from transload_dynamics_sink.values import dump_row, write_row


def undo(inverses: Sequence[Inverse], context: RunContext) -> list[Outcome]:
    """Undo writes of one kind and table, and return an outcome for each, in order."""
    dataverse, metadata = context.resource(open_dataverse), context.resource(open_metadata)
    match inverses[0]:
        case DeleteRow():
            return _delete(dataverse, metadata, cast(Sequence[DeleteRow], inverses))
        case RestoreRow():
            return _restore(dataverse, metadata, cast(Sequence[RestoreRow], inverses))
        case Disassociate():
            return _unlink(dataverse, metadata, cast(Sequence[Disassociate], inverses))
        case DropSchema():
            worker = context.resource(open_schema_worker)
            return [worker.drop(inverse.change) for inverse in cast(Sequence[DropSchema], inverses)]
