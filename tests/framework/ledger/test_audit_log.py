import pytest
from sqlalchemy import text

from transload._ledger import AuditVerdict, Intent, Ledger
from transload.errors import RefusedError
from transload.values import EntityName, Outcome, RecordKey, RowId, SourceId, TableName, Upsert


@pytest.fixture
def busy(ledger: Ledger) -> Ledger:
    """A ledger whose audit log has seven entries, three of them of the journal."""
    ledger.runs.start("run", {"mapping": "abc"})
    key = RecordKey(EntityName("job"), SourceId("1"))
    writes = [Upsert(key, TableName("incident"), RowId(row_id), {"title": "leak"}) for row_id in "abc"]
    for write in writes:
        (entry,) = ledger.journal.begin("run-1", [Intent(write, None, True)])
        ledger.journal.settle("run-1", [(entry, Outcome(RefusedError("job 1", "1", "no")))])
    return ledger


def tamper(ledger: Ledger, *statements: str) -> AuditVerdict:
    """Change the database behind the ledger's back, and verify."""
    with ledger.database.writing() as connection:
        for statement in statements:
            connection.execute(text(statement))
    return ledger.audit_log.verify()


def test_an_untouched_log_is_sound(busy: Ledger) -> None:
    entries = list(busy.audit_log.entries())

    verdict = busy.audit_log.verify()

    assert [entry.event for entry in entries] == ["run started", *["begin", "settle"] * 3]
    assert [entry.seq for entry in entries] == list(range(1, 8))
    assert verdict == AuditVerdict(ok=True, entries=7, head=entries[-1].hash)


def test_an_empty_log_is_sound(ledger: Ledger) -> None:
    assert ledger.audit_log.verify().ok


def test_a_log_of_many_pages_is_sound(ledger: Ledger) -> None:
    with ledger.database.writing():
        for number in range(1100):
            ledger.audit_log.append("counted", {"number": number})

    assert ledger.audit_log.verify().entries == 1100


@pytest.mark.parametrize("column", ["at", "event", "hash"])
def test_a_changed_entry_is_found(busy: Ledger, column: str) -> None:
    verdict = tamper(busy, f"update ledger_audit set {column} = {column} || 'x' where seq = 3")

    assert (verdict.ok, verdict.entries, verdict.broken_at) == (False, 2, 3)
    assert "was changed" in verdict.reason


def test_a_changed_body_is_found(busy: Ledger) -> None:
    other = "(select body from ledger_audit where seq = 3)"

    verdict = tamper(busy, f"update ledger_audit set body = {other} where seq = 5")

    assert (verdict.ok, verdict.broken_at) == (False, 5)


@pytest.mark.parametrize("seq", [1, 4])
def test_a_removed_entry_is_found(busy: Ledger, seq: int) -> None:
    verdict = tamper(busy, f"delete from ledger_audit where seq = {seq}")

    assert (verdict.ok, verdict.broken_at) == (False, seq)
    assert "missing" in verdict.reason


def test_a_removed_entry_is_found_when_the_others_close_the_gap(busy: Ledger) -> None:
    verdict = tamper(
        busy,
        "delete from ledger_audit where seq = 4",
        "update ledger_audit set seq = seq - 100 where seq > 4",
        "update ledger_audit set seq = seq + 99 where seq < 0",
    )

    assert (verdict.ok, verdict.broken_at) == (False, 4)


def test_a_removed_end_is_found(busy: Ledger) -> None:
    verdict = tamper(busy, "delete from ledger_audit where seq >= 6")

    assert (verdict.ok, verdict.broken_at) == (False, 6)
    assert "end" in verdict.reason


@pytest.mark.parametrize("seq", [0, 8])
def test_an_inserted_entry_is_found(busy: Ledger, seq: int) -> None:
    insert = f"insert into ledger_audit select {seq}, at, event, body, hash from ledger_audit where seq = 2"

    verdict = tamper(busy, insert)

    assert not verdict.ok


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger_journal set write = (select write from ledger_journal where id = 3) where id = 2",
        "update ledger_journal set before = write where id = 2",
        "delete from ledger_journal where id = 2",
    ],
)
def test_a_write_that_was_changed_or_removed_in_the_journal_is_found(busy: Ledger, statement: str) -> None:
    verdict = tamper(busy, statement)

    assert (verdict.ok, verdict.broken_at) == (False, 4)
    assert "write 2" in verdict.reason


def test_a_write_that_was_slipped_into_the_journal_is_found(busy: Ledger) -> None:
    columns = "run_id, table_name, row_id, write, before, creates, status, error, begun_at, settled_at"

    verdict = tamper(
        busy,
        f"insert into ledger_journal (id, {columns}) select 9, {columns} from ledger_journal where id = 1",
    )

    assert not verdict.ok
    assert "4 writes" in verdict.reason
