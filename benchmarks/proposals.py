"""How good the mapping proposals are on judged pairs, how sure they are, and how long a thousand gaps take.

python benchmarks/proposals.py [FILE.csv ...]
python benchmarks/proposals.py choices FILE.csv
python benchmarks/proposals.py fit

Prints the figures of each file, or of the files named, which look like those in tests/data/proposals/. Files after
which the vocabulary was mended stand apart from those that nothing was ever mended after: the latter decide.
`choices` prints the three surest columns of each field as CSV. `fit` computes the weights of weights.yaml anew, by
logistic regression, from the first half of the files that the vocabulary was mended after, and prints them; to use
them is a person's decision.
"""

import csv
import importlib.util
import math
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from transload._proposals import propose
from transload._proposals.proposer import Ranking, rank
from transload.mapping import NO_TARGET

_HERE = Path(__file__).resolve().parent
_spec = importlib.util.spec_from_file_location("judged", _HERE.parent / "tests/framework/proposals/conftest.py")
assert _spec is not None
assert _spec.loader is not None
judged = importlib.util.module_from_spec(_spec)
sys.modules["judged"] = judged
_spec.loader.exec_module(judged)

_FACTS = ("name", "second", "type", "shape", "length")
_STEPS, _PACE, _RESTRAINT = 3000, 2.0, 0.0005
_ALLOWED = {"second": (-9.0, 0.0)}
_CHOICES = 3
_BANDS = (0.0, 0.7, 0.8, 0.9, 0.95, 1.01)


@dataclass(frozen=True, slots=True)
class Count:
    """How many of how many."""

    hits: int
    of: int

    def __str__(self) -> str:
        return f"{self.hits:5} of {self.of:5} {self.hits / self.of:6.1%}" if self.of else "    0 of     0       "


def surest(pairs: Iterable[object]) -> list[tuple[object, Ranking]]:
    """Return each pair with the columns that its field may mean, the surest first."""
    found: list[tuple[object, Ranking]] = []
    for group in judged.by_entity(pairs):
        found += zip(group, rank([pair.gap for pair in group], judged.table(group[0].table)), strict=True)
    return found


def fit() -> dict[str, float]:
    """Return the log-odds of each fact that explain best which fields' first choices are right."""
    rows, rights = [], []
    for name in judged.TUNED:
        for pair, ranking in surest(p for p in judged.read_pairs(name) if judged.half_of(p) == 0):
            for candidate in ranking.candidates[:1]:
                rows.append([1.0, *(getattr(candidate.facts, fact) for fact in _FACTS)])
                rights.append(float(candidate.column.name in pair.columns))
    odds = [0.0] * (1 + len(_FACTS))
    for _ in range(_STEPS):
        slope = [0.0] * len(odds)
        for row, right in zip(rows, rights, strict=True):
            error = 1 / (1 + math.exp(-sum(a * b for a, b in zip(odds, row, strict=True)))) - right
            for i, value in enumerate(row):
                slope[i] += error * value / len(rows)
        odds = [o - _PACE * (s + _RESTRAINT * o * bool(i)) for i, (o, s) in enumerate(zip(odds, slope, strict=True))]
        for i, fact in enumerate(_FACTS, 1):
            low, high = _ALLOWED.get(fact, (0.0, 99.0))
            odds[i] = min(max(odds[i], low), high)
    return dict(zip(("bias", *_FACTS), odds, strict=True))


def line(label: str, pairs: Sequence[object]) -> None:
    """Print the figures of some pairs."""
    listed = judged.answers(pairs)
    right = [p.column in pair.columns for pair, p in listed]
    made = [p.column in pair.columns for pair, p in listed if p.column != NO_TARGET]
    needed = [p.column in pair.columns for pair, p in listed if NO_TARGET not in pair.columns]
    first = [
        any(it.column.name in pair.columns for it in ranking.candidates[:1])
        for pair, ranking in surest(pairs)
        if NO_TARGET not in pair.columns
    ]
    counts = (Count(sum(some), len(some)) for some in (made, needed, first, right))
    print(f"{label:34}{len(pairs):5} " + " ".join(map(str, counts)))


def table(title: str, names: Sequence[str]) -> None:
    """Print the figures of each file and of all together, and how right each confidence is."""
    print(f"\n{title:40}      precision           coverage       first choice right    answer right")
    every = []
    for name in names:
        pairs = judged.read_pairs(name)
        every += pairs
        line(name, pairs)
        if name == judged.TUNED[0]:
            for half, label in ((0, "  the half to fit with"), (1, "  the half to test with")):
                line(label, [pair for pair in pairs if judged.half_of(pair) == half])
    line("together", every)
    made = [(p.confidence, p.column in pair.columns) for pair, p in judged.answers(every) if p.column != NO_TARGET]
    for low, high in pairwise(_BANDS):
        if some := [(sure, right) for sure, right in made if low <= sure < high]:
            said, was = sum(s for s, _ in some) / len(some), sum(r for _, r in some) / len(some)
            print(f"  confidence {low:.2f} to {high:.2f}: {len(some):5} proposals, said {said:.1%}, right {was:.1%}")


def choices(name: str) -> None:
    """Print the three surest columns of each field of a file; `issued` is 1 where the first of them is proposed."""
    pairs = judged.read_pairs(name)
    proposed = {id(pair): proposal for pair, proposal in judged.answers(pairs)}
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["source_system", "entity", "field", "table", "rank", "column", "confidence", "issued"])
    for pair, ranking in surest(pairs):
        proposal = proposed[id(pair)]
        sure = {it.column.name: it.confidence for it in ranking.candidates}
        is_proposed = proposal.column != NO_TARGET
        columns = list(dict.fromkeys([proposal.column, *sure] if is_proposed else sure or ["NONE"]))
        for number, column in enumerate(columns[:_CHOICES], start=1):
            issued = int(is_proposed and number == 1)
            key = (pair.system, pair.entity, pair.field, pair.table)
            out.writerow([*key, number, column, f"{sure.get(column, 0.0):.2f}", issued])


def pace() -> None:
    """Print how long a thousand gaps take, in processor time, for this machine may be busy."""
    listed = [pair for name in judged.UNSEEN for pair in judged.read_pairs(name)]
    target = judged.schema_of({pair.table for pair in listed})
    for label in ("the first time", "later"):
        started = time.process_time()
        propose([pair.gap for pair in listed], [], target)
        print(f"{(time.process_time() - started) / len(listed) * 1000:.2f} s for 1,000 gaps, {label}")


def main(command: str = "", *names: str) -> None:
    """Run a command, or print the figures of the files that are named instead, or of all."""
    paths = [str(Path(name).resolve()) for name in names]
    if command == "fit":
        print("\n".join(f"  {fact}: {value:.2f}" for fact, value in fit().items()))
    elif command == "choices":
        choices(*paths)
    elif command:
        table("As named", [str(Path(command).resolve()), *paths])
    else:
        pace()
        table("The vocabulary was mended after these", judged.TUNED)
        table("Nothing was mended after these", judged.UNSEEN)


if __name__ == "__main__":
    main(*sys.argv[1:])
