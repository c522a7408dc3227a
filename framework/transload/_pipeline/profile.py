"""What the staged records really hold, field by field: the ground on which a mapping stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from transload._pipeline.fit import utf16_length
from transload.values import FieldType, Record, Value

Extreme: TypeAlias = int | Decimal | date | datetime
"""What has a smallest and a largest."""
_MOST_DISTINCT = 200
_MOST_SAMPLES = 3


@dataclass(slots=True)
class FieldProfile:
    """One field over all records of an entity.

    Attributes:
        filled: Records with a value that is neither null nor empty.
        distinct: Up to 200 different values with their counts, each of a list; more are not counted apart.
        longest: Longest text in UTF-16 code units.
        lowest: Smallest number, or earliest date or time, of the kind that was seen first.
        highest: Largest number, or latest date or time.
        largest: Largest file in bytes.
    """

    name: str
    filled: int = 0
    null: int = 0
    empty: int = 0
    longest: int = 0
    digits: int = 0
    largest: int = 0
    types: dict[FieldType, int] = field(default_factory=dict)
    distinct: dict[str, int] = field(default_factory=dict)
    overflowed: bool = False
    lowest: Extreme | None = None
    highest: Extreme | None = None

    @property
    def seen(self) -> int:
        """Records that have the field, filled or not."""
        return self.filled + self.null + self.empty

    def add(self, value: Value) -> None:
        """Count one value."""
        if value is None:
            self.null += 1
            return
        if value in ("", ()) or value == {}:
            self.empty += 1
            return
        self.filled += 1
        kind = type_of(value)
        self.types[kind] = self.types.get(kind, 0) + 1
        if isinstance(value, Mapping) and isinstance(size := value.get("size"), int) and "digest" in value:
            self.largest = max(self.largest, size)
        self.longest = max(self.longest, utf16_length(str(value)))
        if isinstance(value, Decimal) and isinstance(exponent := value.as_tuple().exponent, int):
            self.digits = max(self.digits, -exponent)
        if isinstance(value, int | Decimal | date) and not isinstance(value, bool):
            self._widen(value)
        for text in map(str, value) if isinstance(value, tuple) else [str(value)]:
            if text in self.distinct or len(self.distinct) < _MOST_DISTINCT:
                self.distinct[text] = self.distinct.get(text, 0) + 1
            else:
                self.overflowed = True

    @property
    def type(self) -> FieldType:
        """The type that fits every value; text when they disagree."""
        kinds = set(self.types)
        if len(kinds) == 1:
            return next(iter(kinds))
        if kinds == {FieldType.INTEGER, FieldType.DECIMAL}:
            return FieldType.DECIMAL
        return FieldType.NESTED if FieldType.NESTED in kinds else FieldType.TEXT

    def _widen(self, value: Extreme) -> None:
        """Take a number, a date or a time into account for the extremes."""
        try:
            if self.lowest is None or self.highest is None:
                self.lowest = self.highest = value
            elif value < self.lowest:  # type: ignore[operator]  # values that do not compare are left out below
                self.lowest = value
            elif value > self.highest:  # type: ignore[operator]
                self.highest = value
        except TypeError:
            return

    @property
    def samples(self) -> tuple[str, ...]:
        """The commonest values, shortened."""
        common = sorted(self.distinct, key=lambda text: (-self.distinct[text], text))
        return tuple(text[:60] for text in common[:_MOST_SAMPLES])


def profile_records(records: Iterable[Record]) -> dict[str, FieldProfile]:
    """Return the profile of every field that occurs."""
    profiles: dict[str, FieldProfile] = {}
    for record in records:
        for name, value in record.fields.items():
            if name not in profiles:
                profiles[name] = FieldProfile(name)
            profiles[name].add(value)
    return profiles


def type_of(value: Value) -> FieldType:
    """Return the type of one value."""
    if isinstance(value, bool):
        return FieldType.BOOLEAN
    if isinstance(value, int):
        return FieldType.INTEGER
    if isinstance(value, Decimal):
        return FieldType.DECIMAL
    if isinstance(value, datetime):
        return FieldType.DATETIME
    if isinstance(value, date):
        return FieldType.DATE
    return FieldType.TEXT if isinstance(value, str) else FieldType.NESTED
