"""What differs between two states of a system, record by record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """One record that is not as it was."""

    kind: str
    """Resource or table."""
    key: str
    before: Fields | None
    """None when it was not there."""
    after: Fields | None
    """None when it is gone."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that differ, in alphabetical order."""
        before, after = self.before or {}, self.after or {}
        return tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))


def compare_records(kind: str, before: Mapping[str, Fields], after: Mapping[str, Fields]) -> Iterator[Change]:
    """Yield the records of one kind that differ, by key."""
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield Change(kind, key, before.get(key), after.get(key))
