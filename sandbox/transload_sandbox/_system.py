"""What both halves are: a served system with a log, a time, a latency, and states to go back to."""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from transload_sandbox._changes import Change
from transload_sandbox._clock import Clock
from transload_sandbox._layers import Latency
from transload_sandbox._requests import OnRequest, RequestLog


class Serving(ABC):
    """A context manager: serving inside."""

    @abstractmethod
    def _serve(self, stack: ExitStack) -> None:
        """Start to serve, and leave on the stack what ends it."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._serve(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


class State(Protocol):
    """The records of a system at one moment."""

    def close(self) -> None:
        """Give back what the state holds."""


StateT = TypeVar("StateT", bound=State)


class System(Serving, Generic[StateT]):
    """One of the two systems.

    Attributes:
        clock: Its time.
        latency: How long every answer takes at least.
        requests: What was asked so far.
    """

    def __init__(self, name: str, on_request: OnRequest | None, latency: float, clock: Clock | None) -> None:
        """Prepare a system that serves nothing yet.

        Args:
            name: What its requests are called in the log.
            on_request: Told of each request after its answer, on a server's thread.
            latency: Seconds that every answer takes at least.
            clock: Shared with another system; its own when left out.
        """
        self.clock, self.latency = clock or Clock(), Latency(latency)
        self.requests = RequestLog(name, on_request)
        self._states: dict[str, StateT] = {}

    @abstractmethod
    def digest(self) -> dict[str, str]:
        """Return a digest of each kind of record."""

    @abstractmethod
    def _capture(self) -> StateT:
        """Return the present state."""

    @abstractmethod
    def _bring_back(self, state: StateT) -> None:
        """Go back, or forward, to a state."""

    @abstractmethod
    def _compare(self, before: StateT, after: StateT) -> list[Change]:
        """Return what differs between two states."""

    def snapshot(self, name: str = "") -> None:
        """Remember the present state under a name."""
        earlier = self._states.pop(name, None)
        if earlier is not None:
            earlier.close()
        self._states[name] = self._capture()

    def restore(self, name: str = "") -> None:
        """Go back to a remembered state.

        Raises:
            KeyError: Nothing was remembered under this name.
        """
        self._bring_back(self._states[name])

    def changes(self, name: str = "") -> list[Change]:
        """Return what differs from a remembered state.

        Raises:
            KeyError: Nothing was remembered under this name.
        """
        before, now = self._states[name], self._capture()
        try:
            return self._compare(before, now)
        finally:
            now.close()
