"""A table of records that are computed when asked for, with changes laid over them."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from transload_sandbox.kickserv.wire import Row


class Table:
    """Records of one kind by key: those generated, minus those deleted, plus those changed or added."""

    def __init__(self, find: Callable[[int], Row | None], keys: Callable[[], Iterable[int]]) -> None:
        """Lay an empty overlay over generated records.

        Args:
            find: Computes one generated record; None when there is none of that key.
            keys: Returns the keys of all generated records, rising.
        """
        self._find, self._generated_keys = find, keys
        self._overlay: dict[int, Row | None] = {}
        self._keys: Sequence[int] | None = None
        self.version = 0
        """Grows with every change, so that an order over the table knows when it is stale."""

    def get(self, key: int) -> Row | None:
        """Return a record, or None when it is unknown or deleted."""
        return self._overlay[key] if key in self._overlay else self._find(key)

    def keys(self) -> Sequence[int]:
        """Return the keys of all records, rising."""
        if self._keys is None:
            gone = {key for key, row in self._overlay.items() if row is None}
            added = [key for key, row in self._overlay.items() if row is not None]
            kept = [key for key in self._generated_keys() if key not in gone]
            self._keys = sorted({*kept, *added}) if added else kept
        return self._keys

    def rows(self) -> Iterator[Row]:
        """Yield all records by rising key."""
        for key in self.keys():
            row = self.get(key)
            if row is not None:
                yield row

    def put(self, key: int, row: Row) -> None:
        """Add or replace a record."""
        if self.get(key) is None:
            self._keys = None
        self._overlay[key] = row
        self.version += 1

    def delete(self, key: int) -> None:
        """Remove a record."""
        self._overlay[key] = None
        self._keys = None
        self.version += 1

    def changed(self) -> list[Row]:
        """Return the records that were put and still exist."""
        return [row for row in self._overlay.values() if row is not None]

    def next_key(self) -> int:
        """Return a key above all that exist or were changed."""
        return 1 + max([0, *self.keys()[-1:], *self._overlay])
