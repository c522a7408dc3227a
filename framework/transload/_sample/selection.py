"""Selects a sample: for each trait the record that shows most, for what it brings along, of what is not shown yet."""

from collections.abc import Collection, Set
from dataclasses import dataclass, field

from transload._sample.survey import Survey
from transload._sample.traits import FOR_ROOM, Kind, Trait
from transload.values import EntityName, RecordKey

_WORTH = {kind: 0.1 if kind is Kind.STRANGE_COLUMN else 1.0 for kind in Kind}
"""What a trait counts when records are compared that show the same one."""


@dataclass(slots=True)
class Selection:
    """The records of a sample, closed under references.

    Attributes:
        most: How many records there may be.
        shown: The traits that they show.
    """

    survey: Survey
    most: int
    chosen: dict[RecordKey, None] = field(default_factory=dict)
    shown: set[Trait] = field(default_factory=set)
    _known: dict[RecordKey, Set[Trait]] = field(default_factory=dict)

    def by_entity(self) -> dict[EntityName, list[RecordKey]]:
        """Return the records by document, in order."""
        found: dict[EntityName, list[RecordKey]] = {}
        for key in sorted(self.chosen):
            found.setdefault(key.entity, []).append(key)
        return found

    def show(self, trait: Trait) -> None:
        """Let the sample show a trait, if there is room for what that takes."""
        if trait in self.shown or not trait.holders:
            return
        fitting = [needed for key in trait.holders if (needed := self._needed(key)) is not None]
        if fitting:
            self._take(max(fitting, key=self._worth))
            self.shown.add(trait)

    def cost(self, trait: Trait) -> int:
        """Return how many records it takes to show a trait; more than there is room for when it does not fit."""
        fitting = (needed for key in trait.holders if (needed := self._needed(key)) is not None)
        return min(map(len, fitting), default=self.most + 1)

    def fill_up(self, least: int) -> None:
        """Add records at even distances until there are so many, the same share of each document first."""
        relations, entities = self.survey.relations, list(self.survey.readers)
        share = -(-least // max(1, len(entities)))
        shares = ((entity, share) for entity in entities)
        everything = ((entity, relations.count(entity)) for entity in entities)
        for entity, number in (*shares, *everything):
            for key in relations.spread(entity, number):
                if len(self.chosen) >= least:
                    return
                if (needed := self._needed(key)) is not None:
                    self._take(needed)

    def _needed(self, key: RecordKey) -> dict[RecordKey, None] | None:
        return self.survey.needs(key, self.chosen, self.most - len(self.chosen))

    def _worth(self, keys: Collection[RecordKey]) -> float:
        """Return how many traits, not shown yet, records show for each that is added."""
        fresh = {trait for key in keys for trait in self._shown_by(key)} - self.shown
        return sum(_WORTH[trait.kind] for trait in fresh) / len(keys) if keys else float("inf")

    def _take(self, keys: Collection[RecordKey]) -> None:
        self.chosen.update(dict.fromkeys(keys))
        for key in keys:
            self.shown |= self._shown_by(key)

    def _shown_by(self, key: RecordKey) -> Set[Trait]:
        """Return what a record shows; it is asked again and again, since many bring the same parents along."""
        if key not in self._known:
            for records in self.survey.records.find([key]):
                for record in records:
                    self._known[key] = self.survey.readers[key.entity].read(record).shown()
        return self._known.get(key, frozenset())


def select(survey: Survey, least: int, most: int) -> Selection:
    """Select a sample.

    Args:
        survey: What there is to show.
        least: How many records there are at least, when there are so many.
        most: How many there are at most, with everything that they need.
    """
    selection = Selection(survey, most)
    traits = sorted(survey.traits(), key=lambda it: (it.count, it.document, it.place, it.what))
    for kind in Kind:
        its = [trait for trait in traits if trait.kind is kind]
        # The rarest first, because the common ones come along; of what is only shown as far as there is room
        # what takes the least room first.
        for trait in sorted(its, key=selection.cost) if kind in FOR_ROOM else its:
            selection.show(trait)
    selection.fill_up(least)
    return selection
