from decimal import Decimal

import pytest

from transload._ledger import Intent, Ledger, MappedRow, WriteStatus
from transload._ledger.references import rows_pointing_to
from transload.errors import LedgerError, RefusedError
from transload.values import (
    Associate,
    Cell,
    Disassociate,
    EntityName,
    Outcome,
    Phase,
    RecordKey,
    Row,
    RowId,
    RowRef,
    SchemaChange,
    SchemaKind,
    SchemaOutcome,
    SetState,
    SourceId,
    TableName,
    Upsert,
    Write,
)

CASE = TableName("incident")
TAG = RowRef(TableName("tag"), RowId("t1"))
REFUSED = Outcome(RefusedError("job 1", "0x80040217", "no such row"))


def key(source_id: str) -> RecordKey:
    return RecordKey(EntityName("job"), SourceId(source_id))


def ref(row_id: str) -> RowRef:
    return RowRef(CASE, RowId(row_id))


def upsert(number: str, phase: Phase = Phase.ROWS, **columns: Cell) -> Upsert:
    return Upsert(key(number), CASE, RowId(f"r{number}"), columns, phase)


def state(number: str, value: int, status: int) -> SetState:
    return SetState(key(number), CASE, RowId(f"r{number}"), value, status, {"subject": "closed"})


def link(number: str, other: RowRef = TAG) -> Associate:
    return Associate(key(number), CASE, RowId(f"r{number}"), "incident_tag", other)


def write(ledger: Ledger, *writes: Write, before: Row | None = None, outcome: Outcome | None = None) -> list[int]:
    """Begin and settle; an upsert without a before-image creates."""
    intents = [Intent(it, before, before is None and isinstance(it, Upsert)) for it in writes]
    ids = ledger.journal.begin("run-1", intents)
    ledger.journal.settle("run-1", [(id_, outcome or Outcome()) for id_ in ids])
    return ids


def held(ledger: Ledger, it: Write) -> dict[str, Cell] | None:
    identity = ledger.journal.write_identity(it)
    found = ledger.journal.written([identity, "row:none:none"])
    return dict(found[identity]) if identity in found else None


# --- the id map


def test_a_row_that_was_created_is_in_the_id_map(ledger: Ledger) -> None:
    write(ledger, upsert("1", title="leak"))

    assert ledger.journal.rows([key("1"), key("2")]) == {key("1"): MappedRow(ref("r1"), "created")}
    assert ledger.journal.keys_of([ref("r1"), ref("r2")]) == {ref("r1"): key("1")}


def test_a_row_that_was_refused_is_not_in_the_id_map(ledger: Ledger) -> None:
    write(ledger, upsert("1"), outcome=REFUSED)

    assert ledger.journal.rows([key("1")]) == {}


def test_matched_rows_are_mapped_and_may_be_moved(ledger: Ledger) -> None:
    ledger.journal.map_rows([(key("1"), ref("old"), "matched"), (key("2"), ref("two"), "matched")])

    ledger.journal.map_rows([(key("1"), ref("new"), "matched")])

    assert list(ledger.journal.mapped(EntityName("job"))) == [
        (key("1"), MappedRow(ref("new"), "matched")),
        (key("2"), MappedRow(ref("two"), "matched")),
    ]


def test_a_record_that_gives_two_rows_stays_mapped_to_the_first(ledger: Ledger) -> None:
    note = Upsert(key("1"), TableName("annotation"), RowId("n1"), {"notetext": "hello"})

    write(ledger, upsert("1"), note)

    assert ledger.journal.rows([key("1")])[key("1")].ref == ref("r1")


def test_every_mapped_row_is_walked_once(ledger: Ledger) -> None:
    ledger.journal.map_rows([(key(str(i)), ref(f"r{i}"), "matched") for i in range(2100)])

    walked = [found for found, _ in ledger.journal.mapped(EntityName("job"))]

    assert len(walked) == len(set(walked)) == 2100


# --- what was written


def test_columns_of_later_writes_lie_over_those_of_earlier_ones(ledger: Ledger) -> None:
    write(ledger, upsert("1", title="leak", total=Decimal("350.00"), customerid=ref("c1")))
    write(ledger, upsert("1", Phase.FINISH, title="leak fixed"), before=Row(RowId("r1"), {"title": "leak"}))

    now = held(ledger, upsert("1"))

    assert now == {"title": "leak fixed", "total": Decimal("350.00"), "customerid": ref("c1")}
    assert str(now["total"]) == "350.00"


