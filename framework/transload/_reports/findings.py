"""Findings in the order in which people need them."""

from collections.abc import Sequence

from transload._reports.model import Tone
from transload.values import Finding, Severity

TONES = {Severity.BLOCKER: Tone.BAD, Severity.WARNING: Tone.WARN, Severity.INFO: Tone.PLAIN}
"""Tone by severity, worst first."""

_NOUNS = {
    Severity.BLOCKER: ("blocker", "blockers"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.INFO: ("for information", "for information"),
}


def by_severity(findings: Sequence[Finding]) -> list[tuple[Severity, list[Finding]]]:
    """Return the findings of each severity that has any, worst first, else in the order given."""
    groups = [(severity, [f for f in findings if f.severity is severity]) for severity in TONES]
    return [(severity, group) for severity, group in groups if group]


def counted(severity: Severity, count: int) -> str:
    """Return how many findings of a severity there are, such as ``2 warnings``."""
    return f"{count} {_NOUNS[severity][count != 1]}"
