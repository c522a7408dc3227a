"""Who signed for what: the roles of the project file, the second pair of eyes, the table of sign-offs."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from transload._ledger import Approval, Run
from transload._reports import Column, Table, Tone
from transload._stages.bench import Bench
from transload.errors import ConfigError

SUBJECTS: Mapping[str, tuple[str, str]] = {
    "mapping": ("plan", "prepare"),
    "sample": ("sample", "run"),
    "cutover": ("reconcile", "rollback"),
}
"""What can be approved: the stage whose result is signed, and the stage that follows."""


def require_role(bench: Bench, subject: str, name: str) -> None:
    """Refuse the approval of somebody whom the project file does not list for it.

    Raises:
        ConfigError: The name is not on the list.
    """
    if not _may(bench, subject, name):
        listed = ", ".join(_named(bench, subject))
        raise ConfigError(
            f"{name} may not approve the {subject}: [approvals] {subject} lists {listed}",
            f"Let one of them approve, or have the project's owner add the name to [approvals] {subject}.",
        )


def require_other_eyes(bench: Bench, signed: list[Approval], subject: str, name: str) -> None:
    """Refuse a second approval by whom the first one came from.

    Raises:
        ConfigError: The four-eyes rule is on, and this person has approved already.
    """
    asked = bench.project.settings.approvals.four_eyes
    if asked and not is_enough(bench, signed) and any(same_person(name, known.name) for known in signed):
        raise ConfigError(
            f"{name} has approved the {subject} already, and the project asks for four eyes",
            f'A second person says: `transload approve {subject} --by "Their Name"`.',
        )


def signatures(
    bench: Bench, subject: str, digests: Mapping[str, str] | None = None, since: datetime | None = None
) -> list[Approval]:
    """Return the approvals that count: one for each person, of those who may give them now.

    Args:
        bench: The bench.
        subject: What was approved.
        digests: What they must be bound to; None takes any.
        since: When the earliest of them may have been given.
    """
    counting: dict[str, Approval] = {}
    for approval in bench.ledger.notes.approvals(subject):
        bound = digests is None or approval.digests == digests
        if bound and (since is None or approval.at >= since) and _may(bench, subject, approval.name):
            counting[_folded(approval.name)] = approval
    return list(counting.values())


def is_enough(bench: Bench, signed: list[Approval]) -> bool:
    """Whether as many people have signed as the project asks for."""
    return len(signed) >= (2 if bench.project.settings.approvals.four_eyes else 1)


def same_person(one: str, other: str) -> bool:
    """Whether two names are the same but for case and blanks."""
    return _folded(one) == _folded(other)


def signoff_table(bench: Bench, digests: Mapping[str, str]) -> Table:
    """Return who signed for mapping, sample and cut-over: on what before, and what ran after.

    Args:
        bench: The bench.
        digests: What stands now; an approval of anything else is void.
    """
    columns = [
        Column("subject", "Sign-off"), Column("name", "By"), Column("at", "At"), Column("before", "Signed was"),
        Column("after", "Ran after"), Column("standing", "Standing", badge=True), Column("note", "Note"),
    ]  # fmt: skip
    rows = [row for subject in SUBJECTS for row in _rows(bench, subject, digests)]
    return Table("Sign-offs", columns, rows, tone_key="tone", brief=True)


def _rows(bench: Bench, subject: str, digests: Mapping[str, str]) -> Iterator[dict[str, object]]:
    signed = bench.ledger.notes.approvals(subject)
    runs = bench.ledger.runs.all()
    stage, following = SUBJECTS[subject]
    newest = bench.ledger.runs.last(stage) if subject == "sample" else None
    since = newest.started_at if newest is not None else None
    enough = is_enough(bench, signatures(bench, subject, digests, since))
    for approval in signed:
        before = [run for run in runs if run.stage == stage and run.started_at <= approval.at]
        after = [run for run in runs if run.stage == following and run.started_at >= approval.at]
        if approval.digests != digests:
            tone, standing = Tone.WARN, "void: something changed since"
        elif since is not None and approval.at < since:
            tone, standing = Tone.WARN, "void: there is a newer sample"
        elif not _may(bench, subject, approval.name):
            tone, standing = Tone.WARN, "does not count: not listed"
        else:
            tone, standing = (Tone.GOOD, "holds") if enough else (Tone.WARN, "waits for a second person")
        yield {
            "subject": subject, "name": approval.name, "at": approval.at, "before": _told(before[-1:]),
            "after": _told(after[:1]), "standing": standing, "tone": tone, "note": approval.note or None,
        }  # fmt: skip
    if not signed:
        yield {"subject": subject, "standing": "open", "tone": Tone.PLAIN}


def _told(runs: list[Run]) -> str | None:
    return next((f"{run.stage} {run.started_at:%Y-%m-%d %H:%M}, {run.status}" for run in runs), None)


def _may(bench: Bench, subject: str, name: str) -> bool:
    listed = _named(bench, subject)
    return not listed or any(same_person(name, one) for one in listed)


def _named(bench: Bench, subject: str) -> tuple[str, ...]:
    table = bench.project.settings.approvals
    return {"mapping": table.mapping, "sample": table.sample, "cutover": table.cutover}[subject]


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
