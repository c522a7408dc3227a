"""What is our own guess about Kickserv, in one place, so that it is easy to change.

Nobody has documented these reads in XML. Each is tried; when it is not answered, that
is recorded, the next best read is used, and the audit says so.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

RelativePath = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_/]*\.xml$")]
Association = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]


class InferredReads(BaseModel):
    """The ``[kickserv_source.inferred]`` table: switches and names of reads that are guesses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contacts: bool = True
    """Whether to try a list of all contacts, for those that belong to no customer."""
    contacts_path: RelativePath = "contacts.xml"
    customer_includes: tuple[Association, ...] = ("contacts", "notes")
    """Associations asked for with each page of customers. The names are documented, their shape is not."""
    job_includes: tuple[Association, ...] = ("notes",)
    """Associations asked for with each page of jobs."""


NOTE_PARENTS = {"customer": "Customer", "job": "Job"}
"""What ``noteable-type`` says for a note of each entity; filled in when a nested note does not say it."""
