"""Reads the name of a field or column as words with a meaning that systems share.

``CellPhone__c``, ``cell-phone`` and ``mobile`` all become ``mobile phone``. The vocabulary is
data (``glossary.yaml``); here is only how a name is taken apart, and how its words are looked up.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

import yaml
from rapidfuzz import fuzz, process

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_CUSTOM_MARK = re.compile(r"__(?:c|r|pc|s)$", re.IGNORECASE)
_SEPARATOR = re.compile(r"[^0-9A-Za-z#%]+")
_LIKENESS = 88.0
"""From which likeness (0 to 100) on a misspelt word is taken for a known one."""
_SHORTEST_FUZZY = 5
_SHORTEST_PIECE = 2
_SHORTEST_PLURAL = 3


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
        bookkeeping: Meanings of fields that a system keeps for itself.
        _read: Names that were read already: those of columns come again with every field.
    """

    phrases: Mapping[tuple[str, ...], tuple[str, ...]]
    longest: int
    words: frozenset[str]
    noise: frozenset[str]
    weights: Mapping[str, float]
    bookkeeping: frozenset[tuple[str, ...]]
    _read: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    def meaning(self, name: str) -> tuple[str, ...]:
        """Return the meaning of a name: known words in their one spelling, without noise."""
        if name not in self._read:
            pieces = [piece for word in split_words(name) for piece in self._pieces(word)]
            known = self._translated(self._translated(pieces))  # twice: acct mgr, account manager, sales rep
            self._read[name] = tuple(word for word in known if word not in self.noise) or tuple(known)
        return self._read[name]

    def weight(self, words: Iterable[str]) -> float:
        """Return how much words count together."""
        return sum(self.weights.get(word, 1.0) for word in words)

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
    plural = len(word) > _SHORTEST_PLURAL and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural and (word,) not in phrases else word


@cache
def load_vocabulary() -> Vocabulary:
    """Read the vocabulary that the package ships."""
    here = files("transload._proposals")
    raw = yaml.load((here / "glossary.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    names = yaml.load((here / "names.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
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
        bookkeeping=frozenset(),
    )
    return replace(vocabulary, bookkeeping=frozenset(map(vocabulary.meaning, raw["bookkeeping"])))


def _phrases(synonyms: Mapping[str, Sequence[str]], noise: Iterable[str]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return each phrase, with its words in the singular, and its meaning; noise of several words means nothing."""
    own: dict[tuple[str, ...], tuple[str, ...]] = {(word,): (word,) for word in synonyms}
    phrases: dict[tuple[str, ...], tuple[str, ...]] = {}
    for meaning, variants in synonyms.items():
        for variant in (meaning, *variants):
            key = tuple(_singular(word, own) for word in split_words(variant))
            phrases[key] = tuple(split_words(meaning))
    phrases.update({tuple(split_words(text)): () for text in noise if " " in text})
    return phrases