def test_two_writes_of_one_row_in_one_batch_merge(ledger: Ledger) -> None:
    write(ledger, upsert("1", title="a", phone="1"), upsert("1", title="b"))

    assert held(ledger, upsert("1")) == {"title": "b", "phone": "1"}


def test_a_write_that_was_refused_leaves_what_was_written_before(ledger: Ledger) -> None:
    write(ledger, upsert("1", title="a"))
    write(ledger, upsert("1", title="b"), outcome=REFUSED)

    assert held(ledger, upsert("1")) == {"title": "a"}


def test_the_state_of_a_row_is_kept_apart_from_its_columns(ledger: Ledger) -> None:
    write(ledger, upsert("1", title="a"), state("1", 1, 5), state("1", 0, 1))

    assert held(ledger, state("1", 0, 0)) == {"statecode": 0, "statuscode": 1}
    assert held(ledger, upsert("1")) == {"title": "a"}


def test_a_forgotten_state_is_unlike_any_state(ledger: Ledger) -> None:
    write(ledger, state("1", 1, 5), before=Row(RowId("r1"), {"statecode": 0, "statuscode": 1}))

    ledger.journal.forget_state(CASE, RowId("r1"))

    assert held(ledger, state("1", 0, 0)) == {}
    assert next(ledger.journal.undo_list()).before_state == (0, 1)


def test_each_link_is_written_for_itself(ledger: Ledger) -> None:
    write(ledger, link("1"))

    assert held(ledger, link("1")) is not None
    assert held(ledger, link("1", RowRef(TableName("tag"), RowId("t2")))) is None


# --- a crash


def test_an_intent_without_an_outcome_is_open_after_a_crash(url: str) -> None:
    crashed = Ledger.open(url)
    before = Row(RowId("r2"), {"title": "was"}, changed_by_others=True)
    first, second, third = crashed.journal.begin(
        "run-1",
        [
            Intent(upsert("1", title="a"), None, True),
            Intent(upsert("2"), before, False),
            Intent(link("3"), None, False),
        ],
    )
    crashed.journal.settle("run-1", [(first, Outcome())])
    crashed.close()

    with Ledger.open(url) as ledger:
        still_open = ledger.journal.open_intents()
        ledger.journal.settle("run-1", [(it.id, Outcome(note="found by reading it")) for it in still_open])

        assert [it.id for it in still_open] == [second, third]
        assert [it.run_id for it in still_open] == ["run-1", "run-1"]
        assert (still_open[0].write, still_open[0].before, still_open[0].creates) == (
            upsert("2"),
            before,
            False,
        )
        assert ledger.journal.open_intents() == []
        assert held(ledger, link("3")) is not None


def test_an_intent_that_never_arrived_is_withdrawn_without_a_trace_elsewhere(ledger: Ledger) -> None:
    done, lost = ledger.journal.begin("run-1", [Intent(upsert(n), None, True) for n in ("1", "2")])
    ledger.journal.settle("run-1", [(done, Outcome())])

    ledger.journal.withdraw([lost])

    assert ledger.journal.counts() == {CASE: {WriteStatus.DONE: 1, WriteStatus.WITHDRAWN: 1}}
    assert ledger.journal.open_intents() == []
    assert ledger.journal.rows([key("2")]) == {}
    assert ledger.journal.history(ref("r2"))[0].settled_at is not None
    assert ledger.audit_log.verify().ok


def test_what_is_settled_can_be_neither_withdrawn_nor_settled_again(ledger: Ledger) -> None:
    ids = write(ledger, upsert("1", title="a"))

    with pytest.raises(LedgerError, match="not open"):
        ledger.journal.settle("run-1", [(ids[0], REFUSED)])

    with pytest.raises(LedgerError, match="not open"):
        ledger.journal.withdraw(ids)

    assert ledger.notes.dead_letters() == []
    assert ledger.journal.counts() == {CASE: {WriteStatus.DONE: 1}}


def test_the_history_of_a_row_tells_every_write_and_its_end(ledger: Ledger) -> None:
    write(ledger, upsert("1", title="a"), outcome=REFUSED)
    write(ledger, upsert("1", title="b"))

    first, second = ledger.journal.history(ref("r1"))

    assert (first.status, second.status) == (WriteStatus.FAILED, WriteStatus.DONE)
    assert "no such row" in first.error
    assert first.settled_at is not None
    assert first.settled_at < second.begun_at


