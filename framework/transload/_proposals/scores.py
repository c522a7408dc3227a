"""How well one column fits one field: the facts, and the confidence that they add up to."""

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from transload._proposals.names import Alias
from transload._proposals.shapes import Look, Shape, look_of
from transload._proposals.words import Vocabulary
from transload.mapping import MappingGap
from transload.values import ColumnType, FieldType, TargetColumn


@dataclass(frozen=True, slots=True)
class Weights:
    """What the facts count; read from ``weights.yaml``."""

    confidence: dict[str, float]
    propose_from: float
    entity_word: float
    types: dict[str, dict[str, float]]


@cache
def load_weights() -> Weights:
    """Read the weights that the package ships."""
    return Weights(
        **yaml.load((files("transload._proposals") / "weights.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """What speaks for a column and against it, as numbers around 0 to 1; see ``weights.yaml``."""

    name: float
    second: float
    type: float
    shape: float
    length: float

    def confidence(self, weights: Weights) -> float:
        """Return how sure it is that the column is right, from 0 to 1."""
        odds = weights.confidence
        total = odds["bias"] + sum(odds[name] * getattr(self, name) for name in self.__slots__)
        return 1 / (1 + math.exp(-total))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column for a field, with what speaks for it."""

    gap: MappingGap
    column: TargetColumn
    alias: Alias
    facts: Facts
    look: Look
    confidence: float


@dataclass(frozen=True, slots=True)
class Field:
    """A gap as it is compared: the words of its name, those of its entity, and the look of its samples."""

    gap: MappingGap
    words: tuple[str, ...]
    entity_words: frozenset[str]
    shapes: tuple[frozenset[Shape], ...]
    kinds: tuple[FieldType, ...]


_POINTERS = frozenset({ColumnType.LOOKUP, ColumnType.CHOICE, ColumnType.STATUS, ColumnType.PARTIES, ColumnType.OTHER})
_IDS = frozenset({"id", "ref", "reference"})
_PLACE = frozenset({"street", "city", "state", "postalcode", "country", "county", "latitude", "longitude"})


def likeness(
    field: Field, words: tuple[str, ...], vocabulary: Vocabulary, weights: Weights, kind: ColumnType | None = None
) -> float:
    """Return how alike a field's name and another are, from 0 to 1: what they share against what each has.

    Words of the entity's own name count little where the other name leaves them out: the ``customer_fax``
    of a customer is a fax. So do the id of what a lookup points to, which elsewhere is no name, and the
    word address before a part of one.

    Args:
        field: The field.
        words: The meaning of the other name.
        vocabulary: What words count.
        weights: What framing words count.
        kind: The type of the column, when the other name is a column's.
    """
    shared = {word for word in field.words if word in words}
    if not shared:
        return 0.0
    common = vocabulary.weight(shared)
    place = not _PLACE.isdisjoint(words)
    own = 0.0
    for word in field.words:
        if word in shared:
            continue
        if word in field.entity_words or (word in _IDS and kind in _POINTERS) or (word == "address" and place):
            own += weights.entity_word * vocabulary.weight([word])
        else:
            own += 1.0 if word in _IDS and kind is not None else vocabulary.weight([word])
    other = vocabulary.weight(word for word in set(words) if word not in shared)
    return 2 * common / (2 * common + own + other)


def rate(field: Field, column: TargetColumn, alias: Alias, name: float, weights: Weights) -> Candidate:
    """Return a column as a candidate for a field.

    Args:
        field: The field.
        column: The column.
        alias: The way to say the column that is most like the field's name.
        name: How alike they are.
        weights: What the facts count.
    """
    look = look_of(field.shapes, column.type, frozenset(alias.meaning))
    facts = Facts(
        name=name,
        second=float(alias.second),
        type=max(weights.types[kind][_kind(column)] for kind in field.kinds),
        shape=look.fit,
        length=-float(column.max_length is not None and field.gap.longest > column.max_length),
    )
    return Candidate(field.gap, column, alias, facts, look, facts.confidence(weights))


def _kind(column: TargetColumn) -> str:
    known = {ColumnType.ID: ColumnType.OTHER}
    return known.get(column.type, column.type).value


def kinds_of(gap: MappingGap, shapes: tuple[frozenset[Shape], ...]) -> tuple[FieldType, ...]:
    """Return the types that a field may be read as: texts may hold numbers, dates or yes and no."""
    stated = FieldType.DATETIME if gap.type is FieldType.DATE else gap.type
    found = [stated]
    if stated is FieldType.TEXT and shapes:
        if all(Shape.DATE in each for each in shapes):
            found.append(FieldType.DATETIME)
        if all(each & {Shape.NUMBER, Shape.MONEY} for each in shapes):
            found.append(FieldType.DECIMAL)
        if all(Shape.BOOLEAN in each for each in shapes):
            found.append(FieldType.BOOLEAN)
    return tuple(found)
