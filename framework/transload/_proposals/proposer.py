"""Proposes for each field one column or none, and as far as possible each column once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from transload._proposals.names import Alias, aliases_of, as_choice, is_offered, words_of
from transload._proposals.reasons import reason_for, reason_for_none
from transload._proposals.scores import Candidate, Field, Weights, kinds_of, likeness, load_weights, rate
from transload._proposals.shapes import readable
from transload._proposals.words import Vocabulary, load_vocabulary
from transload.mapping import NO_TARGET, MappingGap, Proposal
from transload.mapping import Mapping as MappingDocument
from transload.values import EntityName, TableName, TargetColumn, TargetSchema, TargetTable

_LIKE_ENOUGH = 0.5
"""Names less alike than this are not looked at any further."""
_IMPOSSIBLE = -1.0
"""How a type fits that cannot be brought into the column at all."""
_SAME = 0.85
"""Names as much alike are taken to say the same."""
_CLOSE = 0.1
"""How much less sure a field's second choice may be, to be taken because the first one has gone to another."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What speaks for the columns of a table, for one field.

    Attributes:
        gap: The field.
        candidates: The columns that it may mean, the surest first.
        known_as: What it is known to mean where no standard column is for that; empty when it is not known.
    """

    gap: MappingGap
    candidates: Sequence[Candidate]
    known_as: str


def propose(gaps: Sequence[MappingGap], mappings: Sequence[MappingDocument], target: TargetSchema) -> list[Proposal]:
    """Propose columns for fields that no rule covers.

    Args:
        gaps: The fields.
        mappings: The documents as they stand; a column that a rule fills is nobody's first choice any more.
        target: The target's tables.

    Returns:
        One proposal for each field: of a column, or of none, because the field has no good target.
    """
    groups: dict[tuple[EntityName, TableName], list[MappingGap]] = defaultdict(list)
    for gap in gaps:
        groups[gap.entity, gap.table].append(gap)
    weights = load_weights()
    proposals = []
    for (entity, name), group in groups.items():
        table = target.tables.get(name)
        if table is not None:
            ranked = rank(group, table)
            good = (it for ranking in ranked for it in ranking.candidates if it.confidence >= weights.propose_from)
            surest_first = sorted(good, key=lambda it: (-it.confidence, it.gap.field, it.column.name))
            chosen = _assign(surest_first, _filled(mappings, entity, name))
            proposals += [
                _proposal(*chosen[ranking.gap.field]) if ranking.gap.field in chosen else _no_target(ranking, table)
                for ranking in ranked
            ]
    return proposals


def rank(gaps: Sequence[MappingGap], table: TargetTable) -> list[Ranking]:
    """Return for each field of one entity the columns of its table that it may mean."""
    called = (name for column in table.columns.values() for name in column.also_called)
    vocabulary, weights = load_vocabulary().with_words(called), load_weights()
    index = _Index(table, vocabulary)
    return [index.ranking(field, weights) for field in _read(gaps, table, vocabulary)]


def _read(gaps: Sequence[MappingGap], table: TargetTable, vocabulary: Vocabulary) -> Iterator[Field]:
    own = vocabulary.prefix_of([gap.field for gap in gaps])
    for gap in gaps:
        framing = own | words_of(table, gap.entity, vocabulary) | vocabulary.framing_of(gap.field)
        samples = readable(gap.samples)
        yield Field(gap, vocabulary.meaning(gap.field), framing, samples, kinds_of(gap, samples))


@dataclass(frozen=True, slots=True)
class _Entry:
    column: TargetColumn
    alias: Alias


class _Index:
    """The columns of a table by the words that they are called."""

    def __init__(self, table: TargetTable, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._columns: dict[str, list[_Entry]] = defaultdict(list)
        self._bookkeeping: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for column in map(as_choice, table.columns.values()):
            if is_offered(table, column):
                for alias in aliases_of(table, column, vocabulary):
                    entry = _Entry(column, alias)
                    for word in set(alias.meaning):
                        self._columns[word].append(entry)
        for words in vocabulary.bookkeeping:
            for word in set(words):
                self._bookkeeping[word].append(words)

    def ranking(self, field: Field, weights: Weights) -> Ranking:
        """Return the columns that a field's name may mean, each by its likest name."""
        kept = dict.fromkeys(words for word in field.words for words in self._bookkeeping.get(word, ()))
        alike = {words: likeness(field, words, self._vocabulary, weights) for words in kept}
        known = max(alike.values(), default=0.0)
        rated = (
            rate(field, entry.column, entry.alias, name, weights)
            for name, entry in self._alike(field, weights)
            if name >= max(_LIKE_ENOUGH, known)
        )
        possible = [candidate for candidate in rated if candidate.facts.type > _IMPOSSIBLE]
        possible.sort(key=lambda candidate: (-candidate.confidence, candidate.column.name))
        said = self._vocabulary.bookkeeping[max(alike, key=alike.__getitem__)] if known >= _SAME else ""
        return Ranking(field.gap, possible, said)

    def _alike(self, field: Field, weights: Weights) -> Iterable[tuple[float, _Entry]]:
        """Return each column that shares a word with a field, by the name that is most like the field's."""
        best: dict[str, tuple[float, _Entry]] = {}
        for entry in {id(e): e for word in field.words for e in self._columns.get(word, ())}.values():
            alike = likeness(field, entry.alias.meaning, self._vocabulary, weights, entry.column.type)
            known = best.get(entry.column.name)
            if known is None or (alike, not entry.alias.second) > (known[0], not known[1].alias.second):
                best[entry.column.name] = (alike, entry)
        return best.values()


def _filled(mappings: Iterable[MappingDocument], entity: str, table: str) -> dict[str, str]:
    """Return the columns that rules fill, with the field that fills each."""
    return {
        column: next(iter(rule.sources), "a constant")
        for document in mappings
        if document.source_entity == entity and document.table == table
        for column, rule in {**document.fields, **document.activate, **document.finish, **document.computed}.items()
    }


def _assign(candidates: Sequence[Candidate], filled: Mapping[str, str]) -> dict[str, tuple[Candidate, str | None]]:
    """Give each field its surest column, a column to one field where others will do for the rest.

    A field whose only good columns are taken shares the surest of them, as a fall-back.

    Args:
        candidates: Good candidates, the surest first.
        filled: Columns that are taken already, with the field that fills them.

    Returns:
        The choice for each field that has one, with the field that has the column already, if one has.
    """
    taken = dict(filled)
    best: dict[str, Candidate] = {}
    chosen: dict[str, tuple[Candidate, str | None]] = {}
    for candidate in candidates:
        surest = best.setdefault(candidate.gap.field, candidate)
        good = surest.confidence - candidate.confidence <= _CLOSE
        if good and candidate.gap.field not in chosen and candidate.column.name not in taken:
            chosen[candidate.gap.field] = (candidate, None)
            taken[candidate.column.name] = candidate.gap.field
    return {name: chosen.get(name, (candidate, taken[candidate.column.name])) for name, candidate in best.items()}


def _proposal(candidate: Candidate, first: str | None) -> Proposal:
    gap = candidate.gap
    reason = reason_for(candidate, first)
    return Proposal(gap.entity, gap.field, candidate.column.name, round(candidate.confidence, 2), reason)


def _no_target(ranking: Ranking, table: TargetTable) -> Proposal:
    gap, closest = ranking.gap, next(iter(ranking.candidates), None)
    return Proposal(gap.entity, gap.field, NO_TARGET, 0.0, reason_for_none(gap.field, ranking.known_as, closest, table))
