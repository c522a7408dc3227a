"""What is our own guess about Kickserv, in one place, so that it is easy to change.

Nobody has documented these reads in XML. Each is tried; when it is not answered, that
is recorded, the next best read is used, and the audit says so.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

RelativePath = Annotated[str, Field(pattern=r"^([a-z][a-z0-9_/]*\.xml)?$")]
Association = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
EventKind: TypeAlias = Literal["work", "estimate", "reminder", "call", "email", "meeting"]


class InferredReads(BaseModel):
    """The ``[kickserv_source.inferred]`` table: names of reads that are guesses; an empty one is not tried."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contacts_path: RelativePath = "contacts.xml"
    """All contacts, for those that belong to no customer."""
    job_types_path: RelativePath = "job_types.xml"
    job_statuses_path: RelativePath = "job_statuses.xml"
    tags_path: RelativePath = "tags.xml"
    custom_fields_path: RelativePath = "custom_fields.xml"
    opportunities_path: RelativePath = "opportunities.xml"
    tasks_path: RelativePath = "tasks.xml"
    job_children: tuple[Association, ...] = (
        "job_charges",
        "payments",
        "time_entries",
        "notes",
        "attachments",
        "tasks",
    )
    """What may be asked for below a job (``jobs/7/payments.xml``) that did not bring it along."""
    customer_children: tuple[Association, ...] = ("notes", "attachments")
    """The same below a customer."""
    customer_includes: tuple[Association, ...] = (
        "contacts",
        "notes",
        "tax_entity",
        "custom_field_assignments",
        "tags",
        "attachments",
    )
    """Associations asked for with each page of customers. Of the last two not even the names are documented."""
    job_includes: tuple[Association, ...] = (
        "employees",
        "job_charges",
        "time_entries",
        "notes",
        "job_type",
        "job_status",
        "tax_entity",
        "custom_field_assignments",
        "payments",
        "tags",
        "attachments",
        "customer",
    )
    """Associations asked for with each page of jobs and opportunities; of the last three nothing is documented."""
    task_types: dict[str, EventKind] = {
        "1": "work",
        "2": "estimate",
        "3": "reminder",
        "4": "call",
        "5": "email",
        "6": "meeting",
    }
    """What the ``task-type-id`` of an event means; each account may have ids of its own."""


OTHER_ROOTS: Mapping[str, tuple[str, ...]] = {"opportunities": ("jobs",)}
"""Other names that the root of a list may have: that of the class behind its records."""
MIXED_ROOT = "objects"
"""The root of a list, in Kickserv's framework, whose records are of several classes."""
EVENT_WORDS: Mapping[str, EventKind] = {
    "estimate": "estimate",
    "remind": "reminder",
    "call": "call",
    "mail": "email",
    "meeting": "meeting",
    "work": "work",
}
"""Words in the name of an event's type, for accounts that tell it, that say what the type means."""
NOTE_PARENTS = {"customer": "Customer", "job": "Job", "estimate": "Job"}
"""What ``noteable-type`` says for a note of each entity; filled in when a nested note does not say it."""
ATTACHMENT_NAMES: Mapping[str, tuple[str, ...]] = {
    "file_name": ("filename", "attachment_file_name", "file_file_name", "original_filename", "name", "title"),
    "content_type": ("attachment_content_type", "file_content_type", "mime_type"),
    "file_size": ("size", "attachment_file_size", "file_file_size", "byte_size"),
    "url": ("download_url", "file_url", "attachment_url", "public_url", "original_url", "href"),
}
"""What an attachment may call the fields whose names we have agreed on; the first that is filled counts."""
SERVICE_WORDS = ("service", "labor", "labour", "hourly")
"""Parts of an ``item-type`` that name work; anything else is a product. The words are QuickBooks's."""
NON_TAXABLE = frozenset({"non", "non-taxable", "nontaxable", "exempt", "tax exempt", "no tax", "none"})
"""What a sales tax code says of a line that is not taxed. ``Non`` is QuickBooks's word."""
LOST = frozenset({"lost", "declined"})
"""Words of ``status`` and ``estimate-type`` for an opportunity that came to nothing."""
OPPORTUNITY_WORDS = frozenset({"new", "won", *LOST})
"""All words of the two that tell of an opportunity."""
PRIORITIES: Mapping[str, str] = {
    **dict.fromkeys(("high", "urgent", "emergency", "critical", "rush", "asap"), "high"),
    **dict.fromkeys(("normal", "medium", "standard", "regular"), "normal"),
    "low": "low",
}
"""What people write into a field that is called priority; Kickserv has none of its own."""
GOOD_FOR = re.compile(r"(?:good|valid|honou?red)\s+(?:for|within)\s+(\d{1,3})\s+days", re.IGNORECASE)
"""How the terms of an estimate say how long it is good for; Kickserv has no date for that."""
NET_DAYS = re.compile(r"\bnet[ -]?(\d{1,3})\b|\b(?:due|payable) (?:in|within) (\d{1,3}) days", re.IGNORECASE)
"""How the terms of an invoice say in how many days it falls due; Kickserv has no date for that."""
DUE_AT_ONCE = re.compile(r"\bdue (?:up)?on receipt\b", re.IGNORECASE)
"""How they say that it is due at once."""
JOB_STATUSES = frozenset({"unscheduled", "scheduled", "in_progress", "on_hold", "canceled", "complete"})
"""The documented states of work. What has another one, ``new`` or ``lost``, is an opportunity."""
CLOSED_JOBS = frozenset({"complete", "canceled"})
"""The states of work in which nothing is left to do, on the job and in its calendar."""
UNPAID = "unpaid"
"""What ``invoice_status`` says as long as money is owed, and payments may come."""
CUSTOMER_MARKS = (
    "id,customer_number,parent_id,is_active,balance,last_job_completed_number,last_job_completed_at,"
    "last_job_completed_name,updated_at"
)
"""Fields whose values tell a customer that changed, when a list is walked with ``only``."""
JOB_MARKS = (
    "id,job_number,customer_id,status,invoice_status,estimate_type,won_date,lost_date,tasks_count,total,"
    "balance_remaining,completed_on,canceled_on,invoice_paid_on,updated_at"
)
"""The same for jobs and opportunities, with what says whether they are finished."""
FINISHED_ON = ("completed_on", "canceled_on", "invoice_paid_on", "lost_date", "updated_at")
"""The latest of these is when a job or an opportunity was finished."""
