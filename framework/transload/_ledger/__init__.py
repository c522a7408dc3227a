"""The ledger: the durable truth of a migration, in SQLite or PostgreSQL.

Imports SQLModel, which is slow to load: import this package where a ledger is opened.
"""

from transload._ledger.audit_log import AuditEntry, AuditVerdict
from transload._ledger.connection import LedgerInUseError
from transload._ledger.exchanges import Errand
from transload._ledger.held import HeldSetting
from transload._ledger.id_map import MappedRow, Origin
from transload._ledger.journal import Intent, JournalEntry, OpenIntent, WriteStatus
from transload._ledger.ledger import Ledger
from transload._ledger.notes import Approval, DeadLetter, Parked
from transload._ledger.runs import Run, RunStatus
from transload._ledger.staging import StagedCounts
from transload._ledger.undone import RowCounts, UndoneRow
from transload._ledger.written import UndoRow, row_identity, state_identity, write_identity

__all__ = [
    "Approval",
    "AuditEntry",
    "AuditVerdict",
    "DeadLetter",
    "Errand",
    "HeldSetting",
    "Intent",
    "JournalEntry",
    "Ledger",
    "LedgerInUseError",
    "MappedRow",
    "OpenIntent",
    "Origin",
    "Parked",
    "RowCounts",
    "Run",
    "RunStatus",
    "StagedCounts",
    "UndoRow",
    "UndoneRow",
    "WriteStatus",
    "row_identity",
    "state_identity",
    "write_identity",
]
