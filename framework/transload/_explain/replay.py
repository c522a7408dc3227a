"""Takes the record through transform and resolve once more, from the ledger and with the target's help if it answers.

Against the schemas as the last stage saw them, so nobody has to be asked for them. What the id map does not answer (a
user by e-mail) is asked of the target; when it cannot be, what was written last time tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from transload._explain.chapter import Chapter, LookupTrace, PhaseTrace
from transload._explain.sight import Sight
from transload._explain.trace import Tape
from transload._pipeline.resolve import keys_of, open_lookups
from transload._pipeline.transform import CompiledMapping
from transload._stages.bench import Machinery, build_machinery
from transload._stages.schemas import Schemas, kept_schemas
from transload.errors import TransloadError
from transload.mapping import Mapping as MappingDocument
from transload.values import (
    Associate,
    Cell,
    EntityName,
    Lookup,
    Missing,
    Phase,
    Record,
    RecordKey,
    Rejection,
    RowId,
    RowRef,
    Write,
)

UNSEEN = RowId("(not looked up)")
"""The id of a row that only the target could name."""


@dataclass(slots=True)
class Replay:
    """The machinery of the load, for one record.

    Attributes:
        machinery: None when the mapping does not compile, or no stage has seen both systems.
        tape: Remembers what conversions do.
    """

    sight: Sight
    machinery: Machinery | None = None
    tape: Tape = field(default_factory=Tape)
    _as_written: dict[Lookup, RowRef] = field(default_factory=dict)

    @classmethod
    def of(cls, sight: Sight, documents: Mapping[str, MappingDocument], troubles: list[tuple[str, str]]) -> "Replay":
        """Compile the mapping as far as that can be done."""
        bench, replay = sight.bench, cls(sight)
        schemas = kept_schemas(bench.ledger)
        if schemas is None and documents:
            schemas = sight.ask(lambda: Schemas(bench.source(), bench.target(documents)))
        if schemas is None:
            if documents:
                reason = "No stage has seen both systems yet, so what the mapping makes of the record is not told."
                troubles.append((reason, "Run `transload plan`."))
            return replay
        try:
            converters = replay.tape.around(bench.plugins.converters())
            replay.machinery = build_machinery(bench, documents, schemas, converters, replay.ask)
        except TransloadError as error:
            troubles.append(
                (f"The mapping does not fit, so what it makes of the record is not told: {error}", error.remedy)
            )
        return replay

    def mapper(self, entity: EntityName) -> CompiledMapping | None:
        """Return the compiled document of an entity."""
        return self.machinery.mappings.get(entity) if self.machinery is not None else None

    def record(self, key: RecordKey) -> Record | None:
        """Return a document's record, if the document reads it."""
        chunks = self.machinery.records.find([key]) if self.machinery is not None else iter(())
        return next((record for chunk in chunks for record in chunk), None)

    def ask(self, lookups: Sequence[Lookup]) -> Mapping[Lookup, RowRef]:
        """Find rows by criteria: ask the target, or else take what was written."""
        bench = self.sight.bench
        found = self.sight.ask(lambda: bench.plugins.resolve_lookup(lookups, bench.context))
        if found is not None:
            return found
        return {lookup: self._as_written.get(lookup, RowRef(lookup.table, UNSEEN)) for lookup in lookups}

    def transform(self, chapter: Chapter, record: Record) -> None:
        """Translate the record in every phase of a document."""
        assert chapter.mapper is not None  # the caller has looked
        phases: list[PhaseTrace] = []
        for phase in (phase for phase in Phase if chapter.mapper.has(phase)):
            phases += self._transform(chapter.mapper.at(phase), chapter, record)
        chapter.phases = phases
        for trace in phases:
            if trace.write is not None and not isinstance(trace.write, Rejection):
                self._remember(trace.write, chapter.written)

    def _transform(self, mapper: CompiledMapping, chapter: Chapter, record: Record) -> list[PhaseTrace]:
        bench = self.sight.bench
        try:
            results = bench.plugins.transform([record], mapper, bench.context)
        except TransloadError as error:
            return [PhaseTrace(mapper.phase, None, trouble=str(error))]
        ruled = [write for write in mapper.map(record) if not isinstance(write, Rejection)]
        return [
            PhaseTrace(mapper.phase, self._pointed(result, chapter), amended=_amended(result, ruled))
            for result in results
        ]

    def _pointed(self, result: Write | Rejection, chapter: Chapter) -> Write | Rejection:
        """Return a write that goes to the row which the record is known to be."""
        if isinstance(result, Rejection | Associate) or chapter.row is None:
            return result
        return replace(result, row_id=chapter.row.ref.row_id) if result.table == chapter.row.ref.table else result

    def _remember(self, write: Write, written: Mapping[str, Cell]) -> None:
        """Learn from what was written what lookups came to that only the target can answer."""
        for column, cell in write.columns.items() if not isinstance(write, Associate) else ():
            row = written.get(column)
            if not isinstance(cell, Lookup) or not isinstance(row, RowRef):
                continue
            if cell.key is None:
                self._as_written[cell] = row
            elif cell.missing is Missing.FALLBACK and not self.sight.bench.ledger.journal.rows(keys_of(cell)):
                self._as_written[Lookup(cell.table, missing=Missing.ERROR)] = row

    def resolve(self, chapter: Chapter) -> None:
        """Resolve the lookups of what transform gave."""
        if self.machinery is not None:
            chapter.phases = [self._resolve(trace, chapter) for trace in chapter.phases]

    def _resolve(self, trace: PhaseTrace, chapter: Chapter) -> PhaseTrace:
        assert self.machinery is not None  # the caller has looked
        write = trace.write
        if write is None:
            return trace
        if isinstance(write, Rejection):
            return replace(trace, trouble=str(write.error))
        resolved = self.machinery.loader.resolver.resolve([write])
        trouble = "".join(f"waits for {parked.waits_for}" for parked in resolved.parked)
        trouble += "".join(str(error) for _, error in resolved.rejected)
        if not trouble and chapter.row is None and write.phase is not Phase.ROWS and not isinstance(write, Associate):
            trouble = "the record has no row yet"
        found = resolved.writes[0] if resolved.writes else None
        return replace(trace, resolved=found, trouble=trouble, lookups=self._lookups(write, found))

    def _lookups(self, write: Write, resolved: Write | None) -> list[LookupTrace]:
        before, after = _cells(write), _cells(resolved) if resolved is not None else {}
        known = self.sight.bench.ledger.journal.rows(
            {key for lookup in open_lookups([write]) for key in keys_of(lookup)}
        )
        traces = []
        for column, cell in before.items():
            row = after.get(column)
            for lookup in cell if isinstance(cell, tuple) else (cell,):
                if isinstance(lookup, Lookup):
                    mapped = next((known[key].ref for key in keys_of(lookup) if key in known), None)
                    ref = mapped or (row if isinstance(row, RowRef) else None)
                    traces.append(LookupTrace(column, lookup, ref, self._who(lookup, mapped, ref)))
        return traces

    def _who(self, lookup: Lookup, mapped: RowRef | None, row: RowRef | None) -> str:
        if mapped is not None:
            return "the id map"
        if row is None:
            return "nobody"
        if row.row_id == UNSEEN:
            return "not looked up"
        asked = ", ".join(self.sight.bench.plugins.answering("resolve_lookup"))
        stand_in = lookup.key is not None
        if stand_in and lookup.missing is Missing.PLACEHOLDER:
            return "the placeholder"
        how = "as it was written" if self.sight.blind else asked
        return f"the fallback, {how}" if stand_in else how


def _cells(write: Write) -> Mapping[str, Cell]:
    if isinstance(write, Associate):
        row: Cell = write.row if write.row is not None else RowRef(write.table, write.row_id)
        return {"row": row, write.relationship: write.other}
    return write.columns


def _amended(result: Write | Rejection, ruled: Sequence[Write]) -> tuple[str, ...]:
    """Return the columns in which a plugin has another opinion than the rules."""
    if isinstance(result, Rejection | Associate):
        return ()
    alike = next((write for write in ruled if type(write) is type(result) and not isinstance(write, Associate)), None)
    before = alike.columns if alike is not None else {}
    return tuple(name for name, cell in result.columns.items() if name not in before or before[name] != cell)
