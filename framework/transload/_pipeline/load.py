"""Carries the staged records through transform, resolve and load, pass by pass.

Intents are recorded before anything is sent, outcomes after: whatever stops the run,
the ledger knows what may have happened. The ledger is used on the run's thread only;
worker threads do nothing but talk to the target.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from transload._ledger import Errand, Intent, Ledger
from transload._pipeline.conflicts import Conflict
from transload._pipeline.holder import Holder
from transload._pipeline.narrow import Narrower
from transload._pipeline.planner import Pass
from transload._pipeline.pool import run_bounded
from transload._pipeline.resolve import Resolver
from transload._pipeline.rules import PLACEHOLDER_ID
from transload._pipeline.transform import CompiledMapping
from transload._plugins import Plugins
from transload._recording import KeptExchange, recorded
from transload.context import RunContext
from transload.errors import RecordError, TransloadError
from transload.mapping import Match
from transload.values import (
    Associate,
    Batch,
    EntityName,
    Event,
    Lookup,
    Loss,
    Outcome,
    Phase,
    Record,
    RecordKey,
    Rejection,
    RowRef,
    SetState,
    TableName,
    Upsert,
    Write,
)

_AT_ONCE = 100


@dataclass(slots=True)
class PassCounts:
    """What became of the records of one pass."""

    step: Pass
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    matched: int = 0
    unmatched: int = 0
    parked: int = 0
    failed: int = 0
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Writes that the target accepted."""
        return self.created + self.updated


