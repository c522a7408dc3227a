"""The audit log as a file: what it holds, and that a client finds whatever was done to it, without transload."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import pytest

from transload._ledger import Ledger
from transload._verify_audit_log import entry_hash
from transload.testing import ClientFolder, invoke

Lines = list[bytes]


@dataclass(frozen=True)
class Export:
    """An export in a folder of its own, with its lines."""

    file: Path
    checker: Path

    @property
    def lines(self) -> Lines:
        return self.file.read_bytes().splitlines(keepends=True)

    def check(self, *heads: str) -> subprocess.CompletedProcess[str]:
        """Check the file as a client does: with Python alone, which sees no installed package."""
        command = [sys.executable, "-I", "-S", str(self.checker), str(self.file), *heads]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def tampered(self, change: Callable[[Lines], Lines], folder: Path) -> "Export":
        """Return a copy of the export with other lines."""
        copy = Export(folder / self.file.name, self.checker)
        copy.file.write_bytes(b"".join(change(self.lines)))
        return copy


@pytest.fixture(scope="module")
def export(finished: ClientFolder, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """What a journey up to the run leaves in the audit log, exported."""
    folder = tmp_path_factory.mktemp("export")
    told = finished.run("audit-log", "export", "--to", str(folder / "audit-log.jsonl"))
    assert told.exit_code == 0, told.output + told.errors
    return Export(folder / "audit-log.jsonl", folder / "verify_audit_log.py")


def fields(line: bytes) -> dict[str, object]:
    entry: dict[str, object] = json.loads(line)
    return entry


def changed(line: bytes, old: bytes, new: bytes) -> bytes:
    assert old in line
    return line.replace(old, new, 1)


def rehashed(line: bytes) -> bytes:
    """Return a changed entry with a hash that fits it, as somebody makes it who knows how."""
    entry, body = fields(line), line.partition(b',"body":')[2].removesuffix(b"}\n")
    fresh = entry_hash(str(entry["previous"]), int(str(entry["seq"])), str(entry["at"]), str(entry["event"]), body)
    return changed(line, str(entry["hash"]).encode(), fresh.encode())


def test_each_line_carries_an_entry_its_hash_and_the_one_before(export: Export) -> None:
    entries = list(map(fields, export.lines))

    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert entries[0]["event"] == "run started"
    assert {"begin", "settle", "approved"} <= {entry["event"] for entry in entries}
    assert [entry["previous"] for entry in entries] == ["0" * 64, *(entry["hash"] for entry in entries[:-1])]


def test_a_hash_is_that_of_the_entry_behind_the_one_before(export: Export) -> None:
    line = export.lines[4]
    entry, body = fields(line), line.partition(b',"body":')[2][:-2]

    covered = "{previous}\n{seq}\n{at}\n{event}\n".format_map(entry).encode() + body

    assert entry["hash"] == blake2b(covered, digest_size=32).hexdigest()


def test_the_same_log_gives_the_same_bytes_and_a_later_export_goes_on(export: Export, loaded: ClientFolder) -> None:
    first = export.file.read_bytes()

    same = loaded.run("audit-log", "export", "--to", "-")
    loaded.run("run")
    later = loaded.run("audit-log", "export", "--to", "-")

    assert same.output.encode() == first
    assert later.output.encode().startswith(first)
    assert later.output.encode() != first


def test_an_export_lies_among_the_reports_with_its_checker_and_says_its_head(loaded: ClientFolder) -> None:
    told = loaded.run("audit-log", "export")

    file = loaded.path / "reports" / "audit-log.jsonl"
    last = fields(file.read_bytes().splitlines()[-1])
    assert (file.parent / "verify_audit_log.py").exists()
    assert f"Whole: {last['seq']:,} entries, head {last['hash']}" in told.output


def test_an_untouched_export_is_whole_under_every_head_that_was_printed(export: Export, finished: ClientFolder) -> None:
    approval = json.loads((finished.path / "reports" / "03-approve-mapping.json").read_text())
    last = fields(export.lines[-1])

    told = export.check(approval["facts"]["Audit log so far"], str(last["hash"]).upper())

    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout == f"Whole: {last['seq']} entries, the last with the hash {last['hash']}\n"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param(
            lambda lines: [*lines[:4], changed(lines[4], b'"body":{', b'"body":{"x":1,'), *lines[5:]],
            ["line 5: entry 5 was changed"],
            id="a body",
        ),
        pytest.param(
            lambda lines: [*lines[:4], changed(lines[4], b'"at":"2', b'"at":"1'), *lines[5:]],
            ["line 5: entry 5 was changed"],
            id="a moment",
        ),
        pytest.param(
            lambda lines: [*lines[:4], rehashed(changed(lines[4], b'"at":"2', b'"at":"1')), *lines[5:]],
            ["line 6: entry 6 does not follow the one before it: one was replaced"],
            id="a moment, and the hash made to fit",
        ),
        pytest.param(
            lambda lines: [*lines[:4], changed(lines[4], b'{"seq"', b'{"by":"me","seq"'), *lines[5:]],
            ["line 5: this is not an entry as it was exported", "line 6: entry 5 is missing before entry 6"],
            id="a word beside what is hashed",
        ),
        pytest.param(
            lambda lines: [*lines[:4], changed(lines[4], b'{"seq":5', b'{"seq":"5"'), *lines[5:]],
            ["line 5: this is not an entry as it was exported", "line 6: entry 5 is missing before entry 6"],
            id="a number written as text",
        ),
        pytest.param(
            lambda lines: [*lines[:4], *lines[5:]],
            ["line 5: entry 5 is missing before entry 6"],
            id="removed",
        ),
        pytest.param(
            lambda lines: lines[3:],
            ["line 1: entries 1 to 3 are missing before entry 4"],
            id="the beginning removed",
        ),
        pytest.param(
            lambda lines: [*lines[:4], lines[2], *lines[4:]],
            ["line 5: entry 3 is out of place: slipped in, moved or repeated"],
            id="repeated",
        ),
        pytest.param(
            lambda lines: [*lines[:4], rehashed(changed(lines[4], b'"at":"2', b'"at":"1')), *lines[4:]],
            ["line 6: entry 5 is out of place: slipped in, moved or repeated", "line 7: entry 6 does not follow"],
            id="slipped in with a hash that fits",
        ),
        pytest.param(
            lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
            ["line 5: entry 5 is missing before entry 6, or moved", "line 6: entry 5 is out of place"],
            id="two of them swapped",
        ),
        pytest.param(
            lambda lines: [*lines[:-1], lines[-1][:-20]],
            ["is not an entry as it was exported"],
            id="the last one cut in the middle",
        ),
    ],
)
def test_whatever_was_done_to_an_export_is_found_and_named(
    export: Export, change: Callable[[Lines], Lines], found: list[str], tmp_path: Path
) -> None:
    told = export.tampered(change, tmp_path).check()

    named = told.stdout.splitlines()[:-1]
    assert told.returncode == 1
    assert len(named) == len(found), told.stdout
    assert all(words in line for words, line in zip(found, named, strict=True)), told.stdout
    assert told.stdout.splitlines()[-1].startswith("NOT WHOLE. Sound from the first line on: ")


def test_an_end_that_was_cut_off_is_found_by_a_head_that_was_kept(export: Export, tmp_path: Path) -> None:
    head = str(fields(export.lines[-1])["hash"])
    shorter = export.tampered(lambda lines: lines[:-2], tmp_path)

    without, with_head = shorter.check(), shorter.check(head)

    assert without.returncode == 0
    assert with_head.returncode == 1
    assert f"the head {head} is not among the entries: the end was cut off" in with_head.stdout


def test_transload_checks_an_export_too_and_needs_no_project(export: Export, tmp_path: Path) -> None:
    head = str(fields(export.lines[-1])["hash"])
    shorter = export.tampered(lambda lines: lines[:-2], tmp_path)

    whole = invoke("audit-log", "verify", str(export.file), "--head", head, "-C", str(tmp_path))
    broken = invoke("audit-log", "verify", str(shorter.file), "--head", head, "-C", str(tmp_path))

    assert (whole.exit_code, whole.output) == (0, f"Whole: {len(export.lines)} entries, head {head}\n")
    assert broken.exit_code == 1
    assert head in broken.output


def test_the_ledger_is_checked_against_heads_too(loaded: ClientFolder) -> None:
    strange = "0" * 63 + "1"
    approval = json.loads((loaded.path / "reports" / "03-approve-mapping.json").read_text())

    known = loaded.run("audit-log", "verify", "--head", approval["facts"]["Audit log so far"])
    unknown = loaded.run("audit-log", "verify", "--head", strange)

    assert (known.exit_code, unknown.exit_code) == (0, 1)
    assert strange in unknown.output


def test_an_export_of_a_log_that_is_broken_says_so(loaded: ClientFolder) -> None:
    with Ledger.open(str(loaded.path / "ledger.sqlite")) as ledger, ledger.database.writing() as connection:
        connection.exec_driver_sql("update ledger_audit set event = 'nothing' where seq = 5")

    told = loaded.run("audit-log", "export")

    assert told.exit_code == 1
    assert "Broken at line 5: entry 5 was changed" in told.output


def test_a_file_that_is_not_there_is_named(loaded: ClientFolder) -> None:
    told = loaded.run("audit-log", "verify", "elsewhere.jsonl")

    assert told.exit_code == 2
    assert "elsewhere.jsonl cannot be read" in told.errors
