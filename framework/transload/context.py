"""What a hook is told about the run it serves.

A plugin keeps no state at module level. What must live longer than one call, an
HTTP client above all, it asks the context for: :meth:`RunContext.resource` makes
it once per run and closes it when the run ends.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from pydantic import BaseModel

from transload.files import FileStore
from transload.values import EntityName, Event, Record, RecordKey

if TYPE_CHECKING:
    from transload.http import Patience

SettingsT = TypeVar("SettingsT", bound=BaseModel)
ResourceT = TypeVar("ResourceT")


class StagedRecords(Protocol):
    """The live records as they were read last, for a source that says what changed since.

    A record whose reading was stopped, and one that this run has read itself, is not among them.
    """

    def find(self, keys: Iterable[RecordKey]) -> Mapping[RecordKey, Record]:
        """Return the staged records among some keys; ask for a page at once."""

    def walk(self, entity: EntityName) -> Iterator[Record]:
        """Yield all staged records of an entity."""


def utc_now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, eq=False)
class RunContext:
    """Read-only facts of a run, and the things that live as long as it does.

    Attributes:
        run_id: Identity of the run, kept when it resumes.
        stage: The stage that is running: ``audit``, ``run``, ...
        folder: The client's folder; relative paths in settings start here.
        settings: The settings of each enabled plugin, by model class.
        clock: Gives the present time in UTC.
        observe: Reports an event to every plugin that listens.
        patience: How long a client should go on asking a system that does not answer; None: as long as it likes.
    """

    run_id: str
    stage: str
    folder: Path
    settings: Mapping[type[BaseModel], BaseModel]
    clock: Callable[[], datetime] = utc_now
    observe: Callable[[Event], None] = lambda event: None
    patience: "Patience | None" = None
    _closing: ExitStack = field(default_factory=ExitStack, repr=False)
    _resources: dict[object, object] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def files(self) -> FileStore:
        """The files of the source, kept in the client's folder."""
        return FileStore(self.folder / "files")

    def settings_of(self, model: type[SettingsT]) -> SettingsT:
        """Return the validated settings of the plugin whose model this is.

        Raises:
            KeyError: The model belongs to no enabled plugin.
        """
        return cast(SettingsT, self.settings[model])

    def resource(self, factory: Callable[["RunContext"], ResourceT]) -> ResourceT:
        """Return what ``factory(context)`` makes: the same object each time within a run.

        Threads may call it at the same time. An object with a ``close`` method is
        closed when the run ends, the latest first.
        """
        with self._lock:
            if factory not in self._resources:
                made = factory(self)
                self._resources[factory] = made
                close = getattr(made, "close", None)
                if callable(close):
                    self._closing.callback(close)
            return cast(ResourceT, self._resources[factory])

    def close(self) -> None:
        """Close every resource of the run."""
        with self._lock:
            self._resources.clear()
            self._closing.close()
