"""Reads the name of a field or column as words with a meaning that systems share.

``CellPhone__c``, ``cell-phone`` and ``mobile`` all become ``mobile phone``. The vocabulary is
data (``glossary.yaml``); here is only how a name is taken apart, and how its words are looked up.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from rapidfuzz import fuzz, process

from transload._proposals.data import read_data

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_CUSTOM_MARK = re.compile(r"__(?:c|r|pc|s)$", re.IGNORECASE)
_SEPARATOR = re.compile(r"[^0-9A-Za-z#%]+")
_IN_BRACKETS = re.compile(r"[(\[]([^)\]]+)[)\]]\s*$")
_LIKENESS = 88.0
"""From which likeness (0 to 100) on a misspelt word is taken for a known one."""
_SHORTEST_FUZZY = 5
_SHORTEST_PIECE = 2
_SHORTEST_PLURAL = 3
_PLURALS = {"sses": "ss", "ies": "y", "s": ""}
_FEW = 4
"""How many names at least have to begin with a word before it counts as a prefix."""


def split_words(name: str) -> list[str]:
    """Return the words of a name in lower case: at separators, at capitals, and around digits."""
    plain = unicodedata.normalize("NFKD", _CUSTOM_MARK.sub("", name.strip()))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [word.lower() for part in _SEPARATOR.split(plain) for word in _BOUNDARY.split(part) if word]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Known words, phrases with their meaning, and how much each word counts.

    Attributes:
        phrases: The words of a phrase, to the words of its meaning.
        longest: How many words the longest phrase has.
        words: Every word that occurs anywhere in the data.
        noise: Words without a meaning.
        weights: How much a word counts, where it is not 1.
        bookkeeping: Meanings that no standard column is for, with their text.
        containers: Words that only group fields.
        units: Words of units.
        _read: Names that were read already: those of columns come again with every field.
    """

    phrases: Mapping[tuple[str, ...], tuple[str, ...]]
    longest: int
    words: frozenset[str]
    noise: frozenset[str]
    weights: Mapping[str, float]
    bookkeeping: Mapping[tuple[str, ...], str]
    containers: frozenset[str]
    units: frozenset[str]
    _read: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    def with_words(self, texts: Iterable[str]) -> "Vocabulary":
        """Return the vocabulary with the words of some texts, of which nothing else is known."""
        words = {_singular(word, self.phrases) for text in texts for word in split_words(text)}
        new = {word for word in words - self.words if len(word) > 1 or not word.isalpha()}
        return replace(self, words=self.words | new, _read={}) if new else self

    def meaning(self, name: str) -> tuple[str, ...]:
        """Return the meaning of a name: known words in their one spelling, without noise."""
        if name not in self._read:
            pieces = [piece for word in split_words(self._without_unit(name)) for piece in self._pieces(word)]
            known = self._translated(self._translated(pieces))  # twice: acct mgr, account manager, sales rep
            self._read[name] = tuple(word for word in known if word not in self.noise) or tuple(known)
        return self._read[name]

    def framing_of(self, name: str) -> frozenset[str]:
        """Return the words of the parts of a dotted name that only group fields: ``Addresses.City``."""
        *parts, _ = name.split(".")
        grouping = [part for part in parts if all(_singular(word, {}) in self.containers for word in split_words(part))]
        return frozenset(word for part in grouping for word in self.meaning(part))

    def prefix_of(self, names: Sequence[str]) -> frozenset[str]:
        """Return the word that most names of an entity begin with, where it means nothing by itself: ``comp_name``."""
        firsts = Counter(words[0] for words in map(split_words, names) if len(words) > 1)
        return frozenset(
            word for word, count in firsts.items() if word not in self.words and count >= max(_FEW, len(names) / 2)
        )

    def weight(self, words: Iterable[str]) -> float:
        """Return how much words count together."""
        return sum(self.weights.get(word, 1.0) for word in words)

    def _without_unit(self, name: str) -> str:
        """Return a name without the unit that it ends with: ``Weight (lb)``."""
        found = _IN_BRACKETS.search(name)
        return name[: found.start()] if found and self.units.issuperset(split_words(found[1])) else name

    def _translated(self, words: list[str]) -> list[str]:
        """Replace phrases by their meaning, the longest first, reading every word once."""
        result: list[str] = []
        at = 0
        while at < len(words):
            for size in range(min(self.longest, len(words) - at), 0, -1):
                if (meaning := self.phrases.get(tuple(words[at : at + size]))) is not None:
                    result.extend(meaning)
                    at += size
                    break
            else:
                result.append(words[at])
                at += 1
        return result

    def _pieces(self, word: str) -> list[str]:
        """Return a word as known words: itself, its singular, its parts, or the known word that it resembles."""
        if (singular := _singular(word, self.phrases)) in self.words or singular.isdigit():
            return [singular]
        if word in self.words:
            return [word]
        if parts := self._parts(word):
            return parts
        if len(word) >= _SHORTEST_FUZZY:
            near = process.extractOne(word, self.words, scorer=fuzz.ratio, score_cutoff=_LIKENESS)
            if near is not None and near[0][0] == word[0]:
                return [near[0]]
        return [word]

    def _parts(self, word: str) -> list[str]:
        """Return the fewest known words that a run-together word consists of; none when there are no such."""
        best: list[list[str] | None] = [[]] + [None] * len(word)
        for end in range(_SHORTEST_PIECE, len(word) + 1):
            for start in range(end - _SHORTEST_PIECE + 1):
                before, piece = best[start], word[start:end]
                if before is None or piece not in self.words or (start == 0 and end == len(word)):
                    continue
                here = best[end]
                if here is None or _cost([*before, piece]) < _cost(here):
                    best[end] = [*before, piece]
        return best[-1] or []


