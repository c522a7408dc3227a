"""How good proposals are on pairs that people have judged, and whether their confidence can be believed."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from transload.mapping import NO_TARGET, Proposal

Judged: TypeAlias = Callable[[str], list[tuple[frozenset[str], Proposal]]]


@pytest.mark.parametrize(
    ("name", "precision", "coverage"),
    [("judged.csv", 0.97, 0.97), ("pairs.csv", 0.98, 0.97), ("systems.csv", 0.97, 0.95), ("unseen.csv", 0.95, 0.88)],
)
def test_proposals_are_right_and_leave_few_fields_out(
    judged: Judged, name: str, precision: float, coverage: float
) -> None:
    listed = judged(name)

    made = [proposal.column in right for right, proposal in listed if proposal.column != NO_TARGET]
    needed = [proposal.column in right for right, proposal in listed if NO_TARGET not in right]

    assert sum(made) / len(made) >= precision
    assert sum(needed) / len(needed) >= coverage


@pytest.mark.parametrize("name", ["judged.csv", "pairs.csv", "systems.csv", "unseen.csv"])
def test_proposals_are_right_as_often_as_they_say(judged: Judged, name: str) -> None:
    made = [(right, proposal) for right, proposal in judged(name) if proposal.column != NO_TARGET]

    right_ones = sum(proposal.column in right for right, proposal in made)

    assert right_ones >= sum(proposal.confidence for _, proposal in made)
