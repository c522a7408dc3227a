"""Files: kept under their digest, whole or not at all, loaded once and again when they change."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from transload.errors import FolderError, MissingFileError
from transload.files import FileStore, digest_of
from transload.testing import ClientFolder, Mishap
from transload.values import FileRef


def photo(client: ClientFolder) -> FileRef:
    [row] = client.target.rows("annotation").values()
    assert isinstance(row["documentbody"], FileRef)
    return row["documentbody"]


def kept(folder: Path) -> list[str]:
    """Return what stands in a folder of files, half-written ones too."""
    return [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]


def test_a_file_arrives_as_the_source_has_it_and_is_fetched_once(full_shop: ClientFolder, tmp_path: Path) -> None:
    wanted = FileStore(tmp_path).keep([b"a ", b"roof"], "roof.jpg")

    assert photo(full_shop) == wanted
    assert full_shop.source.fetched() == ["photo 1 image"]


def test_a_file_that_changed_in_the_source_is_loaded_anew(loaded_shop: ClientFolder) -> None:
    before = photo(loaded_shop)
    loaded_shop.source.attach("photo", "1", "image", b"a new roof", "roof.jpg")

    delta, reconcile = loaded_shop.walk("delta"), loaded_shop.walk("reconcile")

    assert (delta.json["facts"]["Writes"], reconcile.exit_code) == ("1", 0)
    assert photo(loaded_shop) != before
    assert photo(loaded_shop).size == len(b"a new roof")
    assert loaded_shop.source.fetched() == ["photo 1 image"] * 2


def test_a_file_that_people_replaced_in_the_target_is_a_conflict_once_the_source_changes(
    loaded_shop: ClientFolder,
) -> None:
    [row_id] = loaded_shop.target.rows("annotation")
    loaded_shop.target.put("annotation", row_id, documentbody=FileRef("0" * 32, 4, "by hand.jpg"))
    loaded_shop.source.attach("photo", "1", "image", b"a new roof", "roof.jpg")

    result = loaded_shop.walk("delta")

    [conflict] = result.rows("conflicts-changed-in-the-source-and-in-the-target")
    assert (conflict["record"], conflict["column"]) == ("photo 1", "documentbody")
    assert photo(loaded_shop).name == "by hand.jpg"


def test_a_file_that_arrived_damaged_is_a_no_go(loaded_shop: ClientFolder) -> None:
    [row_id] = loaded_shop.target.rows("annotation")
    loaded_shop.target.put("annotation", row_id, documentbody=FileRef("0" * 32, 4))

    result = loaded_shop.walk("reconcile")

    assert [row["column"] for row in result.rows("field-level-diff")] == ["documentbody"]


@pytest.mark.parametrize("mishap", [Mishap.ANSWER_LOST, Mishap.REFUSED])
def test_a_stop_while_a_file_is_sent_loses_and_doubles_nothing(shop: ClientFolder, mishap: Mishap) -> None:
    shop.walk("audit", "plan", "approve mapping", "prepare")
    shop.target.plan_mishap(mishap, table="annotation")

    stopped = shop.walk("sample")
    result = shop.walk("sample", "run", "reconcile")

    assert (stopped.exit_code, result.exit_code) == (2, 0)
    assert photo(shop).size == len(b"a roof")


def test_a_file_that_is_gone_sets_its_record_aside_until_it_is_fetched_again(shop: ClientFolder) -> None:
    shop.walk("audit", "plan", "approve mapping", "prepare")
    [lost] = [name for name in kept(shop.path / "files") if not name.startswith("fetched")]
    (shop.path / "files" / lost).unlink()

    without = shop.walk("sample")
    result = shop.walk("audit", "sample")

    [letter] = without.rows("dead-letters")
    assert letter["record"] == "photo 1"
    assert "transload audit" in letter["remedy"]
    assert result.exit_code == 0, result.output
    assert shop.source.fetched() == ["photo 1 image"] * 2


# --- the store itself


def test_a_file_is_kept_once_under_its_digest(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")

    first, second = store.keep([b"same"], "a.txt", "text/plain"), store.keep([b"sa", b"me"], "b.txt")

    assert (first.digest, first.size) == (second.digest, 4)
    assert kept(tmp_path / "files") == [f"{first.digest[:2]}/{first.digest}"]
    with store.open(first.digest) as stream:
        assert digest_of(stream) == FileRef(first.digest, 4)


def test_a_file_that_breaks_off_leaves_nothing_and_says_what_the_source_said(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError("the source hung up")

    with pytest.raises(ConnectionError, match="hung up"):
        FileStore(tmp_path).keep(broken())

    assert kept(tmp_path) == []


FULL_DISK = """\
import resource, signal, sys
from pathlib import Path
from transload.errors import FolderError
from transload.files import FileStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    FileStore(Path(sys.argv[1])).keep([b"x" * 600] * 20)
except FolderError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    # A process that may write no files over 1,000 bytes: the call fails as on a full disk.
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )

    assert "cannot be written" in child.stdout
    assert kept(tmp_path) == []


def test_a_folder_that_takes_no_files_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file where the folder should be")

    with pytest.raises(FolderError, match="cannot be written") as caught:
        FileStore(tmp_path / "files").keep([b"x"])

    assert "Make room" in caught.value.remedy


def test_a_file_that_is_gone_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="cannot be read") as caught:
        FileStore(tmp_path).open("0" * 32)

    assert "transload audit" in caught.value.remedy


def test_a_file_is_remembered_by_version_as_long_as_it_is_whole(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    file = store.keep([b"content"], "a.txt", "text/plain")
    store.remember("photo 7", "v1", file)

    remembered = store.recall("photo 7", "v1"), store.recall("photo 7", "v2"), store.recall("photo 8", "v1")
    (tmp_path / file.digest[:2] / file.digest).write_bytes(b"cont")
    half = store.recall("photo 7", "v1")
    (tmp_path / file.digest[:2] / file.digest).unlink()
    gone = store.recall("photo 7", "v1")

    assert remembered == (file, None, None)
    assert half is gone is None
