import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from transload._ledger import Intent, Ledger, LedgerInUseError, WriteStatus
from transload.errors import ConfigError, LedgerError
from transload.values import EntityName, Outcome, Record, RecordKey, RowId, SourceId, TableName, Upsert

JOB = EntityName("job")


def records(count: int, text_length: int = 10) -> list[Record]:
    return [Record(RecordKey(JOB, SourceId(str(i))), {"name": "x" * text_length}) for i in range(count)]


def test_what_was_kept_is_there_when_the_ledger_is_opened_again(url: str) -> None:
    with Ledger.open(url) as ledger:
        ledger.staging.add(records(3), "run-1")

    with Ledger.open(url, create=False) as again:
        assert again.staging.count(JOB) == 3


def test_a_bare_path_is_a_file(tmp_path: Path) -> None:
    Ledger.open(str(tmp_path / "odd name?#%20.db")).close()

    assert (tmp_path / "odd name?#%20.db").exists()


# --- one writer, many readers


def test_a_second_writer_is_told_who_the_first_one_is(url: str) -> None:
    with Ledger.open(url), pytest.raises(LedgerInUseError) as caught:
        Ledger.open(url)

    assert "in use by another transload process (pid " in str(caught.value)
    assert " since 20" in str(caught.value)
    assert caught.value.remedy


def test_a_writer_in_another_process_is_noticed_and_its_death_too(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with hold(path) as other:
        with pytest.raises(LedgerInUseError, match=f"pid {other.pid} "):
            Ledger.open(str(path))
        other.kill()
        other.wait()

    Ledger.open(str(path)).close()


def test_the_lock_is_free_after_closing(url: str) -> None:
    Ledger.open(url).close()

    Ledger.open(url).close()


def test_two_ledgers_do_not_lock_each_other(new_url: Callable[[], str]) -> None:
    with Ledger.open(new_url()) as one, Ledger.open(new_url()) as other:
        assert one.runs.all() == other.runs.all() == []


def test_a_reader_sees_what_the_writer_has_settled(url: str) -> None:
    with Ledger.open(url) as writer, Ledger.open(url, read_only=True) as reader:
        writer.staging.add(records(2), "run-1")
        seen = reader.staging.count(JOB)
        writer.staging.add(records(3), "run-1")

        assert (seen, reader.staging.count(JOB)) == (2, 3)


def test_a_reader_cannot_write(url: str) -> None:
    Ledger.open(url).close()

    with Ledger.open(url, read_only=True) as reader, pytest.raises(LedgerError, match="opened for reading"):
        reader.runs.set_fact("a", "b")


# --- what is not a ledger


@pytest.mark.parametrize("options", [{"create": False}, {"read_only": True}])
def test_a_ledger_that_is_not_there_is_not_made_unasked(tmp_path: Path, options: dict[str, bool]) -> None:
    with pytest.raises(LedgerError, match="there is no ledger"):
        Ledger.open(str(tmp_path / "none.db"), **options)  # type: ignore[arg-type]  # both are booleans

    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_is_not_made_a_ledger_unasked(new_url: Callable[[], str], tmp_path: Path) -> None:
    url = new_url()
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).touch()

    with pytest.raises(LedgerError, match="not a ledger"):
        Ledger.open(url, create=False)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("This is a letter, and a rather long one. " * 200)

    with pytest.raises(LedgerError, match="is not a ledger, or is damaged"):
        Ledger.open(str(path))

    assert path.read_text().startswith("This is a letter")


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("create table songs (title)")
    connection.close()

    with pytest.raises(LedgerError, match="a database, but not a ledger"):
        Ledger.open(str(path))


def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(str(path)) as ledger:
        ledger.staging.add(records(200), "run-1")
    content = bytearray(path.read_bytes())
    content[100:8000] = b"\xff" * 7900
    path.write_bytes(content)

    with pytest.raises(LedgerError, match="damaged") as caught:
        Ledger.open(str(path))

    assert "backup" in caught.value.remedy


def test_a_ledger_of_a_newer_transload_is_refused(url: str) -> None:
    with Ledger.open(url) as ledger, ledger.database.writing() as connection:
        connection.execute(text("update ledger_meta set value = '99' where name = 'schema_version'"))

    with pytest.raises(LedgerError, match="version 99") as caught:
        Ledger.open(url)

    assert "upgrade" in caught.value.remedy


def test_a_folder_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"the folder .*none does not exist"):
        Ledger.open(str(tmp_path / "none" / "ledger.db"))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["mysql://host/db", "postgresql+psycopg2://host/db"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="cannot be kept"):
        Ledger.open(url)