# --- dead letters and parked records


def test_a_refused_write_becomes_a_dead_letter_until_it_is_done(ledger: Ledger) -> None:
    write(ledger, upsert("1"), outcome=REFUSED)
    set_aside = ledger.notes.dead_letters()
    write(ledger, upsert("1"))

    (letter,) = set_aside
    assert (letter.key, letter.phase, letter.code) == (key("1"), Phase.ROWS, "refused")
    assert letter.remedy
    assert ledger.notes.dead_letters() == []


def test_a_done_row_clears_what_was_noted_before_it_became_a_write(ledger: Ledger) -> None:
    error = RefusedError("job 1", "x", "y")
    ledger.notes.add_dead_letters("run-1", [(key("1"), Phase.ROWS, error), (key("1"), Phase.FINISH, error)])
    ledger.notes.park("run-1", [(key("1"), Phase.ROWS, "customer 9"), (key("2"), Phase.ROWS, "customer 9")])

    write(ledger, upsert("1"))

    assert [(letter.key, letter.phase) for letter in ledger.notes.dead_letters()] == [(key("1"), Phase.FINISH)]
    assert [parked.key for parked in ledger.notes.parked()] == [key("2")]


def test_a_done_link_does_not_hide_that_another_one_was_refused(ledger: Ledger) -> None:
    other = RowRef(TableName("tag"), RowId("t2"))
    write(ledger, link("1"), outcome=REFUSED)
    ledger.notes.park("run-1", [(key("1"), Phase.LINKS, "tag 3")])

    write(ledger, link("1", other))

    assert len(ledger.notes.dead_letters()) == 1
    assert len(ledger.notes.parked()) == 1


# --- the way back


def test_undo_goes_from_the_newest_row_to_the_oldest(ledger: Ledger) -> None:
    write(ledger, *(upsert(str(i)) for i in range(1200)))
    write(ledger, upsert("0", Phase.FINISH, title="late"), before=Row(RowId("r0"), {}))

    undo = [row.key.source_id for row in ledger.journal.undo_list()]

    assert undo == [str(i) for i in reversed(range(1200))]


def test_undo_of_a_row_that_was_there_restores_the_earliest_values(ledger: Ledger) -> None:
    write(ledger, upsert("1", title="ours", phone="2"), before=Row(RowId("r1"), {"title": "theirs", "fax": "3"}))
    write(
        ledger,
        upsert("1", title="ours again", fax="4"),
        before=Row(RowId("r1"), {"title": "ours", "fax": "3"}),
    )
    write(ledger, state("1", 1, 5), before=Row(RowId("r1"), {"statecode": 0, "statuscode": 1}))
    write(ledger, state("1", 2, 6), before=Row(RowId("r1"), {"statecode": 1, "statuscode": 5}))
    write(ledger, link("1"))

    (undo,) = ledger.journal.undo_list()

    assert not undo.created
    assert undo.before == {"title": "theirs", "fax": "3"}
    assert undo.before_state == (0, 1)
    assert undo.written == {"title": "ours again", "phone": "2", "fax": "4", "statecode": 2, "statuscode": 6}
    assert undo.links == (Disassociate(CASE, RowId("r1"), "incident_tag", TAG),)


def test_a_row_that_was_created_stays_created_through_later_writes(ledger: Ledger) -> None:
    write(ledger, upsert("1", title="a"))
    write(ledger, upsert("1", title="b"), before=Row(RowId("r1"), {"title": "a"}))

    (undo,) = ledger.journal.undo_list()

    assert undo.created
    assert (undo.key, undo.table, undo.row_id) == (key("1"), CASE, "r1")


def test_rows_that_are_undone_while_the_list_is_walked_are_gone_from_everything(ledger: Ledger) -> None:
    write(ledger, *(upsert(str(i), title="a") for i in range(600)))

    for row in ledger.journal.undo_list():
        outcome = REFUSED if row.row_id == "r7" else Outcome()
        ledger.journal.mark_undone("run-2", [(RowRef(row.table, row.row_id), outcome)])

    assert [row.row_id for row in ledger.journal.undo_list()] == ["r7"]
    assert ledger.journal.counts() == {CASE: {WriteStatus.DONE: 1, WriteStatus.UNDONE: 599}}
    assert list(ledger.journal.rows([key(str(i)) for i in range(600)])) == [key("7")]
    assert held(ledger, upsert("8")) is None


