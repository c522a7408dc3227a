"""Settings of the Field Service option."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class FieldServiceSettings(BaseModel):
    """The ``[fieldservice]`` table of a project file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    invoiced_jobs: Literal["completed", "posted"] = "completed"
    """How far the work order of a completed job with an invoice goes. Posting has effects of its own."""
    work_order_type: Annotated[str, Field(min_length=1, max_length=100)] = "Kickserv"
    """The work order type of jobs without a type; the one of this name, or a new one."""
    territory: Annotated[str, Field(min_length=1, max_length=200)] = "Kickserv"
    """The territory of every work order; the one of this name, or a new one."""
    time_zone: Annotated[int, Field(ge=0)] = 35
    """The time zone of resources, by its number in Dynamics: 35 is Eastern Time."""
