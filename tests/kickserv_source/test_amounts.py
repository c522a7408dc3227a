"""Lines from which the target computes Kickserv's own totals."""

from decimal import ROUND_HALF_UP, Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transload_kickserv_source.amounts import Document, Given, Line, line_of, settle_document, spread

CENT = Decimal("0.01")
MONEY = st.decimals(-20_000, 20_000, places=2)
FINE = st.decimals(-500, 500, places=7)


def target_total(lines: list[Line]) -> Decimal:
    """Compute what the target computes: sum of (base - discount), plus sum of taxes."""
    bases = [(line.quantity * line.price).quantize(CENT, ROUND_HALF_UP) for line in lines]
    net = sum((base - line.discount for base, line in zip(bases, lines, strict=True)), Decimal(0))
    return net + sum((line.tax for line in lines), Decimal(0))


def all_lines(document: Document) -> list[Line]:
    return [*document.lines, *([document.rest] if document.rest else [])]


def check(document: Document, tax: Decimal | None, total: Decimal) -> None:
    """Check that the target computes the total and the tax from lines that it can take."""
    lines = all_lines(document)
    assert target_total(lines) == total if lines else total == (tax or 0) == 0
    assert sum((line.tax for line in lines), Decimal(0)) == (tax or 0 if lines else 0)
    for line in lines:
        assert line.discount >= 0
        assert (line.quantity * line.price).quantize(CENT, ROUND_HALF_UP) - line.discount == line.total
        assert line.quantity == line.quantity.quantize(Decimal("0.00001"))
        assert line.price == line.price.quantize(Decimal("0.0001"))
    assert document.lines_total + document.difference + (tax or 0) == total


CHARGES = st.builds(
    Given,
    quantity=st.none() | FINE | st.integers(-20, 20).map(Decimal),
    price=st.none() | MONEY | FINE,
    discount=st.none() | st.decimals(0, 100, places=2),
    total=st.none() | MONEY,
    taxable=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(CHARGES, max_size=6), st.none() | MONEY, st.none() | st.decimals(-900, 900, places=2), MONEY)
def test_the_target_computes_kickservs_total_from_any_lines(
    charges: list[Given], subtotal: Decimal | None, tax: Decimal | None, total: Decimal
) -> None:
    check(settle_document(charges, subtotal, tax, total), tax, total)


def test_the_target_computes_the_totals_of_ten_thousand_documents() -> None:
    draw = Random(7)

    def amount(largest: int, places: int) -> Decimal:
        return Decimal(draw.randint(-largest * 10**places // 10, largest * 10**places)).scaleb(-places)

    for _ in range(10_000):
        charges = []
        for _ in range(draw.randint(0, 8)):
            quantity, price = amount(40, draw.choice((0, 1, 2, 5, 7))), amount(900, draw.choice((0, 2, 4, 6)))
            off = draw.choice((Decimal(0), Decimal(0), quantity * price / 10, Decimal(12), Decimal(-3)))
            net = (quantity * price - off).quantize(draw.choice((CENT, Decimal("0.0001"))))
            charges.append(Given(quantity, price, off, draw.choice((net, net, net, None)), draw.random() < 0.8))
        tax, total = draw.choice((None, Decimal(0), amount(300, 2))), amount(9000, 2)

        document = settle_document(charges, None, tax, total)

        check(document, tax, total)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.decimals("0.01", 900, places=2)), min_size=1, max_size=8),
    st.integers(0, 2000),
)
def test_a_document_that_adds_up_keeps_its_quantities_and_prices(
    charges: list[tuple[int, Decimal]], per_mille: int
) -> None:
    given_lines = [Given(Decimal(q), p, Decimal(0), q * p) for q, p in charges]
    subtotal = sum((q * p for q, p in charges), Decimal(0))
    tax = (subtotal * per_mille / 1000).quantize(CENT, ROUND_HALF_UP)

    document = settle_document(given_lines, subtotal, tax, subtotal + tax)

    assert document.rest is None
    assert document.difference == 0
    assert [line.quantity for line in document.lines] == [quantity for quantity, _ in charges]
    assert [line.price for line in document.lines] == [price for _, price in charges]
    assert not any(line.discount for line in document.lines)
    assert not any(line.recomputed for line in document.lines)


@given(st.decimals(-900, 900, places=2), st.lists(st.tuples(MONEY, st.booleans()), min_size=1, max_size=9))
def test_a_tax_is_spread_to_the_cent(tax: Decimal, lines: list[tuple[Decimal, bool]]) -> None:
    shares = spread(tax, [total for total, _ in lines], [taxable for _, taxable in lines])

    assert sum(shares) == tax
    assert all(share == share.quantize(CENT) for share in shares)
    assert all(share * tax >= 0 for share in shares)


@pytest.mark.parametrize(
    ("totals", "taxable", "shares"),
    [
        (["100", "100"], [True, False], ["10", "0"]),
        (["100", "100"], [False, False], ["5", "5"]),
        (["10", "10", "10"], [True] * 3, ["3.34", "3.33", "3.33"]),
        (["100", "-50"], [True] * 2, ["10", "0"]),
        (["0", "0"], [True] * 2, ["10", "0"]),
    ],
)
def test_a_tax_goes_to_the_lines_that_are_taxed_in_proportion(
    totals: list[str], taxable: list[bool], shares: list[str]
) -> None:
    assert spread(Decimal(10), list(map(Decimal, totals)), taxable) == list(map(Decimal, shares))


@pytest.mark.parametrize(
    ("quantity", "price", "total", "line"),
    [
        ("2", "18.5", "25", ("2", "18.5", "12", False)),  # a discount in money
        ("1", "200", "180", ("1", "200", "20", False)),  # or in percent: it is all the same
        ("2.5", "18.99", "47.48", ("2.5", "18.99", "0", False)),  # halves away from zero
        ("1", "-50", "-50", ("1", "-50", "0", False)),  # a credit
        ("-1", "50", "-50", ("-1", "50", "0", False)),
        ("1", "50", "55", ("1", "55", "0", True)),  # a surcharge
        (None, "50", "50", ("1", "50", "0", True)),
        ("3", "33.33333", "100", ("3", "33.3333", "0", True)),
        ("1e15", "1", "5", ("1", "5", "0", True)),
    ],
)
def test_a_charge_is_a_line_of_its_own_total(
    quantity: str | None, price: str, total: str, line: tuple[str, str, str, bool]
) -> None:
    found = line_of(Given(Decimal(quantity) if quantity else None, Decimal(price), None, Decimal(total)))

    wanted = tuple(map(Decimal, line[:3]))
    assert (found.quantity, found.price, found.discount, found.recomputed) == (*wanted, line[3])
    assert found.total == Decimal(total)


def test_without_a_difference_line_the_sum_may_miss_the_total() -> None:
    document = settle_document([Given(Decimal(1), Decimal(5), None, Decimal(5))], None, None, Decimal(7), fill=False)

    assert document.rest is None
    assert document.difference == 2


def test_a_document_without_a_total_is_the_sum_of_its_lines() -> None:
    document = settle_document([Given(Decimal(1), Decimal(5), Decimal(1), None)], None, Decimal("0.4"), None)

    assert document.rest is None
    assert [document.lines_total, document.difference] == [4, 0]
