"""Waivers: a named person accepts a class of differences, or those of one record, and says why.

Kept like approvals, in the ledger and the audit log, and bound to the mapping: when that changes they are void.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from transload._pipeline.checks import Mismatch
from transload._reports import Column, Report, Table, Tone, Verdict
from transload._stages.bench import Bench
from transload._stages.reporting import report_of
from transload.errors import ConfigError
from transload.mapping import digest_mappings

UNKNOWN_ROW, DEAD_LETTER, PARKED = "unknown or doubled row", "dead letter", "parked record"
NO_USER, MONEY = "user without a match", "money differs"
CLASSES = (*map(str, Mismatch), MONEY, UNKNOWN_ROW, DEAD_LETTER, PARKED, NO_USER)
"""What can be wrong, as reports and waivers name it."""
_PREFIX = "waiver/"


@dataclass(frozen=True, slots=True)
class Waiver:
    """A waiver. ``record`` is empty when it is for the whole class; ``valid`` while the mapping is the same."""

    kind: str
    record: str
    name: str
    reason: str
    at: datetime
    valid: bool


@dataclass(frozen=True, slots=True)
class Waivers:
    """The newest waiver of each class and record."""

    all: Collection[Waiver]

    def covers(self, kind: str, record: str = "") -> bool:
        """Whether a class, or the difference of a record, is waived."""
        return any(w.valid and w.kind == kind and w.record in {"", record} for w in self.all)

    def left(self, kind: str, records: Iterable[str]) -> int:
        """Return how many cases of a class, each by its record, nobody has waived."""
        return sum(not self.covers(kind, record) for record in records)


def waive(bench: Bench, kind: str, name: str, reason: str, record: str = "") -> Report:
    """Record that a named person accepts a class of differences.

    Raises:
        ConfigError: There is no such class, or the name or the reason is missing.
    """
    if kind not in CLASSES:
        raise ConfigError(f"there is no class {kind!r}", f"Use one of: {', '.join(CLASSES)}.")
    if not (name.strip() and reason.strip()):
        raise ConfigError("a waiver needs a name and a reason", 'Say both: `--by "Your Name" --reason "Why"`.')
    current = digest_mappings(bench.documents().values())
    bench.ledger.notes.approve(f"{_PREFIX}{kind}/{record}", name, {"mapping": current}, reason)
    verdict = Verdict(
        Tone.GOOD, f"{name} waived: {kind}", "Void as soon as the mapping changes.", "transload reconcile"
    )
    facts = {"Class": kind, "Record": record or "all", "Waived by": name, "Reason": reason,
             "Audit log so far": bench.ledger.audit_log.verify().head}  # fmt: skip
    return replace(report_of(bench, "Waiver", verdict, facts), stage="reconcile-waiver")


def waivers(bench: Bench) -> Waivers:
    """Return the waivers that were given, and whether they still hold."""
    current = digest_mappings(bench.documents().values())
    newest: dict[tuple[str, str], Waiver] = {}
    for given in bench.ledger.notes.approvals_under(_PREFIX):
        kind, _, record = given.subject.removeprefix(_PREFIX).partition("/")
        valid = given.digests.get("mapping") == current
        newest[kind, record] = Waiver(kind, record, given.name, given.note, given.at, valid)
    return Waivers(list(newest.values()))


def waivers_table(given: Waivers) -> Table:
    """Return the table of waivers, void ones too."""
    columns = [Column("kind", "Class"), Column("record", "Record"), Column("by", "Waived by"), Column("at", "When"),
               Column("reason", "Reason"), Column("state", "State", badge=True)]  # fmt: skip
    rows = [
        {
            "kind": waiver.kind,
            "record": waiver.record or "all",
            "by": waiver.name,
            "at": waiver.at,
            "reason": waiver.reason,
            "state": "valid" if waiver.valid else "void: the mapping changed",
            "tone": Tone.PLAIN if waiver.valid else Tone.WARN,
        }
        for waiver in given.all
    ]
    return Table("Waivers", columns, rows, tone_key="tone", brief=True, lead=True)
