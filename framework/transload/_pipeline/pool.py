"""A bounded pool: work is done in threads, results are taken on the caller's thread.

No more is in flight than there are workers, so memory stays flat and a stop leaves
little behind. Whatever was sent is waited for and handed over, also when something
fails: an answer that nobody records would be a row that nobody knows. The same goes for
Ctrl-C, which takes effect between two items; a second one waits for nothing.
"""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")

WORKER = "transload worker"
"""Begins the names of the threads."""


def run_bounded(
    items: Iterable[Work],
    work: Callable[[Work], Result],
    take: Callable[[Work, Result], None],
    workers: int,
) -> None:
    """Apply ``work`` to every item in threads, and ``take`` to every result here.

    Args:
        items: Drawn one by one, on this thread, as room comes free.
        work: Runs in a worker thread.
        take: Runs on this thread, in order of completion.
        workers: How many items may be in flight.

    Raises:
        BaseException: The first that ``items``, ``work`` or ``take`` raised, or Ctrl-C, after all that
            was in flight has ended and been taken. A second Ctrl-C leaves it in flight.
    """
    pending: dict[Future[Result], Work] = {}
    failure: BaseException | None = None

    def collect(minimum_free: int) -> None:
        nonlocal failure
        while len(pending) > minimum_free and not interrupt.heard_twice:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                item = pending.pop(future)
                try:
                    take(item, future.result())
                except BaseException as error:  # noqa: BLE001 - raised below, when nothing is in flight
                    failure = failure or error

    pool = ThreadPoolExecutor(workers, thread_name_prefix=WORKER)
    with _interrupt_held() as interrupt:
        try:
            for item in items:
                pending[pool.submit(work, item)] = item
                collect(workers - 1)
                if failure is not None or interrupt.heard:
                    break
        except BaseException as error:  # noqa: BLE001 - raised below, when nothing is in flight
            failure = failure or error
        try:
            collect(0)
        finally:
            pool.shutdown(wait=not pending, cancel_futures=True)
    if failure is None and interrupt.heard:
        failure = KeyboardInterrupt()
    if failure is not None:
        raise failure


def is_stopping() -> bool:
    """Whether a Ctrl-C was heard, and what is on its way is waited for."""
    handler = signal.getsignal(signal.SIGINT)
    return isinstance(handler, _Interrupt) and handler.heard


@dataclass(slots=True)
class _Interrupt:
    """Handles Ctrl-C: the first is noted, a second does what it did before."""

    before: Callable[[int, FrameType | None], object]
    heard: bool = False
    heard_twice: bool = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.heard_twice, self.heard = self.heard, True
        if self.heard_twice:
            self.before(number, frame)


@contextmanager
def _interrupt_held() -> Iterator[_Interrupt]:
    """Hold the first Ctrl-C back; only the main thread is told of any."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield _Interrupt(signal.default_int_handler)
        return
    held = _Interrupt(before)
    signal.signal(signal.SIGINT, held)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, before)
