"""Settings of the tags option."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class TagSettings(BaseModel):
    """The ``[tags]`` table of a project file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    become: Literal["table", "choice", "territory"] = "table"
    """What tags become: rows of a tag table, linked many-to-many; a choice column with several values; or
    territories, of which an account has one."""
