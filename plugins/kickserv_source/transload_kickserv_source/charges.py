"""The lines of a document, with the amounts that the target takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from transload.values import EntityName, Record, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.amounts import Given, Line, settle_document
from transload_kickserv_source.catalogue import ITEM, is_taxed, kind_of
from transload_kickserv_source.nesting import ident_in, number_in, owned, plain, record, rows_in
from transload_kickserv_source.schema import settle
from transload_kickserv_source.xml import Row

CHARGE = EntityName("charge")
_NESTED = frozenset({"item"})
_LAST = 10**9


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge, before it knows which documents it stands on."""

    key: str
    fields: Row

    def with_fields(self, more: Row) -> Record:
        """Return it as a record."""
        return record(CHARGE, self.key, {**self.fields, **more})


@dataclass(frozen=True, slots=True)
class Charges:
    """The charges of a document.

    Attributes:
        rows: Those that Kickserv has.
        rest: The one that carries what they leave open.
        items: Items that they nest and that no list shows.
        lines_total: What they come to, before tax.
        difference: What the document's total says beyond them and the tax.
    """

    rows: tuple[Charge, ...]
    rest: Charge | None
    items: tuple[Record, ...]
    lines_total: Decimal
    difference: Decimal


def charges_of(row: Row, fields: Row, account: Account) -> Charges:
    """Return the charges of a job or an opportunity.

    Args:
        row: Its row, with the charges that it nests.
        fields: Its fields, settled.
        account: The account.
    """
    ident = row["id"]
    account.count_strays("job.job_charges", row.get("job_charges"))
    items: list[Record] = []
    settled = []
    for nested in rows_in(row.get("job_charges")):
        items += account.catalogue.meet(ITEM, nested.get("item"))
        charge = settle(CHARGE, owned(plain(nested, _NESTED), job_id=ident, item_id=ident_in(nested.get("item"))))
        key = account.key_of(CHARGE, charge, f"job-{ident}-line")
        if not account.is_deleted(CHARGE, charge):
            items += _unlisted_item(charge, account)
            settled.append((key, charge, _facts(charge, nested.get("item"), account)))
    settled.sort(key=lambda one: _order(one[1]))
    amounts = [number_in(fields.get(name)) for name in ("subtotal", "tax", "total")]
    document = settle_document(
        [facts.given for _, _, facts in settled], *amounts, fill=account.settings.difference_line
    )
    _report(ident, document.difference, account)
    common: Row = {"customer_id": fields.get("customer_id"), "derived": False}
    rows = tuple(
        Charge(key, {**charge, **common, "kind": facts.kind, "position": at, **_line_fields(line)})
        for at, ((key, charge, facts), line) in enumerate(zip(settled, document.lines, strict=True), start=1)
    )
    rest = _rest(fields, document.rest, len(rows)) if document.rest is not None else None
    return Charges(rows, rest, tuple(items), document.lines_total, document.difference)


@dataclass(frozen=True, slots=True)
class _Facts:
    given: Given
    kind: str


def _facts(charge: Row, item: Value, account: Account) -> _Facts:
    quantity, price = number_in(charge.get("quantity")), number_in(charge.get("price_per_unit"))
    discount, total = number_in(charge.get("discount")), number_in(charge.get("total"))
    if total is None or (charge.get("price_per_unit") is not None and price is None):
        account.seen.mark("odd_charges", charge.get("id"))
    known = account.catalogue.find(ITEM, charge.get("item_id"))
    kind = known.kind if known is not None else kind_of(item) if isinstance(item, Mapping) else "service"
    taxable = is_taxed(charge) and (known is None or known.taxable)
    return _Facts(Given(quantity, price, discount, total, taxable), kind)


def _unlisted_item(charge: Row, account: Account) -> Iterator[Record]:
    """Yield an item that only a line names: it was deleted, or the list of items cannot be read."""
    ident, path = charge.get("item_id"), str(charge.get("description") or "")
    if ident in (None, "") or account.catalogue.find(ITEM, ident) is not None:
        return
    account.seen.mark("unlisted_items", ident, path)
    named: Row = {"name": path.rpartition(":")[2].strip() or None, "full_name": path or None}
    about: Row = {"description": charge.get("details"), "price": charge.get("price_per_unit")}
    yield from account.catalogue.meet(ITEM, {"id": ident, **named, **about, "active": False, "derived": True})


def _order(charge: Row) -> tuple[int, int, str]:
    place, ident = charge.get("sort_order"), charge.get("id")
    return (
        place if isinstance(place, int) else _LAST,
        ident if isinstance(ident, int) else _LAST,
        str(ident),
    )


def _line_fields(line: Line) -> Row:
    return {
        "line_quantity": line.quantity,
        "line_price": line.price,
        "line_discount": line.discount,
        "line_tax": line.tax,
        "line_total": line.total,
        "line_amount": line.total + line.tax,
        "recomputed": line.recomputed,
    }


def _rest(fields: Row, line: Line, others: int) -> Charge:
    """Return the charge that carries what the others leave open."""
    key = f"difference-{fields['id']}"
    stamps = {name: fields.get(name) for name in ("customer_id", "updated_at")}
    return Charge(
        key,
        {
            "id": key,
            "job_id": fields["id"],
            **stamps,
            "description": "Difference to the total in Kickserv" if others else "Total in Kickserv (no lines)",
            "details": None,
            "quantity": line.quantity,
            "price_per_unit": line.price,
            "discount": line.discount,
            "total": line.total,
            "item_id": None,
            "kind": "service",
            "position": others + 1,
            "derived": True,
            **_line_fields(replace(line, recomputed=False)),
        },
    )


def _report(ident: Value, difference: Decimal, account: Account) -> None:
    if difference:
        account.seen.mark("differences", ident, difference)
    else:
        account.seen.unmark("differences", ident)