def test_a_row_can_be_written_again_after_its_undo(ledger: Ledger) -> None:
    write(ledger, upsert("1", title="a"))
    ledger.journal.mark_undone("run-2", [(ref("r1"), Outcome())])

    write(ledger, upsert("1", title="b"))

    (undo,) = ledger.journal.undo_list()
    assert undo.created
    assert undo.written == {"title": "b"}


def test_schema_changes_are_undone_newest_first_and_only_those_that_were_made(ledger: Ledger) -> None:
    column = SchemaChange(SchemaKind.COLUMN, "mig_id", CASE, "Id")
    alternate = SchemaChange(SchemaKind.KEY, "mig_key", CASE, key_columns=("mig_id",))
    there = SchemaChange(SchemaKind.PUBLISHER, "mig")
    refused = SchemaOutcome(SchemaChange(SchemaKind.SOLUTION, "x"), True, RefusedError("x", "1", "no"))
    made = [SchemaOutcome(column, True), SchemaOutcome(alternate, True), SchemaOutcome(there, False), refused]
    ledger.journal.record_schema("run-1", made)
    ledger.journal.record_schema("run-2", [SchemaOutcome(column, False)])

    before = ledger.journal.schema_to_undo()
    ledger.journal.mark_schema_undone("run-3", [alternate])

    assert before == [alternate, column]
    assert ledger.journal.schema_to_undo() == [column]


# --- nothing is half done


def test_a_batch_that_cannot_be_kept_leaves_no_trace(ledger: Ledger) -> None:
    unfit: Cell = 1.5  # type: ignore[assignment]  # what a plugin without type checks hands over

    with pytest.raises(LedgerError, match="cannot keep a float"):
        ledger.journal.begin("run-1", [Intent(upsert("1"), None, True), Intent(upsert("2", x=unfit), None, True)])

    assert ledger.journal.open_intents() == []
    assert ledger.audit_log.verify().ok
    write(ledger, upsert("3"))


# --- for an explanation


def test_the_history_of_a_record_is_found_without_its_row(ledger: Ledger) -> None:
    write(ledger, upsert("1", title="leak"), upsert("11", title="drip"), link("1"))
    ledger.journal.mark_undone("run-2", [(ref("r1"), Outcome())])

    history = ledger.journal.history_of(key("1"))

    assert [(entry.write, entry.status) for entry in history] == [
        (upsert("1", title="leak"), WriteStatus.UNDONE),
        (link("1"), WriteStatus.UNDONE),
    ]


def test_the_undo_of_some_rows_is_that_of_the_whole_list(ledger: Ledger) -> None:
    before = Row(RowId("r2"), {"title": "old"})
    write(ledger, upsert("1", title="leak"))
    write(ledger, upsert("2", title="drip"), before=before)
    write(ledger, state("1", 1, 5), link("1"))

    found = ledger.journal.undo_rows([ref("r2"), ref("r1"), ref("none")])

    assert found == list(ledger.journal.undo_list())


def test_rows_that_point_to_others_are_found_whatever_points(ledger: Ledger) -> None:
    parties = (ref("r1"), ref("elsewhere"))
    write(ledger, upsert("1"), upsert("2", parentid=ref("r1")), upsert("3", parties=parties), upsert("4", parentid=TAG))
    write(ledger, link("5", ref("r1")), upsert("6", text='["incident","r1"]'))

    assert rows_pointing_to(ledger.database, {ref("r1")}) == {ref("r2"), ref("r3"), ref("r5")}
    assert rows_pointing_to(ledger.database, {ref("r2")}) == set()


def test_the_audit_log_knows_when_a_row_was_undone(ledger: Ledger) -> None:
    write(ledger, upsert("1"), upsert("2"))
    ledger.journal.mark_undone("run-2", [(ref("r1"), Outcome())])
    ledger.journal.mark_undone("run-3", [(ref("r2"), REFUSED)])

    [undone], [refused] = (list(ledger.audit_log.about_row("undo", row)) for row in ("r1", "r2"))

    assert (undone.body["run"], undone.body["rows"]) == ("run-2", [["incident", "r1", ""]])
    assert refused.body["rows"][0][2]
