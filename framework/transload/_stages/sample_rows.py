"""The rows of a sample: kept, and recognised by the full run, or taken back before it, as the client says.

Taking back is a rollback of what samples wrote first, with all its rules: rows that people changed
are spared, the undone ones are read back, and a call that was cut off is gone on with.
"""

from collections.abc import Mapping
from dataclasses import replace

from transload._ledger import RunStatus
from transload._reports import Report, Tone, Verdict
from transload._stages.bench import Bench
from transload._stages.forcing import approve_command
from transload._stages.gates import require_finished, require_not_before
from transload._stages.reporting import counted
from transload._stages.rollback import UndoOrder, rollback
from transload._stages.signatures import is_enough, signatures
from transload._stages.undo_choice import ChosenRows, UndoChoice
from transload.errors import StageRefusedError
from transload.values import Finding, Severity

_COMMAND = "sample --remove"
REMOVE = f"transload {_COMMAND}"
"""The command that takes the rows back."""


def remove_rows(bench: Bench, force: bool = False) -> Report:
    """Undo what samples wrote, and nothing else; when that is done already, prove it again.

    Args:
        bench: The bench.
        force: Undo also what people changed since; needs an approval of exactly these rows.

    Raises:
        StageRefusedError: There was no sample, or later loads have built on its rows.
    """
    choice = UndoChoice(runs=_runs(bench))
    if not choice.is_part:
        raise StageRefusedError(_COMMAND, "no sample has run", "transload sample")
    chosen = ChosenRows.of(bench, choice) if rows_left(bench) else ChosenRows(bench, {})
    if chosen.along:
        reason = f"{counted(chosen.along, 'row')} of later loads belong to the rows of the sample"
        raise StageRefusedError(_COMMAND, reason, "transload rollback, which undoes both")
    report = rollback(bench, UndoOrder(choice=choice, force=force, command=REMOVE), chosen)
    facts = {**report.facts, "Chosen": "what samples wrote first"}
    verdict = _verdict(report.verdict, rows_left(bench))
    return replace(report, title="Rows of the sample, taken back", facts=facts, verdict=verdict)


def require_sample(bench: Bench, digests: Mapping[str, str]) -> list[Finding]:
    """Let the full run start after a sample that passed, or that a person approved as it is.

    Args:
        bench: The bench.
        digests: What stands now; an approval of anything else is void.

    Returns:
        What a person should know of it: that it was one of another mapping.

    Raises:
        StageRefusedError: There is none, nobody has approved a bad one, or its rows are to be gone first.
    """
    last = require_finished(bench, "sample")
    require_not_before(bench, last, "rollback")
    if last.status is not RunStatus.PASSED and not is_enough(
        bench, signatures(bench, "sample", digests, last.started_at)
    ):
        raise StageRefusedError(
            bench.command, "the last sample did not pass", 'transload approve sample --by "Your Name"'
        )
    _require_removed(bench)
    if last.summary.get("digests", {}).get("mapping") == digests["mapping"]:
        return []
    return [
        Finding(
            "sample_of_another_mapping",
            Severity.WARNING,
            "The mapping was changed since the last sample",
            f"The sample of {last.started_at:%Y-%m-%d %H:%M} UTC shows what the mapping made then.",
            "`transload sample` shows what it makes now, field by field.",
        )
    ]


def _require_removed(bench: Bench) -> None:
    if bench.project.settings.sample.rows == "remove" and (left := rows_left(bench)):
        reason = f"{counted(left, 'row')} of the sample are in the target; `[sample] rows` wants them taken back"
        raise StageRefusedError(bench.command, f"{reason} first, or says `keep`", REMOVE)


def rows_left(bench: Bench) -> int:
    """Return how many rows that samples made or changed first are not undone."""
    runs = set(_runs(bench))
    return sum(row.run_id in runs for row in bench.ledger.journal.undo_list())


def _runs(bench: Bench) -> tuple[str, ...]:
    return tuple(run.run_id for run in bench.ledger.runs.all() if run.stage == "sample")


def _verdict(verdict: Verdict, left: int) -> Verdict:
    """Say what a rollback's verdict means for the full run."""
    if verdict.tone is Tone.BAD:
        return verdict
    if left:
        detail = (
            'People changed them since, or a row that stays points to them: see below. `[sample] rows = "keep"` lets '
            "the full run recognise them instead. To take them back all the same, approve exactly this list, then "
            f"`{REMOVE} --force`."
        )
        return replace(verdict, detail=detail, next_command=approve_command())
    return replace(verdict, detail="The full run starts without them.", next_command="transload run")
