"""Seeded draws: the same key gives the same values on every machine and in every order of asking."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

Item = TypeVar("Item")

ZONE = ZoneInfo("America/New_York")
"""The account's zone. Recorded rows carry -04:00 in summer and -05:00 in winter."""


class Draw:
    """A source of choices for one block of records."""

    def __init__(self, *key: object) -> None:
        self._random = Random("/".join(map(str, key)))  # a text seed is hashed, the same on every Python 3

    def pick(self, items: Sequence[Item]) -> Item:
        """Choose one item."""
        return items[int(self._random.random() * len(items))]

    def chance(self, share: float) -> bool:
        """Answer true in this share of calls."""
        return self._random.random() < share

    def number(self, low: int, high: int) -> int:
        """Choose an integer between two bounds, both possible."""
        return low + int(self._random.random() * (high - low + 1))

    def share(self) -> float:
        """Choose a number from 0 up to, not including, 1."""
        return self._random.random()

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in another order."""
        result = list(items)
        self._random.shuffle(result)
        return result

    def text(self, length: int, alphabet: str = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789_-") -> str:
        """Make an opaque text, for fake secrets."""
        return "".join(self._random.choices(alphabet, k=length))

    def phone(self) -> str:
        """Make a fictional phone number in one of the written forms seen in old accounts."""
        area, last = self.pick(("309", "618", "217")), f"01{self.number(0, 99):02}"
        return self.pick((f"{area}-555-{last}", f"({area}) 555-{last}", f"{area}555{last}", f"+1 {area} 555 {last}"))


def local(moment: datetime) -> datetime:
    """Return a moment to the second, in account time."""
    return moment.replace(microsecond=0).astimezone(ZONE)


def later(moment: datetime, **delta: float) -> datetime:
    """Return account time so much after a moment, counted in elapsed time across a change of the clock."""
    return local(moment.astimezone(UTC) + timedelta(**delta))


def at_hour(moment: datetime, days: int, hour: int, minute: int = 0) -> datetime:
    """Return an hour of the local day so many days after a moment; 0 is midnight, a mere day."""
    day = moment.astimezone(ZONE).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)
