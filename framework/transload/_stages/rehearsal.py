"""Translates every staged record without sending anything: what would break, be lost, be written."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from transload._pipeline.resolve import keys_of
from transload._pipeline.rules import PLACEHOLDER_ID
from transload._stages.bench import Bench, Machinery
from transload.values import (
    Associate,
    Cell,
    EntityName,
    FileRef,
    Lookup,
    Loss,
    Phase,
    RecordKey,
    Rejection,
    TableName,
    Write,
)

_EXAMPLES = 5


@dataclass(slots=True)
class Orphans:
    """Records of a document whose lookup names a record that the source does not have."""

    count: int = 0
    examples: list[tuple[RecordKey, RecordKey]] = field(default_factory=list)
    """The record, and the parent that is not there."""


@dataclass(slots=True)
class Rehearsal:
    """What translating every staged record gave.

    Attributes:
        translated: How many records each document reads.
        rejections: How many records of an entity break a rule, by reason and remedy.
        writes: How many writes each table gets, by phase.
        files: How many files go along, and their bytes.
        orphans: By entity and column, when parents were looked for.
    """

    translated: Counter[EntityName] = field(default_factory=Counter)
    rejections: Counter[tuple[EntityName, str, str]] = field(default_factory=Counter)
    losses: list[Loss] = field(default_factory=list)
    writes: Counter[tuple[TableName, Phase]] = field(default_factory=Counter)
    files: int = 0
    file_bytes: int = 0
    orphans: dict[tuple[EntityName, str], Orphans] = field(default_factory=dict)


def rehearse(bench: Bench, machinery: Machinery, parents: bool = False) -> Rehearsal:
    """Translate every staged record in every phase.

    Args:
        bench: The bench.
        machinery: The compiled mappings.
        parents: Whether to look in the source for what lookups point to.
    """
    found = Rehearsal()
    for entity, mapper in machinery.mappings.items():
        phases = [phase for phase in Phase if mapper.has(phase)]
        if not phases:
            found.translated[entity] = sum(map(len, machinery.records.batches(entity)))
        for phase in phases:
            for batch in machinery.records.batches(entity):
                found.translated[entity] += len(batch) if phase is phases[0] else 0
                results = bench.plugins.transform(batch, mapper.at(phase), bench.context)
                if phase is Phase.ROWS and mapper.computed:
                    results += [one for r in batch if isinstance(one := mapper.compute(r), Rejection)]
                writes = [result for result in results if not isinstance(result, Rejection)]
                for result in results:
                    if isinstance(result, Rejection):
                        reason = str(result.error).removeprefix(f"{result.key}: ")
                        found.rejections[entity, reason, result.error.remedy] += 1
                _count(found, writes)
                if parents:
                    _seek_parents(found, machinery, writes)
    return found


def _count(found: Rehearsal, writes: Sequence[Write]) -> None:
    for write in writes:
        found.losses.extend(write.losses)
        found.writes[write.table, write.phase] += 1
        for _, cell in _cells(write):
            if isinstance(cell, FileRef):
                found.files += 1
                found.file_bytes += cell.size


def _seek_parents(found: Rehearsal, machinery: Machinery, writes: Sequence[Write]) -> None:
    """Note every lookup none of whose records is staged."""
    pointing = [
        (write.key, column, keys)
        for write in writes
        for column, cell in _cells(write)
        if isinstance(cell, Lookup) and (keys := keys_of(cell)) and keys[0].source_id != PLACEHOLDER_ID
    ]
    wanted = {key for _, _, keys in pointing for key in keys}
    known = {record.key for chunk in machinery.records.find(sorted(wanted)) for record in chunk}
    for key, column, keys in pointing:
        if known.isdisjoint(keys):
            orphans = found.orphans.setdefault((key.entity, column), Orphans())
            orphans.count += 1
            if len(orphans.examples) < _EXAMPLES:
                orphans.examples.append((key, keys[0]))


def _cells(write: Write) -> Iterator[tuple[str, Cell]]:
    """Yield the cells of a write with their column; those that hold several one by one."""
    cells = {"row": write.row, "other": write.other} if isinstance(write, Associate) else write.columns
    for column, cell in cells.items():
        for one in cell if isinstance(cell, tuple) else (cell,):
            yield column, one
