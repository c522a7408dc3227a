"""Changes of the source that met another change: somebody's in the target, or the closing of the row."""

from dataclasses import dataclass

from transload.values import RecordKey, TableName, Write

CLOSED = "closed"
"""What decided a conflict in a row that the target opens no more."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A column that the source and somebody in the target both changed."""

    key: RecordKey
    table: TableName
    column: str
    wrote: str
    source: str
    target: str
    kept: str
    rule: str = "target"
    """``source``, ``target``, ``newest`` or ``ask``: what decided it; ``closed``: the target opens the row no more."""


def left_closed(write: Write, column: str, base: str, source: str) -> Conflict:
    """Return the conflict of a column, or a whole row, that stays as it is because it is closed for good."""
    return Conflict(write.key, write.table, column, base, source, "(closed for good)", base, CLOSED)
