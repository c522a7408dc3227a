"""The rules of go and no-go: written in the project file, applied to what a reconciliation found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transload._pipeline.checks import Mismatch
from transload._reports import Column, Table, Tone
from transload._stages.waivers import CLASSES, DEAD_LETTER, MONEY, NO_USER, PARKED, UNKNOWN_ROW, Waivers
from transload.settings import ReconcileTable

_AGAIN = "then transload delta and reconcile again"
_ADVICE: Mapping[str, tuple[str, str]] = {
    Mismatch.MISSING: ("A record has no row.", "Look up why with transload explain; correct it, then transload run."),
    Mismatch.VALUE: (
        "A column holds something else than the mapping makes of the record.",
        f"Compare both in the field-level diff. Correct the rule or the row, {_AGAIN}.",
    ),
    Mismatch.RELATION: ("A lookup or a link leads elsewhere.", f"Correct the rule or the row, {_AGAIN}."),
    Mismatch.STATE: (
        "A row is open, closed or cancelled where it should not be.",
        "Run transload run: it sets states.",
    ),
    Mismatch.PEOPLE: (
        "Somebody changed in the target what was loaded.",
        "Usually welcome. Where the source should win, say so in [delta].",
    ),
    Mismatch.CLOSED: (
        "The source changed what belongs to a row that is closed for good.",
        "Enter the change in the target by hand where it matters.",
    ),
    MONEY: ("The amounts of a month do not come to the same on both sides.", "See money by month, then the diff."),
    UNKNOWN_ROW: (
        "A row carries a source id that the ledger does not know, or knows from another row.",
        "Somebody copied a row, or another migration made it: empty the id there, or delete the row.",
    ),
    DEAD_LETTER: ("A record was set aside because its row was refused.", "Do what it says, then transload retry."),
    PARKED: ("A record waits for another that is not loaded.", "Load that one, then transload retry."),
    NO_USER: (
        "An employee has no user, so the fallback owner has the records.",
        "Add the user, then transload reassign; this can also come later.",
    ),
}
"""What each class means to people, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the verdict.

    Attributes:
        name: The class of differences.
        fired: How often it was found.
        left: How many of these nobody has waived.
        forbids: Whether it forbids the cut-over.
    """

    name: str
    fired: int
    left: int
    forbids: bool

    @property
    def is_no_go(self) -> bool:
        """Whether the cut-over must wait."""
        return self.forbids and self.left > 0

    @property
    def effect(self) -> tuple[str, Tone]:
        """What it comes to, for people."""
        if not self.fired:
            return "go", Tone.GOOD
        if not self.left:
            return "waived", Tone.WARN
        return ("no-go", Tone.BAD) if self.forbids else ("look at it", Tone.WARN)


def apply_rules(settings: ReconcileTable, found: Mapping[str, Sequence[str]], given: Waivers) -> list[Rule]:
    """Return the rules with what was found: for each class the record of each case."""
    effects = settings.model_dump()
    return [
        Rule(name, len(cases), given.left(name, cases), effects[name.replace(" ", "_")] == "no-go")
        for name in CLASSES
        for cases in [found.get(name, ())]
    ]


def rules_table(rules: Sequence[Rule]) -> Table:
    """Return the table of the rules."""
    return Table(
        "Go / no-go",
        [Column("rule", "Rule"), Column("fired", "Cases", numeric=True), Column("left", "Not waived", numeric=True),
         Column("effect", "Effect", badge=True), Column("meaning", "What it means", wordy=True),
         Column("remedy", "What to do", wordy=True)],
        [
            {
                "rule": rule.name, "fired": rule.fired, "left": rule.left, "effect": effect, "tone": tone,
                "meaning": meaning, "remedy": remedy if rule.left else "",
            }
            for rule in rules
            for effect, tone in [rule.effect]
            for meaning, remedy in [_ADVICE[rule.name]]
        ],
        note="`[reconcile]` in transload.toml says what forbids the cut-over. A named person can accept cases with "
        "`transload waive`.",
        tone_key="tone",
        brief=True,
        lead=True,
    )  # fmt: skip
