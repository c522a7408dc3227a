"""A clock for both systems that a test can turn, so that tokens and signed links grow old without waiting."""

import time
from datetime import UTC, datetime


class Clock:
    """Real time, moved forward by as much as was asked, or standing still."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._stopped: float | None = None

    def __call__(self) -> float:
        """Return epoch seconds."""
        return (time.time() if self._stopped is None else self._stopped) + self._ahead

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.fromtimestamp(self(), UTC)

    def advance(self, seconds: float) -> None:
        """Move on, or back by a negative number."""
        self._ahead += seconds

    def stop(self) -> None:
        """Stand still from now on; only `advance` moves it."""
        self._stopped, self._ahead = self(), 0.0

    def resume(self) -> None:
        """Go on from the time shown."""
        if self._stopped is not None:
            self._ahead, self._stopped = self() - time.time(), None
