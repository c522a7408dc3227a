"""How good proposals are on pairs that people have judged, and whether their confidence can be believed."""

from collections.abc import Callable

import pytest

PRECISION, COVERAGE = 0.97, 0.90
FILES = ["judged.csv", "pairs.csv"]


@pytest.mark.parametrize("name", FILES)
def test_proposals_are_right_and_leave_few_fields_out(
    precision_and_coverage: Callable[[str], tuple[float, float]], name: str
) -> None:
    precision, coverage = precision_and_coverage(name)

    assert precision >= PRECISION
    assert coverage >= COVERAGE


@pytest.mark.parametrize("name", FILES)
def test_proposals_are_right_as_often_as_they_say(
    sure_and_right: Callable[[str], list[tuple[float, bool]]], name: str
) -> None:
    made = sure_and_right(name)

    assert sum(right for _, right in made) >= sum(confidence for confidence, _ in made)
