"""Puts a record together as it is shown: stored fields, computed parts, included associations."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal

from transload_sandbox.kickserv._visits import assigned
from transload_sandbox.kickserv.company import Company
from transload_sandbox.kickserv.wire import Row, Value

Part = Callable[[Company, Row], Value]


def shown_customer(company: Company, row: Row, includes: Collection[str], keep: Collection[str] | None) -> Row:
    """Return a customer with its sub-customers and included parts.

    Args:
        company: Where it is from.
        row: Its stored fields.
        includes: Underscored names of associations, all known.
        keep: The only fields asked for; computed parts that are not among them are left out.
    """
    extra: dict[str, Value] = {}
    if keep is None or any(name.startswith("last_job") for name in keep):
        extra.update(_last_job(company, row))
    if keep is None:
        extra["children"] = [{**child, **_last_job(company, child)} for child in company.children_of(row)]
    extra.update({name: _CUSTOMER_PARTS[name](company, row) for name in includes})
    return {**row, **extra}


def shown_job(company: Company, row: Row, includes: Collection[str]) -> Row:
    """Return a job with its included parts."""
    return {**row, **{name: _JOB_PARTS[name](company, row) for name in includes}}


def shown_task(company: Company, task: Row) -> Row:
    """Return one appointment with its job and customer."""
    return {
        **task,
        "job": company.job_by_id(task.get("job_id")),
        "customer": company.customer_by_id(task.get("customer_id")),
    }


def _last_job(company: Company, customer: Row) -> Row:
    job = company.last_completed_job(customer)
    if job is None:
        return {}
    return {
        "last_job_completed_number": job["job_number"],
        "last_job_completed_at": job["completed_on"],
        "last_job_completed_name": job["name"],
    }


def _employees(company: Company, job: Row) -> list[Row]:
    found = (company.employees.get(ident) for ident in assigned(job))
    return [row for row in found if row is not None]


def _assignments(company: Company, row: Row) -> list[Row]:
    """Repeat the labelled custom slots as assignments."""
    kind = "Job" if "job_number" in row else "Customer"
    return [
        {
            "id": int(str(row["id"])) * 20 + int(str(field["id"])) % 20,
            "custom_field_id": field["id"],
            "assignable_id": row["id"],
            "assignable_type": kind,
            "value": _assigned_text(row.get(str(field["column_name"])), str(field["field_type"])),
            "created_at": row["created_at"],
            "updated_at": row["created_at"],
            "custom_field": field,
        }
        for field in company.custom_fields.rows()
        if field["applies_to"] == kind
    ]


def _assigned_text(value: Value, kind: str) -> str | None:
    """Return a slot's value as the text of an assignment; a date loses its time."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.date().isoformat() if kind == "date" else value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _tax_entity(company: Company, row: Row) -> Row | None:
    ident = row.get("tax_id")
    return company.tax_entities.get(ident) if isinstance(ident, int) else None


def _job_type(company: Company, job: Row) -> Row | None:
    ident = job.get("job_type_id")
    return company.job_types.get(ident) if isinstance(ident, int) else None


def _job_status(company: Company, job: Row) -> Row | None:
    ident = job.get("job_status_id")
    return company.job_statuses.get(ident) if isinstance(ident, int) else None


_COMMON_PARTS: Mapping[str, Part] = {
    "notes": Company.notes_of,
    "tasks": Company.tasks_of,
    "tax_entity": _tax_entity,
    "custom_field_assignments": _assignments,
    "tags": Company.tags_of,
    "attachments": Company.attachments_of,
}
_CUSTOMER_PARTS: Mapping[str, Part] = {
    **_COMMON_PARTS,
    "contacts": Company.contacts_of,
    "jobs": lambda company, row: [job for job in company.jobs_of(row) if company.is_job(job)],
}
_JOB_PARTS: Mapping[str, Part] = {
    **_COMMON_PARTS,
    "customer": lambda company, row: company.customer_by_id(row["customer_id"]),
    "employees": _employees,
    "job_charges": Company.charges_of,
    "time_entries": Company.time_entries_of,
    "job_type": _job_type,
    "job_status": _job_status,
    "payments": Company.payments_of,
}
