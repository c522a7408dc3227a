"""Generates jobs and opportunities, with dates, prices and a commission split that fit their status."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from transload_sandbox.kickserv import _words as words
from transload_sandbox.kickserv._catalogue import GHOST_EMPLOYEES, JOB_TYPES, OFFICE_IDS, TECHNICIAN_IDS
from transload_sandbox.kickserv._draw import Draw, at_hour, later, local
from transload_sandbox.kickserv._plan import GONE, OPPORTUNITIES, Plan, job_id
from transload_sandbox.kickserv.wire import Row, Value

Fields = dict[str, Value]
Charges = Callable[[int], Sequence[Row]]
_CENT = Decimal("0.01")
_TAX_RATE = Decimal("0.08625")


class JobBlock(Mapping[int, Row]):
    """The jobs and opportunities of one block by job number; whose they are is known before they are computed."""

    def __init__(
        self, plan: Plan, block: int, own: Mapping[int, Row], earlier: Mapping[int, Row], charges: Charges
    ) -> None:
        """Decide which numbers are taken and by whom.

        Args:
            plan: The company's measure.
            block: Which block.
            own: Customers of this block.
            earlier: Customers of block // 2, who come back.
            charges: Returns the lines of a job number; the subtotal is their sum.
        """
        self._plan, self._block, self._charges = plan, block, charges
        people = (list(own.values()), list(earlier.values()) or list(own.values()))
        self._count = len(plan.job_numbers(block))
        self._drafts: dict[int, tuple[int, str, Row]] = {}
        for place, (number, status) in enumerate(zip(plan.job_numbers(block), plan.job_statuses(block), strict=True)):
            if status != GONE:
                self._drafts[number] = place, status, self._begin(number, people[place % 2])[2]
        self._rows: dict[int, Row] = {}

    def __getitem__(self, number: int) -> Row:
        if number not in self._rows:
            self._rows[number] = self._make(number)
        return self._rows[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._drafts)

    def __len__(self) -> int:
        return len(self._drafts)

    def by_customer(self) -> Mapping[tuple[str, Value], Sequence[int]]:
        """Return the numbers of each customer's jobs."""
        index: dict[tuple[str, Value], list[int]] = {}
        for number, (_, _, customer) in self._drafts.items():
            index.setdefault(("customer", customer["id"]), []).append(number)
        return index

    def _begin(self, number: int, people: Sequence[Row]) -> tuple[Draw, float, Row]:
        draw = Draw(self._plan.seed, "job", number)
        return draw, draw.share(), draw.pick(people)

    def _make(self, number: int) -> Row:
        place, status, customer = self._drafts[number]
        draw, share, _ = self._begin(number, (customer,))
        made = local(self._plan.moment(self._block, 0.35 + 0.6 * (place + share) / self._count))
        row = _job(draw, number, status, customer, made, self._charges(number))
        seen = local(self._plan.last_change(self._block, draw.share()))  # by somebody, long after all was done
        return {**row, "updated_at": max(seen, _last_event(draw, row, made))}


def _job(draw: Draw, number: int, status: str, customer: Row, made: datetime, charges: Sequence[Row]) -> Row:
    first_item = charges[0]["item_id"]
    type_id = list(JOB_TYPES)[first_item - 501] if isinstance(first_item, int) else 47465
    row: Fields = {
        "id": job_id(number),
        "customer_id": customer["id"],
        "job_number": number,
        "created_at": made,
        "name": words.LONG_JOB_NAME if draw.chance(0.015) or number == 5 else JOB_TYPES[type_id][0],
        "job_type_id": type_id if draw.chance(0.95) else None,
        "job_status_id": draw.pick((525, 532, 533, 534)) if draw.chance(0.2) else None,
        "self_service": draw.chance(0.05),
        "created_by": draw.pick((*OFFICE_IDS, *OFFICE_IDS, *GHOST_EMPLOYEES)),
        "updated_by": draw.pick((*OFFICE_IDS, *TECHNICIAN_IDS)),
        "invoice_terms": draw.pick((words.INVOICE_TERMS, "Due upon receipt")),
        "invoice_notes": draw.pick((words.INVOICE_NOTES, "Thank you for your business!")),
        "estimate_terms": draw.pick((words.ESTIMATE_TERMS, None)),
        "estimate_notes": draw.pick(("", None)),
        "description": _description(draw),
        "po_number": draw.pick(("", "", "", None, "229955/2", "372717")),
        "detailed_invoice": True,
        "status": status,
        "invoice_status": "unpaid",
        "notification_sent": False,
        "total_expenses": Decimal(0),
        "recurring_interval": draw.pick((None, None, None, "", "yearly")),
    }
    _price(draw, row, charges)
    _slots(draw, row)
    _estimate(draw, row, status, made)
    _work(draw, row, status, made)
    _invoice(draw, row, status)
    _split(draw, row, status)
    row["tasks_count"] = sum(row.get(name) is not None for name in ("scheduled_on", "estimate_scheduled_on"))
    return row


