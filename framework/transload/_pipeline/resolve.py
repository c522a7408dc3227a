"""Resolves lookups: turns "customer 42 of the source" into a row of the target.

The id map is the truth; only lookups by criteria and for a fallback row are asked of
the plugins, once per run. What has no row is treated as its rule says: the record is
parked, rejected, pointed to a stand-in and flagged, or left without.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from transload._ledger import Ledger
from transload._pipeline.rules import PLACEHOLDER_ID
from transload._plugins import Plugins
from transload.context import RunContext
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


@dataclass(slots=True)
class Resolver:
    """Resolves the lookups of one run.

    Attributes:
        flag_columns: By table, the column that says why a person should look at the row.
    """

    ledger: Ledger
    plugins: Plugins
    context: RunContext
    flag_columns: Mapping[str, str]
    _found: dict[Lookup, RowRef | None] = field(default_factory=dict)
    _placeholders: set[RowRef] = field(default_factory=set)

    def resolve(self, writes: Sequence[Write]) -> Resolved:
        """Replace every lookup of the writes by a row, or set the write aside."""
        lookups = {cell for write in writes for cell in _cells(write) if isinstance(cell, Lookup)}
        rows = self._find(lookups)
        result = Resolved()
        for write in writes:
            try:
                result.writes.append(self._apply(write, rows))
            except _WaitError as wait:
                result.parked.append(Parked(write.key, wait.waits_for))
            except RecordError as error:
                result.rejected.append((write.key, error))
        return result

    def missing_placeholders(self, writes: Sequence[Write]) -> set[RecordKey]:
        """Return the placeholder records that these writes need and that are not loaded yet."""
        lookups = {cell for write in writes for cell in _cells(write) if isinstance(cell, Lookup)}
        rows = self._find(lookups)
        wanted = {
            placeholder_of(lookup.key)
            for lookup in lookups
            if lookup.missing is Missing.PLACEHOLDER and lookup.key is not None and rows.get(lookup) is None
        }
        return wanted - set(self.ledger.journal.rows(wanted))

    def _find(self, lookups: set[Lookup]) -> dict[Lookup, RowRef | None]:
        keys = {lookup.key for lookup in lookups if lookup.key is not None}
        keys |= {placeholder_of(key) for key in keys}
        mapped = self.ledger.journal.rows(keys)
        self._placeholders.update(row.ref for key, row in mapped.items() if key.source_id == PLACEHOLDER_ID)
        asked = [lookup for lookup in lookups if lookup.key is None and lookup not in self._found]
        if asked:
            answers = self.plugins.resolve_lookup(asked, self.context)
            self._found.update({lookup: answers.get(lookup) for lookup in asked})
        found: dict[Lookup, RowRef | None] = {}
        for lookup in lookups:
            if lookup.key is None:
                found[lookup] = self._found[lookup]
            elif (row := mapped.get(lookup.key)) or (
                lookup.missing is Missing.PLACEHOLDER and (row := mapped.get(placeholder_of(lookup.key)))
            ):
                found[lookup] = row.ref
            else:
                found[lookup] = None
        return found

    def _apply(self, write: Write, rows: Mapping[Lookup, RowRef | None]) -> Write:
        flags = list(write.flags)
        if isinstance(write, Associate):
            other = self._point(write, write.relationship, write.other, rows, flags)
            if other is None:
                raise _WaitError(_name(write.other))
            return replace(write, other=other)
        cells: dict[str, Cell] = {}
        for column, cell in write.columns.items():
            cells[column] = self._point(write, column, cell, rows, flags) if isinstance(cell, Lookup) else cell
        flag_column = self.flag_columns.get(write.table)
        if isinstance(write, Upsert) and flag_column is not None and write.phase == "rows":
            cells[flag_column] = "\n".join(dict.fromkeys(flags)) or None
        return replace(write, columns=cells, flags=tuple(dict.fromkeys(flags)))

    def _point(
        self,
        write: Write,
        column: str,
        cell: Lookup | RowRef,
        rows: Mapping[Lookup, RowRef | None],
        flags: list[str],
    ) -> RowRef | None:
        if isinstance(cell, RowRef):
            return cell
        row = rows[cell]
        if row is not None:
            if self._stands_in(cell, row):
                flags.append(f"{cell.key} is not there; {column} is the placeholder")
            return row
        if cell.missing is Missing.FALLBACK:
            flags.append(f"{_name(cell)} has no row; {column} is the fallback")
            fallback = Lookup(cell.table, missing=Missing.ERROR)
            return self._point(write, column, fallback, self._find({fallback}), flags)
        if cell.missing is Missing.EMPTY:
            flags.append(f"{_name(cell)} is not there; {column} is left empty")
            self.ledger.notes.add_losses([Loss(write.key, column, "lookup left empty", _name(cell), "")])
            return None
        if cell.missing is Missing.PARK:
            raise _WaitError(_name(cell))
        raise UnresolvedLookupError(write.key, column, _name(cell))

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


def _cells(write: Write) -> Sequence[Cell]:
    if isinstance(write, Associate):
        return [write.other]
    return list(write.columns.values())


def _name(cell: Lookup | RowRef) -> str:
    if isinstance(cell, RowRef):
        return str(cell)
    if cell.key is not None:
        return str(cell.key)
    if cell.criteria:
        return f"{cell.table} with " + ", ".join(f"{column} {value!r}" for column, value in cell.criteria)
    return f"the fallback row of {cell.table}"
