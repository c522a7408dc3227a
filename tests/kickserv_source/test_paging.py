"""Walking a list that moves while it is read."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transload.errors import ProtocolError
from transload_kickserv_source.paging import walk
from transload_kickserv_source.xml import Row

NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)


def row(ident: int, minute: int = 0) -> Row:
    return {"id": ident, "updated_at": NOON + timedelta(minutes=minute)}


def pages_of(rows: Sequence[Row], size: int) -> Callable[[int], Sequence[Row]]:
    return lambda page: rows[(page - 1) * size : page * size]


@given(st.lists(st.integers(0, 60), unique=True), st.integers(1, 7))
def test_every_record_of_a_quiet_list_comes_once_whatever_the_page_size(idents: list[int], size: int) -> None:
    rows = [row(ident) for ident in idents]

    walked = list(walk(pages_of(rows, size)))

    assert walked == rows


class Account:
    """A list by last change, newest first, in which somebody works between two requests."""

    def __init__(self, count: int, size: int, changes: Sequence[int]) -> None:
        self.changed = dict.fromkeys(range(count), 0)
        self.size, self.work, self.minute = size, iter(changes), 0

    def read(self, page: int) -> list[Row]:
        if (ident := next(self.work, None)) is not None:
            self.minute += 1
            self.changed[ident] = self.minute
        newest_first = sorted(self.changed, key=lambda ident: (-self.changed[ident], ident))
        part = newest_first[(page - 1) * self.size : page * self.size]
        return [row(ident, self.changed[ident]) for ident in part]


@given(st.integers(0, 30), st.integers(2, 6), st.lists(st.integers(0, 40), max_size=12))
def test_nothing_is_lost_while_somebody_makes_and_changes_a_record_between_any_two_requests(
    count: int, size: int, changes: list[int]
) -> None:
    account = Account(count, size, changes)

    walked = {one["id"]: one["updated_at"] for one in walk(account.read)}

    assert walked == {ident: NOON + timedelta(minutes=at) for ident, at in account.changed.items()}


def test_a_list_that_is_not_paged_is_read_once_although_it_repeats_itself() -> None:
    asked = []

    def read_page(page: int) -> list[Row]:
        asked.append(page)
        return [row(1), row(2)]

    assert list(walk(read_page)) == [row(1), row(2)]
    assert asked == [1, 2, 3, 1]


def test_one_page_without_news_does_not_end_the_list() -> None:
    shifted = {1: [row(1), row(2)], 2: [row(2), row(1)], 3: [row(3)]}

    walked = list(walk(lambda page: shifted.get(page, [])))

    assert [one["id"] for one in walked] == [1, 2, 3]


def test_a_record_that_became_newer_comes_again() -> None:
    answers = iter([[row(1), row(2)], [], [row(2, 5), row(1)], [], [row(2, 5), row(1)]])

    walked = list(walk(lambda page: next(answers)))

    assert walked == [row(1), row(2), row(2, 5)]


def test_a_stamp_that_went_back_is_no_news() -> None:
    answers = iter([[row(1, 5)], [], [row(1, 3)]])

    assert list(walk(lambda page: next(answers))) == [row(1, 5)]


def test_a_list_that_never_rests_ends_all_the_same() -> None:
    minutes = iter(range(1_000_000))

    walked = list(walk(lambda page: [row(1, next(minutes))] if page == 1 else []))

    assert 2 <= len(walked) < 50


@pytest.mark.parametrize("nameless", [{}, {"id": None}, {"id": ""}, {"id": {"a": 1}}])
def test_a_record_without_an_id_stops_the_walk(nameless: Row) -> None:
    with pytest.raises(ProtocolError, match="without an id"):
        list(walk(lambda page: [nameless]))
