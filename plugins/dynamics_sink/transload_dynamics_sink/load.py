"""Writes one batch to the environment: rows, states or links."""

from collections.abc import Sequence
from typing import cast

from transload import Associate, Batch, Outcome, SetState, Upsert
from transload_dynamics_sink.client import Dataverse
from transload_dynamics_sink.files import Files
from transload_dynamics_sink.links import link_rows
from transload_dynamics_sink.metadata import Metadata
from transload_dynamics_sink.states import set_states
from transload_dynamics_sink.upserts import upsert_rows


def load_batch(batch: Batch, dataverse: Dataverse, metadata: Metadata, files: Files) -> list[Outcome]:
    """Write a batch and return an outcome for each write, in order.

    Raises:
        RunError: The environment refuses us, not a record.
    """
    match batch.writes[0]:
        case Upsert():
            return upsert_rows(dataverse, metadata, files, cast(Sequence[Upsert], batch.writes))
        case SetState():
            return set_states(dataverse, metadata, batch.table, cast(Sequence[SetState], batch.writes))
        case Associate():
            return link_rows(dataverse, metadata, cast(Sequence[Associate], batch.writes))
