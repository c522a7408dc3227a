"""The small lists of the account: employees, job types, statuses, tags, tax entities, items, fields."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache

from transload_sandbox.kickserv._draw import ZONE, Draw
from transload_sandbox.kickserv.wire import Row

JOB_TYPES = {
    44758: ("Inspection", 95),
    44759: ("Dryer Vent Cleaning", 150),
    44760: ("Duct Cleaning", 350),
    44761: ("Duct and Dryer Combo", 450),
    47465: ("Service", 125),
    62494: ("Insulation", 1500),
    62495: ("Réfrigération", 680),
}
JOB_STATUSES = {525: "Invoiced", 532: "Waiting on parts", 533: "Call customer & confirm", 534: "QA follow-up"}
TAGS = {201: "VIP", 202: "warranty & service plan", 203: "no-show", 204: "Ünïcode täg", 205: "commercial"}
TAX_ENTITIES = {9810: ("County sales tax", "8.625"), 9811: ("Out of State", "0")}
GHOST_EMPLOYEES = (108739, 73040)
"""Ids that records name and no employee list holds: users deleted long ago."""

_PEOPLE = (
    # id, number, name, role, mail
    (71315, 1, "Tilda Dressler", "owner", "tilda.dressler@example.com"),
    (71316, 3, "Osgood Venn", "admin", "osgood.venn@example.com"),
    (112260, 6, "Renée Ashcombe", "office", "renee.ashcombe@example.com"),
    (112261, 7, "Marcellus Pike", "office", "marcellus.pike@example.com"),
    (112262, 4, "Kester Dressler", "technician", "kester.dressler@example.com"),
    (112701, 5, "Basil Silverlake", "technician", "basil.silverlake@example.com"),
    (112702, 8, "Jørgen Hasselby", "technician", "jorgen.hasselby@example.com"),
    (112703, 9, "Philippa Marsh", "technician", "Philippa.Marsh@Example.com"),
    (112704, 10, "Tobias O'Crane", "technician", "tobias.ocrane@example.com"),
    (112705, 11, "Wren Abernathy", "technician", "wren.abernathy@example.org"),
    (71301, 2, "Stellan Thornbury", "archived", "stellan.thornbury@example.com"),
    (73197, 12, "Hester Quill", "archived", ""),
)
EMPLOYEE_IDS = tuple(person[0] for person in _PEOPLE)
OFFICE_IDS = (71315, 71316, 112260, 112261)
TECHNICIAN_IDS = (112262, 112701, 112702, 112703, 112704, 112705)


def employees(seed: int) -> dict[int, Row]:
    """Return every employee by id, active and archived, fake secrets included."""
    return {person[0]: _employee(seed, *person) for person in _PEOPLE}


def _employee(seed: int, ident: int, number: int, name: str, role: str, mail: str) -> Row:
    draw, active = Draw(seed, "employee", ident), role != "archived"
    return {
        "id": ident,
        "employee_number": number,
        "created_at": datetime(2014, 3, 3, 9, 12, 44, tzinfo=ZONE),
        "hired_date": datetime(2013, 6, 1, tzinfo=ZONE) if draw.chance(0.3) else None,
        "name": name,
        "username": name.split()[0].lower(),
        "password_salt": "FAKE-SALT-" + draw.text(20),
        "encrypted_password": "FAKE-HASH-" + draw.text(40),
        "email_address": mail,
        "admin": role in ("owner", "admin"),
        "is_account_owner": role == "owner",
        "active": active,
        "can_login": active,
        "limit_access_to_assignments": role in ("technician", "archived"),
        "address": "",
        "city": "",
        "state": "",
        "zip_code": "",
        "home_phone": "",
        "cell_phone": draw.phone() if draw.chance(0.7) else "",
        "notify_via_email": True,
        "notify_via_mobile": False,
        "notification_email_address": mail or None,
        "remember_token": "FAKE-REMEMBER-" + draw.text(20) if draw.chance(0.4) else None,
        "updated_at": datetime(2024, 7, 31, 8, 2, 11, tzinfo=ZONE),
    }


EMPLOYEES: Mapping[int, Row] = {
    ident: {"id": ident, "employee_number": number, "name": name} for ident, number, name, *_ in _PEOPLE
}
"""Id, number and name of every employee by id."""


def job_types() -> dict[int, Row]:
    """Return the account's kinds of service by id."""
    return {ident: {"id": ident, "name": name, "active": ident != 62495} for ident, (name, _) in JOB_TYPES.items()}


def job_statuses() -> dict[int, Row]:
    """Return the account's own sub-statuses by id."""
    return {ident: {"id": ident, "name": name} for ident, name in JOB_STATUSES.items()}


def tags() -> dict[int, Row]:
    """Return all tags by id."""
    return {ident: {"id": ident, "name": name} for ident, name in TAGS.items()}


