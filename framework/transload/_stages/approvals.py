"""Approvals: a named person says yes to exactly this, and to nothing else.

An approval is bound to digests of the mapping, both schemas, the plugins and the
settings. When any of them changes it is void, and the stage that needs it says what
was and what is. The project file says who may approve, and whether one person is enough.
"""

import getpass
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from transload._reports import Column, Report, Table, Tone, Verdict
from transload._stages.basis import (
    Basis,
    Facts,
    basis_of,
    changed_areas,
    drift_since,
    drift_table,
    keep_basis,
    tell_drift,
)
from transload._stages.bench import Bench
from transload._stages.gates import require, require_finished, require_not_before, require_whole_reading
from transload._stages.reporting import report_of
from transload._stages.signatures import (
    SUBJECTS,
    is_enough,
    require_other_eyes,
    require_role,
    signatures,
    signoff_table,
)
from transload.errors import ConfigError, StageRefusedError
from transload.mapping import Mapping as MappingDocument

CUT_OVER = "cut_over_at"
"""Ledger fact: when the cut-over was approved; the 72 hours of rollback start there."""
_FOLLOWING = {"mapping": "transload prepare", "sample": "transload run", "cutover": ""}


def remember_plan(bench: Bench, documents: Mapping[str, MappingDocument]) -> list[Table]:
    """Keep the digests of what was planned, so that only that can be approved.

    Returns:
        What drifted since the last approval of the mapping, if anything did.
    """
    basis = basis_of(bench, documents)
    bench.summary["digests"] = basis.digests
    keep_basis(bench.ledger, basis)
    return _drift_tables(bench, basis)


def approve(bench: Bench, subject: str, name: str, note: str = "") -> Report:
    """Record that a person approves the mapping, the sample or the cut-over.

    Raises:
        StageRefusedError: What is to be approved does not exist or has changed.
        ConfigError: Nobody is named, or somebody who may not approve this.
    """
    if not name.strip():
        raise ConfigError("an approval needs a name", 'Say who approves: `--by "Your Name"`.')
    require_role(bench, subject, name)
    basis = basis_of(bench, bench.documents())
    _require_standing(bench, subject, basis)
    drifted = _drift_tables(bench, basis)
    require_other_eyes(bench, signatures(bench, subject, basis.digests, _since(bench, subject)), subject, name)
    keep_basis(bench.ledger, basis)
    bench.ledger.notes.approve(subject, name, basis.digests, note)
    return _report(bench, subject, name, note, basis, drifted)


def require_approval(bench: Bench, documents: Mapping[str, MappingDocument]) -> Facts:
    """Let a stage go on only under a valid approval of the mapping.

    Returns:
        The digests that it is bound to.

    Raises:
        StageRefusedError: There is none, something drifted since, or a second person has to approve.
    """
    approval = bench.ledger.notes.approval("mapping")
    command = 'transload approve mapping --by "Your Name"'
    if approval is None:
        raise StageRefusedError(bench.command, "nobody has approved the mapping", command)
    basis = basis_of(bench, documents)
    if changed := changed_areas(approval.digests, basis.digests):
        when = f"{approval.at:%Y-%m-%d %H:%M} UTC"
        told = tell_drift(drift_since(bench.ledger, approval.digests, basis))
        reason = f"the approval by {approval.name} of {when} is void: {', '.join(changed)} changed since{told}"
        raise StageRefusedError(bench.command, reason, f"transload plan, then {command}")
    signed = signatures(bench, "mapping", basis.digests)
    if not is_enough(bench, signed):
        reason = f"only {signed[0].name} has approved the mapping" if signed else "no approval of the mapping counts"
        raise StageRefusedError(bench.command, f"{reason}; see [approvals]", command)
    return basis.digests


def _require_standing(bench: Bench, subject: str, basis: Basis) -> None:
    """Let only that be approved which has been looked at, and is still so.

    Raises:
        StageRefusedError: It does not exist, or has changed.
    """
    if subject == "mapping":
        planned = require(bench, "plan").summary.get("digests")
        if changed := changed_areas(planned, basis.digests):
            told = tell_drift(drift_since(bench.ledger, planned, basis)) if isinstance(planned, Mapping) else ""
            reason = f"{', '.join(changed)} changed since the last plan{told}"
            raise StageRefusedError("approve mapping", reason, "transload plan")
        return
    if subject == "sample":
        require_finished(bench, "sample")
    else:
        require_whole_reading(bench)
        go = require(bench, "reconcile")
        for stage in ("run", "delta", "rollback", "rollback-part"):
            require_not_before(bench, go, stage)
        if held := bench.ledger.held.all():
            raise StageRefusedError("approve cutover", f"a stop left {held[0]} as it was for the load", "transload run")
    require_approval(bench, bench.documents())


def _report(bench: Bench, subject: str, name: str, note: str, basis: Basis, drifted: list[Table]) -> Report:
    if is_enough(bench, signatures(bench, subject, basis.digests, _since(bench, subject))):
        bench.summary["subject"] = subject
        if subject == "cutover":
            bench.ledger.runs.set_fact(CUT_OVER, bench.context.clock().isoformat())
        detail, following = "Void as soon as anything below changes.", _FOLLOWING[subject]
        verdict = Verdict(Tone.GOOD, f"{name} approved the {subject}", detail, following)
    else:
        detail = "The project asks for four eyes: it counts once a second person has approved the same."
        command = f'transload approve {subject} --by "Their Name"'
        verdict = Verdict(Tone.WARN, f"{name} approved the {subject}, and one more must", detail, command)
    rows = [{"what": what, "facts": len(basis.facts[what]), "digest": digest}
            for what, digest in basis.digests.items()]  # fmt: skip
    columns = [Column("what", "What"), Column("facts", "Single facts", numeric=True), Column("digest", "Digest")]
    report = report_of(
        bench, f"Approval of the {subject}", verdict,
        {"Approved by": name, "Account": _account(), "Note": note or "none",
         "Audit log so far": bench.ledger.audit_log.verify().head},
        tables=[signoff_table(bench, basis.digests), Table("Bound to", columns, rows), *drifted],
    )  # fmt: skip
    return replace(report, stage=f"approve-{subject}")  # each approval is kept beside the others


def _since(bench: Bench, subject: str) -> datetime | None:
    """Return since when people can have signed this: a sample or a verdict is signed after it was made."""
    last = bench.ledger.runs.last(SUBJECTS[subject][0])
    return last.started_at if last is not None and subject != "mapping" else None


def _drift_tables(bench: Bench, basis: Basis) -> list[Table]:
    """Return what is not as it was when the mapping was approved last; nothing before the first approval."""
    approval = bench.ledger.notes.approval("mapping")
    drifts = drift_since(bench.ledger, approval.digests, basis) if approval is not None else []
    if approval is None or not drifts:
        return []
    return [drift_table(drifts, f"Changed since {approval.name} approved on {approval.at:%Y-%m-%d %H:%M} UTC")]


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
