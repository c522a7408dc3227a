"""When two cells mean the same."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from transload._pipeline.compare import same
from transload.values import Cell, RowId, RowRef, TableName

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ROW = RowRef(TableName("account"), RowId("1"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (None, None), (None, ""), ("", None), ("a", "a"), (1, 1), (1, Decimal("1.00")),
        (Decimal("2.50"), Decimal("2.5")),
        (NOON, NOON.astimezone(timezone(timedelta(hours=5)))), (date(2026, 1, 1), date(2026, 1, 1)), (True, True),
        (ROW, RowRef(TableName("account"), RowId("1"))),
    ],
)  # fmt: skip
def test_these_mean_the_same(one: Cell, other: Cell) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (None, 0), (None, False), ("a", "A"), ("a", "a "), (1, True), (0, False), (1, "1"),
        (Decimal("2.50"), Decimal("2.51")),
        (NOON, NOON + timedelta(seconds=1)), (date(2026, 1, 1), NOON), (NOON, NOON.replace(tzinfo=None)),
        (ROW, RowRef(TableName("contact"), RowId("1"))), (ROW, str(ROW)),
    ],
)  # fmt: skip
def test_these_do_not(one: Cell, other: Cell) -> None:
    assert not same(one, other)
    assert not same(other, one)
