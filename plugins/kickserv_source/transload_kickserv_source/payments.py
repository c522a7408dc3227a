"""What was paid for a job: its payments, or one that is derived where Kickserv tells of none."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from transload.values import EntityName, Record, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.nesting import ident_in, number_in, owned, plain, record, rows_in
from transload_kickserv_source.schema import settle
from transload_kickserv_source.xml import Row

PAYMENT = EntityName("payment")
_NESTED = frozenset({"customer"})


def payments_of(row: Row, fields: Row, account: Account, *, is_job: bool, has_invoice: bool) -> Iterator[Record]:
    """Yield the payments of a job.

    Where a job does not say what payments it has, what is owed no more is one payment. One
    online payment may cover several jobs, so those of one job need not add up: that is reported.
    """
    total, balance = number_in(fields.get("total")), number_in(fields.get("balance_remaining"))
    paid = total - balance if total is not None and balance is not None else None
    owner = fields.get("assigned_to") or fields.get("created_by")
    about: Row = {"invoice_id": row["id"] if has_invoice else None, "owned_by": owner}
    if "payments" not in row:
        if is_job and paid is not None and paid > 0:
            yield _derived(fields, paid, about)
        return
    found = Decimal(0)
    account.count_strays("job.payments", row["payments"])
    for nested in rows_in(row["payments"]):
        payer = ident_in(nested.get("customer")) or fields.get("customer_id")
        payment = settle(PAYMENT, owned(plain(nested, _NESTED), job_id=row["id"], customer_id=payer))
        key = account.key_of(PAYMENT, payment, f"job-{row['id']}-payment")
        if account.is_deleted(PAYMENT, payment):
            continue
        found += number_in(payment.get("amount")) or Decimal(0)
        yield record(PAYMENT, key, {**payment, **about, "derived": False})
    _report(row["id"], found, paid, account)


def _derived(fields: Row, paid: Decimal, about: Row) -> Record:
    key = f"derived-{fields['id']}"
    payment: Row = {
        "id": key,
        "job_id": fields["id"],
        "customer_id": fields.get("customer_id"),
        "date": _day(fields.get("invoice_paid_on")) or _day(fields.get("invoice_date")),
        "amount": paid,
        "payment_type": None,
        "notes": None,
        "ref_number": None,
        "created_at": fields.get("invoice_paid_on") or fields.get("updated_at"),
        "updated_at": fields.get("updated_at"),
        **about,
        "derived": True,
    }
    return record(PAYMENT, key, payment)


def _day(moment: Value) -> date | None:
    """Return the day of a moment where it was read: the account's own."""
    return moment.date() if isinstance(moment, datetime) else None


def _report(job: Value, found: Decimal, paid: Decimal | None, account: Account) -> None:
    if paid is not None and found != paid:
        account.seen.mark("payments", job, found - paid)
    else:
        account.seen.unmark("payments", job)
