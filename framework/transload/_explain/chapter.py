"""What one mapping document makes of a record: a job is a case, an order and an invoice, each a chapter of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from transload._explain.parts import OwnExchange
from transload._explain.trace import RuleTrace
from transload._ledger import DeadLetter, JournalEntry, MappedRow, Parked, WriteStatus
from transload._pipeline.checks import Mismatch
from transload._pipeline.transform import CompiledMapping
from transload.mapping import Mapping as MappingDocument
from transload.values import Cell, Lookup, Loss, Phase, RecordKey, Rejection, RowRef, Write


@dataclass(frozen=True, slots=True)
class LookupTrace:
    """What a lookup of a write became: a row, or the reason why none.

    Attributes:
        by: Who answered: the id map, or the plugins that were asked.
    """

    column: str
    lookup: Lookup
    row: RowRef | None
    by: str


@dataclass(frozen=True, slots=True)
class PhaseTrace:
    """What transform and resolve make of the record in one phase, now.

    Attributes:
        write: What transform gives; None when the phase has nothing for the record.
        amended: Columns that a plugin has changed behind the rules.
        lookups: What became of each lookup.
        resolved: The write without open lookups; None when it waits, or is set aside.
        trouble: Why there is none.
    """

    phase: Phase
    write: Write | Rejection | None
    amended: tuple[str, ...] = ()
    lookups: Sequence[LookupTrace] = ()
    resolved: Write | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One column of the row: what the source says, what should be there, what was written, what is there.

    Attributes:
        now: None when the target was not asked.
        mismatch: How it differs; None when it is as wanted, or nobody knows.
        verdict: The same in words.
    """

    column: str
    source: str
    expected: str
    written: str
    now: str | None
    mismatch: Mismatch | None = None
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Undoing:
    """One rollback of the row: when, by which run, and what went wrong."""

    at: datetime
    run_id: str
    error: str


@dataclass(slots=True)
class Chapter:
    """What one document makes of the record.

    Attributes:
        document: None when no document has the name that was asked for, and only the ledger speaks.
        mapper: The compiled document, as far as it compiles.
        unread: Why the document does not read the record; empty when it does.
        row: The row that the record has.
        ref: The same, or the row that it had before a rollback.
        written: What the target should hold after all that was written.
        history: Every write that was meant for the row by this record.
        exchanges: What was said of the row to the target, by write.
        undoings: The rollbacks that took it back.
        undo_exchanges: What was said to the target when they did.
        rules: How each rule comes to its value.
        phases: What transform and resolve make of the record.
        comparisons: Column by column, as far as anything is known.
        there: Whether the row is in the target now; None when nobody asked.
        letters, parked, losses, flags: What the ledger has noted of the record.
    """

    key: RecordKey
    document: MappingDocument | None
    mapper: CompiledMapping | None = None
    unread: str = ""
    row: MappedRow | None = None
    ref: RowRef | None = None
    written: Mapping[str, Cell] = field(default_factory=dict)
    history: Sequence[JournalEntry] = ()
    exchanges: Mapping[int, Sequence[OwnExchange]] = field(default_factory=dict)
    undoings: Sequence[Undoing] = ()
    undo_exchanges: Sequence[OwnExchange] = ()
    rules: Sequence[RuleTrace] = ()
    phases: Sequence[PhaseTrace] = ()
    comparisons: Sequence[Comparison] = ()
    there: bool | None = None
    letters: Sequence[DeadLetter] = ()
    parked: Sequence[Parked] = ()
    losses: Sequence[Loss] = ()
    flags: Sequence[str] = ()

    @property
    def name(self) -> str:
        """What the chapter is called."""
        return str(self.key.entity)

    def held(self, column: str) -> Cell:
        """Return what the row should hold in a column after all that was written; a row is born in the first state."""
        states = self.mapper.table.states if self.mapper is not None else ()
        if self.row is not None and self.row.origin == "created" and states and column not in self.written:
            born = {"statecode": states[0].value, "statuscode": states[0].default_status}
            return born.get(column)
        return self.written.get(column)

    @property
    def is_undone(self) -> bool:
        """Whether a rollback took back all that was written."""
        statuses = {entry.status for entry in self.history}
        return WriteStatus.UNDONE in statuses and WriteStatus.DONE not in statuses
