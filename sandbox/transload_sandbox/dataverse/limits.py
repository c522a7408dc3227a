"""Service protection limits: requests, execution time and concurrency of each user in a sliding window."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from transload_sandbox.dataverse.errors import ODataError


@dataclass(frozen=True, slots=True)
class Limits:
    """What one user may do; the defaults are the documented numbers of one web server."""

    requests: int = 6000
    """Requests in the window."""
    execution_seconds: float = 1200.0
    """Combined run time of the requests in the window."""
    concurrent: int = 52
    """Requests at the same time."""
    window_seconds: float = 300.0
    body_bytes: int = 16 * 1024 * 1024
    """Largest request body; larger ones are answered 413."""
    request_seconds: float = 0.0
    """Pretended run time of every request."""
    row_seconds: float = 0.0
    """Pretended run time of every row written."""
    concurrency_wait: float = 5.0
    """Retry-After of a request that is one too many at the same time, in seconds."""
    hammering: float = 1.0
    """By how much Retry-After grows with every request that comes although it was told to wait, as a share."""
    longest_wait: float = 600.0
    """Retry-After grows no further, in seconds."""


@dataclass(slots=True)
class _Usage:
    """What one user did in the window."""

    finished: deque[tuple[float, float]] = field(default_factory=deque)
    """End of each request in epoch seconds and its run time."""
    running: int = 0
    seconds: float = 0.0
    told_until: float = 0.0
    """Until when the user was told to wait, in epoch seconds."""
    ignored: int = 0
    """Requests since then that did not wait."""


class Meter:
    """Counts the requests of every user and refuses those that are too many."""

    def __init__(self, limits: Limits | None, clock: Callable[[], float]) -> None:
        """Start counting; without limits nothing is ever refused."""
        self.limits = limits
        self._clock = clock
        self._usage: dict[str, _Usage] = {}

    def begin(self, user: str) -> None:
        """Count a request in; it must be counted out with `end`.

        Raises:
            ODataError: The user is over a limit. The request does not count then.
        """
        usage = self._usage.setdefault(user, _Usage())
        if self.limits:
            self._forget(usage, self.limits)
            self._check(usage, self.limits)
        usage.running += 1

    def end(self, user: str, seconds: float) -> None:
        """Count a request out after it ran for some seconds."""
        usage = self._usage[user]
        usage.running -= 1
        if self.limits:
            usage.finished.append((self._clock(), seconds))
            usage.seconds += seconds

    def remaining(self, user: str) -> dict[str, str]:
        """Return the headers that show what is left: all of the documented numbers where no limits are enforced."""
        limits = self.limits or Limits()
        usage = self._usage.get(user, _Usage())
        seconds = max(limits.execution_seconds - usage.seconds, 0.0)
        return {
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{seconds:,.2f}",
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(max(limits.requests - len(usage.finished), 0)),
        }

    def _forget(self, usage: _Usage, limits: Limits) -> None:
        oldest = self._clock() - limits.window_seconds
        while usage.finished and usage.finished[0][0] <= oldest:
            usage.seconds -= usage.finished.popleft()[1]

    def _check(self, usage: _Usage, limits: Limits) -> None:
        window = f"over time window of {limits.window_seconds:g} seconds"
        if usage.running >= limits.concurrent:
            text = f"Number of concurrent requests exceeded the limit of {limits.concurrent}."
            raise self._throttled(usage, limits, "0x80072326", text, limits.concurrency_wait)
        if len(usage.finished) + usage.running >= limits.requests:
            text = f"Number of requests exceeded the limit of {limits.requests} {window}."
            raise self._throttled(usage, limits, "0x80072322", text, self._wait(usage, limits))
        if usage.seconds >= limits.execution_seconds:
            milliseconds = f"{limits.execution_seconds * 1000:,.0f}"
            text = (
                f"Combined execution time of incoming requests exceeded limit of {milliseconds} "
                f"milliseconds {window}. "
                "Decrease number of concurrent requests or reduce the duration of requests and try again "
                "later."
            )
            raise self._throttled(usage, limits, "0x80072321", text, self._wait(usage, limits))

    def _wait(self, usage: _Usage, limits: Limits) -> float:
        """Return the seconds until a tenth of the window has moved on."""
        if not usage.finished:
            return 1.0
        position = min(len(usage.finished) // 10, len(usage.finished) - 1)
        return usage.finished[position][0] + limits.window_seconds - self._clock()

    def _throttled(self, usage: _Usage, limits: Limits, code: str, text: str, wait: float) -> ODataError:
        """Refuse a request; whoever comes back before its time waits longer."""
        now = self._clock()
        usage.ignored = usage.ignored + 1 if now < usage.told_until else 0
        seconds = min(wait * (1 + limits.hammering * usage.ignored), max(wait, limits.longest_wait))
        usage.told_until = now + seconds
        return ODataError(429, code, text, headers={"Retry-After": str(max(1, round(seconds)))})
