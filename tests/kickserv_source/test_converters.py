"""The conversions that only Kickserv's records need."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from transload.values import Value
from transload_kickserv_source.converters import CONVERTERS


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, "active"), (False, "inactive"), (datetime(2020, 1, 1, tzinfo=UTC), "deleted")],
)
def test_a_customer_is_active_inactive_or_deleted(value: Value, expected: str) -> None:
    assert CONVERTERS["kickserv.activity"](value) == expected


@pytest.mark.parametrize(
    ("address", "addressee", "street"),
    [
        ("Odette Yarrow\r\n4436 Eldon Farleigh Drive", "Odette Yarrow", "4436 Eldon Farleigh Drive"),
        ("Odette Yarrow\nc/o Xander\n4436 Eldon Drive\n", "Odette Yarrow", "c/o Xander, 4436 Eldon Drive"),
        ("4436 Eldon Drive\nSuite 4", None, "4436 Eldon Drive, Suite 4"),
        ("  Eldon Drive  ", None, "Eldon Drive"),
        ("\n", None, ""),
    ],
)
def test_an_address_is_split_into_addressee_and_street(address: str, addressee: str | None, street: str) -> None:
    assert CONVERTERS["kickserv.addressee"](address) == addressee
    assert CONVERTERS["kickserv.street"](address) == street


def test_a_coordinate_has_the_digits_that_dynamics_keeps() -> None:
    assert str(CONVERTERS["kickserv.coordinate"](Decimal("-89.3472645"))) == "-89.34726"
    assert str(CONVERTERS["kickserv.coordinate"](40)) == "40.00000"


@pytest.mark.parametrize(
    ("name", "value", "converted"),
    [
        ("kickserv.item_number", 501, "KS-501"),
        ("kickserv.estimate_number", 7, "E-7"),
        ("kickserv.order_number", 7, "J-7"),
        ("kickserv.listed", ("VIP", "late payer"), "VIP, late payer"),
        ("kickserv.presence", Decimal(0), "present"),
        ("kickserv.visibility", True, "Public note"),
        ("kickserv.visibility", False, "Private note"),
        ("kickserv.visibility", "by Tilda Dressler", "by Tilda Dressler"),
        ("kickserv.industry", "Commercial:Restaurants", "Eating and Drinking Places"),
        ("kickserv.industry", "Internet:Anchor Web", None),
        ("kickserv.payment_terms", "Net 30 days", "Net 30"),
        ("kickserv.payment_terms", "2% 10, net 30", "2% 10, Net 30"),
        ("kickserv.payment_terms", "Due on receipt", None),
        ("kickserv.payment_terms", "Planet 45", None),
    ],
)
def test_numbers_and_lists_are_written_as_the_target_takes_them(name: str, value: Value, converted: str | None) -> None:
    assert CONVERTERS[name](value) == converted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kickserv.activity", "yes"),
        ("kickserv.street", 5),
        ("kickserv.industry", 5),
        ("kickserv.addressee", ("a",)),
        ("kickserv.coordinate", "39.9"),
        ("kickserv.coordinate", Decimal(400)),
        ("kickserv.coordinate", Decimal("NaN")),
    ],
)
def test_an_unfit_value_is_refused_with_a_reason(name: str, value: Value) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        CONVERTERS[name](value)
