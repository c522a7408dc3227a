"""A bounded pool: work is done in threads, results are taken on the caller's thread.

No more is in flight than there are workers, so memory stays flat and a stop leaves
little behind. Whatever was sent is waited for and handed over, also when something
fails: an answer that nobody records would be a row that nobody knows.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")


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
        BaseException: The first that ``items``, ``work`` or ``take`` raised, after all that
            was in flight has ended and been taken.
    """
    pending: dict[Future[Result], Work] = {}
    failure: BaseException | None = None

    def collect(minimum_free: int) -> None:
        nonlocal failure
        while len(pending) > minimum_free:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                item = pending.pop(future)
                try:
                    take(item, future.result())
                except BaseException as error:  # noqa: BLE001 - raised below, when nothing is in flight
                    failure = failure or error

    with ThreadPoolExecutor(workers, thread_name_prefix="transload") as pool:
        try:
            for item in items:
                pending[pool.submit(work, item)] = item
                collect(workers - 1)
                if failure is not None:
                    break
        except BaseException as error:  # noqa: BLE001 - raised below, when nothing is in flight
            failure = failure or error
        collect(0)
    if failure is not None:
        raise failure
