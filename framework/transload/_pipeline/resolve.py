"""Resolves lookups: turns "customer 42 of the source" into a row of the target.

The id map is the truth; only lookups by criteria and for a fallback row are asked of
the plugins, once per run. What has no row is treated as its rule says: the record is
parked, rejected, pointed to a stand-in and flagged, or left without.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from transload._ledger import Ledger
from transload._pipeline.rules import PLACEHOLDER_ID, Notes
from transload.errors import RecordError, UnresolvedLookupError
from transload.values import (
    Associate,
    Cell,
    Lookup,
    Loss,
    Missing,
    RecordKey,
    RowRef,
    Upsert,
    Write,
)

Ask: TypeAlias = Callable[[Sequence[Lookup]], Mapping[Lookup, RowRef]]
"""Finds rows by criteria, and fallback rows."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A record that waits for its parent."""

    key: RecordKey
    waits_for: str


@dataclass(slots=True)
class Resolved:
    """What resolving a batch gave."""

    writes: list[Write] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    rejected: list[tuple[RecordKey, RecordError]] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    """Lookups that were left empty."""


@dataclass(slots=True)
class Resolver:
    """Resolves the lookups of one run.

    Attributes:
        ask: Asks the plugins for rows by criteria, and for fallback rows.
        flag_columns: By table, the column that says why a person should look at the row.
    """

    ledger: Ledger
    ask: Ask
    flag_columns: Mapping[str, str]
    _found: dict[Lookup, RowRef | None] = field(default_factory=dict)
    _placeholders: set[RowRef] = field(default_factory=set)

    def resolve(self, writes: Sequence[Write], make: Callable[[RecordKey], None] | None = None) -> Resolved:
        """Replace every lookup of the writes by a row, or set the write aside.

        Args:
            writes: The writes.
            make: Makes a placeholder that is needed and not loaded yet; without it nothing is made.
        """
        lookups = open_lookups(writes)
        rows = self._find(lookups)
        if make is not None and (missing := self._missing_placeholders(lookups, rows)):
            for key in sorted(missing):
                make(key)
            rows = self._find(lookups)
        result = Resolved()
        for write in writes:
            notes = Notes(write.key, flags=list(write.flags))
            try:
                applied = self._apply(write, rows, notes)
            except _WaitError as wait:
                result.parked.append(Parked(write.key, wait.waits_for))
            except RecordError as error:
                result.rejected.append((write.key, error))
            else:
                result.losses += notes.losses
                if applied is not None:
                    result.writes.append(applied)
        return result

    def _missing_placeholders(
        self, lookups: Collection[Lookup], rows: Mapping[Lookup, RowRef | None]
    ) -> set[RecordKey]:
        """Return the placeholder records that are needed and not loaded yet."""
        return {
            placeholder_of(lookup.key)
            for lookup in lookups
            if lookup.missing is Missing.PLACEHOLDER and lookup.key is not None and rows[lookup] is None
        }

    def _find(self, lookups: Collection[Lookup]) -> dict[Lookup, RowRef | None]:
        candidates = {lookup: _candidates(lookup) for lookup in lookups if lookup.key is not None}
        keys = {key for its in candidates.values() for key in its}
        mapped = self.ledger.journal.rows(keys) if keys else {}
        self._placeholders.update(row.ref for key, row in mapped.items() if key.source_id == PLACEHOLDER_ID)
        asked = [lookup for lookup in lookups if lookup.key is None and lookup not in self._found]
        if asked:
            answers = self.ask(asked)
            self._found.update({lookup: answers.get(lookup) for lookup in asked})
        found: dict[Lookup, RowRef | None] = {}
        for lookup in lookups:
            if lookup.key is None:
                found[lookup] = self._found[lookup]
            else:
                found[lookup] = next((mapped[key].ref for key in candidates[lookup] if key in mapped), None)
        return found

    def _apply(self, write: Write, rows: Mapping[Lookup, RowRef | None], notes: Notes) -> Write | None:
        """Return the write without open lookups; None for a link of which one end may be missing, and is."""
        if isinstance(write, Associate):
            row = self._point(write, "row", write.row, rows, notes) if write.row is not None else None
            other = self._point(write, write.relationship, write.other, rows, notes)
            if other is None or (row is None and write.row is not None):
                return None
            if row is not None:
                write = replace(write, table=row.table, row_id=row.row_id, row=None)
            return replace(write, other=other)
        cells: dict[str, Cell] = {}
        for column, cell in write.columns.items():
            if isinstance(cell, tuple):
                cells[column] = self._point_to_all(write, column, cell, rows, notes)
            else:
                cells[column] = self._point(write, column, cell, rows, notes) if isinstance(cell, Lookup) else cell
        flag_column = self.flag_columns.get(write.table)
        if isinstance(write, Upsert) and flag_column is not None and write.phase == "rows":
            cells[flag_column] = "\n".join(dict.fromkeys(notes.flags)) or None
        return replace(write, columns=cells, flags=tuple(dict.fromkeys(notes.flags)))

    def _point(
        self,
        write: Write,
        column: str,
        cell: Lookup | RowRef,
        rows: Mapping[Lookup, RowRef | None],
        notes: Notes,
    ) -> RowRef | None:
        if isinstance(cell, RowRef):
            return cell
        row = rows[cell]
        if row is not None:
            if self._stands_in(cell, row):
                notes.flags.append(f"{cell.key} is not there; {column} is the placeholder")
            return row
        if cell.missing is Missing.FALLBACK:
            notes.flags.append(f"{lookup_name(cell)} has no row; {column} is the fallback")
            fallback = Lookup(cell.table, missing=Missing.ERROR)
            return self._point(write, column, fallback, self._find({fallback}), notes)
        if cell.missing is Missing.EMPTY:
            notes.flags.append(f"{lookup_name(cell)} is not there; {column} is left empty")
            notes.losses.append(Loss(write.key, column, "lookup left empty", lookup_name(cell), ""))
            return None
        if cell.missing is Missing.PARK:
            raise _WaitError(lookup_name(cell))
        raise UnresolvedLookupError(write.key, column, lookup_name(cell))

    def _point_to_all(
        self,
        write: Write,
        column: str,
        cells: tuple[Lookup | RowRef | int, ...],
        rows: Mapping[Lookup, RowRef | None],
        notes: Notes,
    ) -> Cell:
        if not any(isinstance(cell, Lookup) for cell in cells):
            return cells
        found = {self._point(write, column, cell, rows, notes) for cell in cells if not isinstance(cell, int)}
        return tuple(sorted((row for row in found if row is not None), key=str)) or None

    def _stands_in(self, cell: Lookup, row: RowRef) -> bool:
        """Whether the row is a placeholder for a parent that the source names and does not have."""
        if cell.missing is not Missing.PLACEHOLDER or cell.key is None or cell.key.source_id == PLACEHOLDER_ID:
            return False
        return row in self._placeholders


