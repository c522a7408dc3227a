"""How good the mapping proposals are on the judged pairs, how sure they are, and how long a thousand gaps take.

python benchmarks/proposals.py [fit]

Prints precision and coverage for the half that weights are fitted with and for the half that they never saw,
and how often proposals of a confidence are right. With `fit` it first computes the weights of weights.yaml anew,
by logistic regression, from the first half, and prints them; to use them is a person's decision.
"""

import importlib.util
import math
import sys
import time
from pathlib import Path

from transload._proposals import propose
from transload._proposals.proposer import rank

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


def fit() -> dict[str, float]:
    """Return the log-odds of each fact that explain best which fields' first choices are right."""
    rows, rights = [], []
    for name in judged.FILES:
        for group in judged.by_entity(p for p in judged.read_pairs(name) if judged.half_of(p) == 0):
            columns = {pair.field: pair.columns for pair in group}
            best = {c.gap.field: c for c in reversed(rank([p.gap for p in group], judged.table(group[0].table)))}
            for candidate in best.values():
                rows.append([1.0, *(getattr(candidate.facts, fact) for fact in _FACTS)])
                rights.append(float(candidate.column.name in columns[candidate.gap.field]))
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


def report() -> None:
    """Print the figures of each file and half, and how right each confidence is."""
    pairs = {name: judged.read_pairs(name) for name in judged.FILES}
    for name, listed in pairs.items():
        for half, label in ((0, "fitted"), (1, "unseen")):
            some = [pair for pair in listed if judged.half_of(pair) == half]
            figures = judged.measure(some)
            print(f"{name:12} {label:7} {len(some):4} pairs  precision {figures.precision:.1%}  "
                  f"coverage {figures.coverage:.1%}  right answers {figures.right:.1%}")  # fmt: skip
    made = [each for name in pairs for each in judged.confidences(pairs[name])]
    for low, high in ((0.0, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 1.01)):
        if some := [(sure, right) for sure, right in made if low <= sure < high]:
            said, was = sum(s for s, _ in some) / len(some), sum(r for _, r in some) / len(some)
            print(f"confidence {low:.2f} to {high:.2f}: {len(some):4} proposals, said {said:.0%}, right {was:.0%}")


def pace() -> None:
    """Print how long a thousand gaps take."""
    listed = [pair for name in judged.FILES for pair in judged.read_pairs(name)]
    target = judged.schema_of({pair.table for pair in listed})
    started = time.perf_counter()
    propose([pair.gap for pair in listed], [], target)
    print(f"{(time.perf_counter() - started) / len(listed) * 1000:.2f} s for 1,000 gaps")


if __name__ == "__main__":
    if sys.argv[1:] == ["fit"]:
        print("\n".join(f"  {fact}: {value:.2f}" for fact, value in fit().items()))
    pace()
    report()