def test_a_postgresql_that_does_not_answer_is_named_without_the_password() -> None:
    with pytest.raises(LedgerError) as caught:
        Ledger.open("postgresql://ada:open-sesame@127.0.0.1:1/crm")

    assert "crm on 127.0.0.1" in str(caught.value)
    assert "sesame" not in f"{caught.value} {caught.value.remedy}"


def test_a_missing_psycopg_is_named_with_the_command_that_installs_it() -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from transload._ledger import Ledger\n"
        "from transload.errors import ConfigError\n"
        "try:\n    Ledger.open('postgresql://127.0.0.1/db')\n"
        "except ConfigError as error:\n    print(error.remedy)"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "pip install 'transload[postgres]'" in answer.stdout


def test_a_connection_that_was_cut_is_not_replaced_by_one_without_the_lock(postgres_server: str) -> None:
    engine = create_engine(postgres_server.replace("://", "+psycopg://"), poolclass=NullPool)
    with Ledger.open(postgres_server) as ledger, engine.connect() as other:
        ledger.runs.set_fact("a", "1")
        pid = ledger.database.connection.execute(text("select pg_backend_pid()")).scalar_one()
        ledger.database.connection.rollback()
        other.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})

        for _ in range(2):
            with pytest.raises(LedgerError, match="is lost"):
                ledger.runs.set_fact("a", "2")

    with Ledger.open(postgres_server) as again:
        assert again.runs.fact("a") == "1"


# --- a disk that is full, a process that is killed


def test_a_full_disk_is_named_and_the_ledger_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        ledger.staging.add(records(3), "run-1")
        limit(ledger, "100")

        with pytest.raises(LedgerError, match="full") as caught:
            ledger.staging.add(records(2000, 1000), "run-1")

        assert "Free space on the disk of" in caught.value.remedy
        assert ledger.staging.count(JOB) == 3
        limit(ledger, "1000000")
        ledger.staging.add(records(2000, 1000), "run-1")
        assert ledger.staging.count(JOB) == 2000


def test_a_disk_that_fills_while_a_batch_is_settled_leaves_the_batch_open(tmp_path: Path) -> None:
    with Ledger.open(str(tmp_path / "ledger.db")) as ledger:
        writes = [
            Upsert(it.key, TableName("incident"), RowId(it.key.source_id), {"name": "x" * 1000}) for it in records(200)
        ]
        ids = ledger.journal.begin("run-1", [Intent(write, None, True) for write in writes])
        results = [(id_, Outcome()) for id_ in ids]
        limit(ledger, "1")

        with pytest.raises(LedgerError, match="full"):
            ledger.journal.settle("run-1", results)

        assert len(ledger.journal.open_intents()) == 200
        assert ledger.journal.rows([write.key for write in writes]) == {}
        limit(ledger, "1000000")
        ledger.journal.settle("run-1", results)
        assert ledger.journal.counts() == {TableName("incident"): {WriteStatus.DONE: 200}}
        assert ledger.audit_log.verify().ok


def limit(ledger: Ledger, pages: str) -> None:
    """Let the file grow to so many pages; fewer than it has means no further."""
    ledger.database.connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").close()
    ledger.database.connection.rollback()


WRITER = """
import sys
from transload._ledger import Intent, Ledger
from transload.values import *

ledger = Ledger.open(sys.argv[1])
table = TableName("incident")
print("open", flush=True)
for batch in range(10_000):
    numbers = range(batch * 20, batch * 20 + 20)
    keys = [RecordKey(EntityName("job"), SourceId(str(number))) for number in numbers]
    writes = [Upsert(key, table, RowId(key.source_id), {"n": 1}) for key in keys]
    ids = ledger.journal.begin("run-1", [Intent(write, None, True) for write in writes])
    ledger.journal.settle("run-1", [(id_, Outcome()) for id_ in ids])
    print(batch, flush=True)
"""


@pytest.mark.parametrize("batches", [1, 7, 30])
def test_a_ledger_is_consistent_after_its_process_was_killed(url: str, batches: int) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(batches + 1):
            writer.stdout.readline()
        writer.kill()

    with Ledger.open(url) as ledger:
        statuses = ledger.journal.counts()[TableName("incident")]
        mapped = dict(ledger.journal.mapped(JOB))
        still_open = ledger.journal.open_intents()

        assert statuses[WriteStatus.DONE] >= batches * 20
        assert len(mapped) == statuses[WriteStatus.DONE] == len(list(ledger.journal.undo_list()))
        assert len(still_open) in {0, 20}
        assert not {it.write.key for it in still_open} & mapped.keys()
        assert ledger.audit_log.verify().ok


HOLDER = """
import sys
from transload._ledger import Ledger

with Ledger.open(sys.argv[1]):
    print("open", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    """Start a process that holds a ledger open until its input ends."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process
