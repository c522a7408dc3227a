"""A table of records that are computed when asked for, with changes laid over them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import merge

from transload_sandbox.kickserv.wire import Row, Value

_BLOCKS_KEPT = 256
Rows = Mapping[int, Row]
Owner = tuple[str, Value]
"""What a record belongs to: ``customer`` or ``job``, and its internal id."""
Index = Mapping[Owner, Sequence[int]]
"""Keys of the records of a block by what they belong to."""
Owners = Callable[[Row], Iterable[Owner]]


def nobody(_row: Row) -> tuple[Owner, ...]:
    """Return no owner: for records that belong to the account."""
    return ()


class Source:
    """Generated records of one kind, block by block; the newest few hundred blocks are kept at hand."""

    def __init__(
        self,
        blocks: int,
        block_of: Callable[[int], int],
        rows: Callable[[int], Rows],
        owners: Owners = nobody,
        keys: Callable[[int], Sequence[int]] | None = None,
        index: Callable[[int], Index] | None = None,
    ) -> None:
        """Describe the records.

        Args:
            blocks: How many blocks there are.
            block_of: Returns the block of a key; keys rise with blocks.
            rows: Computes a block.
            owners: Returns what a record belongs to.
            keys: Returns the rising keys of a block where that is cheaper than its rows.
            index: Returns the index of a block, likewise.
        """
        self.blocks, self.block_of, self.owners = blocks, block_of, owners
        keep = lru_cache(_BLOCKS_KEPT)
        self._compute = keep(rows)
        self._keys = keys
        self.index = keep(index or self._index)

    def rows(self, block: int) -> Rows:
        """Return the records of a block by key; empty for a block that does not exist."""
        return self._compute(block) if 0 <= block < self.blocks else {}

    def keys(self, block: int) -> Sequence[int]:
        """Return the keys of a block, rising."""
        return self._keys(block) if self._keys else list(self.rows(block))

    def find(self, key: int) -> Row | None:
        """Return one record."""
        return self.rows(self.block_of(key)).get(key)

    def _index(self, block: int) -> Index:
        index: dict[Owner, list[int]] = {}
        for key, row in self.rows(block).items():
            for owner in self.owners(row):
                index.setdefault(owner, []).append(key)
        return index


def fixed(rows: Mapping[int, Row]) -> Source:
    """Return a source of a few records that are all at hand."""
    ordered = {key: rows[key] for key in sorted(rows)}
    return Source(1, lambda _key: 0, lambda _block: ordered)


class Table:
    """Records of one kind by key: those generated, minus those deleted, plus those changed or added."""

    def __init__(self, source: Source) -> None:
        """Lay an empty overlay over generated records."""
        self.source = source
        self.overlay: dict[int, Row | None] = {}
        """What was changed, added or, as None, deleted. Change it by `put`, `delete` and `restore` only."""
        self.version = 0
        """Grows with every change, so that an order over the table knows when it is stale."""
        self._by_owner: dict[Owner, set[int]] = {}

    def get(self, key: int) -> Row | None:
        """Return a record, or None when it is unknown or deleted."""
        return self.overlay[key] if key in self.overlay else self.source.find(key)

    def __len__(self) -> int:
        return sum(1 for _ in self._all_keys())

    def keys(self) -> list[int]:
        """Return the keys of all records, rising."""
        return list(self._all_keys())

    def rows(self) -> Iterator[Row]:
        """Yield all records by rising key, block after block."""
        for key in self._all_keys():
            row = self.get(key)
            if row is not None:
                yield row

    def owned(self, owner: Owner, blocks: Iterable[int]) -> list[Row]:
        """Return the records of an owner by rising key.

        Args:
            owner: Whose.
            blocks: Where generated ones may be.
        """
        keys = {key for block in blocks for key in self.source.index(block).get(owner, ())}
        keys |= self._by_owner.get(owner, set())
        rows = (self.get(key) for key in sorted(keys))
        return [row for row in rows if row is not None and owner in self.source.owners(row)]

    def put(self, key: int, row: Row) -> None:
        """Add or replace a record."""
        self._lay(key, row)
        self.version += 1

    def delete(self, key: int) -> None:
        """Remove a record."""
        self.overlay[key] = None
        self.version += 1

    def restore(self, overlay: Mapping[int, Row | None]) -> None:
        """Replace all changes by those of another time."""
        self.overlay, self._by_owner = {}, {}
        for key, row in overlay.items():
            self._lay(key, row)
        self.version += 1

    def changes(self) -> dict[int, Row | None]:
        """Return by rising key what differs from the generated records; None is a deleted one."""
        return {key: self.overlay[key] for key in sorted(self.overlay) if self.overlay[key] != self.source.find(key)}

    def next_key(self) -> int:
        """Return a key above all that exist or were changed."""
        last = self.source.blocks - 1
        return 1 + max([0, *self.source.keys(last)[-1:], *self.source.keys(last - 1)[-1:], *self.overlay])

    def _lay(self, key: int, row: Row | None) -> None:
        self.overlay[key] = row
        for owner in self.source.owners(row) if row is not None else ():
            self._by_owner.setdefault(owner, set()).add(key)

    def _all_keys(self) -> Iterator[int]:
        changed = frozenset(self.overlay)
        kept = (key for block in range(self.source.blocks) for key in self.source.keys(block) if key not in changed)
        return merge(kept, sorted(key for key in changed if self.overlay[key] is not None))
