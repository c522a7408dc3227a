"""How hard a migration is: a grade from A to E, with what counted towards it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transload._reports import Column, Table
from transload.values import Finding, Severity

_GRADES = "ABCDE"
_MEANS = {
    "A": "straightforward: the shipped mapping as it is",
    "B": "usual: a review of the mapping, a few decisions",
    "C": "demanding: several decisions, and people on both sides",
    "D": "hard: clean up first, rehearse more than once",
    "E": "a project of its own: settle the blockers before any date is named",
}


CUSTOM, REBUILD, BLOCKERS = "Fields without a rule of the shipped mapping", "Things to rebuild by hand", "Blockers"
ORPHANS, DOUBLES = "References to records that are not there", "Records in groups of likely duplicates"
BROKEN, LOST = "Records that break a rule", "Values that would be cut or rounded"
_STEPS = {
    "Records": (20_000, 200_000, 1_000_000),
    CUSTOM: (10, 40, 100),
    REBUILD: (5, 15, 40),
    "Warnings": (3, 8, 15),
    BLOCKERS: (1, 2, 3),
}
"""From which amounts on one, two or three points are counted."""
_PERCENTS = {ORPHANS: 5, DOUBLES: 10, BROKEN: 5, LOST: 10}
"""The same from one, from a percent of the records, and from so many percent."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that makes a migration harder.

    Attributes:
        steps: From which amounts on it counts one, two or three points.
    """

    name: str
    amount: int
    steps: tuple[int, int, int]

    @property
    def points(self) -> int:
        """0 to 3."""
        return sum(self.amount >= step for step in self.steps)


def measure(records: int, amounts: Mapping[str, int], findings: Sequence[Finding]) -> list[Measure]:
    """Return what counts.

    Args:
        records: Records of the source.
        amounts: What the audit counted, by the names of the steps below.
        findings: The audit's findings.
    """
    percent = max(1, records // 100)
    counted = {
        "Records": records,
        **amounts,
        "Warnings": sum(finding.severity is Severity.WARNING for finding in findings),
        BLOCKERS: sum(finding.severity is Severity.BLOCKER for finding in findings),
    }
    measures = []
    for name, amount in counted.items():
        low, middle, high = _STEPS.get(name) or (1, percent, _PERCENTS[name] * percent)
        measures.append(Measure(name, amount, (low, middle, high)))
    return measures


def grade_of(measures: Sequence[Measure]) -> str:
    """Return the grade: its points, and at least D with a blocker."""
    points = sum(one.points for one in measures)
    grade = _GRADES[min(len(_GRADES) - 1, points // 3)]
    blocked = any(one.name == BLOCKERS and one.amount for one in measures)
    return max(grade, "D") if blocked else grade


def grade_text(grade: str) -> str:
    """Return the grade with what it means."""
    return f"{grade}, {_MEANS[grade]}"


def grade_table(grade: str, measures: Sequence[Measure]) -> Table:
    """Return what counted towards the grade."""
    columns = [Column("what", "Measure"), Column("amount", "Amount", numeric=True),
               Column("points", "Points, 0 to 3", numeric=True), Column("steps", "A point from")]  # fmt: skip
    rows = [
        {"what": m.name, "amount": m.amount, "points": m.points, "steps": " / ".join(f"{s:,}" for s in m.steps)}
        for m in sorted(measures, key=lambda m: -m.points)
    ]
    note = f"Grade {grade_text(grade)}. Three points are a grade; a blocker alone makes it D."
    return Table("Complexity", columns, rows, note)
