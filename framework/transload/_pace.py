"""How fast something goes, and how long the rest will take at that pace: measured, never guessed."""

from dataclasses import dataclass

_SETTLES_AFTER = 2.0
"""Seconds before a rate says anything."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What was done in some seconds.

    Attributes:
        total: Out of how many; None when nobody knows.
    """

    done: int
    total: int | None
    seconds: float

    @property
    def rate(self) -> float | None:
        """How many in a second since this pass began; None as long as that says nothing."""
        return self.done / self.seconds if self.done and self.seconds >= _SETTLES_AFTER else None

    @property
    def left(self) -> float | None:
        """How many seconds the rest takes at this rate; None when that is not known."""
        if self.rate is None or self.total is None:
            return None
        return max(0, self.total - self.done) / self.rate

    def __str__(self) -> str:
        if self.rate is None:
            return ""
        rate = f"{self.rate:,.0f}/s" if self.rate >= 1 else f"{self.rate * 60:,.0f}/min"
        return rate if self.left is None else f"{rate}, {_duration(self.left)} left at this rate"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {whole % 60:02} s" if minutes else f"{whole} s"
