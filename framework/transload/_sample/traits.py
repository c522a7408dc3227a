"""Traits: what a record can show of a mapping, and who of the records shows it."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from transload.values import EntityName, RecordKey

Measure: TypeAlias = int | float | Decimal
"""How far a value goes; of smallest and oldest values the negative, so that more is always further."""

_HOLDERS = 8
"""Records remembered for each trait: among a few is one that brings little along, and memory stays flat."""


class Kind(StrEnum):
    """What a trait is about, in the order in which a sample covers them."""

    RULE = "rule"
    """A rule gives a value."""
    VALUE = "value"
    """A value map, a choice or a state comes to this value."""
    BRANCH = "branch"
    """A condition holds or does not; a rule takes its second field, its default, its stand-in."""
    OWNER = "owner"
    """Somebody whom the target knows already is pointed to."""
    STRANGE = "strange value"
    """A value is extreme or odd among all of its document."""
    STRANGE_COLUMN = "strange value of a column"
    """The same among all of one column."""


FOR_ROOM = (Kind.STRANGE, Kind.STRANGE_COLUMN)
"""What is shown as far as there is room; everything else is what a sample is for."""


@dataclass(slots=True, eq=False)
class Trait:
    """One thing that records can show; compared by identity, which is quick.

    Attributes:
        document: The document that it belongs to; of an owner the one that recognises it.
        place: The column or field; empty when it belongs to the whole document.
        what: What is shown there.
        count: How many records show it.
        holders: The first few of them; of an extreme, of those that go furthest.
        furthest: How far these go; None for what is no extreme.
    """

    document: EntityName
    kind: Kind
    place: str
    what: str
    count: int = 0
    holders: list[RecordKey] = field(default_factory=list)
    furthest: Measure | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" if self.place else self.what

    def note(self, key: RecordKey) -> None:
        """Note a record that shows it."""
        self.count += 1
        if len(self.holders) < _HOLDERS:
            self.holders.append(key)

    def measure(self, key: RecordKey, measure: Measure) -> None:
        """Note how far a record goes; only those that go furthest show an extreme."""
        if self.furthest is None or measure > self.furthest:
            self.furthest, self.count = measure, 0
            self.holders.clear()
        if measure == self.furthest:
            self.note(key)


@dataclass(slots=True)
class Reading:
    """What one record shows.

    Attributes:
        measures: How far it goes, for each extreme.
        points: The records that it points to, each with alternatives, by column.
    """

    key: RecordKey
    traits: set[Trait] = field(default_factory=set)
    measures: dict[Trait, Measure] = field(default_factory=dict)
    points: list[tuple[str, tuple[RecordKey, ...]]] = field(default_factory=list)

    def note(self) -> None:
        """Let every trait know of the record."""
        for trait in self.traits:
            trait.note(self.key)
        for trait, measure in self.measures.items():
            trait.measure(self.key, measure)

    def shown(self) -> set[Trait]:
        """Return the traits that the record shows, extremes included, when all records have been noted."""
        return self.traits | {trait for trait, measure in self.measures.items() if measure == trait.furthest}
