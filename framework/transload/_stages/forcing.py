"""Undoing what people changed: only exactly what a named person has seen and approved.

A rollback without `--force`, dry or not, remembers the rows that people changed and what they hold.
The approval is bound to that list; one more change, or another choice of rows, makes it void.
"""

from dataclasses import replace

from transload._ledger.codec import digest, encode
from transload._reports import Column, Report, Table, Tone, Verdict
from transload._stages.bench import Bench
from transload._stages.reporting import report_of
from transload._stages.sparing import Sparing
from transload._stages.undo_choice import UndoChoice
from transload.errors import ConfigError, StageRefusedError

_FACT, _CALL = "changed_by_people", "changed_by_people_call"
_SUBJECT = "rollback"
_LIST = "rows that people changed"


def approve_command() -> str:
    """Return the command that approves the list."""
    return 'transload approve rollback --by "Your Name"'


def remember_people(bench: Bench, sparing: Sparing, choice: UndoChoice, call: str) -> None:
    """Keep the digest of what people changed, so that only that can be approved, and the command that undoes it."""
    bench.ledger.runs.set_fact(_CALL, call)
    bench.ledger.runs.set_fact(_FACT, _digest(sparing, choice) if sparing.people else "")


def approve_rollback(bench: Bench, name: str, note: str = "") -> Report:
    """Record that a person approves that the listed rows are undone although people changed them.

    Raises:
        StageRefusedError: No rollback has listed any.
        ConfigError: Nobody is named.
    """
    if not name.strip():
        raise ConfigError("an approval needs a name", 'Say who approves: `--by "Your Name"`.')
    listed = bench.ledger.runs.fact(_FACT)
    if not listed:
        raise StageRefusedError("approve rollback", "no rollback has spared a row", "transload rollback --dry-run")
    bench.ledger.notes.approve(_SUBJECT, name, {_LIST: listed}, note)
    bench.summary["subject"] = _SUBJECT
    verdict = Verdict(
        Tone.GOOD, f"{name} approved that rows which people changed are undone",
        "Void as soon as one of them changes again.", f"{bench.ledger.runs.fact(_CALL)} --force",
    )  # fmt: skip
    facts = {"Approved by": name, "Note": note or "none", "Audit log so far": bench.ledger.audit_log.verify().head}
    bound = Table("Bound to", [Column("what", "What"), Column("digest", "Digest")], [{"what": _LIST, "digest": listed}])
    report = report_of(bench, "Approval of the rollback", verdict, facts, tables=[bound])
    return replace(report, stage=f"approve-{_SUBJECT}")


def require_forced(bench: Bench, sparing: Sparing, choice: UndoChoice) -> None:
    """Let a forced rollback go on only under an approval of exactly what people changed.

    Raises:
        StageRefusedError: There is none, or the list is another one by now.
    """
    if not sparing.people:
        return
    approval = bench.ledger.notes.approval(_SUBJECT)
    if approval is None or approval.digests.get(_LIST) != _digest(sparing, choice):
        given = "nobody has approved" if approval is None else f"the approval by {approval.name} is not for"
        reason = f"{given} the {len(sparing.people):,} rows that people changed, as they are now"
        raise StageRefusedError("rollback --force", reason, f"transload rollback --dry-run, then {approve_command()}")


def _digest(sparing: Sparing, choice: UndoChoice) -> str:
    rows = {str(ref): what for ref, what in sorted(sparing.people.items(), key=lambda item: str(item[0]))}
    return digest(encode({"choice": str(choice), **rows}))
