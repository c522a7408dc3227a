"""Puts a record together as it is shown: stored fields, computed parts, included associations."""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal

from transload_sandbox.kickserv import _children
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
        "job": company.job_by_id(task["job_id"]),
        "customer": company.customer_by_id(task["customer_id"]),
    }


def tasks_of(company: Company, job: Row) -> list[Row]:
    """Return the appointments of a job."""
    employees = {int(str(row["id"])): row for row in company.employees.rows()}
    return _children.generate_tasks(job, employees)


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
    found = (company.employees.get(ident) for ident in _children.assigned(job))
    return [row for row in found if row is not None]


def _tags(company: Company, row: Row) -> list[Row]:
    """Hang up to two tags on a third of the records, by id alone, so that the choice needs no store."""
    tags, ident = list(company.tags.rows()), int(str(row["id"]))
    if ident % 3:
        return []
    return [tags[ident % len(tags)]] if ident % 2 else [tags[ident % len(tags)], tags[(ident + 1) % len(tags)]]


def _assignments(company: Company, row: Row) -> list[Row]:
    """Repeat the labelled custom slots as assignments."""
    kind = "Job" if "job_number" in row else "Customer"
    result: list[Row] = []
    for field in company.custom_fields.rows():
        if field["applies_to"] != kind:
            continue
        value = row.get(str(field["column_name"]))
        text = format(value, "f") if isinstance(value, Decimal) else value
        result.append(
            {
                "id": int(str(row["id"])) * 20 + int(str(field["id"])) % 20,
                "custom_field_id": field["id"],
                "assignable_id": row["id"],
                "assignable_type": kind,
                "value": text if text is None or isinstance(text, str) else str(text),
                "created_at": row["created_at"],
                "updated_at": row["created_at"],
                "custom_field": field,
            }
        )
    return result


def _tax_entity(company: Company, row: Row) -> Row | None:
    ident = row.get("tax_id")
    return company.tax_entities.get(ident) if isinstance(ident, int) else None


def _job_type(company: Company, job: Row) -> Row | None:
    ident = job.get("job_type_id")
    return company.job_types.get(ident) if isinstance(ident, int) else None


def _job_status(company: Company, job: Row) -> Row | None:
    ident = job.get("job_status_id")
    return company.job_statuses.get(ident) if isinstance(ident, int) else None


_CUSTOMER_PARTS: Mapping[str, Part] = {
    "contacts": Company.contacts_of,
    "jobs": lambda company, row: [job for job in company.jobs_of(row) if company.is_job(job)],
    "tasks": lambda company, row: [task for job in company.jobs_of(row) for task in tasks_of(company, job)],
    "notes": Company.notes_of,
    "tax_entity": _tax_entity,
    "custom_field_assignments": _assignments,
    "tags": _tags,
}
_JOB_PARTS: Mapping[str, Part] = {
    "customer": lambda company, row: company.customer_by_id(row["customer_id"]),
    "employees": _employees,
    "job_charges": Company.charges_of,
    "time_entries": lambda _, row: _children.generate_time_entries(row),
    "notes": Company.notes_of,
    "job_type": _job_type,
    "job_status": _job_status,
    "tax_entity": _tax_entity,
    "custom_field_assignments": _assignments,
    "tags": _tags,
    "payments": lambda _, row: _children.generate_payments(row),
}
