"""Records as plain JSON values, for control from other processes."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from transload_sandbox.kickserv.bodies import EVERY_LAYOUT, read_value
from transload_sandbox.kickserv.company import Company, number_of
from transload_sandbox.kickserv.wire import Row, Value

Json = object
"""What JSON can hold."""


def plain(value: object) -> object:
    """Return a value of a record as JSON has it: decimals and times as texts."""
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value


def read_fields(kind: str, fields: Mapping[str, Json]) -> dict[str, Value]:
    """Return plain values as the values of a record.

    Args:
        kind: Name of its resource.
        fields: Underscored names. Fields that the layout does not have are kept as they are.

    Raises:
        ValueError: A value does not fit its field.
    """
    kinds = {field.name: field.kind for field in EVERY_LAYOUT[kind].fields if field.layout is None}
    values: dict[str, Value] = {}
    for name, value in fields.items():
        try:
            values[name] = _read(kinds.get(name, ""), value)
        except InvalidOperation as error:
            raise ValueError(f"{name} is not a number: {value!r}") from error
    return values


def _read(kind: str, value: Json) -> Value:
    if value is None or isinstance(value, bool) or not kind:
        return value  # type: ignore[return-value]  # plain JSON is a value
    return read_value(kind, str(value))


def add_record(company: Company, kind: str, fields: Mapping[str, Json]) -> Row:
    """Add a record of any kind under the next number or id; customers and jobs get what Kickserv fills in.

    Raises:
        KeyError: The customer of a job does not exist.
        ValueError: A value does not fit its field.
    """
    values = read_fields(kind, fields)
    with company.lock:
        if kind == "customers":
            return company.add_customer(str(values.pop("name", "")), **values)
        if kind == "jobs":
            owner = company.customer_by_id(values.pop("customer_id", None))
            if owner is None:
                raise KeyError("customer_id")
            return company.add_job(number_of(owner), str(values.pop("name", "Service")), **values)
        return company.add(kind, values)
