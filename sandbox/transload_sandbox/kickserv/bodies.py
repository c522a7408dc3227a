"""Reads the XML that a client sends: which fields it sets, to what, and what is wrong with them.

Element names may be dashed or underscored. What may be written is taken from Kickserv's own description of its
interface; anything else is ignored, as it does with a ``customer_number`` in a create.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation

from lxml import etree

from transload_sandbox.kickserv import layouts
from transload_sandbox.kickserv._draw import ZONE
from transload_sandbox.kickserv.wire import Layout, Value, names

_STAMPS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%m/%d/%Y %I:%M%p", "%m/%d/%Y %I:%M %p", "%Y-%m-%d", "%m/%d/%Y")
WRITABLE: Mapping[str, frozenset[str]] = {
    "customer": frozenset(
        names(
            "name phone_number fax service_address service_city service_state service_zip_code service_country"
            " billing_address billing_city billing_state billing_zip_code billing_country special_instructions"
            " email_address alt_phone_number is_active company_name first_name last_name mobile contact alt_contact"
            " account_number customer_type_id customer_source_id company notify_via_email notify_via_sms"
            " service_address_2 billing_address_2"
        )
    ),
    "job": frozenset(
        names("name description scheduled_on ends_at duration job_type_id job_status_id po_number status")
    ),
    "note": frozenset(names("note public")),
    "task": frozenset(names("name description task_type_id scheduled_at ends_at duration")),
    "time-entry": frozenset(
        names("employee_id started_on ended_on number_of_hours billable note mileage time_entry_type_id")
    ),
    "job-charge": frozenset(names("job_charge_type_id item_id description details quantity price_per_unit discount")),
}


class BodyError(ValueError):
    """The body is no XML."""


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of one request."""

    texts: Mapping[str, str | None]
    """Underscored names; None is nil."""
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Those that hold several values, such as ``employee_ids``."""

    def integer(self, name: str) -> int | None:
        """Return a field as a whole number; None when it is missing or something else."""
        text = (self.texts.get(name) or "").strip()
        return int(text) if text.isdecimal() else None

    def flag(self, name: str) -> bool:
        """Tell whether a field is true."""
        return (self.texts.get(name) or "").strip().lower() in ("true", "1")

    def integers(self, name: str) -> list[int] | None:
        """Return a field of several numbers; None when it is missing."""
        if name in self.lists:
            texts: Iterable[str] = self.lists[name]
        elif name in self.texts:
            texts = (self.texts[name] or "").replace(",", " ").split()
        else:
            return None
        return [int(text) for text in texts if text.strip().isdecimal()]


def read_body(body: bytes) -> Body:
    """Read the children of a request's root.

    Raises:
        BodyError: It is no XML.
    """
    if not body.strip():
        return Body({})
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BodyError(str(error)) from error
    texts: dict[str, str | None] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for child in root.iterchildren(tag=etree.Element):
        name = str(child.tag).replace("-", "_")
        if len(child) or child.get("type") == "array":
            lists[name] = tuple(item.text or "" for item in child.iterchildren(tag=etree.Element))
        else:
            texts[name] = None if child.get("nil") == "true" else child.text or ""
    return Body(texts, lists)


def typed_fields(
    layout: Layout, body: Body, allowed: frozenset[str] | None = None
) -> tuple[dict[str, Value], list[str]]:
    """Convert the writable fields of a request.

    Args:
        layout: Types of the fields.
        body: The request.
        allowed: Names that may be set; those of `WRITABLE` when left out.

    Returns:
        The values, and a message for each that cannot be read.
    """
    permitted = WRITABLE[layout.tag] if allowed is None else allowed
    kinds = {field.name: field.kind for field in layout.fields if field.name in permitted and field.layout is None}
    values: dict[str, Value] = {}
    wrong: list[str] = []
    for name, text in body.texts.items():
        if name not in kinds:
            continue
        try:
            values[name] = read_value(kinds[name], text)
        except (ValueError, InvalidOperation):
            wrong.append(f"{label(name)} is not a {_NAMES_OF_KINDS.get(kinds[name], 'number')}")
    return values, wrong


def label(name: str) -> str:
    """Return a field's name as messages show it: ``Job type`` for ``job_type_id``."""
    return name.removesuffix("_id").replace("_", " ").capitalize()


_NAMES_OF_KINDS = {"dateTime": "valid date", "date": "valid date", "boolean": "boolean"}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def read_value(kind: str, text: str | None) -> Value:
    """Read a text as the value of an element's type.

    Raises:
        ValueError: It is no such value.
        InvalidOperation: It is no decimal number.
    """
    if text is None or kind == "":
        return text
    text = text.strip()
    if not text:
        return None
    if kind == "boolean":
        if text.lower() not in _BOOLEANS:
            raise ValueError(text)
        return _BOOLEANS[text.lower()]
    if kind in ("dateTime", "date"):
        moment = read_moment(text)
        return moment.date() if kind == "date" else moment
    if kind in ("integer", "reference"):
        return int(text)
    return float(text) if kind in ("float", "number") else _decimal(text)


def _decimal(text: str) -> Decimal:
    number = Decimal(text.replace(",", ""))
    if not number.is_finite():
        raise ValueError(text)
    return number


def read_moment(text: str) -> datetime:
    """Read a time in account local time, in one of Kickserv's written forms, or with an offset.

    Raises:
        ValueError: It is none.
    """
    for form in _STAMPS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=ZONE)
        except ValueError:
            continue
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=ZONE) if moment.tzinfo is None else moment.astimezone(ZONE)


EVERY_LAYOUT: Mapping[str, Layout] = {
    "customers": layouts.CUSTOMER,
    "jobs": layouts.JOB,
    "contacts": layouts.CONTACT,
    "notes": layouts.NOTE,
    "job_charges": layouts.JOB_CHARGE,
    "time_entries": layouts.TIME_ENTRY,
    "payments": layouts.PAYMENT,
    "tasks": layouts.TASK,
    "attachments": layouts.JOB_ATTACHMENT,
    "employees": layouts.EMPLOYEE,
    "items": layouts.ITEM,
    "tags": layouts.TAG,
    "job_types": layouts.JOB_TYPE,
    "job_statuses": layouts.JOB_STATUS,
    "tax_entities": layouts.TAX_ENTITY,
    "custom_fields": layouts.CUSTOM_FIELD,
}
"""Shape of every kind of record by the name of its resource."""
