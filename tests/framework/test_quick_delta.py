"""A quick delta reads what may have changed, and proves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from transload.testing import ClientFolder
from transload.values import EntityName, Record, RecordKey, Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EARLIER, LATER = datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC)
CERTIFICATE = "07-delta-certificate.html"


@pytest.fixture(scope="module")
def stamped(
    copy_client: Callable[[ClientFolder, Path], ClientFolder],
    tmp_path_factory: pytest.TempPathFactory,
    finished: ClientFolder,
) -> ClientFolder:
    """A company whose records say when they changed, and whose lines are part of their jobs, read as a whole."""
    client = copy_client(finished, tmp_path_factory.mktemp("stamped"))
    for record in client.source.records():
        job = RecordKey(EntityName("job"), record.key.source_id)
        part_of = job if record.key.entity == "line" else None
        client.source.put_record(replace(record, modified_at=EARLIER, part_of=part_of))
    assert client.walk("delta").exit_code == 0
    (client.path / "reports" / CERTIFICATE).unlink()
    return client


@pytest.fixture
def client(
    copy_client: Callable[[ClientFolder, Path], ClientFolder], tmp_path: Path, stamped: ClientFolder
) -> ClientFolder:
    return copy_client(stamped, tmp_path / "quick")


def found(client: ClientFolder, entity: str, source_id: str) -> Record:
    (record,) = (one for one in client.source.records(entity) if one.key.source_id == source_id)
    return record


def touch(client: ClientFolder, entity: str, source_id: str, **fields: Value) -> None:
    """Change a record as people do, with a new moment."""
    record = found(client, entity, source_id)
    client.source.put_record(replace(record, fields={**record.fields, **fields}, modified_at=LATER))


def subjects(client: ClientFolder) -> set[object]:
    return {row["subject"] for row in client.target.rows("task").values()}


def test_what_is_as_it_was_is_not_read_and_no_certificate_is_left(client: ClientFolder) -> None:
    result = client.walk("delta --quick")

    facts = result.json["facts"]
    assert result.exit_code == 0, result.errors
    assert (facts["Records read"], facts["Taken as unchanged"], facts["Writes"]) == ("0", "24", "0")
    assert facts["Kind"].startswith("quick")
    assert result.json["verdict"]["next_command"] == "transload delta"
    assert not (client.path / "reports" / CERTIFICATE).exists()


def test_a_changed_record_is_read_anew_with_its_parts(client: ClientFolder) -> None:
    touch(client, "job", "3", name="Job III")
    client.source.change("line", "3", text="Line III")
    client.source.put("job", "9", id=9, name="Job 9", customer_id=1, priority="usual", status="open")

    facts = client.walk("delta --quick").json["facts"]

    assert (facts["Records read"], facts["Taken as unchanged"], facts["Writes"]) == ("3", "22", "3")
    assert {"Job III", "Job 9"} <= {row["title"] for row in client.target.rows("incident").values()}
    assert "Line III" in subjects(client)


def test_what_is_gone_is_reported_as_by_a_complete_delta(client: ClientFolder) -> None:
    touch(client, "job", "3")
    for entity, source_id in (("line", "3"), ("job", "5"), ("line", "5")):
        client.source.remove(entity, source_id)

    quick = client.walk("delta --quick").json["findings"]
    complete = client.walk("delta").json["findings"]

    gone = {finding["title"].split()[1]: finding["evidence"] for finding in quick}
    assert gone == {"job": "5", "line": "3, 5"}
    assert quick == complete


def test_a_change_that_nothing_tells_waits_for_the_complete_delta(client: ClientFolder) -> None:
    client.source.change("line", "3", text="Line III")
    client.source.remove("line", "4")

    quick = client.walk("delta --quick")
    after_quick = subjects(client)
    complete = client.walk("delta")

    assert (quick.json["facts"]["Writes"], quick.json["findings"]) == ("0", [])
    assert "Line III" not in after_quick
    assert "Line III" in subjects(client)
    assert [finding["evidence"] for finding in complete.json["findings"]] == ["4"]


def test_a_source_that_cannot_tell_is_read_as_a_whole(client: ClientFolder) -> None:
    project = client.path / "transload.toml"
    project.write_text(project.read_text() + "\n[memory_source]\ntells_changes = false\n")
    client.source.change("line", "3", text="Line III")

    result = client.walk("plan", "approve mapping", "delta --quick")

    assert (result.json["facts"]["Records read"], result.json["facts"]["Writes"]) == ("24", "1")
    assert "Line III" in subjects(client)


def test_the_cut_over_waits_for_a_complete_delta(client: ClientFolder) -> None:
    refused = client.walk("delta", "delta --quick", "reconcile", "approve cutover")
    allowed = client.walk("delta", "reconcile", "approve cutover")

    assert refused.exit_code == 2
    assert "quick" in refused.errors
    assert "transload delta, then transload reconcile" in refused.errors
    assert allowed.exit_code == 0, allowed.errors


def test_records_of_a_reading_that_was_stopped_are_read_again(client: ClientFolder) -> None:
    touch(client, "job", "3", name="Job III")
    client.source.change("line", "3", text="Line III")
    client.source.break_off("line", 0)

    stopped = client.walk("delta")
    quick = client.walk("delta --quick")

    assert stopped.exit_code == 2
    assert quick.exit_code == 0, quick.errors
    assert "Line III" in subjects(client)


def test_a_stopped_complete_delta_stays_complete(client: ClientFolder) -> None:
    client.source.change("line", "3", text="Line III")
    client.source.break_off("line", 0)
    client.walk("delta")
    client.walk("delta --quick")

    result = client.walk("delta")

    assert result.json["facts"]["Kind"].startswith("complete")
    assert "Line III" in subjects(client)


def test_a_key_that_nobody_staged_is_a_defect_of_the_source(client: ClientFolder) -> None:
    client.offer(
        "memory_source",
        "from transload import RecordKey, hookimpl\n"
        "from transload.testing.memory_source import check, describe_source, extract, settings\n\n\n"
        "@hookimpl\n"
        "def extract_changes(entity):\n"
        '    return iter([RecordKey(entity, "404")])\n',
    )

    result = client.walk("delta --quick")

    assert result.exit_code == 2
    assert "customer 404 unchanged" in result.errors
