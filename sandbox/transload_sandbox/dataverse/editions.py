"""Editions: which applications an organisation has, and how many tables of its own its licence grants.

Licences are not stored in Dataverse and the Web API enforces none of their limits, so the headroom is reported
here and never refused.
"""

from dataclasses import dataclass
from typing import Literal, cast, get_args

from transload_sandbox.dataverse.catalog import Model

Name = Literal["enterprise", "professional"]
PROFESSIONAL_CUSTOM_TABLES = 15
"""Custom tables that the licensing guide grants to Sales Professional."""


@dataclass(frozen=True, slots=True)
class Edition:
    """What is installed beside the platform and Sales."""

    name: Name = "enterprise"
    field_service: bool = True
    customer_service: bool = True

    def __post_init__(self) -> None:
        if self.name not in get_args(Name):
            raise ValueError(f"there is no edition {self.name!r}; there are {' and '.join(get_args(Name))}")

    def absent(self) -> frozenset[str]:
        """Return the solutions whose tables are not there."""
        without_field_service = frozenset() if self.field_service else {"fieldservice", "scheduling", "timeentry"}
        return frozenset(without_field_service | (set() if self.customer_service else {"service"}))

    def uninstalled(self) -> frozenset[str]:
        """Return unique names of solutions that are not installed."""
        named = {"FieldService": self.field_service, "Service": self.customer_service}
        return frozenset(name for name, is_there in named.items() if not is_there)

    def custom_table_headroom(self, model: Model) -> int | None:
        """Return how many more custom tables the licence grants, negative beyond it; None without a limit."""
        if self.name == "enterprise":
            return None
        made = sum(1 for table in model.tables.values() if table.metadata_id and not table.is_intersect)
        return PROFESSIONAL_CUSTOM_TABLES - made

    def dump(self) -> str:
        """Return the edition as one line that `load_edition` reads."""
        return f"{self.name},{int(self.field_service)},{int(self.customer_service)}"


def load_edition(text: str) -> Edition:
    """Read what `Edition.dump` wrote."""
    name, field_service, customer_service = text.split(",")
    return Edition(cast(Name, name), field_service == "1", customer_service == "1")
