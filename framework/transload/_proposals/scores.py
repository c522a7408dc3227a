"""How well one column fits one field: the facts, and the confidence that they add up to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from transload._proposals.data import read_data
from transload._proposals.names import Alias
from transload._proposals.shapes import Look, Sample, Shape, look_of
from transload._proposals.words import Vocabulary
from transload.mapping import MappingGap
from transload.values import ColumnType, FieldType, TargetColumn


@dataclass(frozen=True, slots=True)
class Weights:
    """What the facts count; read from ``weights.yaml``."""

    confidence: dict[str, float]
    propose_from: float
    framing_word: float
    out_of_order: float
    types: dict[str, dict[str, float]]


@cache
def load_weights() -> Weights:
    """Read the weights that the package ships."""
    return Weights(**read_data("weights"))


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
    """A gap as it is compared.

    Attributes:
        gap: The gap.
        words: The meaning of its name.
        framing: Words that say little in it, such as those of its entity.
        samples: Its readable samples.
        kinds: The types that it may have.
    """

    gap: MappingGap
    words: tuple[str, ...]
    framing: frozenset[str]
    samples: tuple[Sample, ...]
    kinds: tuple[FieldType, ...]


_POINTERS = frozenset({ColumnType.LOOKUP, ColumnType.CHOICE, ColumnType.STATUS, ColumnType.PARTIES, ColumnType.OTHER})
_IDS = frozenset({"id", "ref", "reference"})
_POINTED = _IDS | {"name", "code"}
_PLACE = frozenset({"city", "state", "postalcode", "country", "county", "latitude", "longitude"})


def likeness(
    field: Field, words: tuple[str, ...], vocabulary: Vocabulary, weights: Weights, kind: ColumnType | None = None
) -> float:
    """Return how alike a field's name and another are, from 0 to 1: what they share against what each has.

    Words that only frame a name count little where the other name leaves them out.

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
    framing = _framing(field, words, kind)
    own = 0.0
    for word in field.words:
        if word in framing:
            own += weights.framing_word * vocabulary.weight([word])
        elif word not in shared:
            own += 1.0 if word in _IDS and kind is not None else vocabulary.weight([word])
    common = vocabulary.weight(shared)
    other = vocabulary.weight(set(words) - shared)
    alike = 2 * common / (2 * common + own + other)
    return alike if _in_order(field.words, words) else alike * weights.out_of_order


def _in_order(these: Sequence[str], those: Sequence[str]) -> bool:
    """Return whether the words that two names share come in the same order."""
    return [word for word in these if word in those] == [word for word in those if word in these]


def _framing(field: Field, words: tuple[str, ...], kind: ColumnType | None) -> set[str]:
    """Return the words of a field's name that only frame another name, which leaves them out.

    They are those of the entity's own name, for the ``customer_fax`` of a customer is a fax; the id and the name of
    what a lookup points to, which elsewhere say something; and the address or street before another part of one.
    """
    framing = set(field.framing).difference(field.words[-1:])
    if kind in _POINTERS:
        framing |= _POINTED
    if not _PLACE.isdisjoint(words):
        framing |= {"address", "street"}
    return framing.difference(words)


def rate(field: Field, column: TargetColumn, alias: Alias, name: float, weights: Weights) -> Candidate:
    """Return a column as a candidate for a field.

    Args:
        field: The field.
        column: The column.
        alias: The way to say the column that is most like the field's name.
        name: How alike they are.
        weights: What the facts count.
    """
    look = look_of(field.samples, column, frozenset(alias.meaning))
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


def kinds_of(gap: MappingGap, samples: Sequence[Sample]) -> tuple[FieldType, ...]:
    """Return the types that a field may be read as: texts may hold numbers, dates or yes and no, numbers Unix times."""
    stated = FieldType.DATETIME if gap.type is FieldType.DATE else gap.type
    return stated, *(kind for kind, shapes in _HIDDEN.get(stated, ()) if _all_look(samples, shapes))


_HIDDEN = {
    FieldType.TEXT: (
        (FieldType.DATETIME, frozenset({Shape.DATE, Shape.UNIX_TIME})),
        (FieldType.DECIMAL, frozenset({Shape.NUMBER, Shape.MONEY})),
        (FieldType.BOOLEAN, frozenset({Shape.BOOLEAN})),
    ),
    FieldType.INTEGER: ((FieldType.DATETIME, frozenset({Shape.UNIX_TIME})),),
    FieldType.DECIMAL: ((FieldType.DATETIME, frozenset({Shape.UNIX_TIME})),),
}


def _all_look(samples: Sequence[Sample], shapes: frozenset[Shape]) -> bool:
    return bool(samples) and all(sample.shapes & shapes for sample in samples)
