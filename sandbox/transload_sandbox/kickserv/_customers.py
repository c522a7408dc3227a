"""Generates customers: people, firms, sites, QuickBooks leftovers, duplicates, inactive ones."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from transload_sandbox.kickserv import _words as words
from transload_sandbox.kickserv._catalogue import GHOST_EMPLOYEES, OFFICE_IDS
from transload_sandbox.kickserv._draw import Draw, at_hour, later, local
from transload_sandbox.kickserv._plan import Plan, customer_id
from transload_sandbox.kickserv.wire import Row, Value, names

KINDS = names(
    "person person_synced code business person site business_synced code person_crlf person inactive "
    "business unit person duplicate far_site business_long person inactive_business bare"
)
"""What stands at each place of a block."""
_PARENTS = {
    "code": ("person_synced", "business_synced"),
    "site": ("business",),
    "unit": ("site",),
    "far_site": ("business",),
}
Fields = dict[str, Value]
_EMPTY = names(
    "phone_number phone service_address service_city service_state service_zip_code service_country "
    "billing_address billing_city billing_state billing_zip_code billing_country"
)


def generate_customers(plan: Plan, block: int, earlier: Mapping[int, Row]) -> dict[int, Row]:
    """Return the customers of one block by number.

    Args:
        plan: The company's measure.
        block: Which block.
        earlier: Customers of block // 2, where parents of far sites are; empty for the first block.
    """
    rows: dict[int, Row] = {}
    kinds: dict[str, Row] = {}
    for place, number in enumerate(plan.customer_numbers(block)):
        kind = KINDS[place]
        draw = Draw(plan.seed, "customer", number)
        parent = next((kinds[name] for name in reversed(_PARENTS.get(kind, ())) if name in kinds), None)
        if kind == "far_site" and earlier:
            parent = earlier[min(earlier) + 3]
        made = local(plan.moment(block, 0.3 * (place + draw.share()) / len(KINDS)))
        row = _customer(draw, kind, number, made, parent, kinds.get("person"))
        seen = local(plan.last_change(block, draw.share()))
        rows[number] = kinds[kind] = {**row, "updated_at": max(seen, later(made, days=draw.number(0, 50)))}
    return rows


def _customer(draw: Draw, kind: str, number: int, made: datetime, parent: Row | None, twin: Row | None) -> Fields:
    row: Fields = {
        "id": customer_id(number),
        "customer_number": number,
        "origin": "manual",
        "created_at": made,
        "is_active": not kind.startswith("inactive"),
        "service_country": "",
        "billing_country": draw.pick(("", "", "usa")),
        "created_by": draw.pick((*OFFICE_IDS, *GHOST_EMPLOYEES)),
        "updated_by": draw.pick(OFFICE_IDS),
        "tax_id": draw.pick((9810, 9810, 9811, None)),
        "which_billing_address": draw.pick(("service", "service", "billing")),
        "customer_source_id": draw.pick((57961, 57962, None, None)),
        "token": "FAKE-" + draw.text(38),
        "company": kind in ("business", "business_long", "inactive_business", "site", "far_site"),
        "send_reminders": True,
        "notify_via_email": draw.chance(0.9),
        "notify_via_sms": draw.chance(0.2),
        "send_notifications": True,
        "fax": draw.pick(("", None)),
        "special_instructions": draw.pick((*words.INSTRUCTIONS, "", "", None, None)),
        "latitude": round(39.5 + draw.share(), 6) if draw.chance(0.5) else None,
    }
    row["longitude"] = round(-89.9 + draw.share(), 6) if row["latitude"] is not None else None
    _name(draw, row, kind, parent, twin)
    _reach(draw, row, kind)
    _address(draw, row, kind)
    _slots(draw, row)
    if kind in ("person_synced", "business_synced", "code"):
        _synced(draw, row, kind, number, parent)
    if parent is not None:
        _under(row, parent)
    return row


def _name(draw: Draw, row: Fields, kind: str, parent: Row | None, twin: Row | None) -> None:
    first, last = draw.pick(words.FIRST_NAMES), draw.pick(words.LAST_NAMES)
    if kind == "duplicate" and twin is not None:
        first, last = str(twin["first_name"]), str(twin["last_name"])
    name = f"{first} {last}"
    if "business" in kind:
        name = f"{draw.pick(words.BUSINESS_STEMS)} {draw.pick(words.BUSINESS_KINDS)}"
        name = words.LONG_BUSINESS if kind == "business_long" and draw.chance(0.4) else name
    elif kind == "code":
        name = draw.pick(words.QB_CODES)
        name = f"{draw.number(1, 12):02}{draw.number(1, 28):02}{draw.number(8, 12):02}{name}"
    elif kind in ("site", "far_site", "unit"):
        name = draw.pick(words.SITES)
    row["name"] = name
    row["full_name"] = f"{parent['full_name']}:{name}" if parent and kind in ("site", "unit", "far_site") else name
    if kind in ("site", "far_site", "unit", "bare"):
        row["first_name"], row["last_name"] = draw.pick(("", None)), None
        return
    row["first_name"] = first
    row["last_name"] = last if "business" not in kind or draw.chance(0.6) else None
    row["company_name"] = name if "business" in kind or draw.chance(0.2) else None
    row["contact"] = f"{first} {last}" if draw.chance(0.6) else None
    row["alt_contact"] = draw.pick(("Xander", "$200", None, None, None))


def _reach(draw: Draw, row: Fields, kind: str) -> None:
    """Fill both families of phone and mail; they drift apart on a third of the rows."""
    phone, mail = draw.phone(), f"{draw.text(8).lower()}.{row['customer_number']}@example.com"
    row.update(phone_number=phone, phone=phone, email_address=mail, email=mail, mobile=draw.pick((None, "")))
    if kind == "bare":
        row.update(phone_number="", phone="", email_address="", email=None)
        return
    drift = draw.number(0, 9)
    if drift == 0:
        row["phone_number"] = ""
    elif drift == 1:
        row["phone"] = draw.phone()
    elif drift == 2:
        row["email_address"] = ""
    elif drift == 3:
        row.update(email_address=None, email=None)
    elif drift == 4:
        row["phone_number"] = words.LONG_PHONE
    if draw.chance(0.3):
        row["mobile"] = draw.phone()
    row["alt_phone_number"] = draw.pick((None, "", draw.phone()))
    row["alt_phone"] = row["alt_phone_number"] or draw.pick((None, draw.phone()))


def _address(draw: Draw, row: Fields, kind: str) -> None:
    street = f"{draw.number(1, 9899)} {draw.pick(words.STREETS)}"
    city, code = draw.pick(words.PLACES)
    line_end = "\r\n" if kind == "person_crlf" or draw.chance(0.1) else "\n"
    lines = f"{row['name']}{line_end}{street}" if draw.chance(0.6) else street
    if kind == "person_crlf":
        code = words.LONG_ZIP
    state = draw.pick(("IL", "IL", "Il", "Illinois", "OH", ""))
    row.update(service_address=lines, service_city=city, service_state=state, service_zip_code=code)
    row["service_address_2"] = draw.pick((None, None, None, "", "Room.1", "Suite 479-A"))
    if row["which_billing_address"] == "billing":
        lines, (city, code) = f"PO Box {draw.number(10, 990)}", draw.pick(words.PLACES)
        row["billing_address_2"] = draw.pick((None, "", "Attn: Accounts"))
    row.update(billing_address=lines, billing_city=city, billing_state=state, billing_zip_code=code)


def _slots(draw: Draw, row: Fields) -> None:
    """Fill custom slots; slot text1 changed its meaning over the years, as slots do."""
    if draw.chance(0.4):
        row["custom_text1"] = draw.pick(("Better Business Bureau", "Neighbour", "Yes", "No", ""))
        row["custom_text3"] = draw.pick(("Yes", "No", "", None))
        row["custom_text2"] = draw.pick(("Existing Customer", "", None))
    if draw.chance(0.2):
        made = row["created_at"]
        row["custom_datetime1"] = at_hour(made, draw.number(10, 400), 0) if isinstance(made, datetime) else None
    if draw.chance(0.5):
        row["custom_number1"] = draw.pick((Decimal(1), Decimal(2), Decimal("8.25"), Decimal("-1.5")))
        row["custom_text4"] = draw.pick(("Gas", "Heat pump", "Électrique", "", None))


def _synced(draw: Draw, row: Fields, kind: str, number: int, parent: Row | None) -> None:
    """Fill what a QuickBooks import leaves behind."""
    made = row["created_at"]
    if not isinstance(made, datetime):
        raise TypeError("a customer without a creation time")
    born = later(made, days=-draw.number(30, 300))
    stamp = int(born.timestamp())
    row.update(
        list_id=f"8000{number:04X}-{stamp}",
        time_created=born,
        time_modified=later(born, days=draw.number(0, 20)),
        edit_sequence=str(stamp + 166),
        sublevel=0,
        customer_type_ref_full_name=draw.pick(words.SOURCES),
        terms_ref_full_name="Due on receipt",
        sales_rep_ref_full_name="MQ",
        balance=draw.pick(words.BALANCES),
        total_balance=draw.pick(words.BALANCES),
        sales_tax_code_ref_full_name="Tax",
        sales_tax_code_ref_list_id="800001A4-1196217546",
        item_sales_tax_ref_full_name="Out of State",
        item_sales_tax_ref_list_id="800001A4-1196218743",
        preferred_payment_method_ref_full_name=draw.pick(("Visa", "Check", "MasterCard", None)),
        job_status="None",
        created_by=None,
        price_level_ref_full_name=draw.pick(("Standard", None, None)),
    )
    if kind == "code" and parent is not None:
        day = at_hour(born, 2, 0)
        row.update(job_status=draw.pick(("Closed", "Closed", "Awarded", "Pending")), job_start_date=day)
        row.update(
            job_projected_end_date=day,
            job_end_date=at_hour(born, 3, 0),
            job_desc=draw.pick(("GOLD", "DUCTS")),
        )
        row.update(job_type_ref_full_name="Residential", sublevel=1, parent_ref_list_id=parent.get("list_id"))


def _under(row: Fields, parent: Row) -> None:
    """Hang a customer under its parent; QuickBooks jobs also copy the parent's address and reach."""
    row.update(parent_id=parent["id"])
    if row.get("sublevel") == 1:
        for name, value in parent.items():
            if name.startswith(("service_", "billing_", "phone", "email", "first_", "last_", "company_", "contact")):
                row[name] = value
    else:
        row["which_billing_address"] = "parent"


def blank_customer(name: str, number: int) -> Row:
    """Return what Kickserv fills in for a customer of whom only the name is known."""
    row: Fields = dict.fromkeys(_EMPTY, "")
    row.update(
        id=customer_id(number),
        customer_number=number,
        origin="manual",
        name=name,
        full_name=name,
        is_active=True,
        company=False,
        which_billing_address="service",
        send_reminders=True,
        notify_via_email=True,
        notify_via_sms=False,
        send_notifications=True,
        created_by=OFFICE_IDS[0],
        updated_by=OFFICE_IDS[0],
        token=f"FAKE-added-{number}",
    )
    return row
