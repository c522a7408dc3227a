"""Decides what has to be sent: nothing twice, nothing that people changed, nothing unchanged.

Three sides are compared: what was written last, what the source wants now, and, where
both differ, what the target holds now. Only columns that the source changed are sent.
A column that was changed on both sides is a conflict, settled by the client's setting
and reported either way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from transload._ledger import Intent, Ledger, MappedRow, write_identity
from transload._pipeline.cascades import Cascades
from transload._pipeline.closed import STATE_COLUMNS, Closed, ClosedRows
from transload._pipeline.compare import same, show, wishes
from transload._pipeline.conflicts import Conflict, left_closed
from transload._pipeline.records import DocumentRecords
from transload._plugins import Plugins
from transload.context import RunContext
from transload.values import (
    Associate,
    Cell,
    ColumnType,
    Phase,
    RecordKey,
    Row,
    RowId,
    RowRef,
    SetState,
    TableName,
    TargetTable,
    Upsert,
    Write,
)

_READ_AT_ONCE = 100
_MODIFIED = "modifiedon"
"""The column in which a row says when it was changed last."""


@dataclass(slots=True)
class Decision:
    """What a batch of wished-for writes comes down to."""

    intents: list[Intent] = field(default_factory=list)
    reopen: list[Intent] = field(default_factory=list)
    unchanged: int = 0
    conflicts: list[Conflict] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Change:
    """A write on a known row: what was written last, and which columns another write of ours passed on."""

    write: Write
    old: Mapping[str, Cell]
    known: MappedRow
    passed_on: frozenset[str]

    @property
    def goes_over(self) -> bool:
        """Whether the write goes over what was there before it, in a row that this run has made itself."""
        return self.known.origin != "created" or any(column in self.old for column in _wanted(self.write))


@dataclass(frozen=True, slots=True)
class Narrower:
    """Decides for one run.

    Attributes:
        tables: The target's tables.
        prefer: ``target`` or ``source``: whose value stays in a conflict.
        fields: The same for single columns, by ``entity.column``; ``ask`` keeps the target's and says so,
            ``newest`` compares when record and row were changed last.
        records: The records, for when they were changed.
        cascades: Knows which rows a write of ours has reached through their parents.
        closed: Knows which rows are closed.
    """

    ledger: Ledger
    plugins: Plugins
    context: RunContext
    tables: Mapping[TableName, TargetTable]
    prefer: str
    fields: Mapping[str, str]
    records: DocumentRecords
    cascades: Cascades
    closed: ClosedRows

    def decide(self, writes: Sequence[Write]) -> Decision:
        """Narrow writes of one phase to what differs from what the target should hold."""
        decision = Decision()
        rows = self.ledger.journal.rows({write.key for write in writes})
        written = self.ledger.journal.written({write_identity(write) for write in writes})
        changed: list[_Change] = []
        links: list[Associate] = []
        for write in writes:
            known, old = rows.get(write.key), written.get(write_identity(write))
            if isinstance(write, Upsert) and known is not None:
                table = self.tables.get(write.table)
                columns = table.columns if table is not None else {}
                wanted = wishes(write.columns, old or {}, columns, created=known.origin == "created")
                write = replace(write, columns=wanted)
            if isinstance(write, Associate):
                if old is None:
                    links.append(write)
                else:
                    decision.unchanged += 1
            elif known is None or (write.table != known.ref.table and old is None):
                decision.intents.append(Intent(self._without_empty(write), None, True))
            else:
                passed_on = self.cascades.reached(write, old or {})
                if isinstance(write, Upsert):
                    passed_on |= self.cascades.disturbed(write)
                if difference := self._difference(write, old, known, passed_on):
                    changed.append(_Change(difference, old or {}, known, frozenset(passed_on)))
                else:
                    decision.unchanged += 1
        self._settle_changes(self._worth_opening(changed, decision), decision)
        self._leave_what_comes_too_late(decision)
        decision.intents += self._new_links(links)
        self.cascades.note_children(
            {**written.get(write_identity(intent.write), {}), **intent.write.columns}
            for intent in decision.intents
            if isinstance(intent.write, Upsert)
        )
        self.cascades.follow(intent.write for intent in decision.intents if not intent.creates)
        decision.reopen = self.closed.to_open([i.write for i in decision.intents if isinstance(i.write, Upsert)])
        return decision

    def _worth_opening(self, changed: Sequence["_Change"], decision: Decision) -> list["_Change"]:
        """Leave closed rows as they are where the change is not worth it, or where they cannot be opened.

        Their owner is another matter: a closed row can be given to somebody else.
        """
        updates = {change.known.ref: change.write.columns for change in changed if isinstance(change.write, Upsert)}
        closed = self.closed.of(updates)
        worth: list[_Change] = []
        for change in changed:
            write = change.write
            why = closed.get(change.known.ref) if isinstance(write, Upsert) else None
            if why is None or not isinstance(write, Upsert):
                worth.append(change)
                continue
            given = {name: cell for name, cell in write.columns.items() if self.cascades.passes_on(write.table, name)}
            if given:
                worth.append(replace(change, write=replace(write, columns=given)))
            else:
                decision.unchanged += 1
            left = {name: cell for name, cell in write.columns.items() if name not in given}
            for column, cell in left.items() if why is Closed.FINAL else ():
                base = show(change.old.get(column))
                decision.conflicts.append(left_closed(change.write, column, base, show(cell)))
        return worth

    def _leave_what_comes_too_late(self, decision: Decision) -> None:
        """Do not make rows that belong to a row which the target opens no more."""
        made = [i.write for i in decision.intents if i.creates and isinstance(i.write, Upsert)]
        late = self.closed.too_late(made)
        if not late:
            return
        going = []
        for intent in decision.intents:
            if RowRef(intent.write.table, intent.write.row_id) in late:
                decision.conflicts.append(left_closed(intent.write, "(the row)", "", "new"))
            else:
                going.append(intent)
        decision.intents = going

    def _new_links(self, links: Sequence[Associate]) -> list[Intent]:
        """Return the intents of links, with whether rows that were there before had them.

        Only that tells, after a stop, a link that we have made from one that a rollback must not cut.
        """
        own = self.ledger.journal.created_in(None, {RowRef(link.table, link.row_id) for link in links})
        now = self._read(link for link in links if RowRef(link.table, link.row_id) not in own)
        intents = []
        for link in links:
            linked = now[link.row_id].columns.get(link.relationship) if link.row_id in now else None
            there = isinstance(linked, tuple) and link.other in linked
            before = {link.relationship: (link.other,) if there and isinstance(link.other, RowRef) else None}
            intents.append(Intent(link, Row(link.row_id, before) if link.row_id in now else None, False))
        return intents

    def _difference(
        self, write: Write, old: Mapping[str, Cell] | None, known: MappedRow, passed_on: Mapping[str, Cell]
    ) -> Write | None:
        """Return the write narrowed to the columns that differ from what was written, or may no longer hold."""
        if isinstance(write, SetState):
            wanted: tuple[Cell, Cell] = (write.state, write.status)
            table = self.tables.get(write.table)
            now = tuple((old or {}).get(column) for column in STATE_COLUMNS)
            if table is not None and table.states:
                initial = (table.states[0].value, table.states[0].default_status)
                if old is None and known.origin == "created":
                    now = initial
                if write.phase is Phase.ACTIVATE and now not in ((None, None), initial):
                    return None  # it is active, or already closed in a later pass
            return None if wanted == now else write
        assert isinstance(write, Upsert)  # associates are decided before
        columns = {
            name: cell
            for name, cell in write.columns.items()
            if not same(cell, (old or {}).get(name)) and self._may_update(write.table, name)
        }
        columns = {**passed_on, **columns}
        return replace(write, columns=columns, exists=True) if columns else None

    def _without_empty(self, write: Write) -> Write:
        """Return a write that makes a row without its empty columns, but for yes/no, which would become no."""
        if not isinstance(write, Upsert):
            return write
        table = self.tables.get(write.table)
        known = table.columns if table is not None else {}
        columns = {
            name: cell
            for name, cell in write.columns.items()
            if cell is not None or (name in known and known[name].custom and known[name].type is ColumnType.BOOLEAN)
        }
        return replace(write, columns=columns)

    def _may_update(self, table: TableName, column: str) -> bool:
        """Whether a column may be sent; of a table or column that only a plugin knows, the sink decides."""
        known = self.tables.get(table)
        return known is None or column not in known.columns or known.columns[column].updatable

    def _settle_changes(self, changed: Sequence["_Change"], decision: Decision) -> None:
        """Read rows that both sides may have changed, and drop what must not be overwritten."""
        fresh = self.ledger.journal.created_in(self.context.run_id, [change.known.ref for change in changed])
        to_read = [change for change in changed if change.known.ref not in fresh or change.goes_over]
        now = self._read([change.write for change in to_read])
        reading = {id(change) for change in to_read}
        touched_before = self.ledger.journal.touched_by_others([change.known.ref for change in to_read])
        for change in changed:
            write, known = change.write, change.known
            if id(change) not in reading:
                decision.intents.append(Intent(write, None, False))
                continue
            row = now.get(write.row_id)
            if row is None:
                decision.conflicts.append(
                    Conflict(write.key, write.table, "(the row)", "", "changed", "deleted", "deleted")
                )
                continue
            touched = known.origin == "created" and (row.changed_by_others or known.ref in touched_before)
            final = self._three_way(change, row, touched, decision.conflicts)
            if final is None:
                decision.unchanged += 1
            else:
                decision.intents.append(Intent(final, row, False))

    def _three_way(self, change: "_Change", row: Row, touched: bool, conflicts: list[Conflict]) -> Write | None:
        """Return what may be written.

        A column that was never written is a conflict too when people touched the row (``touched``) and it
        is filled: they filled it. One that a write of ours passed on is none.
        """
        write, old = change.write, change.old
        keep: dict[str, Cell] = {}
        for column, source in _wanted(write).items():
            target, base = row.columns.get(column), old.get(column)
            if same(source, target):
                continue
            # A number that was never written may be the table's own default.
            filled = touched and target is not None and not isinstance(target, int)
            kept: Cell = source
            theirs = (column in old or filled) and not same(base, target) and column not in change.passed_on
            if theirs:
                prefer = self._policy(write.key, column)
                if prefer != "source" and not (prefer == "newest" and self._is_newer(write.key, row)):
                    kept = target
                conflicts.append(
                    Conflict(write.key, write.table, column, show(base), show(source), show(target), show(kept), prefer)
                )
            if not same(kept, target):
                keep[column] = source
        if not keep:
            return None
        return replace(write, columns=keep) if isinstance(write, Upsert) else write

    def _policy(self, key: RecordKey, column: str) -> str:
        return self.fields.get(f"{key.entity}.{column}", self.prefer)

    def _is_newer(self, key: RecordKey, row: Row) -> bool:
        """Whether a record was changed after its row was; when one does not say, the row's value stays."""
        there = row.columns.get(_MODIFIED)
        at = next((record.modified_at for chunk in self.records.find([key]) for record in chunk), None)
        return at is not None and isinstance(there, datetime) and at > there

    def _read(self, writes: Iterable[Write]) -> dict[RowId, Row]:
        by_table: dict[TableName, list[Write]] = {}
        for write in writes:
            by_table.setdefault(write.table, []).append(write)
        rows: dict[RowId, Row] = {}
        for table, group in by_table.items():
            columns = sorted({column for write in group for column in _wanted(write)})
            if any(self._policy(write.key, column) == "newest" for write in group for column in _wanted(write)):
                columns.append(_MODIFIED)
            ids = sorted({write.row_id for write in group})
            for start in range(0, len(ids), _READ_AT_ONCE):
                part = ids[start : start + _READ_AT_ONCE]
                rows.update(self.plugins.read_back(table, part, columns, self.context))
        return rows


def _wanted(write: Write) -> Mapping[str, Cell]:
    if isinstance(write, SetState):
        return {"statecode": write.state, "statuscode": write.status}
    return write.columns if isinstance(write, Upsert) else {write.relationship: write.other}
