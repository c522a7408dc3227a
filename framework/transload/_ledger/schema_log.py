"""What ``prepare`` made in the target, so that rollback can take it back."""

from collections.abc import Callable, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import bindparam, func, insert, select, update

from transload._ledger.audit_log import AuditLog
from transload._ledger.connection import Database
from transload._ledger.tables import SCHEMA
from transload.values import SchemaChange, SchemaOutcome

_CHANGE = TypeAdapter(SchemaChange)


class SchemaLog:
    """Records schema changes and lists those to undo."""

    def __init__(self, database: Database, clock: Callable[[], datetime], audit_log: AuditLog) -> None:
        self._database, self._clock, self._audit_log = database, clock, audit_log

    def record(self, run_id: str, outcomes: Sequence[SchemaOutcome]) -> None:
        """Record what became of schema changes, those that failed or were there already included."""
        if not outcomes:
            return
        with self._database.writing() as connection:
            first = (connection.execute(select(func.max(SCHEMA.c.id))).scalar() or 0) + 1
            rows = [
                {
                    "id": id_,
                    "run_id": run_id,
                    "change": _CHANGE.dump_json(outcome.change),
                    "created": outcome.created and outcome.error is None,
                    "error": "" if outcome.error is None else str(outcome.error),
                    "at": self._clock(),
                    "undone_at": None,
                }
                for id_, outcome in enumerate(outcomes, first)
            ]
            connection.execute(insert(SCHEMA), rows)
            said = [
                [str(outcome.change), row["created"], row["error"]] for outcome, row in zip(outcomes, rows, strict=True)
            ]
            self._audit_log.append("schema", {"run": run_id, "changes": said})

    def to_undo(self) -> list[SchemaChange]:
        """Return the changes that this migration made and that stand, newest first."""
        query = select(SCHEMA.c.change).where(SCHEMA.c.created, SCHEMA.c.undone_at.is_(None))
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(SCHEMA.c.id.desc())).scalars()
            return [_CHANGE.validate_json(change) for change in found]

    def mark_undone(self, run_id: str, changes: Sequence[SchemaChange]) -> None:
        """Record that changes were taken back."""
        if not changes:
            return
        undone = (
            update(SCHEMA)
            .where(SCHEMA.c.change == bindparam("its_change"), SCHEMA.c.undone_at.is_(None))
            .values(undone_at=bindparam("now"))
        )
        now = self._clock()
        with self._database.writing() as connection:
            connection.execute(undone, [{"its_change": _CHANGE.dump_json(change), "now": now} for change in changes])
            self._audit_log.append("schema undone", {"run": run_id, "changes": list(map(str, changes))})
