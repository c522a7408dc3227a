"""Where the pass stands that is running, for `transload status` in another terminal."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from transload._ledger import Ledger
from transload._pace import Pace
from transload.values import Event

_FACT = "progress"
_EVERY = timedelta(seconds=1)
_PASSES = {"extracted", "surveyed", "pass_started", "batch_loaded", "pass_finished"}


@dataclass(frozen=True, slots=True)
class LivePass:
    """A pass as it stood at a moment.

    Attributes:
        at: When it stood so.
        pace: Since the pass began.
    """

    run_id: str
    name: str
    at: datetime
    pace: Pace


@dataclass(slots=True)
class ProgressKeeper:
    """Keeps in the ledger, about once a second, where a run stands. Events of other threads are left out."""

    ledger: Ledger
    run_id: str
    clock: Callable[[], datetime]
    _owner: int = field(default_factory=threading.get_ident)
    _name: str = ""
    _began: datetime | None = None
    _kept: datetime | None = None

    def note(self, event: Event) -> None:
        """Take note of an event."""
        if event.name not in _PASSES or threading.get_ident() != self._owner:
            return
        now, name = self.clock(), f"{event.subject} {event.text}".strip()
        if name != self._name or event.name == "pass_started" or self._began is None:
            self._name, self._began, self._kept = name, now, None
        if self._kept is not None and now - self._kept < _EVERY:
            return
        self._kept = now
        seconds = (now - self._began).total_seconds()
        body = {"run": self.run_id, "name": name, "at": now.isoformat(), "done": event.done, "total": event.total}
        self.ledger.runs.set_fact(_FACT, json.dumps({**body, "seconds": seconds}))


def live_pass(ledger: Ledger, run_id: str) -> LivePass | None:
    """Return where a run stood when it last said so."""
    text = ledger.runs.fact(_FACT)
    body = json.loads(text) if text else {}
    if body.get("run") != run_id:
        return None
    pace = Pace(body["done"], body["total"], body["seconds"])
    return LivePass(run_id, body["name"], datetime.fromisoformat(body["at"]), pace)
