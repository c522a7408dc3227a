"""For tests: a custom table with a column of each type, as a migration would make one for jobs."""

from collections.abc import Mapping
from typing import Any

import httpx

from transload_sandbox.dataverse.testing import label

_NAMESPACE = "Microsoft.Dynamics.CRM."
_CHOICES = {"Options": [{"Value": 100000000 + number, "Label": label(f"Choice {number}")} for number in range(3)]}
_COLUMNS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "mig_Priority": ("Picklist", {"OptionSet": _CHOICES}),
    "mig_Tags": ("MultiSelectPicklist", {"OptionSet": _CHOICES}),
    "mig_IsUrgent": ("Boolean", {}),
    "mig_Hours": ("Decimal", {"Precision": 2}),
    "mig_Visits": ("Integer", {}),
    "mig_Estimate": ("Money", {"PrecisionSource": 2}),
    "mig_VisitStart": ("DateTime", {"DateTimeBehavior": {"Value": "UserLocal"}}),
    "mig_InvoicedOn": ("DateTime", {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}}),
    "mig_LocalTime": ("DateTime", {"DateTimeBehavior": {"Value": "TimeZoneIndependent"}}),
    "mig_Notes": ("Memo", {"MaxLength": 2000}),
    "mig_Scan": ("File", {}),
    "mig_SourceSystem": ("Picklist", {"OptionSet": _CHOICES}),
    "mig_SourceNo": ("Integer", {}),
}


def add_job_table(api: httpx.Client) -> None:
    """Add the table mig_job; the source's system and number are an alternate key of it."""
    named = _column("mig_Name", "String", {"IsPrimaryName": True, "MaxLength": 100})
    table: dict[str, Any] = {
        "@odata.type": f"{_NAMESPACE}EntityMetadata",
        "SchemaName": "mig_Job",
        "DisplayName": label("Job"),
        "DisplayCollectionName": label("Jobs"),
        "OwnershipType": "UserOwned",
        "Attributes": [named],
    }
    api.post("EntityDefinitions", json=table).raise_for_status()
    definitions = "EntityDefinitions(LogicalName='mig_job')"
    for name, (kind, facts) in _COLUMNS.items():
        api.post(f"{definitions}/Attributes", json=_column(name, kind, facts)).raise_for_status()
    columns = ["mig_sourcesystem", "mig_sourceno"]
    key = {"SchemaName": "mig_SourceKey", "DisplayName": label("Source"), "KeyAttributes": columns}
    api.post(f"{definitions}/Keys", json=key).raise_for_status()


def _column(name: str, kind: str, facts: Mapping[str, object]) -> dict[str, object]:
    kind = f"{_NAMESPACE}{kind}AttributeMetadata"
    return {"@odata.type": kind, "SchemaName": name, "DisplayName": label(name), **facts}