@dataclass(frozen=True, slots=True)
class _Task:
    """A batch on its way, with the ids of its intents.

    Attributes:
        records: How many records are done when it is: those of a chunk, with the last batch of it.
    """

    batch: Batch
    intents: Sequence[int]
    creates: bool
    records: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back for a batch: outcomes, or the error that stops the run; and all that was exchanged for it."""

    exchanges: Sequence[KeptExchange]
    outcomes: Sequence[Outcome] = ()
    error: TransloadError | None = None


@dataclass(slots=True)
class Loader:
    """Runs passes.

    Attributes:
        mappings: The compiled mapping of each entity.
        holder: Holds settings of the target while rows are loaded.
        workers: Requests in flight.
        budget: After how many records set aside the loader stops; None: never.
        errors: How many it has set aside.
        reopened: The records whose closed rows were opened; the finish pass closes them again.
    """

    ledger: Ledger
    plugins: Plugins
    context: RunContext
    mappings: Mapping[EntityName, CompiledMapping]
    resolver: Resolver
    narrower: Narrower
    holder: Holder
    workers: int
    budget: int | None = None
    errors: int = 0
    reopened: set[RecordKey] = field(default_factory=set)

    @property
    def over_budget(self) -> bool:
        """Whether so many records were set aside that going on helps nobody."""
        return self.budget is not None and self.errors >= self.budget

    def run_pass(self, step: Pass, chunks: Iterable[Sequence[Record]], total: int) -> PassCounts:
        """Carry records through one pass.

        Args:
            step: The pass.
            chunks: Records of its entity; a chunk becomes at most one batch of each kind.
            total: How many records there are, for progress.

        Raises:
            RunError: The target is gone; what was sent is recorded.
        """
        mapper = self.mappings[step.entity].at(step.phase)
        counts = PassCounts(step)
        self.context.observe(Event("pass_started", step.entity, 0, total, step.phase))
        done = 0

        def tell(records: int) -> None:
            nonlocal done
            done += records
            self.context.observe(Event("batch_loaded", step.entity, done, total, step.phase))

        def tasks() -> Iterator[_Task]:
            for chunk in chunks:
                if self.over_budget:
                    return
                waits = False
                for task in self._tasks(mapper, chunk, counts):
                    waits = waits or task.records > 0
                    yield task
                if not waits:
                    tell(len(chunk))

        def take(task: _Task, answer: _Answer) -> None:
            self._count(task, answer, counts)
            if task.records:
                tell(task.records)

        run_bounded(tasks(), self._send, take, self.workers)
        self.context.observe(
            Event("pass_finished", step.entity, done if self.over_budget else total, total, step.phase)
        )
        return counts

    def _tasks(self, mapper: CompiledMapping, records: Sequence[Record], counts: PassCounts) -> Iterator[_Task]:
        keys = [record.key for record in records]
        self.ledger.notes.clear_dead_letters(keys, mapper.phase)
        self.ledger.notes.unpark(keys, mapper.phase)
        if mapper.phase is Phase.ROWS or mapper.ends is not None:
            self.ledger.notes.clear_losses(keys)
        if mapper.document.match is not None:
            records = self._matched(mapper, mapper.document.match, records, counts)
        if not mapper.has(mapper.phase) or not records:
            return
        writes = self._transform(mapper, records, counts)
        writes = self._resolve(mapper.phase, writes, counts)
        self._note(writes, mapper.phase)
        decision = self.narrower.decide(writes)
        counts.unchanged += decision.unchanged
        counts.conflicts.extend(decision.conflicts)
        self._reopen(decision.reopen)
        yield from self._begin(decision.intents, len(keys))

    def _transform(self, mapper: CompiledMapping, records: Sequence[Record], counts: PassCounts) -> list[Write]:
        """Translate, and point each write to the row that its record is known to be."""
        results = self.plugins.transform(records, mapper, self.context)
        self._reject([(r.key, r.error) for r in results if isinstance(r, Rejection)], mapper.phase, counts)
        known = self.ledger.journal.rows({record.key for record in records})
        writes: list[Write] = []
        for result in results:
            if isinstance(result, Rejection):
                continue
            row = known.get(result.key)
            if row is not None and row.ref.table == result.table and not isinstance(result, Associate):
                writes.append(replace(result, row_id=row.ref.row_id))
            elif row is not None or mapper.phase is Phase.ROWS or isinstance(result, Associate):
                writes.append(result)
            # Otherwise the record has no row: it is a dead letter or parked, and known as such.
        return writes

    def _matched(
        self, mapper: CompiledMapping, match: Match, records: Sequence[Record], counts: PassCounts
    ) -> Sequence[Record]:
        """Recognise existing rows before the first write, and return the records that are to be written."""
        known = self.ledger.journal.rows({record.key for record in records})
        if mapper.phase is Phase.ROWS:
            wanted = {
                record.key: {column: record.fields.get(name) for column, name in match.on.items()}
                for record in records
                if record.key not in known
            }
            fresh = self._recognise(mapper, match, wanted)
            self.ledger.journal.map_rows([(key, ref, "matched") for key, ref in fresh.items()])
            known.update(self.ledger.journal.rows(fresh))
            counts.matched += sum(row.origin == "matched" for row in known.values())
            counts.unmatched += sum(record.key not in known for record in records)
        origins = {key: row.origin for key, row in known.items()}
        return [record for record in records if mapper.document.writes(origins.get(record.key))]

    def _recognise(
        self, mapper: CompiledMapping, match: Match, wanted: Mapping[RecordKey, Mapping[str, object]]
    ) -> dict[RecordKey, RowRef]:
        """Return the existing rows of records, by what the columns of their rows would hold."""
        lookups: dict[RecordKey, Lookup] = {}
        for key, cells in wanted.items():
            criteria = tuple((column, str(cells.get(column) or "")) for column in match.on)
            if all(value for _, value in criteria):
                lookups[key] = Lookup(mapper.table.name, criteria=criteria)
        found = self.plugins.resolve_lookup(list(lookups.values()), self.context) if lookups else {}
        rows = {key: found[lookup] for key, lookup in lookups.items() if lookup in found}
        if not match.write:
            return rows
        # Two records that write to one row would undo each other's values, run after run.
        owners = self.ledger.journal.keys_of(set(rows.values()))
        for key, row in rows.items():
            owners.setdefault(row, key)
        return {key: row for key, row in rows.items() if owners[row] == key}

    def _resolve(self, phase: Phase, writes: Sequence[Write], counts: PassCounts) -> list[Write]:
        resolved = self.resolver.resolve(writes, self._load_placeholder)
        self.ledger.notes.add_losses(resolved.losses)
        self.ledger.notes.park(
            self.context.run_id, [(parked.key, phase, parked.waits_for) for parked in resolved.parked]
        )
        counts.parked += len(resolved.parked)
        self._reject(resolved.rejected, phase, counts)
        return resolved.writes

    def _reject(self, rejected: Sequence[tuple[RecordKey, RecordError]], phase: Phase, counts: PassCounts) -> None:
        self.ledger.notes.add_dead_letters(self.context.run_id, [(key, phase, error) for key, error in rejected])
        counts.failed += len(rejected)
        self.errors += len(rejected)

    def _note(self, writes: Sequence[Write], phase: Phase) -> None:
        losses: list[Loss] = [loss for write in writes for loss in write.losses]
        self.ledger.notes.add_losses(losses)
        if phase is Phase.ROWS:
            self.ledger.notes.add_flags({write.key: write.flags for write in writes if isinstance(write, Upsert)})

    def _load_placeholder(self, key: RecordKey) -> None:
        """Recognise or create the row that stands in for missing parents, before anything points to it."""
        placeholder, mapper = self.placeholder(key), self.mappings[key.entity]
        match = mapper.document.match
        if match is not None and (found := self._recognise(mapper, match, {key: placeholder.columns})):
            self.ledger.journal.map_rows([(key, found[key], "matched")])
        else:
            # If the target refuses it, resolving sets aside those who need it.
            self._load_now([Intent(placeholder, None, True)])

    def placeholder(self, key: RecordKey) -> Upsert:
        """Return the write of a placeholder row."""
        mapper = self.mappings[key.entity]
        columns = dict(mapper.document.placeholder or {})
        if mapper.document.key is not None and mapper.document.key.column is not None:
            columns[mapper.document.key.column] = PLACEHOLDER_ID
        return Upsert(key, mapper.table.name, mapper.row_id(key.source_id), columns)

    def set_states(self, writes: Sequence[SetState]) -> Iterator[tuple[RecordKey, str | None]]:
        """Set the state of rows, and yield what became of those that were not in it: an error, or None."""
        for start in range(0, len(writes), _AT_ONCE):
            decision = self.narrower.decide(writes[start : start + _AT_ONCE])
            yield from {c.key: f"people changed it: {c.column} is {c.target}" for c in decision.conflicts}.items()
            for task in self._begin(decision.intents):
                outcomes = self._settle(task, self._send(task))
                for write, outcome in zip(task.batch, outcomes, strict=True):
                    yield write.key, None if outcome.error is None else str(outcome.error)

    def open_documents(self, rows: Mapping[RecordKey, RowRef]) -> set[RecordKey]:
        """Open the closed rows that these belong to, without those among them, and return whose rows they are."""
        probes = [Upsert(key, ref.table, ref.row_id, {}, exists=True) for key, ref in rows.items()]
        opening = [intent for intent in self.narrower.closed.to_open(probes) if intent.write.key not in rows]
        self._reopen(opening)
        return {intent.write.key for intent in opening}

    def _reopen(self, intents: Sequence[Intent]) -> None:
        self._load_now(intents)
        self.reopened.update(intent.write.key for intent in intents)

    def _load_now(self, intents: Sequence[Intent]) -> None:
        """Load a few writes on the spot, through the same journal."""
        for task in self._begin(intents):
            self._settle(task, self._send(task))

    def _begin(self, intents: Sequence[Intent], records: int = 0) -> Iterator[_Task]:
        """Record intents, and group them into batches of one kind, table and effect; the last ends some records."""
        for entity in {intent.write.key.entity for intent in intents}:
            self.holder.take(entity)
        groups: dict[tuple[str, TableName, bool], list[Intent]] = {}
        for intent in intents:
            kind = (type(intent.write).__name__, intent.write.table, intent.creates)
            groups.setdefault(kind, []).append(intent)
        for place, ((_, table, creates), group) in enumerate(groups.items(), 1):
            ids = self.ledger.journal.begin(self.context.run_id, group)
            ends = records if place == len(groups) else 0
            yield _Task(Batch(table, [intent.write for intent in group]), ids, creates, ends)

    def _send(self, task: _Task) -> _Answer:
        """Load a batch; runs in a worker thread, where the ledger is not used."""
        with recorded(self.context) as exchanges:
            try:
                return _Answer(exchanges, self.plugins.load(task.batch, self.context))
            except TransloadError as error:
                return _Answer(exchanges, error=error)

    def _settle(self, task: _Task, answer: _Answer) -> Sequence[Outcome]:
        """Record what was exchanged and what became of the writes, and return that.

        Raises:
            RunError: The target is gone; the writes stay open.
        """
        run_id = self.context.run_id
        with self.ledger.database.writing():
            self.ledger.exchanges.add(
                Errand.LOAD, task.batch.table, run_id, (task.intents[0], task.intents[-1]), answer.exchanges
            )
            if answer.error is None:
                self.ledger.journal.settle(run_id, list(zip(task.intents, answer.outcomes, strict=True)))
        if answer.error is not None:
            raise answer.error
        return answer.outcomes

    def _count(self, task: _Task, answer: _Answer, counts: PassCounts) -> None:
        outcomes = self._settle(task, answer)
        accepted = sum(outcome.ok for outcome in outcomes)
        counts.failed += len(outcomes) - accepted
        self.errors += len(outcomes) - accepted
        if task.creates:
            counts.created += accepted
        else:
            counts.updated += accepted
