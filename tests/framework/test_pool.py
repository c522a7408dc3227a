"""The pool takes in whatever it sent out, whatever fails meanwhile."""

import signal
import threading
from collections.abc import Iterator

import pytest

from transload._pipeline.pool import is_stopping, run_bounded


def test_every_result_is_taken_on_the_callers_thread() -> None:
    taken: dict[int, int] = {}
    threads = set()

    def take(item: int, result: int) -> None:
        taken[item] = result
        threads.add(threading.get_ident())

    run_bounded(range(20), lambda item: item * item, take, workers=4)

    assert taken == {item: item * item for item in range(20)}
    assert threads == {threading.get_ident()}


def test_no_more_is_in_flight_than_there_are_workers() -> None:
    drawn: list[int] = []
    taken: list[int] = []
    in_flight = []

    def items() -> Iterator[int]:
        for item in range(30):
            drawn.append(item)
            in_flight.append(len(drawn) - len(taken))
            yield item

    run_bounded(items(), lambda item: item, lambda item, result: taken.append(result), workers=3)

    assert max(in_flight) <= 3
    assert sorted(taken) == list(range(30))


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_what_is_in_flight_when_work_fails_is_taken_all_the_same(failure: type[BaseException]) -> None:
    started, failed = threading.Semaphore(0), threading.Event()
    taken: list[int] = []

    def work(item: int) -> int:
        if item == 0:
            assert started.acquire(timeout=5)
            failed.set()
            raise failure
        started.release()
        assert failed.wait(timeout=5)
        return item

    with pytest.raises(failure):
        run_bounded(range(100), work, lambda item, result: taken.append(result), workers=2)

    assert taken == [1]


def test_what_is_in_flight_when_the_items_fail_is_taken_all_the_same() -> None:
    go_on = threading.Event()
    taken: list[int] = []

    def items() -> Iterator[int]:
        yield 1
        go_on.set()
        raise ValueError("no more")

    def work(item: int) -> int:
        assert go_on.wait(timeout=5)
        return item

    with pytest.raises(ValueError, match="no more"):
        run_bounded(items(), work, lambda item, result: taken.append(result), workers=2)

    assert taken == [1]


def test_a_result_that_cannot_be_taken_stops_the_rest_and_loses_none_in_flight() -> None:
    taken: list[int] = []

    def take(item: int, result: int) -> None:
        taken.append(result)
        if len(taken) == 1:
            raise ValueError("full")

    with pytest.raises(ValueError, match="full"):
        run_bounded(range(100), lambda item: item, take, workers=3)

    assert 1 <= len(taken) <= 6


def test_ctrl_c_takes_effect_between_two_items_and_what_was_sent_is_taken() -> None:
    taken: list[int] = []
    seen: list[bool] = []

    def take(item: int, result: int) -> None:
        if item == 3:
            signal.raise_signal(signal.SIGINT)
        seen.append(is_stopping())
        taken.append(item)

    with pytest.raises(KeyboardInterrupt):
        run_bounded(range(100), lambda item: item, take, workers=1)

    assert taken == [0, 1, 2, 3]
    assert (seen, is_stopping()) == ([False, False, False, True], False)


def test_a_second_ctrl_c_waits_for_nothing() -> None:
    answered = threading.Event()
    taken: list[int] = []

    def items() -> Iterator[int]:
        yield 0
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        yield 1

    with pytest.raises(KeyboardInterrupt):
        run_bounded(items(), lambda item: answered.wait(timeout=5), lambda item, result: taken.append(item), workers=2)

    assert taken == []
    answered.set()
