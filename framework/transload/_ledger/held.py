"""Settings of the target that say something else while a command loads, and what they said before.

An entry is made before the setting is changed and goes when the setting is back, so
that a kill at any moment leaves what it takes to give it back.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import orjson

from transload._ledger.audit_log import AuditLog
from transload._ledger.codec import decode_cells, encode
from transload._ledger.connection import Database
from transload._ledger.runs import Runs
from transload.values import Cell, RowRef

_FACT = "held settings"


@dataclass(frozen=True, slots=True)
class HeldSetting:
    """A setting that is held.

    Attributes:
        former: What it said before.
        value: What it is held at.
        since: When it was taken hold of.
    """

    row: RowRef
    column: str
    former: Cell
    value: Cell
    since: datetime

    def __str__(self) -> str:
        return f"{self.row}.{self.column}"


class HeldSettings:
    """Keeps which settings are held."""

    def __init__(self, database: Database, clock: Callable[[], datetime], audit_log: AuditLog, runs: Runs) -> None:
        self._database, self._clock, self._audit_log, self._runs = database, clock, audit_log, runs

    def all(self) -> list[HeldSetting]:
        """Return the settings that are held, or may be: those that were about to be changed included."""
        kept = orjson.loads(self._runs.fact(_FACT) or "[]")
        return [_decoded(entry) for entry in kept]

    def take(self, run_id: str, row: RowRef, column: str, former: Cell, value: Cell) -> None:
        """Record that a setting is about to be changed."""
        held = HeldSetting(row, column, former, value, self._clock())
        with self._database.writing():
            self._keep([*self._others(held), held])
            said = {"run": run_id, "setting": str(held), "former": former, "value": value}
            self._audit_log.append("setting held", said)

    def release(self, run_id: str, held: HeldSetting, now: Cell) -> None:
        """Record that a setting is held no more, and what it says now."""
        with self._database.writing():
            self._keep(self._others(held))
            self._audit_log.append("setting released", {"run": run_id, "setting": str(held), "now": now})

    def _others(self, held: HeldSetting) -> list[HeldSetting]:
        return [other for other in self.all() if str(other) != str(held)]

    def _keep(self, held: Iterable[HeldSetting]) -> None:
        entries = [orjson.Fragment(encode({name: getattr(each, name) for name in _PARTS})) for each in held]
        self._runs.set_fact(_FACT, orjson.dumps(entries).decode())


_PARTS = tuple(field.name for field in fields(HeldSetting))


def _decoded(entry: object) -> HeldSetting:
    cells: Any = decode_cells(orjson.dumps(entry))
    return HeldSetting(**cells)