class _WaitError(Exception):
    """The record has to wait for another one; never leaves this module."""

    def __init__(self, waits_for: str) -> None:
        super().__init__(waits_for)
        self.waits_for = waits_for


def placeholder_of(key: RecordKey) -> RecordKey:
    """Return the key of the row that stands in for missing records of the same entity."""
    return RecordKey(key.entity, PLACEHOLDER_ID)


def open_lookups(writes: Sequence[Write]) -> set[Lookup]:
    """Return the lookups that are open in writes."""
    found: set[Lookup] = set()
    for write in writes:
        for cell in [write.row, write.other] if isinstance(write, Associate) else write.columns.values():
            if isinstance(cell, Lookup):
                found.add(cell)
            elif isinstance(cell, tuple):
                found.update(one for one in cell if isinstance(one, Lookup))
    return found


def keys_of(lookup: Lookup) -> Sequence[RecordKey]:
    """Return the records that a lookup may point to, the best first."""
    return (lookup.key, *lookup.others) if lookup.key is not None else ()


def _candidates(lookup: Lookup) -> Sequence[RecordKey]:
    """Return the records whose row a lookup takes, the best first: a placeholder comes last."""
    if lookup.missing is Missing.PLACEHOLDER and lookup.key is not None:
        return (*keys_of(lookup), placeholder_of(lookup.key))
    return keys_of(lookup)


def lookup_name(cell: Lookup | RowRef) -> str:
    """Return what a cell points to, for people."""
    if isinstance(cell, RowRef):
        return str(cell)
    if cell.key is not None:
        return str(cell.key)
    if cell.criteria:
        return f"{cell.table} with " + ", ".join(f"{column} {value!r}" for column, value in cell.criteria)
    return f"the fallback row of {cell.table}"
