"""Reads the source into the ledger: everything downstream works from there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from transload._ledger import Errand, Ledger
from transload._pipeline.records import given_records
from transload._plugins import Plugins
from transload._recording import recorded
from transload.context import RunContext
from transload.errors import PluginDefectError
from transload.mapping import Mapping as MappingDocument
from transload.values import EntityName, Event, Record, RecordKey, SourceSchema

_CHUNK = 500


def stage_source(
    source: SourceSchema, plugins: Plugins, ledger: Ledger, context: RunContext, run_id: str, *, quick: bool = False
) -> dict[EntityName, int]:
    """Extract every entity that this run has not read to its end yet.

    Vanished records are concluded only when every entity was read completely, and, where
    one is missing, read once more: a list that shifts while it is read hides records.

    Args:
        source: What the source offers.
        plugins: The plugins.
        ledger: Where records are staged.
        context: The run.
        run_id: Its id.
        quick: Read only what may have changed, as far as the source can say so.

    Returns:
        How many live records are staged, by entity.

    Raises:
        RunError: The source failed; what was staged stays, and the next call goes on.
    """
    names = [entity.name for entity in source.entities]
    _read_rest(names, plugins, ledger, context, run_id, quick)
    if ledger.staging.unseen(run_id, names):
        ledger.staging.begin_again(run_id)
        _read_rest(names, plugins, ledger, context, run_id, quick)
        ledger.staging.mark_vanished(run_id, names)
    return ledger.staging.counts()


@dataclass(frozen=True, slots=True)
class _KnownRecords:
    """The live records that a run has read which came to the end of its reading."""

    ledger: Ledger
    readings: frozenset[str]

    def find(self, keys: Iterable[RecordKey]) -> Mapping[RecordKey, Record]:
        return self.ledger.staging.find_known(keys, self.readings)

    def walk(self, entity: EntityName) -> Iterator[Record]:
        return chain.from_iterable(self.ledger.staging.batches(entity, readings=self.readings))


def _read_rest(
    names: Sequence[EntityName], plugins: Plugins, ledger: Ledger, context: RunContext, run_id: str, quick: bool
) -> None:
    """Read the entities that this run has not read to their end yet."""
    known = _KnownRecords(ledger, ledger.staging.readings(names))
    done = ledger.staging.entities_read(run_id)
    for entity in names:
        if entity not in done:
            changes = plugins.extract_changes(entity, known, context) if quick else None
            found = plugins.extract(entity, context) if changes is None else changes
            reading = _stage_entity(entity, found, known, context, run_id)
            if changes is None:
                ledger.exchanges.forget_readings(entity, before=reading)


def _stage_entity(
    entity: EntityName, found: Iterator[Record | RecordKey], known: _KnownRecords, context: RunContext, run_id: str
) -> int:
    """Stage what is found, with the answers that it was read from, and return the number of the first of these."""
    ledger, staging, seen = known.ledger, known.ledger.staging, 0
    reading = first = ledger.exchanges.last_reading() + 1
    with recorded(context) as exchanges:
        while chunk := list(islice(found, _CHUNK)):
            with ledger.database.writing():
                staging.add([one for one in chunk if isinstance(one, Record)], run_id, reading)
                same = [one for one in chunk if isinstance(one, RecordKey)]
                if strange := staging.mark_seen(same, run_id, known.readings):
                    defect = ValueError(
                        f"`extract_changes` calls {strange[0]} unchanged, which is not among the staged records"
                    )
                    raise PluginDefectError("the source", defect)
                ledger.exchanges.add(Errand.READ, entity, run_id, (reading, reading), exchanges)
            exchanges.clear()
            reading += 1
            seen += len(chunk)
            context.observe(Event("extracted", entity, seen, None, "read"))
    staging.mark_read(run_id, entity)
    return first


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
