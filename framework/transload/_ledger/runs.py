"""Runs: which stage ran when, on what facts, and how it ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from transload._ledger.audit_log import AuditLog
from transload._ledger.codec import decode_plain, encode_plain
from transload._ledger.connection import Database
from transload._ledger.tables import FACT, RUN


class RunStatus(StrEnum):
    """How a run stands. One that says ``running`` and has no process died."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a stage.

    Attributes:
        facts: What it was given: versions, digests, options.
        summary: What it produced; empty until it has finished.
    """

    run_id: str
    stage: str
    started_at: datetime
    finished_at: datetime | None
    status: RunStatus
    facts: Mapping[str, str]
    summary: Mapping[str, Any]


class Runs:
    """Starts, resumes, ends and lists runs, and keeps named facts of the migration."""

    def __init__(self, database: Database, clock: Callable[[], datetime], audit_log: AuditLog) -> None:
        self._database, self._clock, self._audit_log = database, clock, audit_log

    def start(self, stage: str, facts: Mapping[str, str]) -> str:
        """Record that a run starts, and return its id, which sorts by time."""
        now = self._clock()
        with self._database.writing() as connection:
            number = (connection.execute(select(func.max(RUN.c.number))).scalar() or 0) + 1
            run_id = f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{stage}-{number:04x}"
            row = {"number": number, "run_id": run_id, "stage": stage, "started_at": now, "finished_at": None}
            row |= {"status": RunStatus.RUNNING.value, "facts": encode_plain(facts), "summary": b"{}"}
            connection.execute(insert(RUN), [row])
            self._audit_log.append("run started", {"run": run_id, "facts": facts})
        return run_id

    def resume(self, stage: str) -> Run | None:
        """Take up the newest run of a stage, when it died or was stopped.

        Returns:
            The run, which counts as running again; None when the newest run came to its
            end, or there is none.
        """
        newest = self._newest(RUN.c.stage == stage)
        if newest is None or newest.status in {RunStatus.PASSED, RunStatus.FAILED}:
            return None
        with self._database.writing() as connection:
            again = {"status": RunStatus.RUNNING.value, "finished_at": None}
            connection.execute(update(RUN).where(RUN.c.run_id == newest.run_id).values(again))
            self._audit_log.append("run resumed", {"run": newest.run_id})
        return self._newest(RUN.c.run_id == newest.run_id)

    def finish(self, run_id: str, status: RunStatus, summary: Mapping[str, object]) -> None:
        """Record how a run ended, and what it produced."""
        end = {"status": status.value, "finished_at": self._clock(), "summary": encode_plain(summary)}
        with self._database.writing() as connection:
            connection.execute(update(RUN).where(RUN.c.run_id == run_id).values(end))
            self._audit_log.append("run finished", {"run": run_id, "status": status.value, "summary": summary})

    def last(self, stage: str, *, passed_only: bool = False) -> Run | None:
        """Return the newest run of a stage, or the newest that passed."""
        passed = [RUN.c.status == RunStatus.PASSED.value] if passed_only else []
        return self._newest(RUN.c.stage == stage, *passed)

    def all(self) -> list[Run]:
        """Return all runs, oldest first."""
        with self._database.reading() as connection:
            return [_run(row) for row in connection.execute(select(RUN).order_by(RUN.c.number))]

    def set_fact(self, name: str, value: str) -> None:
        """Keep a named fact, in place of what it was."""
        with self._database.writing() as connection:
            connection.execute(self._database.upsert(FACT), [{"name": name, "value": value}])

    def fact(self, name: str) -> str | None:
        """Return a named fact; None when it was never set."""
        with self._database.reading() as connection:
            value: str | None = connection.execute(select(FACT.c.value).where(FACT.c.name == name)).scalar()
        return value

    def _newest(self, *conditions: Any) -> Run | None:
        query = select(RUN).where(*conditions).order_by(RUN.c.number.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _run(row)


def _run(row: Row[Any]) -> Run:
    return Run(
        row.run_id,
        row.stage,
        row.started_at,
        row.finished_at,
        RunStatus(row.status),
        decode_plain(row.facts),
        decode_plain(row.summary),
    )