def tax_entities() -> dict[int, Row]:
    """Return the tax entities by id; a rate is a percentage."""
    return {
        ident: {"id": ident, "name": name, "rate": Decimal(rate), "active": True}
        for ident, (name, rate) in TAX_ENTITIES.items()
    }


@cache
def items() -> Mapping[int, Row]:
    """Return the price list by id: services, parts inside categories, and some that are sold no more."""
    rows: list[Row] = [
        _item(500 + place, name, "Service", price, f"{name}, one system")
        for place, (name, price) in enumerate(JOB_TYPES.values(), start=1)
    ]
    part: Row = {
        **_item(520, "Filter 16x25", "NonInventory", 18, 'Pleated filter 16" x 25"'),
        "price": Decimal("18.5"),
        "parent_list_id": "86",
        "list_id": "7",
        "edit_sequence": "2",
        "sublevel": 1,
        "full_name": "Filters:Filter 16x25",
    }
    old: Row = {**_item(521, "UV Lamp (old)", "NonInventory", 240, ""), "active": False}
    return {int(str(row["id"])): row for row in [*rows, part, old, *_parts()]}


def _parts() -> Iterator[Row]:
    """Yield the categories and their parts, which name their parent by its list id."""
    for place, (path, list_id, parent) in enumerate(_CATEGORIES):
        yield _below(_item(530 + place, path.rpartition(":")[2], "Service", 0, ""), path, list_id, parent)
    ident = 540
    for path, list_id, sizes in _PARTS:
        for size in sizes:
            row = _item(ident, f"{path.rpartition(':')[2]} {size}", "NonInventory", 9 + ident % 7, f'{size}" & seal')
            part: Row = {**row, "price": Decimal(f"{9 + ident % 7}.{ident % 10}5"), "active": ident % 9 != 0}
            yield _below(part, f"{path}:{row['name']}", str(ident), list_id)
            ident += 1


def _below(row: Row, path: str, list_id: str, parent: str | None) -> Row:
    return {
        **row,
        "list_id": list_id,
        "parent_list_id": parent,
        "edit_sequence": "2",
        "sublevel": path.count(":"),
        "full_name": path,
    }


_CATEGORIES = (
    ("Filters", "86", None),
    ("Filters:Pleated", "87", "86"),
    ("Filters:HEPA", "88", "86"),
    ("Motors & Blowers", "90", None),
    ("Motors & Blowers:ECM", "91", "90"),
)
_PARTS = (
    ("Filters:Pleated", "87", ("14x20", "14x25", "16x20", "18x24", "20x20", "20x25", "24x24")),
    ("Filters:HEPA", "88", ("16x25", "20x20", "20x25", "Ø 12")),
    ("Motors & Blowers", "90", ("1/4 HP", "1/3 HP", "1/2 HP", "3/4 HP")),
    ("Motors & Blowers:ECM", "91", ("1/3 HP", "1/2 HP", "1 HP")),
)


def _item(ident: int, name: str, kind: str, price: int, description: str) -> Row:
    return {
        "id": ident,
        "created_on": datetime(2014, 3, 3, 9, 30, tzinfo=ZONE),
        "updated_on": datetime(2024, 5, 2, 11, 4, 15, tzinfo=ZONE),
        "list_id": f"8000{ident:04X}-1393857000",
        "edit_sequence": "1493737455",
        "name": name,
        "sublevel": 0,
        "item_type": kind,
        "price": Decimal(price),
        "active": True,
        "sales_tax_code_ref_full_name": "Tax",
        "full_name": name,
        "description": description,
        "sales_tax_code_ref_list_id": "800001A4-1196217546",
    }


_FIELDS = (
    (301, "Job", "Square footage", "text", "custom_text3", ()),
    (302, "Job", "Lead source", "select", "custom_text5", ("Inbound", "e-mail", "Existing Customer")),
    (303, "Job", "Quoted by phone?", "select", "custom_text1", ("Yes", "No")),
    (304, "Job", "Last filter change", "date", "custom_datetime1", ()),
    (305, "Job", "Systems", "number", "custom_number1", ()),
    (311, "Customer", "How did you hear of us", "text", "custom_text1", ()),
    (312, "Customer", "Service plan", "checkbox", "custom_text3", ()),
    (306, "Job", "Photos taken", "checkbox", "custom_text6", ()),
    (313, "Customer", "Fuel", "select", "custom_text4", ("Gas", "Heat pump", "Électrique")),
    (314, "Customer", "Systems on site", "number", "custom_number1", ()),
    (315, "Customer", "Contract since", "date", "custom_datetime1", ()),
)


def custom_fields() -> dict[int, Row]:
    """Return the labels of the custom slots that the account uses, by id."""
    return {
        ident: {
            "id": ident,
            "applies_to": owner,
            "name": name,
            "field_type": kind,
            "column_name": column,
            "position": position,
            "required": False,
            "active": True,
            "options": [{"name": option} for option in options],
        }
        for position, (ident, owner, name, kind, column, options) in enumerate(_FIELDS, start=1)
    }