def _description(draw: Draw) -> str:
    """Usually a line or two, now and then longer than the 2,000 characters that Dynamics holds."""
    if draw.chance(0.03):
        return words.LONG_SENTENCE * draw.number(10, 14)
    return draw.pick(words.DESCRIPTIONS)


def _price(draw: Draw, row: Fields, charges: Sequence[Row]) -> None:
    subtotal = sum((amount for line in charges if isinstance(amount := line["total"], Decimal)), Decimal(0))
    taxed = draw.chance(0.5)
    tax = (subtotal * _TAX_RATE).quantize(_CENT, ROUND_HALF_UP) if taxed else Decimal(0)
    total = subtotal + tax
    row.update(subtotal=subtotal, tax=tax, total=total, balance_remaining=total, tax_id=9810 if taxed else None)


def _slots(draw: Draw, row: Fields) -> None:
    if draw.chance(0.3):
        return
    row.update({f"custom_text{slot}": "" for slot in range(11, 21)})
    row.update(
        custom_text1=draw.pick(("Yes", "No", "Tilda Dressler", "")),
        custom_text2=draw.pick(("1", "2", "", None)),
        custom_text3=draw.pick(("1274", "1,568 ", "3203", "")),
        custom_text4=draw.pick(("350", "$100", "0", None)),
        custom_text5=draw.pick(("Inbound", "e-mail", "Existing Customer")),
        custom_number1=Decimal(draw.number(1, 4)) if draw.chance(0.3) else None,
        custom_text6=draw.pick(("true", "false", "")),
    )
    made = row["created_at"]
    if draw.chance(0.3) and isinstance(made, datetime):
        row["custom_datetime1"] = at_hour(made, -draw.number(20, 400), 0)


def _estimate(draw: Draw, row: Fields, status: str, made: datetime) -> None:
    """Give most jobs a past as an estimate, and opportunities their stage."""
    if status not in OPPORTUNITIES and draw.chance(0.4):
        return
    stage = draw.number(0, 2) if status == "new" else 2
    if stage >= 1:
        row["estimate_scheduled_on"] = at_hour(made, 1, draw.number(8, 16))
    if stage >= 2:
        row["estimate_sent_on"] = later(made, days=2, seconds=draw.number(0, 9_000))
        row["estimate_viewed_on"] = later(made, days=2, hours=5) if draw.chance(0.6) else None
    if status == "lost":
        row.update(lost_date=later(made, days=9), estimate_type="lost")
    elif status != "new":
        row["won_date"] = draw.pick((later(made, days=3), at_hour(made, 3, 0)))
        row["estimate_type"] = draw.pick((None, None, None, "won"))


def _work(draw: Draw, row: Fields, status: str, made: datetime) -> None:
    """Set the schedule; a finished job often has none, and old ones stay scheduled for ever."""
    if status in ("new", "lost", "unscheduled"):
        return
    start = at_hour(made, draw.number(4, 20), draw.number(8, 16), draw.pick((0, 0, 30)))
    if status != "complete" or draw.chance(0.6):
        row["scheduled_on"] = start
        if draw.chance(0.4):
            minutes = draw.pick((30, 60, 90, 240))
            row.update(ends_at=later(start, minutes=minutes), duration=Decimal(minutes))
    if status in ("in_progress", "complete") and draw.chance(0.7):
        row["started_on"] = later(start, seconds=draw.number(0, 900))
    if status == "complete":
        row["completed_on"] = later(start, minutes=draw.number(95, 300))
    elif status == "canceled":
        row["canceled_on"] = later(start, hours=-draw.number(1, 40))
    elif status == "on_hold":
        row["on_hold"] = later(start, hours=2)