def _cost(parts: list[str]) -> tuple[int, int]:
    """Few parts are better than many; long ones better than short ones."""
    return len(parts) + sum(2 for part in parts if len(part) < 3), -max(map(len, parts))


def _singular(word: str, phrases: Mapping[tuple[str, ...], tuple[str, ...]]) -> str:
    """Return a word without its plural ending, unless the plural has a meaning of its own."""
    if len(word) <= _SHORTEST_PLURAL or (word,) in phrases or word.endswith(("ss", "us", "is")):
        return word
    for ending, instead in _PLURALS.items():
        if word.endswith(ending):
            return word.removesuffix(ending) + instead
    return word


def _singulars(text: str, phrases: Mapping[tuple[str, ...], tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(_singular(word, phrases) for word in split_words(text))


@cache
def load_vocabulary() -> Vocabulary:
    """Read the vocabulary that the package ships."""
    raw, names = read_data("glossary"), read_data("names")
    phrases = _phrases(raw["synonyms"], raw["noise"])
    tables = [names["everywhere"], names["parts"], *names["tables"].values()]
    aliases = [alias for table in tables for listed in table.values() for alias in listed]
    said = [*raw["bookkeeping"], *raw["weights"], *raw["noise"], *aliases, *map(" ".join, phrases)]
    words = {_singular(word, phrases) for text in said for word in split_words(str(text))}
    words |= {word for meaning in phrases.values() for word in meaning}
    vocabulary = Vocabulary(
        phrases=phrases,
        longest=max(map(len, phrases)),
        words=frozenset(word for word in words if len(word) > 1 or not word.isalpha()),
        noise=frozenset(raw["noise"]),
        weights=raw["weights"],
        bookkeeping={},
        containers=frozenset(raw["containers"]),
        units=frozenset(raw["units"]),
    )
    return replace(vocabulary, bookkeeping={vocabulary.meaning(text): text for text in reversed(raw["bookkeeping"])})


def _phrases(synonyms: Mapping[str, Sequence[str]], noise: Iterable[str]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return each phrase, with its words in the singular, and its meaning; noise of several words means nothing."""
    own: dict[tuple[str, ...], tuple[str, ...]] = {(word,): (word,) for word in synonyms}
    phrases: dict[tuple[str, ...], tuple[str, ...]] = {}
    for meaning, variants in synonyms.items():
        for variant in (meaning, *variants):
            phrases[_singulars(variant, own)] = _singulars(meaning, own)
    phrases.update({tuple(split_words(text)): () for text in noise if " " in text})
    return phrases
