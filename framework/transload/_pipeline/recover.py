"""Settles what a crash left open: an intent without an outcome may or may not have arrived.

Nothing is ever sent again blindly. The row is looked up, and the intent is either
settled as done or withdrawn, after which the ordinary run decides anew.
"""

from collections.abc import Sequence

from transload._ledger import Ledger, OpenIntent
from transload._pipeline.compare import same
from transload._plugins import Plugins
from transload.context import RunContext
from transload.values import Associate, Cell, Outcome, Row, SetState, TableName, Upsert

_READ_AT_ONCE = 100


def settle_open_intents(ledger: Ledger, plugins: Plugins, context: RunContext) -> int:
    """Find out what became of every open intent, and return how many there were."""
    found = list(ledger.journal.open_intents())
    by_table: dict[TableName, list[OpenIntent]] = {}
    for intent in found:
        by_table.setdefault(intent.write.table, []).append(intent)
    for table, group in by_table.items():
        for start in range(0, len(group), _READ_AT_ONCE):
            _settle(table, group[start : start + _READ_AT_ONCE], ledger, plugins, context)
    return len(found)


def _settle(
    table: TableName, intents: Sequence[OpenIntent], ledger: Ledger, plugins: Plugins, context: RunContext
) -> None:
    columns = sorted({column for intent in intents for column in _columns(intent)})
    ids = sorted({intent.write.row_id for intent in intents})
    rows = plugins.read_back(table, ids, columns, context)
    arrived = [intent for intent in intents if _arrived(intent, rows.get(intent.write.row_id))]
    settled = {intent.id for intent in arrived}
    ledger.journal.settle(context.run_id, [(intent.id, Outcome(note="found after a stop")) for intent in arrived])
    ledger.journal.withdraw([intent.id for intent in intents if intent.id not in settled])


def _columns(intent: OpenIntent) -> dict[str, Cell]:
    write = intent.write
    if isinstance(write, SetState):
        return {"statecode": write.state, "statuscode": write.status}
    return dict(write.columns) if isinstance(write, Upsert) else {write.relationship: write.other}


def _arrived(intent: OpenIntent, row: Row | None) -> bool:
    if row is None:
        return False
    if isinstance(intent.write, Associate):
        linked = row.columns.get(intent.write.relationship)
        return isinstance(linked, tuple) and intent.write.other in linked
    if intent.creates:
        return True  # nobody else makes rows under this id
    return all(same(cell, row.columns.get(column)) for column, cell in _columns(intent).items())
