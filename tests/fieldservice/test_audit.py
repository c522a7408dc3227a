"""What the audit says of Field Service."""

from transload import Severity, TableName, TargetSchema, TargetTable
from transload_fieldservice.audit import findings

WORK_ORDERS = TableName("msdyn_workorder")


def test_an_environment_without_it_stops_the_journey() -> None:
    [finding] = findings(TargetSchema("dynamics365", "https://example.com", {}))

    assert finding.severity is Severity.BLOCKER
    assert "fieldservice" in finding.remedy


def test_an_environment_with_it_is_told_what_works_along() -> None:
    table = TargetTable(WORK_ORDERS, "Work Order", "msdyn_workorderid", "msdyn_name", {})

    [finding] = findings(TargetSchema("dynamics365", "https://example.com", {WORK_ORDERS: table}))

    assert finding.severity is Severity.WARNING
    assert "Manual" in finding.remedy
