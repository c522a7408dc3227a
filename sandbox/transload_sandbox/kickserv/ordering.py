"""Orders over tables of any size: a page costs no more than its own rows, wherever it lies.

A listing counts what its blocks hold and so knows where a page begins. Without filters the plan of the company
gives the counts; with filters the blocks up to the page are looked at once, and only their counts are kept.
Changes move single records between blocks; the counts of the generated records stay as they are.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Protocol

from transload_sandbox.kickserv._plan import Plan
from transload_sandbox.kickserv._table import Rows, Table
from transload_sandbox.kickserv.wire import Row

Test = Callable[[Row], bool]
Rank = tuple[float, int]


class Order(Protocol):
    """Puts the records of a table into slots, and the slots into an order."""

    slots: int

    def block(self, slot: int) -> int:
        """Return the block of generated records in a slot; -1 when it has none."""

    def slot(self, key: int, row: Row) -> int:
        """Return where a record belongs."""

    def rank(self, key: int, row: Row) -> Rank:
        """Return what sorts records inside a slot."""


class ByNumber:
    """Rising numbers; what was added comes last."""

    def __init__(self, table: Table) -> None:
        self._source = table.source
        self.slots = table.source.blocks + 1

    def block(self, slot: int) -> int:
        """Return the block of the same place."""
        return slot if slot < self._source.blocks else -1

    def slot(self, key: int, row: Row) -> int:
        """Return the block of a key, or the slot behind all blocks."""
        return min(max(self._source.block_of(key), 0), self.slots - 1)

    def rank(self, key: int, row: Row) -> Rank:
        """Return the number."""
        return 0.0, key


class ByLastChange:
    """The newest ``updated-at`` first; equal stamps by falling key."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.slots = plan.blocks + 1

    def block(self, slot: int) -> int:
        """Return the blocks from the last to the first, behind a slot for what is newer than them all."""
        return self._plan.blocks - slot if slot else -1

    def slot(self, key: int, row: Row) -> int:
        """Return the slot in whose time a record was changed."""
        stamp = row["updated_at"]
        block = self._plan.block_of_change(stamp) if isinstance(stamp, datetime) else 0
        return min(max(self._plan.blocks - block, 0), self.slots - 1)

    def rank(self, key: int, row: Row) -> Rank:
        """Return time and key, negative."""
        stamp = row["updated_at"]
        return -stamp.timestamp() if isinstance(stamp, datetime) else 0.0, -key


class Listing:
    """The records of a table that pass some tests, in an order."""

    def __init__(
        self, table: Table, order: Order, tests: Sequence[Test] = (), sizes: Callable[[int], int] | None = None
    ) -> None:
        """Describe a list; nothing is computed yet.

        Args:
            table: Where the records are.
            order: How they come.
            tests: What they must pass.
            sizes: Returns how many generated records of a block pass, where that is known without a look.
        """
        self._table, self._order, self._tests = table, order, tests
        self._sizes = sizes
        self._ends = [0]
        """How many generated records lie before each slot, as far as counted."""
        self._version = -1
        self._homes: dict[int, int | None] = {}

    def page(self, start: int, stop: int) -> list[Row]:
        """Return the records from one place up to another, counted from 0."""
        self._note_changes()
        slot = self._slot_at(start)
        skip = start - self._before(slot)
        rows: list[Row] = []
        while slot < self._order.slots and len(rows) < skip + stop - start:
            rows.extend(self._rows(slot))
            slot += 1
        return rows[skip : skip + stop - start]

    def rows(self) -> Iterator[Row]:
        """Yield all records."""
        self._note_changes()
        for slot in range(self._order.slots):
            yield from self._rows(slot)

    def _slot_at(self, place: int) -> int:
        """Return the slot that holds a place, or the number of slots past the end."""
        while self._before(len(self._ends) - 1) <= place and len(self._ends) <= self._order.slots:
            self._ends.append(self._ends[-1] + self._size(len(self._ends) - 1))
        return bisect_right(range(len(self._ends)), place, key=self._before) - 1

    def _before(self, slot: int) -> int:
        return self._ends[slot] + self._sums[bisect_left(self._moved, slot)]

    def _size(self, slot: int) -> int:
        block = self._order.block(slot)
        if block < 0:
            return 0
        return (
            self._sizes(block) if self._sizes else sum(1 for row in self._generated(slot).values() if self._passes(row))
        )

    def _generated(self, slot: int) -> Rows:
        return self._table.source.rows(self._order.block(slot))

    def _passes(self, row: Row) -> bool:
        return all(test(row) for test in self._tests)

    def _rows(self, slot: int) -> list[Row]:
        changed = self._table.overlay
        kept = [
            (self._order.rank(key, row), row)
            for key, row in self._generated(slot).items()
            if key not in changed and self._passes(row)
        ]
        kept.extend(self._extra.get(slot, ()))
        return [row for _, row in sorted(kept, key=lambda pair: pair[0])]

    def _note_changes(self) -> None:
        """Sort the changed records into slots, and count what each slot gained or lost by that."""
        if self._version == self._table.version:
            return
        self._version = self._table.version
        self._extra: dict[int, list[tuple[Rank, Row]]] = {}
        gained: dict[int, int] = {}
        for key, row in self._table.overlay.items():
            home = self._home(key)
            if home is not None:
                gained[home] = gained.get(home, 0) - 1
            if row is not None and self._passes(row):
                slot = self._order.slot(key, row)
                self._extra.setdefault(slot, []).append((self._order.rank(key, row), row))
                gained[slot] = gained.get(slot, 0) + 1
        self._moved = sorted(gained)
        self._sums = [0, *accumulate(gained[slot] for slot in self._moved)]

    def _home(self, key: int) -> int | None:
        """Return the slot in which the generated record of a key is counted, None when there is none."""
        if key not in self._homes:
            row = self._table.source.find(key)
            self._homes[key] = self._order.slot(key, row) if row is not None and self._passes(row) else None
        return self._homes[key]
