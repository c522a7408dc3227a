"""Answers writes: customers, jobs and notes are made, customers and jobs changed, customers deleted."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from lxml import etree

from transload_sandbox.kickserv import layouts
from transload_sandbox.kickserv._draw import ZONE
from transload_sandbox.kickserv.resources import Asked, Found, Resources, gone
from transload_sandbox.kickserv.service import KickservService
from transload_sandbox.kickserv.wire import DECLARATION, Layout, Row, Value, names, render

_READ_ONLY = frozenset(
    names(
        "id customer_number job_number created_at updated_at token balance total_balance credit_limit"
        " subtotal tax total balance_remaining customer_id"
    )
)
_STAMPS = ("%Y-%m-%d %H:%M", "%m/%d/%Y %I:%M%p", "%Y-%m-%d")


class Writes:
    """Performs what a write asks for."""

    def __init__(self, service: KickservService) -> None:
        self._company = service.company
        self._resources = Resources(service)

    def perform(self, method: str, asked: Asked, body: bytes) -> Found | None:
        """Return the answer to a write; None when there is no such path."""
        try:
            fields = _fields(body)
        except (etree.XMLSyntaxError, ValueError, InvalidOperation) as error:
            return Found(status=422, errors=(str(error),))
        if method == "POST":
            return self._create(asked, fields)
        if method == "DELETE":
            return self._delete(asked)
        return self._change(asked, fields)

    def _create(self, asked: Asked, fields: Mapping[str, str]) -> Found | None:
        if asked.child == "notes":
            return self._add_note(asked, fields)
        if asked.key or asked.resource not in ("customers", "jobs"):
            return None
        if asked.resource == "customers":
            return self._add_customer(fields)
        return self._add_job(fields)

    def _add_customer(self, fields: Mapping[str, str]) -> Found:
        if not fields.get("name"):
            return Found(status=422, errors=("Name can't be blank",))
        row = self._company.add_customer(**_typed(layouts.CUSTOMER, fields))  # type: ignore[arg-type]  # a text
        return Found(self._resources.customer_document(row, {}), 201)

    def _add_job(self, fields: Mapping[str, str]) -> Found:
        owner_id = fields.get("customer_id", "")
        owner = self._company.customer_by_id(int(owner_id)) if owner_id.isdecimal() else None
        given = {"Customer": owner, "Job type": fields.get("job_type_id")}
        missing = tuple(f"{name} can't be blank" for name, value in given.items() if not value)
        if owner is None or missing:
            return Found(status=422, errors=missing)
        values = _typed(layouts.JOB, fields)
        if fields.get("estimate") == "true":
            values["status"] = "new"
        name = str(values.pop("name", "Service"))
        row = self._company.add_job(int(str(owner["customer_number"])), name, **values)
        return Found(self._resources.job_document(row, {}), 201)

    def _add_note(self, asked: Asked, fields: Mapping[str, str]) -> Found | None:
        text, public = fields.get("note", ""), fields.get("public") == "true"
        if asked.resource not in ("customers", "jobs"):
            return None
        owner = self._owner(asked)
        if owner is None:
            return gone(asked.resource[:-1])
        if not text:
            return Found(status=422, errors=("Note can't be blank",))
        number = int(asked.key)
        on_job = asked.resource == "jobs"
        row = self._company.add_note(text, job=number if on_job else 0, customer=0 if on_job else number, public=public)
        return Found(DECLARATION + render(layouts.NOTE, row), 201)

    def _change(self, asked: Asked, fields: Mapping[str, str]) -> Found | None:
        if asked.child or asked.resource not in ("customers", "jobs"):
            return None
        if self._owner(asked) is None:
            return gone(asked.resource[:-1])
        if asked.resource == "customers":
            row = self._company.update_customer(int(asked.key), **_typed(layouts.CUSTOMER, fields))  # type: ignore[arg-type]  # stale is no field
            return Found(self._resources.customer_document(row, {}))
        row = self._company.update_job(int(asked.key), **_typed(layouts.JOB, fields))  # type: ignore[arg-type]  # stale is no field
        return Found(self._resources.job_document(row, {}))

    def _delete(self, asked: Asked) -> Found | None:
        if asked.child or asked.resource != "customers":
            return None
        row = self._owner(asked)
        if row is None:
            return gone("customer")
        document = self._resources.customer_document(row, {})
        self._company.delete_customer(int(asked.key))
        return Found(document)

    def _owner(self, asked: Asked) -> Row | None:
        if not asked.key.isdecimal():
            return None
        find = asked.viewer.find_customer if asked.resource == "customers" else asked.viewer.find_job
        return find(int(asked.key))


def _fields(body: bytes) -> dict[str, str]:
    """Read the children of a request's root; names may be dashed or underscored."""
    if not body.strip():
        return {}
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(body, parser)
    return {str(child.tag).replace("-", "_"): child.text or "" for child in root.iterchildren(tag=etree.Element)}


def _typed(layout: Layout, fields: Mapping[str, str]) -> dict[str, Value]:
    """Convert the writable fields of a request; unknown and read-only ones are ignored."""
    kinds = {field.name: field.kind for field in layout.fields if field.name not in _READ_ONLY and field.layout is None}
    return {name: _value(kinds[name], text) for name, text in fields.items() if name in kinds}


def _value(kind: str, text: str) -> Value:
    if kind == "":
        return text
    if not text:
        return None
    if kind == "boolean":
        return text == "true"
    if kind == "dateTime":
        return _moment(text)
    if kind == "integer":
        return int(text)
    return float(text) if kind == "float" else Decimal(text)


def _moment(text: str) -> datetime:
    """Read a time in account local time, in one of Kickserv's written forms, or with an offset."""
    for form in _STAMPS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=ZONE)
        except ValueError:
            continue
    return datetime.fromisoformat(text).astimezone(ZONE)
