"""The rows of a sample: kept, and recognised by the full run, or taken back before it, as the client says.

Taking back is a rollback of what samples wrote first, with all its rules: rows that people changed
are spared, the undone ones are read back, and a call that was cut off is gone on with.
"""

from dataclasses import replace

from transload._reports import Report, Tone, Verdict
from transload._stages.bench import Bench
from transload._stages.forcing import approve_command
from transload._stages.reporting import counted, report_of
from transload._stages.rollback import UndoOrder, rollback
from transload._stages.undo_choice import ChosenRows, UndoChoice
from transload.errors import StageRefusedError

_TITLE = "Rows of the sample, taken back"
_KEEP = '`[sample] rows = "keep"` lets the full run recognise them instead.'
REMOVE = "transload sample --remove"


def remove_rows(bench: Bench) -> Report:
    """Undo what samples wrote, and nothing else.

    Raises:
        StageRefusedError: Later loads have built on these rows.
    """
    if not rows_left(bench):
        verdict = Verdict(Tone.GOOD, "No row of a sample is in the target", "", "transload run")
        return report_of(bench, _TITLE, verdict, {"Rows undone": "0"})
    choice = UndoChoice(runs=_runs(bench))
    if along := ChosenRows.of(bench, choice).along:
        reason = f"{counted(along, 'row')} of later loads belong to the rows of the sample"
        raise StageRefusedError(REMOVE.removeprefix("transload "), reason, "transload rollback, which undoes both")
    report = replace(rollback(bench, UndoOrder(choice=choice)), title=_TITLE)
    return replace(report, verdict=_verdict(report.verdict, rows_left(bench), choice))


def require_removed(bench: Bench) -> None:
    """Let the full run start only when the rows of samples are as the client wants them.

    Raises:
        StageRefusedError: They are to be gone, and some are there.
    """
    if bench.project.settings.sample.rows == "remove" and (left := rows_left(bench)):
        reason = f"{counted(left, 'row')} of the sample are in the target; `[sample] rows` wants them taken back"
        raise StageRefusedError(bench.context.stage, f"{reason} first, or says `keep`", REMOVE)


def rows_left(bench: Bench) -> int:
    """Return how many rows that samples made or changed first are not undone."""
    runs = set(_runs(bench))
    return sum(row.run_id in runs for row in bench.ledger.journal.undo_list())


def _runs(bench: Bench) -> tuple[str, ...]:
    return tuple(run.run_id for run in bench.ledger.runs.all() if run.stage == "sample")


def _verdict(verdict: Verdict, left: int, choice: UndoChoice) -> Verdict:
    """Say what a rollback's verdict means for the full run."""
    if verdict.tone is Tone.BAD:
        return replace(verdict, next_command=REMOVE)
    if left:
        forced = " and ".join(f"`transload rollback --run {run} --force`" for run in choice.runs)
        detail = (
            "People changed them since, or a row that stays points to them: they are listed below. "
            f"{_KEEP} To take them back all the same, approve exactly this list, then {forced}."
        )
        return replace(verdict, detail=detail, next_command=approve_command())
    return replace(verdict, detail="The full run starts without them.", next_command="transload run")
