"""Compares what a person would have wanted with what is in the target.

Wanted is the mapping applied to the source, computed afresh and not taken from what
was sent: a fault in loading cannot hide itself. Read-only on both sides.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from transload._ledger import Ledger, write_identity
from transload._pipeline.checks import Checked, FieldCheck, Mismatch, rows_in
from transload._pipeline.closed import ClosedRows
from transload._pipeline.compare import same, wishes
from transload._pipeline.pool import run_bounded
from transload._pipeline.resolve import Resolver
from transload._pipeline.telling import source_of, tell, told_columns
from transload._pipeline.transform import CompiledMapping
from transload._plugins import Plugins
from transload.context import RunContext
from transload.values import (
    Associate,
    Cell,
    ColumnType,
    EntityName,
    Phase,
    Record,
    RecordKey,
    Rejection,
    Row,
    RowId,
    RowRef,
    SetState,
    TargetColumn,
    Upsert,
)

See = Callable[[CompiledMapping, Mapping[str, Cell], Mapping[str, Cell] | None], None]
"""Is shown what each row should hold, and what it holds: None where there is no row."""


@dataclass(frozen=True, slots=True)
class _Lost:
    """A record without a row.

    Attributes:
        reason: Why.
        cells: What the row should hold, as far as no lookup is in it.
        mismatch: What that is: missing, or left out because what it belongs to was closed before.
    """

    record: Record
    reason: str
    cells: Mapping[str, Cell]
    mismatch: Mismatch


@dataclass(frozen=True, slots=True)
class _Chunk:
    wanted: Mapping[RowRef, tuple[Record, Mapping[str, Cell]]]
    lost: Sequence["_Lost"]
    incomputable: Sequence[Rejection]


@dataclass(slots=True)
class Verifier:
    """Checks records against the target."""

    ledger: Ledger
    plugins: Plugins
    context: RunContext
    mappings: Mapping[EntityName, CompiledMapping]
    resolver: Resolver
    closed: ClosedRows
    workers: int
    amount_tolerance: Decimal = Decimal(0)

    def check(
        self,
        entity: EntityName,
        chunks: Iterable[Sequence[Record]],
        take: Callable[[FieldCheck], None],
        equal_too: bool = False,
        see: See | None = None,
    ) -> Checked:
        """Check every column of every record of an entity.

        Args:
            entity: The entity.
            chunks: Its records.
            take: Is given what differs, and a check for every missing row.
            equal_too: Whether it is given what is as wanted, too.
            see: Is shown both sides of every row.
        """
        mapper, total = self.mappings[entity], Checked()
        if mapper.document.link is not None:
            return self._check_links(mapper, mapper.document.link.relationship, chunks, take, equal_too)

        def compare(chunk: _Chunk, rows: Mapping[RowId, Row]) -> None:
            total.rows += len(rows)
            for check in self._compare(mapper, chunk, rows, equal_too):
                take(check)
            for ref, (_, cells) in chunk.wanted.items():
                row = rows.get(ref.row_id)
                if row is not None:
                    total.add(cells)
                if see is not None:
                    see(mapper, cells, row.columns if row is not None else None)
            if see is not None:
                for lost in chunk.lost:
                    see(mapper, lost.cells, None)

        ready = (self._wanted(mapper, chunk) for chunk in chunks)
        run_bounded(ready, lambda chunk: self._read(mapper, chunk), compare, self.workers)
        return total

    def expect(self, mapper: CompiledMapping, records: Sequence[Record]) -> dict[RowRef, Mapping[str, Cell]]:
        """Return what the rows of records should hold, as far as they have one."""
        return {ref: cells for ref, (_, cells) in self._wanted(mapper, records).wanted.items()}

    def told(self, mapper: CompiledMapping, cells: Mapping[str, Cell]) -> dict[str, str]:
        """Return cells of a row in people's words, as the checks have them."""
        columns, known = told_columns(mapper), self._known(cells.values())
        return {name: tell(cell, columns.get(name), known) for name, cell in cells.items()}

    def _check_links(
        self,
        mapper: CompiledMapping,
        relationship: str,
        chunks: Iterable[Sequence[Record]],
        take: Callable[[FieldCheck], None],
        equal_too: bool,
    ) -> Checked:
        """Check that both rows of every link are linked; further links of theirs are nobody's concern here."""
        total = Checked()

        def read(links: Sequence[Associate]) -> Mapping[RowId, Row]:
            ids = sorted({link.row_id for link in links})
            return self.plugins.read_back(mapper.table.name, ids, [relationship], self.context) if ids else {}

        def compare(links: Sequence[Associate], rows: Mapping[RowId, Row]) -> None:
            total.rows += len(links)
            total.fields += len(links)
            total.relations += len(links)
            for link in links:
                row = rows.get(link.row_id)
                actual = row.columns.get(relationship) if row is not None else None
                linked = isinstance(actual, tuple) and link.other in actual
                if equal_too or not linked:
                    mismatch = None if linked else Mismatch.RELATION
                    found = actual if isinstance(actual, tuple) else ()
                    known = self._known([link.other, *found])
                    wanted = tell(link.other, None, known) if isinstance(link.other, RowRef) else ""
                    shown = wanted if linked else tell(actual, None, known)
                    take(FieldCheck(link.key, link.table, link.row_id, relationship, {}, wanted, shown, mismatch))

        run_bounded((self._wanted_links(mapper, chunk, take) for chunk in chunks), read, compare, self.workers)
        return total

    def _wanted_links(
        self, mapper: CompiledMapping, records: Sequence[Record], take: Callable[[FieldCheck], None]
    ) -> list[Associate]:
        """Return the links that records want; one whose ends are not there is a mismatch."""
        writes = self.plugins.transform(records, mapper.at(Phase.LINKS), self.context)
        resolved = self.resolver.resolve([write for write in writes if isinstance(write, Associate)])
        lost = [(parked.key, f"waits for {parked.waits_for}") for parked in resolved.parked]
        lost += [(key, str(error)) for key, error in resolved.rejected]
        for key, reason in lost:
            absent = FieldCheck(
                key, mapper.table.name, RowId(""), "(the link)", {}, "present", reason, Mismatch.MISSING
            )
            take(absent)
        return [write for write in resolved.writes if isinstance(write, Associate)]

    def _wanted(self, mapper: CompiledMapping, records: Sequence[Record]) -> _Chunk:
        by_key = {record.key: record for record in records}
        known = self.ledger.journal.rows(by_key)
        only_recognised = {key for key, row in known.items() if not mapper.document.writes(row.origin)}
        records = [record for record in records if record.key not in only_recognised]
        wanted: dict[RowRef, tuple[Record, dict[str, Cell]]] = {}
        reached: set[RecordKey] = set()
        incomputable: list[Rejection] = []
        for record in records if mapper.computed else ():
            if record.key in known:
                computed = mapper.compute(record)
                if isinstance(computed, Rejection):
                    incomputable.append(computed)
                else:
                    wanted[known[record.key].ref] = record, computed
        for phase in (phase for phase in Phase if mapper.has(phase)):
            writes = self.plugins.transform(records, mapper.at(phase), self.context)
            resolved = self.resolver.resolve([write for write in writes if isinstance(write, Upsert | SetState)])
            before = {
                write_identity(it) for it in resolved.writes if it.key in known and known[it.key].origin != "created"
            }
            written = self.ledger.journal.written(before) if before else {}
            for write in resolved.writes:
                if write.key not in known or (isinstance(write, Upsert) and write.table != mapper.table.name):
                    continue
                reached.add(write.key)
                _, cells = wanted.setdefault(known[write.key].ref, (by_key[write.key], {}))
                if isinstance(write, SetState):
                    cells.update({"statecode": write.state, "statuscode": write.status})
                elif isinstance(write, Upsert):
                    old, created = written.get(write_identity(write), {}), known[write.key].origin == "created"
                    cells.update(wishes(write.columns, old, mapper.table.columns, created=created))
        makes_rows = mapper.document.match is None or mapper.document.match.create
        lost = [record for record in records if record.key not in reached] if makes_rows else []
        return _Chunk(wanted, self._with_reasons(mapper, lost) if lost else (), incomputable)

    def _with_reasons(self, mapper: CompiledMapping, lost: Sequence[Record]) -> list[_Lost]:
        """Say of records without a row why they have none, and what it should hold."""
        writes = self.plugins.transform(lost, mapper.at(Phase.ROWS), self.context)
        rows = [write for write in writes if isinstance(write, Upsert) and write.table == mapper.table.name]
        wanted: dict[RecordKey, dict[str, Cell]] = {write.key: dict(write.columns) for write in rows}
        for record in lost if mapper.computed else ():
            computed = mapper.compute(record)
            if not isinstance(computed, Rejection):
                wanted.setdefault(record.key, {}).update(computed)
        reasons = {parked.key: f"waits for {parked.waits_for}" for parked in self.ledger.notes.parked()}
        reasons.update({letter.key: letter.message for letter in self.ledger.notes.dead_letters()})
        resolved = [write for write in self.resolver.resolve(rows).writes if isinstance(write, Upsert)]
        refs, late = (
            {write.key: RowRef(write.table, write.row_id) for write in resolved},
            self.closed.too_late(resolved),
        )
        return [
            _Lost(record, "what it belongs to was closed for good before it came", cells, Mismatch.CLOSED)
            if refs.get(record.key) in late
            else _Lost(record, reasons.get(record.key, "it was never loaded"), cells, Mismatch.MISSING)
            for record in lost
            for cells in [wanted.get(record.key, {})]
        ]

    def _read(self, mapper: CompiledMapping, chunk: _Chunk) -> Mapping[RowId, Row]:
        ids = [ref.row_id for ref in chunk.wanted]
        columns = sorted({column for _, cells in chunk.wanted.values() for column in cells})
        if not ids:
            return {}
        return self.plugins.read_back(mapper.table.name, ids, columns, self.context)

    def _compare(
        self, mapper: CompiledMapping, chunk: _Chunk, rows: Mapping[RowId, Row], equal_too: bool
    ) -> Iterator[FieldCheck]:
        table = mapper.table.name
        for lost in chunk.lost:
            row_id, key = mapper.row_id(lost.record.key.source_id), lost.record.key
            yield FieldCheck(key, table, row_id, "(the row)", {}, "present", lost.reason, lost.mismatch)
        for key, error in ((rejection.key, rejection.error) for rejection in chunk.incomputable):
            row_id = mapper.row_id(key.source_id)
            yield FieldCheck(key, table, row_id, "(computed)", {}, str(error), "", Mismatch.VALUE)
        columns = told_columns(mapper)
        for ref, (record, cells) in chunk.wanted.items():
            row = rows.get(ref.row_id)
            if row is None:
                yield FieldCheck(record.key, table, ref.row_id, "(the row)", {}, "present", "absent", Mismatch.MISSING)
                continue
            yield from self._check_row(mapper, ref, record, cells, row, columns, equal_too)

    def _check_row(
        self,
        mapper: CompiledMapping,
        ref: RowRef,
        record: Record,
        cells: Mapping[str, Cell],
        row: Row,
        columns: Mapping[str, TargetColumn],
        equal_too: bool,
    ) -> list[FieldCheck]:
        checks: list[FieldCheck] = []
        equal = {name: self._equal(mapper, name, cell, row.columns.get(name)) for name, cell in cells.items()}
        told = [name for name in cells if equal_too or not equal[name]]
        known = self._known(one for name in told for one in (cells[name], row.columns.get(name)))
        for name in told:
            mismatch = None if equal[name] else self._classify(ref, record, name, cells[name], row)
            source = source_of(mapper, record, name)
            wanted, actual = (tell(side, columns.get(name), known) for side in (cells[name], row.columns.get(name)))
            checks.append(FieldCheck(record.key, ref.table, ref.row_id, name, source, wanted, actual, mismatch))
        if not any(check.mismatch is Mismatch.CLOSED for check in checks):
            return checks
        # What the target computes is then of the time before the change, too.
        return [
            replace(check, mismatch=Mismatch.CLOSED) if check.mismatch and check.column in mapper.computed else check
            for check in checks
        ]

    def _known(self, cells: Iterable[Cell]) -> Mapping[RowRef, RecordKey]:
        """Return the records of the rows that cells point to."""
        refs = {one for cell in cells for one in rows_in(cell)}
        return self.ledger.journal.keys_of(refs) if refs else {}

    def _equal(self, mapper: CompiledMapping, column: str, wanted: Cell, actual: Cell) -> bool:
        return same(wanted, actual) or self._near(mapper, column, wanted, actual)

    def _near(self, mapper: CompiledMapping, column: str, wanted: Cell, actual: Cell) -> bool:
        """Whether an amount differs by no more than a person allowed."""
        known = mapper.table.columns.get(column)
        if not self.amount_tolerance or known is None or known.type is not ColumnType.MONEY:
            return False
        if not (isinstance(wanted, int | Decimal) and isinstance(actual, int | Decimal)):
            return False
        return abs(Decimal(wanted) - Decimal(actual)) <= self.amount_tolerance

    def _classify(self, ref: RowRef, record: Record, column: str, wanted: Cell, row: Row) -> Mismatch:
        state = column in {"statecode", "statuscode"}
        probe = (
            SetState(record.key, ref.table, ref.row_id, 0, 0)
            if state
            else Upsert(record.key, ref.table, ref.row_id, {})
        )
        identity = write_identity(probe)
        written = self.ledger.journal.written([identity]).get(identity, {})
        closed = self.closed.of({ref: [column]})
        if closed and same(written.get(column), row.columns.get(column)):
            return Mismatch.CLOSED
        people = row.changed_by_others or ref in self.ledger.journal.touched_by_others([ref])
        if people and not same(written.get(column), row.columns.get(column)):
            return Mismatch.PEOPLE
        if state:
            return Mismatch.STATE
        return Mismatch.RELATION if any(rows_in(wanted)) else Mismatch.VALUE
