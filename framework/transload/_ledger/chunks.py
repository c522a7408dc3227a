"""Splits keys for queries that name many of them.

A query names at most :data:`CHUNK` keys: one question for a thousand is fifty times
cheaper than a thousand questions, and stays far below the parameter limits of both databases.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from transload.values import EntityName, RecordKey, RowRef, TableName

CHUNK = 1000

ItemT = TypeVar("ItemT")


def chunks(items: Sequence[ItemT], size: int = CHUNK) -> Iterator[Sequence[ItemT]]:
    """Yield items in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def keys_by_entity(keys: Iterable[RecordKey]) -> Iterator[tuple[EntityName, Sequence[str]]]:
    """Yield each entity with the source ids of its keys, each once, in pieces."""
    groups: defaultdict[EntityName, dict[str, None]] = defaultdict(dict)
    for key in keys:
        groups[key.entity][key.source_id] = None
    for entity, ids in groups.items():
        for piece in chunks(list(ids)):
            yield entity, piece


def refs_by_table(refs: Iterable[RowRef]) -> Iterator[tuple[TableName, Sequence[str]]]:
    """Yield each table with the row ids of its rows, each once, in pieces."""
    groups: defaultdict[TableName, dict[str, None]] = defaultdict(dict)
    for ref in refs:
        groups[ref.table][ref.row_id] = None
    for table, ids in groups.items():
        for piece in chunks(list(ids)):
            yield table, piece
