"""The rules of go and no-go: written in the project file, applied to what a reconciliation found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transload._reports import Column, Table, Tone
from transload._stages.waivers import CLASSES, Waivers
from transload.settings import ReconcileTable


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
         Column("effect", "Effect", badge=True)],
        [
            {"rule": rule.name, "fired": rule.fired, "left": rule.left, "effect": effect, "tone": tone}
            for rule in rules
            for effect, tone in [rule.effect]
        ],
        note="`[reconcile]` in transload.toml says what forbids the cut-over.",
        tone_key="tone",
        brief=True,
    )  # fmt: skip
