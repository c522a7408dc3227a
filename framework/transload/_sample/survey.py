"""Walks every staged record once, and learns what each shows and what it points to."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from transload._pipeline.records import DocumentRecords
from transload._pipeline.transform import CompiledMapping
from transload._plugins import Plugins
from transload._sample.reading import DocumentReader, Traits
from transload._sample.relations import Relations
from transload._sample.traits import Kind, Trait
from transload.context import RunContext
from transload.hookspecs import Converter
from transload.values import EntityName, Event, Phase, Record, RecordKey, SetState


@dataclass(slots=True)
class Survey:
    """What the records of a company show.

    Attributes:
        readers: By document.
        relations: What points to what.
    """

    records: DocumentRecords
    readers: Mapping[EntityName, DocumentReader]
    relations: Relations = field(default_factory=Relations)

    def __enter__(self) -> "Survey":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.relations.__exit__(kind, error, traceback)

    def traits(self) -> Iterator[Trait]:
        """Yield every trait that the mapping knows or that a record shows."""
        for reader in self.readers.values():
            yield from reader.traits.known.values()

    def needs(self, key: RecordKey, chosen: Collection[RecordKey], room: int) -> dict[RecordKey, None] | None:
        """Return a record with all that it cannot be loaded without; None when that is more than there is room for.

        That is what it points to; of rows that end closed, or add up what belongs to them, all that points to
        them, because it could not be added later; and links both of whose ends are there: who owns rows needs
        the security role that a link gives.
        """
        needed = {key: None} if key not in chosen else {}
        fresh = list(needed)
        while fresh:
            its = fresh.pop()
            wanted = self.relations.parents(its)
            children = self.relations.children(its)
            if self.relations.closes(its):
                wanted += [child for child in children if not self._is_link(child)]
            wanted += [
                child
                for child in children
                if self._is_link(child) and all(end in chosen or end in needed for end in self.relations.parents(child))
            ]
            for one in wanted:
                if one not in chosen and one not in needed:
                    needed[one] = None
                    fresh.append(one)
            if len(needed) > room:
                return None
        return needed

    def _is_link(self, key: RecordKey) -> bool:
        return self.readers[key.entity].mapper.document.link is not None


def survey(
    records: DocumentRecords,
    mappings: Mapping[EntityName, CompiledMapping],
    converters: Mapping[str, Converter],
    plugins: Plugins,
    context: RunContext,
) -> Survey:
    """Read every staged record of every document."""
    owners = {entity: Traits(entity) for entity, mapper in mappings.items() if _is_recognised(mapper)}
    found = Survey(records, {entity: DocumentReader(mapper, converters, owners) for entity, mapper in mappings.items()})
    for entity, reader in found.readers.items():
        done = 0
        for batch in records.batches(entity):
            closing = _closing(reader.mapper, batch, plugins, context)
            for record in batch:
                reading = reader.read(record)
                reading.note()
                found.relations.add(record.key, record.key in closing, reading.points)
                if entity in owners:
                    owners[entity].of(Kind.OWNER, "", str(record.key))
            done += len(batch)
            context.observe(Event("surveyed", entity, done, None, "looked at"))
    found.relations.complete()
    _note_dangling(found)
    return found


def _note_dangling(found: Survey) -> None:
    """Note the records that do what their rule says because what they point to is not there."""
    for key, column in found.relations.dangling():
        reader = found.readers[key.entity]
        rule = reader.mapper.document.fields.get(column)
        if rule is not None:
            reader.traits.of(Kind.BRANCH, column, f"points to nothing, so {rule.missing}").note(key)


def _is_recognised(mapper: CompiledMapping) -> bool:
    match = mapper.document.match
    return match is not None and not match.create


def _closing(
    mapper: CompiledMapping, batch: Sequence[Record], plugins: Plugins, context: RunContext
) -> Collection[RecordKey]:
    """Return the records whose rows end locked, or add up what belongs to them."""
    if mapper.computed:
        return {record.key for record in batch}
    locking = {state.value for state in mapper.table.states if state.read_only}
    if not locking or not mapper.has(Phase.FINISH):
        return ()
    writes = plugins.transform(batch, mapper.at(Phase.FINISH), context)
    return {write.key for write in writes if isinstance(write, SetState) and write.state in locking}
