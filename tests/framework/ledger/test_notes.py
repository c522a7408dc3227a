from transload._ledger import Ledger
from transload.errors import RefusedError
from transload.values import EntityName, Finding, Loss, Phase, RecordKey, Severity, SourceId

ERROR = RefusedError("job 1", "0x1", "no")


def key(source_id: str) -> RecordKey:
    return RecordKey(EntityName("job"), SourceId(source_id))


def loss(source_id: str, column: str, kind: str, original: str = "long text") -> Loss:
    return Loss(key(source_id), column, kind, original, "long")


def test_the_findings_of_a_stage_replace_its_earlier_ones(ledger: Ledger) -> None:
    warning = Finding("currency", Severity.WARNING, "Two currencies", "USD, EUR", "Choose one", 2)
    info = Finding("count", Severity.INFO, "3 jobs")
    ledger.notes.set_findings("audit", [info, info])
    ledger.notes.set_findings("plan", [info])

    ledger.notes.set_findings("audit", [warning, info])

    assert ledger.notes.findings("audit") == [warning, info]
    assert ledger.notes.findings() == [warning, info, info]


def test_losses_of_a_column_replace_its_earlier_ones(ledger: Ledger) -> None:
    ledger.notes.add_losses([loss("1", "name", "truncated"), loss("1", "phone", "truncated")])

    ledger.notes.add_losses([loss("1", "name", "rounded"), loss("1", "name", "unknown")])

    assert [(it.column, it.kind) for it in ledger.notes.losses()] == [
        ("name", "rounded"),
        ("name", "unknown"),
        ("phone", "truncated"),
    ]


def test_losses_of_records_can_be_cleared(ledger: Ledger) -> None:
    ledger.notes.add_losses([loss("1", "name", "truncated"), loss("2", "name", "truncated")])

    ledger.notes.clear_losses([key("1")])

    assert list(ledger.notes.losses()) == [loss("2", "name", "truncated")]


def test_every_loss_is_walked_once(ledger: Ledger) -> None:
    losses = [loss(str(i), column, "truncated") for i in range(700) for column in ("name", "phone")]
    ledger.notes.add_losses(losses)

    walked = list(ledger.notes.losses())

    assert len(walked) == 1400
    assert set(walked) == set(losses)


def test_flags_of_a_record_replace_its_earlier_ones(ledger: Ledger) -> None:
    ledger.notes.add_flags({key("1"): ("fallback owner", "no phone"), key("2"): ("placeholder",)})

    ledger.notes.add_flags({key("1"): ("no phone",), key("2"): ()})

    assert ledger.notes.flags() == {key("1"): ("no phone",)}


def test_dead_letters_are_cleared_by_record_and_phase(ledger: Ledger) -> None:
    ledger.notes.add_dead_letters("run-1", [(key("1"), Phase.ROWS, ERROR), (key("1"), Phase.LINKS, ERROR)])
    ledger.notes.add_dead_letters("run-2", [(key("2"), Phase.ROWS, ERROR)])

    ledger.notes.clear_dead_letters([key("1"), key("2")], Phase.ROWS)

    (letter,) = ledger.notes.dead_letters()
    assert (letter.key, letter.phase, letter.run_id) == (key("1"), Phase.LINKS, "run-1")
    assert (letter.message, letter.remedy) == (str(ERROR), ERROR.remedy)


def test_a_record_may_wait_for_two_parents(ledger: Ledger) -> None:
    waits = [(key("1"), Phase.ROWS, "customer 1"), (key("1"), Phase.ROWS, "customer 2")]
    ledger.notes.park("run-1", waits)
    ledger.notes.park("run-2", waits)

    parked = ledger.notes.parked()
    ledger.notes.unpark([key("1")], Phase.ROWS)

    assert [(it.waits_for, it.run_id) for it in parked] == [("customer 1", "run-2"), ("customer 2", "run-2")]
    assert ledger.notes.parked() == []


def test_the_newest_approval_of_a_subject_counts(ledger: Ledger) -> None:
    ledger.notes.approve("mapping", "Ada Example", {"mapping": "1"})
    ledger.notes.approve("mapping", "Bo Example", {"mapping": "2"}, "after the review")
    ledger.notes.approve("sample", "Cy Example", {})

    approval = ledger.notes.approval("mapping")

    assert approval is not None
    assert (approval.name, approval.digests, approval.note) == (
        "Bo Example",
        {"mapping": "2"},
        "after the review",
    )
    assert ledger.notes.approval("cutover") is None
    assert [entry.event for entry in ledger.audit_log.entries()] == ["approved"] * 3