def _invoice(draw: Draw, row: Fields, status: str) -> None:
    done = row.get("completed_on")
    if status != "complete" or not isinstance(done, datetime) or draw.chance(0.15):
        return
    row["invoice_date"] = draw.pick((done, at_hour(done, 0, 0)))
    if draw.chance(0.6):
        row["invoice_sent_date"] = later(done, hours=3)
        row["invoice_viewed_on"] = later(done, days=1, hours=2) if draw.chance(0.5) else None
    case, total = draw.number(0, 9), row["total"]
    if case < 7:
        row.update(
            invoice_status="paid",
            invoice_paid_on=later(done, days=draw.number(0, 30)),
            balance_remaining=Decimal(0),
        )
    elif case == 7 and isinstance(total, Decimal):
        row["balance_remaining"] = (total * Decimal("0.6")).quantize(_CENT, ROUND_HALF_UP)
    elif case == 8:
        row["balance_remaining"] = Decimal(0)
    if draw.chance(0.1):
        _synced(draw, row, done)


def _synced(draw: Draw, row: Fields, done: datetime) -> None:
    stamp = int(done.timestamp())
    row.update(
        ok_to_sync=draw.chance(0.5),
        txn_id=f"{draw.number(4096, 65535):X}-{stamp}",
        edit_sequence=str(stamp),
        ref_number=str(draw.number(500, 900)),
        txn_number=str(draw.number(200, 400)),
        txn_date=at_hour(done, 0, 0),
        ship_date=at_hour(done, 0, 0),
        sales_tax_percentage=Decimal(0),
        customer_ref_list_id=f"8000033B-{stamp}",
        item_sales_tax_ref_full_name="Out of State",
        item_sales_tax_ref_list_id="800001A4-1196218743",
        customer_sales_tax_code_ref_full_name="Tax",
        customer_sales_tax_code_ref_list_id="800001A4-1196217546",
        invoice_paid_on=None,
    )


def _split(draw: Draw, row: Fields, status: str) -> None:
    """Assign technicians by the commission split, the only place in a job that names them."""
    count = 0 if status in ("new", "lost", "unscheduled") else draw.number(0, 3)
    people = draw.shuffled(TECHNICIAN_IDS)[:count]
    if count and draw.chance(0.05):
        people[0] = draw.pick((71301, *GHOST_EMPLOYEES))
    row["job_allocations"] = split_between(people, house=draw.pick((0, 0.0)) if count and draw.chance(0.7) else None)


def split_between(employees: Sequence[int], house: float | None = None) -> Row:
    """Return a commission split: equal shares, and one of the house unless it is None."""
    count = len(employees)
    even = round(100 / count, 13) if count == 3 else 100 // max(count, 1)
    shares: list[tuple[int | None, int | float]] = [(ident, even) for ident in employees]
    if house is not None:
        shares.insert(0, (None, house))
    return {
        "allocations": [
            {
                "id": ident,
                "amount": amount,
                "edited": False,
                "manual": False,
                "allocation_type": "house" if ident is None else "employee",
            }
            for ident, amount in shares
        ],
        "include_expenses": True,
    }


def _last_event(draw: Draw, row: Row, made: datetime) -> datetime:
    """Return a moment after everything that has happened; an appointment still to come has not."""
    planned = ("scheduled_on", "ends_at", "estimate_scheduled_on")
    past = [value for name, value in row.items() if isinstance(value, datetime) and name not in planned]
    return later(max([*past, made]), seconds=draw.number(0, 40_000))


def blank_job(name: str, number: int, customer: Row) -> Row:
    """Return what Kickserv fills in for a job of which only the name and the customer are known."""
    nothing = Decimal(0)
    return {
        "id": job_id(number),
        "customer_id": customer["id"],
        "job_number": number,
        "name": name,
        "status": "unscheduled",
        "invoice_status": "unpaid",
        "subtotal": nothing,
        "tax": nothing,
        "total": nothing,
        "balance_remaining": nothing,
        "self_service": False,
        "created_by": OFFICE_IDS[0],
        "updated_by": OFFICE_IDS[0],
        "description": "",
        "po_number": "",
        "detailed_invoice": True,
        "tasks_count": 0,
        "notification_sent": False,
        "total_expenses": nothing,
        "job_allocations": split_between([]),
    }
