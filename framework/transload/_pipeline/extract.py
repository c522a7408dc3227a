"""Reads the source into the ledger: everything downstream works from there."""

from collections.abc import Iterable, Sequence
from itertools import islice

from transload._ledger import Errand, Ledger
from transload._pipeline.records import given_records
from transload._plugins import Plugins
from transload._recording import recorded
from transload.context import RunContext
from transload.mapping import Mapping as MappingDocument
from transload.values import EntityName, Event, SourceSchema

_CHUNK = 500


def stage_source(
    source: SourceSchema, plugins: Plugins, ledger: Ledger, context: RunContext, run_id: str
) -> dict[EntityName, int]:
    """Extract every entity that this run has not read to its end yet.

    Vanished records are concluded only when every entity was read completely, and, where
    one is missing, read once more: a list that shifts while it is read hides records.

    Returns:
        How many live records are staged, by entity.

    Raises:
        RunError: The source failed; what was staged stays, and the next call goes on.
    """
    done = ledger.staging.entities_read(run_id)
    for entity in source.entities:
        if entity.name not in done:
            _stage_entity(entity.name, plugins, ledger, context, run_id)
    names = [entity.name for entity in source.entities]
    if ledger.staging.unseen(run_id, names):
        for name in names:
            _stage_entity(name, plugins, ledger, context, run_id)
        ledger.staging.mark_vanished(run_id, names)
    return ledger.staging.counts()


def _stage_entity(entity: EntityName, plugins: Plugins, ledger: Ledger, context: RunContext, run_id: str) -> None:
    records = plugins.extract(entity, context)
    reading = first = ledger.exchanges.last_reading() + 1
    seen = 0
    with recorded(context) as exchanges:
        while chunk := list(islice(records, _CHUNK)):
            with ledger.database.writing():
                ledger.staging.add(chunk, run_id, reading)
                ledger.exchanges.add(Errand.READ, entity, run_id, (reading, reading), exchanges)
            exchanges.clear()
            reading += 1
            seen += len(chunk)
            context.observe(Event("extracted", entity, seen))
    with ledger.database.writing():
        ledger.staging.mark_read(run_id, entity)
        ledger.exchanges.forget_readings(entity, before=first)


def stage_given(documents: Iterable[MappingDocument], ledger: Ledger, run_id: str) -> None:
    """Stage the records that mapping documents give themselves, in place of those they gave before."""
    for entity, records in given_records(documents).items():
        ledger.staging.add(records, run_id)
        ledger.staging.mark_vanished(run_id, [entity])


def staged_entities(source: SourceSchema, ledger: Ledger) -> Sequence[EntityName]:
    """Return the entities that hold records, in the source's order, then any others."""
    counts = ledger.staging.counts()
    known = [entity.name for entity in source.entities]
    return [*known, *sorted(set(counts) - set(known))]
