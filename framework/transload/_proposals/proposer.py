"""Proposes at most one column for each field, and as far as possible each column once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from transload._proposals.names import Alias, aliases_of, is_offered
from transload._proposals.reasons import reason_for
from transload._proposals.scores import Candidate, Field, Weights, kinds_of, likeness, load_weights, rate
from transload._proposals.shapes import is_masked, shapes_of
from transload._proposals.words import Vocabulary, load_vocabulary
from transload.mapping import Mapping as MappingDocument
from transload.mapping import MappingGap, Proposal
from transload.values import EntityName, TableName, TargetColumn, TargetSchema, TargetTable

_LIKE_ENOUGH = 0.5
"""Names less alike than this are not looked at any further."""
_IMPOSSIBLE = -1.0
"""How a type fits that cannot be brought into the column at all."""
_CLOSE = 0.1
"""How much less sure a field's second choice may be, to be taken because the first one has gone to another."""


def propose(gaps: Sequence[MappingGap], mappings: Sequence[MappingDocument], target: TargetSchema) -> list[Proposal]:
    """Propose columns for fields that no rule covers.

    Args:
        gaps: The fields.
        mappings: The documents as they stand; a column that a rule fills is nobody's first choice any more.
        target: The target's tables.

    Returns:
        One proposal for each field that has a good target, none for the others.
    """
    groups: dict[tuple[EntityName, TableName], list[MappingGap]] = defaultdict(list)
    for gap in gaps:
        groups[gap.entity, gap.table].append(gap)
    weights = load_weights()
    proposals = []
    for (entity, name), group in groups.items():
        table = target.tables.get(name)
        if table is not None:
            filled = _filled(mappings, entity, name)
            candidates = [c for c in rank(group, table) if c.confidence >= weights.propose_from]
            proposals += [_proposal(candidate, first) for candidate, first in _assign(candidates, filled)]
    return proposals


def rank(gaps: Sequence[MappingGap], table: TargetTable) -> list[Candidate]:
    """Return all candidates of fields of one table, the surest first."""
    vocabulary, weights = load_vocabulary(), load_weights()
    index = _Index(table, vocabulary)
    found = [candidate for gap in gaps for candidate in index.candidates(_read(gap, vocabulary), weights)]
    return sorted(found, key=lambda c: (-c.confidence, c.gap.field, c.column.name))


def _read(gap: MappingGap, vocabulary: Vocabulary) -> Field:
    shapes = tuple(shapes_of(sample) for sample in gap.samples if sample.strip() and not is_masked(sample))
    entity = frozenset(vocabulary.meaning(gap.entity) + vocabulary.meaning(gap.table))
    return Field(gap, vocabulary.meaning(gap.field), entity, shapes, kinds_of(gap, shapes))


@dataclass(frozen=True, slots=True)
class _Entry:
    column: TargetColumn
    alias: Alias


class _Index:
    """The columns of a table by the words that they are called."""

    def __init__(self, table: TargetTable, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._by_word: dict[str, list[_Entry]] = defaultdict(list)
        for column in table.columns.values():
            if not is_offered(table, column):
                continue
            for alias in aliases_of(table, column, vocabulary):
                entry = _Entry(column, alias)
                for word in set(alias.meaning):
                    self._by_word[word].append(entry)

    def candidates(self, field: Field, weights: Weights) -> Iterable[Candidate]:
        """Return the columns that a field's name may mean, each by its likest name."""
        best: dict[str, tuple[float, _Entry]] = {}
        for entry in {id(e): e for word in field.words for e in self._by_word.get(word, ())}.values():
            alike = likeness(field, entry.alias.meaning, self._vocabulary, weights, entry.column.type)
            known = best.get(entry.column.name)
            if known is None or (alike, not entry.alias.second) > (known[0], not known[1].alias.second):
                best[entry.column.name] = (alike, entry)
        own = max(
            (likeness(field, words, self._vocabulary, weights) for words in self._vocabulary.bookkeeping),
            default=0.0,
        )
        for alike, entry in best.values():
            if alike >= _LIKE_ENOUGH and alike >= own:
                candidate = rate(field, entry.column, entry.alias, alike, weights)
                if candidate.facts.type > _IMPOSSIBLE:
                    yield candidate


def _filled(mappings: Iterable[MappingDocument], entity: str, table: str) -> dict[str, str]:
    """Return the columns that rules fill, with the field that fills each."""
    return {
        column: next(iter(rule.sources), "a constant")
        for document in mappings
        if document.source_entity == entity and document.table == table
        for column, rule in {**document.fields, **document.activate, **document.finish, **document.computed}.items()
    }


def _assign(candidates: Sequence[Candidate], filled: Mapping[str, str]) -> list[tuple[Candidate, str | None]]:
    """Give each field its surest column, a column to one field where others will do for the rest.

    A field whose only good columns are taken shares the surest of them, as a fall-back.

    Args:
        candidates: Good candidates, the surest first.
        filled: Columns that are taken already, with the field that fills them.

    Returns:
        The choices, each with the field that has the column already, if one has.
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
    shared = {name: (c, taken[c.column.name]) for name, c in best.items() if name not in chosen}
    return [*chosen.values(), *shared.values()]


def _proposal(candidate: Candidate, first: str | None) -> Proposal:
    gap = candidate.gap
    reason = reason_for(candidate, first)
    return Proposal(gap.entity, gap.field, candidate.column.name, round(candidate.confidence, 2), reason)
