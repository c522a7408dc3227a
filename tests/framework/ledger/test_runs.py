from datetime import timedelta

from transload._ledger import Ledger, RunStatus


def test_run_ids_sort_by_time_and_name_their_stage(ledger: Ledger) -> None:
    ids = [ledger.runs.start(stage, {}) for stage in ("audit", "plan", "run")]

    assert ids == sorted(ids)
    assert ids[0].startswith("20261122T0900")
    assert "-audit-" in ids[0]


def test_a_run_that_died_is_taken_up_again(ledger: Ledger) -> None:
    run_id = ledger.runs.start("run", {"mapping": "abc"})

    resumed = ledger.runs.resume("run")

    assert resumed is not None
    assert resumed.run_id == run_id
    assert resumed.facts == {"mapping": "abc"}
    assert resumed.finished_at is None


def test_a_run_that_was_stopped_runs_again_when_it_is_taken_up(ledger: Ledger) -> None:
    run_id = ledger.runs.start("run", {})
    ledger.runs.finish(run_id, RunStatus.STOPPED, {"done": 3})

    resumed = ledger.runs.resume("run")

    assert resumed is not None
    assert (resumed.run_id, resumed.status, resumed.finished_at) == (run_id, RunStatus.RUNNING, None)


def test_a_run_that_came_to_its_end_is_not_taken_up(ledger: Ledger) -> None:
    ledger.runs.start("run", {})
    ledger.runs.finish(ledger.runs.start("run", {}), RunStatus.FAILED, {})

    assert ledger.runs.resume("run") is None
    assert ledger.runs.resume("delta") is None


def test_the_last_run_that_passed_is_found_behind_one_that_failed(ledger: Ledger) -> None:
    passed, failed = ledger.runs.start("run", {}), ledger.runs.start("run", {})
    ledger.runs.finish(passed, RunStatus.PASSED, {"counts": {"job": 3}, "hours": 1.5})
    ledger.runs.finish(failed, RunStatus.FAILED, {})

    last, last_passed = ledger.runs.last("run"), ledger.runs.last("run", passed_only=True)

    assert last is not None
    assert last.run_id == failed
    assert last_passed is not None
    assert last_passed.run_id == passed
    assert last_passed.summary == {"counts": {"job": 3}, "hours": 1.5}
    assert last_passed.finished_at is not None
    assert last_passed.finished_at.utcoffset() == timedelta(0)
    assert [run.run_id for run in ledger.runs.all()] == [passed, failed]


def test_a_fact_holds_what_it_was_set_to_last(ledger: Ledger) -> None:
    ledger.runs.set_fact("watermark", "2026-01-01")
    ledger.runs.set_fact("watermark", "2026-02-01")

    assert ledger.runs.fact("watermark") == "2026-02-01"
    assert ledger.runs.fact("cut_over") is None
