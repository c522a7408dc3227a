"""What the audit says of Field Service."""

import pytest

from transload import Severity, TableName, TargetSchema, TargetTable
from transload_fieldservice.audit import findings
from transload_fieldservice.settings import FieldServiceSettings

WORK_ORDERS = TableName("msdyn_workorder")


@pytest.fixture
def target() -> TargetSchema:
    table = TargetTable(WORK_ORDERS, "Work Order", "msdyn_workorderid", "msdyn_name", {})
    return TargetSchema("dynamics365", "https://example.com", {WORK_ORDERS: table})


def test_an_environment_without_it_stops_the_journey() -> None:
    [finding] = findings(TargetSchema("dynamics365", "https://example.com", {}), FieldServiceSettings())

    assert finding.severity is Severity.BLOCKER
    assert "fieldservice" in finding.remedy


def test_an_environment_with_it_is_told_what_works_along_and_that_it_is_looked_after(target: TargetSchema) -> None:
    [finding] = findings(target, FieldServiceSettings())

    assert finding.severity is Severity.INFO
    assert finding.remedy.startswith("Nothing to do")
    assert "Manual" in finding.remedy


def test_who_wants_posted_work_orders_is_warned_of_what_comes_of_them(target: TargetSchema) -> None:
    *_, finding = findings(target, FieldServiceSettings(invoiced_jobs="posted"))

    assert (finding.code, finding.severity) == ("fieldservice.posting", Severity.WARNING)
    assert {"invoice", "actuals", "for good"} <= {
        word for word in ("invoice", "actuals", "for good") if word in finding.evidence
    }
