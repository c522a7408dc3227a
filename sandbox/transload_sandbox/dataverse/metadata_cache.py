"""The cache through which requests see metadata: for a while after a change they see what was before.

Facts: the live service's cache is about half a minute old; a request with ``Consistency: Strong`` does not use it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.catalog import Model
from transload_sandbox.dataverse.wire import Request

if TYPE_CHECKING:
    from transload_sandbox.dataverse.environment import Environment


class MetadataCache:
    """What is still shown of metadata that has changed; nothing is ever held back at zero seconds."""

    def __init__(self, clock: Callable[[], float], seconds: float = 0.0) -> None:
        """Start up to date.

        Args:
            clock: Returns epoch seconds.
            seconds: How long requests go on seeing what was before a change.
        """
        self.seconds = seconds
        self._clock = clock
        self._former: Model | None = None
        self._until = 0.0

    @contextmanager
    def seen_by(self, environment: "Environment", request: Request, *, is_customizing: bool) -> Iterator[None]:
        """Answer a request with the metadata that it may see."""
        if not self.seconds:
            yield
        elif is_customizing:
            with self._remembering(environment):
                yield
        else:
            with self._showing(environment, request):
                yield

    @contextmanager
    def _remembering(self, environment: "Environment") -> Iterator[None]:
        current, before = environment.model, _snapshot(environment.model)
        yield
        if current.version == before.version:
            return
        if self._former is None or self._clock() >= self._until:
            self._former = before
        self._until = self._clock() + self.seconds

    @contextmanager
    def _showing(self, environment: "Environment", request: Request) -> Iterator[None]:
        is_strong = request.headers.get("consistency", "").lower() == "strong"
        if is_strong or self._former is None or self._clock() >= self._until:
            yield
            return
        current = environment.model
        environment.model = _without_removals(self._former, current)
        try:
            yield
        finally:
            environment.model = current


def _snapshot(model: Model) -> Model:
    former = copy(model)
    former.tables, former.by_set = dict(model.tables), dict(model.by_set)
    return former


def _without_removals(former: Model, current: Model) -> Model:
    """Return the former metadata without what has lost its place in the database since."""
    shown = _snapshot(former)
    for name, table in former.tables.items():
        now = current.tables.get(name)
        if now is None:
            shown.by_set.pop(shown.tables.pop(name).entity_set, None)
        elif table.columns.keys() - now.columns.keys():
            shown.tables[name] = now
    return shown
