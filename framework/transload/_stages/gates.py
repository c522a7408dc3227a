"""What must have passed before a stage may start, and the command that makes it pass."""

from transload._ledger import Run, RunStatus
from transload._stages.bench import Bench
from transload.errors import StageRefusedError


def require(bench: Bench, stage: str, since: str | None = None) -> Run:
    """Return the latest passed run of a stage.

    Args:
        bench: The bench.
        stage: The stage that must have passed.
        since: A stage after whose latest passed run it must have passed again.

    Raises:
        StageRefusedError: It has not; the message names the command to run.
    """
    last = bench.ledger.runs.last(stage, passed_only=True)
    if last is None:
        tried = bench.ledger.runs.last(stage)
        reason = f"`{stage}` has not run yet" if tried is None else f"the last `{stage}` did not pass"
        raise StageRefusedError(bench.context.stage, reason, f"transload {stage}")
    undone = bench.ledger.runs.last(since, passed_only=True) if since is not None else None
    if undone is not None and undone.started_at > last.started_at:
        reason = f"`{since}` has run since the last `{stage}`"
        raise StageRefusedError(bench.context.stage, reason, f"transload {stage}")
    return last


def require_finished(bench: Bench, stage: str) -> Run:
    """Return the latest run of a stage that came to its end, passed or not.

    Raises:
        StageRefusedError: There is none.
    """
    last = bench.ledger.runs.last(stage)
    if last is None or last.status in {RunStatus.RUNNING, RunStatus.STOPPED} or "error" in last.summary:
        reason = f"`{stage}` has not come to its end"
        raise StageRefusedError(bench.context.stage, reason, f"transload {stage}")
    return last
