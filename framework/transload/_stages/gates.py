"""What must have passed before a stage may start, and the command that makes it pass."""

from collections.abc import Mapping

from transload._ledger import Run, RunStatus
from transload._stages.bench import Bench
from transload._stages.schema_changes import missing_changes
from transload.errors import StageRefusedError
from transload.mapping import Mapping as MappingDocument

QUICK = "delta-quick"
"""The stage of a quick delta."""
WHOLE = ("run", "delta")
"""The loads that read every record of the source."""


def require(bench: Bench, stage: str, since: str | None = None) -> Run:
    """Return the latest run of a stage, which must have passed.

    Args:
        bench: The bench.
        stage: The stage that must have passed.
        since: A stage after whose latest passed run it must have passed again.

    Raises:
        StageRefusedError: It has not; the message names the command to run.
    """
    last = bench.ledger.runs.last(stage)
    if last is None or last.status is not RunStatus.PASSED:
        reason = f"`{stage}` has not run yet" if last is None else f"the last `{stage}` did not pass"
        raise StageRefusedError(bench.command, reason, f"transload {stage}")
    if since is not None:
        require_not_before(bench, last, since)
    return last


def require_prepared(bench: Bench, documents: Mapping[str, MappingDocument]) -> None:
    """Let a stage write rows only when every column and key that the mapping needs is there.

    Raises:
        StageRefusedError: Something is missing: an edit of the mapping since, a rollback, or a person.
    """
    require(bench, "prepare", since="rollback")
    if missing := missing_changes(documents.values(), bench.target(documents)):
        raise StageRefusedError(bench.command, f"the target lacks the {missing[0]}", "transload prepare")


def require_not_before(bench: Bench, run: Run, stage: str) -> None:
    """Refuse to build on a run that another stage has made void since.

    Raises:
        StageRefusedError: The other stage ran later.
    """
    later = bench.ledger.runs.last(stage, passed_only=True)
    if later is not None and later.started_at > run.started_at:
        reason = f"`{stage}` has run since the last `{run.stage}`"
        raise StageRefusedError(bench.command, reason, f"transload {run.stage}")


def require_finished(bench: Bench, stage: str) -> Run:
    """Return the latest run of a stage that came to its end, passed or not.

    Raises:
        StageRefusedError: There is none.
    """
    last = bench.ledger.runs.last(stage)
    if last is None or not _came_to_its_end(last):
        reason = f"`{stage}` has not come to its end"
        raise StageRefusedError(bench.command, reason, f"transload {stage}")
    return last


def require_whole_reading(bench: Bench) -> None:
    """Refuse to build on a source of which only what seemed changed was read since it was read as a whole.

    Raises:
        StageRefusedError: A quick delta came after the last load that read every record.
    """
    for run in reversed(bench.ledger.runs.all()):
        if run.stage == QUICK:
            reason = "the last delta was a quick one, which may have missed changes"
            raise StageRefusedError(bench.command, reason, "transload delta, then transload reconcile")
        if run.stage in WHOLE and _came_to_its_end(run):
            return


def _came_to_its_end(run: Run) -> bool:
    return run.status in {RunStatus.PASSED, RunStatus.FAILED} and "error" not in run.summary
