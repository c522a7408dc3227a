"""A run that is stopped anywhere, again and again, ends like one that nobody disturbed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transload.testing import ClientFolder, Mishap

MISHAPS = [Mishap.REFUSED, Mishap.ANSWER_LOST, Mishap.INTERRUPTED]
stops = st.lists(st.tuples(st.sampled_from(MISHAPS), st.integers(1, 12)), min_size=1, max_size=3)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(stops=stops)
def test_a_run_that_is_stopped_anywhere_ends_like_an_undisturbed_one(
    copy_client: Callable[[ClientFolder, Path], ClientFolder],
    tmp_path_factory: pytest.TempPathFactory,
    sampled: ClientFolder,
    finished: ClientFolder,
    stops: list[tuple[Mishap, int]],
) -> None:
    client = copy_client(sampled, tmp_path_factory.mktemp("stopped"))
    for mishap, call in stops:
        client.target.plan_mishap(mishap, call)
        client.run("run")

    last = client.walk("run", "reconcile")

    assert last.exit_code == 0
    for table in ("account", "incident", "task"):
        assert client.target.rows(table) == finished.target.rows(table)
