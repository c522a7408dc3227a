from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transload._ledger import Ledger, StagedCounts
from transload._ledger.codec import digest
from transload.values import EntityName, Record, RecordKey, SourceId, Value

JOB = EntityName("job")


def record(source_id: str, entity: EntityName = JOB, **fields: Value) -> Record:
    return Record(RecordKey(entity, SourceId(source_id)), fields)


def ids(ledger: Ledger, size: int = 500) -> list[str]:
    return [found.key.source_id for batch in ledger.staging.batches(JOB, size) for found in batch]


def test_a_record_comes_back_as_it_was_staged(ledger: Ledger) -> None:
    offset = timezone(timedelta(hours=-5))
    fields: dict[str, Value] = {
        "total": Decimal("350.00"),
        "name": "",
        "phone": None,
        "at": datetime(2026, 1, 2, tzinfo=offset),
    }
    staged = Record(RecordKey(JOB, SourceId("7")), fields, datetime(2026, 3, 4, 5, 6, 7, 89, UTC))

    ledger.staging.add([staged], "run-1")

    found = ledger.staging.find_many([staged.key])[staged.key]
    assert found == staged
    assert found.modified_at is not None
    assert found.modified_at.tzinfo is UTC
    assert str(found.fields["total"]) == "350.00"


def test_adding_tells_new_from_changed_from_unchanged(ledger: Ledger) -> None:
    ledger.staging.add([record("1", name="a"), record("2", name="b")], "run-1")

    counts = ledger.staging.add([record("1", name="a"), record("2", name="B"), record("3", name="c")], "run-2")

    assert counts == StagedCounts(new=1, changed=1, unchanged=1)


def test_a_new_modification_date_alone_is_no_change(ledger: Ledger) -> None:
    key = RecordKey(JOB, SourceId("1"))
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    ledger.staging.add([Record(key, {"name": "a"}, early)], "run-1")

    counts = ledger.staging.add([Record(key, {"name": "a"}, late)], "run-2")

    assert counts.unchanged == 1
    assert ledger.staging.find_many([key])[key].modified_at == late


def test_of_records_with_one_key_the_last_counts(ledger: Ledger) -> None:
    counts = ledger.staging.add([record("1", name="first"), record("1", name="last")], "run-1")

    assert counts == StagedCounts(new=1, changed=0, unchanged=0)
    assert ledger.staging.find_many([RecordKey(JOB, SourceId("1"))]) == {
        RecordKey(JOB, SourceId("1")): record("1", name="last")
    }


def test_batches_go_by_number_and_then_by_text(ledger: Ledger) -> None:
    ledger.staging.add([record(i) for i in ("10", "b", "9", "100", "B", "1", "9" * 30)], "run-1")

    assert ids(ledger, size=2) == ["1", "9", "10", "100", "9" * 30, "B", "b"]


def test_records_may_be_added_while_batches_are_walked(ledger: Ledger) -> None:
    ledger.staging.add([record(str(i)) for i in range(10)], "run-1")

    seen = []
    for batch in ledger.staging.batches(JOB, 4):
        ledger.staging.add([record(found.key.source_id, name="changed") for found in batch], "run-1")
        seen += [found.key.source_id for found in batch]

    assert seen == [str(i) for i in range(10)]


def test_a_record_that_a_full_reading_missed_has_vanished(ledger: Ledger) -> None:
    ledger.staging.add([record("1"), record("2"), record("3", EntityName("customer"))], "run-1")
    ledger.staging.add([record("1")], "run-2")

    vanished = ledger.staging.mark_vanished("run-2", [JOB])

    assert vanished == 1
    assert ledger.staging.vanished(JOB) == [RecordKey(JOB, SourceId("2"))]
    assert ids(ledger) == ["1"]
    assert ledger.staging.counts() == {JOB: 1, EntityName("customer"): 1}
    assert ledger.staging.find(RecordKey(JOB, SourceId("2"))) is not None


def test_a_record_is_found_with_what_is_known_of_it(ledger: Ledger) -> None:
    ledger.staging.add([record("1", name="a"), record("2", name="b")], "run-1", reading=3)
    ledger.staging.add([record("1", name="a")], "run-2", reading=4)
    ledger.staging.mark_vanished("run-2", [JOB])

    live, gone = (ledger.staging.find(RecordKey(JOB, SourceId(found))) for found in "12")

    assert live is not None
    assert gone is not None
    assert (live.record, live.seen_run, live.reading, live.vanished_at) == (record("1", name="a"), "run-2", 4, None)
    assert (live.size, live.digest) == (len(b'{"name":"a"}'), digest(b'{"name":"a"}'))
    assert (gone.seen_run, gone.reading) == ("run-1", 3)
    assert gone.vanished_at is not None
    assert ledger.staging.find(RecordKey(JOB, SourceId("3"))) is None


def test_a_vanished_record_that_comes_back_lives_again(ledger: Ledger) -> None:
    ledger.staging.add([record("1", name="a")], "run-1")
    ledger.staging.mark_vanished("run-2", [JOB])

    counts = ledger.staging.add([record("1", name="a")], "run-3")

    assert counts == StagedCounts(new=0, changed=1, unchanged=0)
    assert ledger.staging.vanished(JOB) == []
    assert ledger.staging.count(JOB) == 1


def test_a_resumed_run_knows_which_entities_it_has_read(ledger: Ledger) -> None:
    ledger.staging.mark_read("run-1", JOB)
    ledger.staging.mark_read("run-1", JOB)

    assert ledger.staging.entities_read("run-1") == {JOB}
    assert ledger.staging.entities_read("run-2") == frozenset()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_any_source_id_is_found_again(ledger: Ledger, source_ids: set[str]) -> None:
    records = [record(source_id, EntityName("odd")) for source_id in source_ids]
    ledger.staging.add(records, "run-1")

    found = ledger.staging.find_many([staged.key for staged in records])

    assert found == {staged.key: staged for staged in records}


def test_thousands_of_keys_are_found_at_once(ledger: Ledger) -> None:
    records = [record(str(i)) for i in range(2500)]
    ledger.staging.add(records, "run-1")

    assert len(ledger.staging.find_many([staged.key for staged in records])) == 2500
