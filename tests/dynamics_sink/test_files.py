"""Files of notes, attachments and columns: sent in one piece or in blocks, and read back byte by byte."""

from typing import TYPE_CHECKING

import pytest

from transload import FileRef, Outcome, SchemaChange, SchemaKind, TableName, TargetColumn
from transload.errors import MissingFileError
from transload.values import Cell, ColumnType
from transload_dynamics_sink.files import BLOCK_BYTES, INLINE_BYTES
from transload_dynamics_sink.schema_changes import SchemaWorker
from transload_sandbox.dataverse.faults import Fault

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

NOTE, ATTACHMENT, EMAIL, ACCOUNT = (
    TableName("annotation"),
    TableName("activitymimeattachment"),
    TableName("email"),
    TableName("account"),
)
PLAN = TargetColumn("mig_plan", ColumnType.FILE, "Plan")
SIZES = [0, 1, 1000, INLINE_BYTES, INLINE_BYTES + 1, BLOCK_BYTES, BLOCK_BYTES + 2]


def keep(connected: "Connected", size: int, name: str = "plan.pdf") -> FileRef:
    content = bytes(number % 251 for number in range(1000)) * (size // 1000 + 1)
    return connected.store.keep([content[:size]], name, "application/pdf")


def note(connected: "Connected", number: int, file: FileRef | None, *, exists: bool = False, **more: Cell) -> Outcome:
    base: dict[str, Cell] = {} if exists else {"subject": "Plan", "objectid": connected.ref(1)}
    [outcome] = connected.load(connected.upsert(number, {**base, "documentbody": file, **more}, NOTE, exists=exists))
    return outcome


def there(connected: "Connected", table: str, number: int, column: str) -> tuple[str, int] | None:
    cell = connected.read(table, number, column)[column]
    return (cell.digest, cell.size) if isinstance(cell, FileRef) else None


@pytest.fixture
def furnished(connected: "Connected", worker: SchemaWorker) -> "Connected":
    """An environment with an account that has a file column, and an email."""
    outcomes = worker.prepare([SchemaChange(SchemaKind.COLUMN, PLAN.name, ACCOUNT, PLAN.label, PLAN)])
    assert [outcome.error for outcome in outcomes] == [None] * 3
    connected.load(*connected.accounts(1))
    connected.load(connected.upsert(2, {"subject": "Offer"}, EMAIL))
    return connected


def test_describes_columns_that_take_files(furnished: "Connected") -> None:
    kinds = [
        furnished.metadata.get_table(table).shape.columns[column]
        for table, column in (
            ("annotation", "documentbody"),
            ("activitymimeattachment", "body"),
            ("account", "mig_plan"),
        )
    ]

    assert [kind.type for kind in kinds] == [ColumnType.FILE] * 3
    assert all(kind.creatable and kind.updatable and kind.max_length is None for kind in kinds)


@pytest.mark.parametrize("size", SIZES)
def test_a_note_arrives_with_its_file(furnished: "Connected", size: int) -> None:
    file = keep(furnished, size)

    outcomes = [note(furnished, 5, file), note(furnished, 5, file)]

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert there(furnished, NOTE, 5, "documentbody") == (file.digest, size)
    assert furnished.read(NOTE, 5, "filename", "mimetype", "subject") == {
        "filename": "plan.pdf",
        "mimetype": "application/pdf",
        "subject": "Plan",
    }


@pytest.mark.parametrize("size", SIZES)
def test_an_email_arrives_with_its_attachment(furnished: "Connected", size: int) -> None:
    file = keep(furnished, size)
    cells: dict[str, Cell] = {"objectid": furnished.ref(2, EMAIL), "objecttypecode": "email"}
    write = furnished.upsert(5, {**cells, "subject": "offer.pdf", "body": file}, ATTACHMENT)

    outcomes = [*furnished.load(write), *furnished.load(write)]

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert there(furnished, ATTACHMENT, 5, "body") == (file.digest, size)
    assert furnished.read(ATTACHMENT, 5, "filename", "objectid") == {
        "filename": "plan.pdf",
        "objectid": furnished.ref(2, EMAIL),
    }


@pytest.mark.parametrize("size", [*SIZES, 2 * BLOCK_BYTES])
def test_a_row_arrives_with_the_file_of_a_column(furnished: "Connected", size: int) -> None:
    file = keep(furnished, size, "Grundriß & Schnitt.pdf")

    outcomes = [*furnished.load(furnished.upsert(6, {"name": "Six", "mig_plan": file}))]

    assert [outcome.error for outcome in outcomes] == [None]
    assert there(furnished, ACCOUNT, 6, "mig_plan") == (file.digest, size)
    assert furnished.read(ACCOUNT, 6, "name") == {"name": "Six"}


def test_a_file_whose_bytes_are_gone_is_an_error_of_its_record(furnished: "Connected") -> None:
    lost, kept = note(furnished, 5, FileRef("0" * 32, 7, "a.txt")), note(furnished, 6, keep(furnished, 7))

    assert isinstance(lost.error, MissingFileError)
    assert kept.error is None


@pytest.mark.parametrize("size", [1000, INLINE_BYTES + 1])
def test_an_image_travels_inside_its_row(furnished: "Connected", size: int) -> None:
    file = keep(furnished, size, "logo.png")

    [outcome] = furnished.load(furnished.upsert(6, {"name": "Six", "entityimage": file}))

    assert outcome.error is None
    assert there(furnished, ACCOUNT, 6, "entityimage") == (file.digest, size)


def test_a_file_in_a_column_of_texts_is_an_error_of_its_record(furnished: "Connected") -> None:
    [outcome] = furnished.load(furnished.upsert(6, {"name": keep(furnished, 1)}))

    assert "takes no file" in str(outcome.error)


def test_the_name_that_the_mapping_gives_wins(furnished: "Connected") -> None:
    note(furnished, 5, keep(furnished, 10), filename="other.txt", mimetype="text/plain")

    assert furnished.read(NOTE, 5, "filename", "mimetype") == {"filename": "other.txt", "mimetype": "text/plain"}


@pytest.mark.parametrize("size", [10, INLINE_BYTES + 1])
def test_a_changed_file_takes_the_place_of_the_former(furnished: "Connected", size: int) -> None:
    note(furnished, 5, keep(furnished, 2000))
    furnished.load(furnished.upsert(1, {"mig_plan": keep(furnished, 2000)}, exists=True))
    file = keep(furnished, size, "new.pdf")

    outcomes = [
        note(furnished, 5, file, exists=True),
        *furnished.load(furnished.upsert(1, {"mig_plan": file}, exists=True)),
    ]

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert there(furnished, NOTE, 5, "documentbody") == there(furnished, ACCOUNT, 1, "mig_plan") == (file.digest, size)


def test_a_file_that_is_taken_away_is_gone(furnished: "Connected") -> None:
    furnished.load(furnished.upsert(1, {"mig_plan": keep(furnished, 10)}, exists=True))
    note(furnished, 5, keep(furnished, 10))

    outcomes = [
        *furnished.load(furnished.upsert(1, {"mig_plan": None}, exists=True)),
        note(furnished, 5, None, exists=True, filename=None),
    ]

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert there(furnished, ACCOUNT, 1, "mig_plan") is None
    assert there(furnished, NOTE, 5, "documentbody") is None


def test_rows_without_a_file_have_none(furnished: "Connected") -> None:
    note(furnished, 5, None)

    assert there(furnished, NOTE, 5, "documentbody") is None
    assert there(furnished, ACCOUNT, 1, "mig_plan") is None


def test_a_large_attachment_cannot_be_replaced_and_says_what_to_do(furnished: "Connected") -> None:
    cells: dict[str, Cell] = {"objectid": furnished.ref(2, EMAIL), "objecttypecode": "email"}
    furnished.load(furnished.upsert(5, {**cells, "body": keep(furnished, 10)}, ATTACHMENT))

    [outcome] = furnished.load(
        furnished.upsert(5, {"body": keep(furnished, INLINE_BYTES + 1)}, ATTACHMENT, exists=True)
    )

    assert outcome.error is not None
    assert "Delete the attachment" in outcome.error.remedy


def test_a_file_above_the_limit_is_refused_before_anything_is_sent(furnished: "Connected") -> None:
    outcome = note(furnished, 5, keep(furnished, 5_242_881))

    assert outcome.error is not None
    assert "5.0 MB" in str(outcome.error)
    assert "maxuploadfilesize" in outcome.error.remedy
    assert furnished.org.count("annotation") == 0


def test_a_blocked_type_is_refused_before_anything_is_sent(furnished: "Connected") -> None:
    outcome = note(furnished, 5, keep(furnished, 10, "setup.EXE"))

    assert outcome.error is not None
    assert "blockedattachments" in outcome.error.remedy
    assert furnished.org.count("annotation") == 0


def test_many_files_go_in_requests_that_stay_below_the_limit(furnished: "Connected") -> None:
    files = [keep(furnished, 1_400_000 + number) for number in range(4)]
    writes = [
        furnished.upsert(number, {"subject": "Plan", "objectid": furnished.ref(1), "documentbody": file}, NOTE)
        for number, file in enumerate(files, 10)
    ]
    furnished.metadata.get_table(NOTE)
    before = furnished.paths().count("$batch")

    outcomes = furnished.load(*writes)

    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert furnished.paths().count("$batch") - before == 2
    assert there(furnished, NOTE, 13, "documentbody") == (files[3].digest, files[3].size)


@pytest.mark.parametrize("path", ["CommitAnnotationBlocksUpload", "UploadBlock", "InitializeAnnotationBlocksUpload"])
def test_a_lost_answer_does_no_harm_to_an_upload(furnished: "Connected", path: str) -> None:
    file = keep(furnished, INLINE_BYTES + 1)
    furnished.org.faults.add(Fault("cut_after", path=path))

    outcome = note(furnished, 5, file)

    assert outcome.error is None
    assert there(furnished, NOTE, 5, "documentbody") == (file.digest, file.size)


def test_a_lost_answer_does_no_harm_to_a_chunk_of_a_column(furnished: "Connected") -> None:
    file = keep(furnished, BLOCK_BYTES + 2)
    furnished.org.faults.add(Fault("cut_after", method="PATCH", path="*mig_plan*sessiontoken*"))

    [outcome] = furnished.load(furnished.upsert(1, {"mig_plan": file}, exists=True))

    assert outcome.error is None
    assert there(furnished, ACCOUNT, 1, "mig_plan") == (file.digest, file.size)


def test_reads_a_file_anew_when_the_connection_broke(furnished: "Connected") -> None:
    file = keep(furnished, 100_000)
    note(furnished, 5, file)
    furnished.org.faults.add(Fault("cut_after", method="GET", path="*$value"))

    assert there(furnished, NOTE, 5, "documentbody") == (file.digest, file.size)
