"""States of a company: remembered, compared, gone back to."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from transload_sandbox._changes import Change, compare_records
from transload_sandbox.kickserv._records import Records
from transload_sandbox.kickserv.wire import Row


@dataclass(frozen=True, slots=True)
class CompanyState:
    """What was changed in a company up to some moment."""

    overlays: Mapping[str, Mapping[int, Row | None]]

    def close(self) -> None:
        """Give nothing back: a state is memory only."""


class RememberedRecords(Records):
    """Records whose states can be remembered."""

    def snapshot(self) -> CompanyState:
        """Return the present state, to `restore` or `compare` later."""
        with self.lock:
            return CompanyState({kind: dict(table.overlay) for kind, table in self.tables.items()})

    def restore(self, state: CompanyState) -> None:
        """Go back, or forward, to a state of this company."""
        with self.lock:
            for kind, table in self.tables.items():
                table.restore(state.overlays[kind])

    def digest(self) -> dict[str, str]:
        """Return a digest of each kind of record; equal ones mean equal records."""
        with self.lock:
            about = (self.plan.seed, self.plan.customers)
            return {kind: _digest((about, kind, table.changes())) for kind, table in self.tables.items()}

    def compare(self, before: CompanyState, after: CompanyState | None = None) -> list[Change]:
        """Return what differs between two states; the second is the present one when left out."""
        with self.lock:
            now = after or self.snapshot()
            return [change for kind in self.tables for change in self._compare(kind, before, now)]

    def _compare(self, kind: str, before: CompanyState, after: CompanyState) -> Iterable[Change]:
        find, keys = self.tables[kind].source.find, before.overlays[kind].keys() | after.overlays[kind].keys()
        sides = [
            {f"{key:012}": row for key in keys if (row := state.overlays[kind].get(key, find(key))) is not None}
            for state in (before, after)
        ]
        for change in compare_records(kind, *sides):
            yield Change(kind, change.key.lstrip("0"), change.before, change.after)


def _digest(value: object) -> str:
    return hashlib.blake2b(_canonical(value).encode(), digest_size=16).hexdigest()


def _canonical(value: object) -> str:
    """Write a value so that equal values give equal texts: fields in order, times in UTC."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_canonical(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return str(value.timestamp()) if isinstance(value, datetime) else repr(value)
