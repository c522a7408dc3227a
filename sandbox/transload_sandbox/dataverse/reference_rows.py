"""Rows that the applications bring along: units, a price list, booking statuses, settings, duplicate rules.

Facts: names and values of the booking statuses and settings are those that Field Service installs; the price
list and the kinds of work order stand for what every environment in use has.
"""

from collections.abc import Callable

from transload_sandbox.dataverse.business.duplicates import SHIPPED
from transload_sandbox.dataverse.business.field_service import UNSCHEDULED
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row

Insert = Callable[[Environment, str, Row], None]

_FIELD_SERVICE = UNSCHEDULED
_BOOKING_STATUSES = (
    ("Scheduled", 2, 0),
    ("Traveling", 2, 1),
    ("On Break", 2, 2),
    ("In Progress", 2, 3),
    ("Completed", 2, 4),
    ("Canceled", 3, 5),
)
"""Name, status (1 proposed, 2 committed, 3 canceled), and the field service status counted from Scheduled."""
_MANUAL_TIME_ENTRIES = 192355200
_INVOICE_WHEN_POSTED = 690970001
_PRIORITIES = (("High", 10), ("Normal", 5), ("Low", 1))


def insert_all(environment: Environment, insert: Insert) -> None:
    """Insert the rows of those applications that are installed."""
    tables = environment.model.tables
    if "pricelevel" in tables:
        _sales(environment, insert)
    if "msdyn_workorder" in tables and "pricelevel" in tables:
        _field_service(environment, insert)
    _duplicate_rules(environment, insert)


def _owned(environment: Environment) -> Row:
    return {
        "ownerid": environment.fixed_id("system user"),
        "ownerid__type": "systemuser",
        "owninguser": environment.fixed_id("system user"),
        "owningbusinessunit": environment.fixed_id("business unit"),
    }


def _sales(environment: Environment, insert: Insert) -> None:
    ids = environment.fixed_id
    schedule, unit = ids("default unit"), ids("primary unit")
    insert(
        environment, "uomschedule", {"uomscheduleid": schedule, "name": "Default Unit", "baseuomname": "Primary Unit"}
    )
    insert(
        environment,
        "uom",
        {"uomid": unit, "name": "Primary Unit", "uomscheduleid": schedule, "quantity": 1.0, "isschedulebaseuom": 1},
    )
    insert(
        environment,
        "pricelevel",
        {
            "pricelevelid": ids("price list"),
            "name": "Standard Price List",
            "transactioncurrencyid": ids("currency"),
            "exchangerate": 1.0,
        },
    )


def _field_service(environment: Environment, insert: Insert) -> None:
    ids, owned = environment.fixed_id, _owned(environment)
    for name, status, offset in _BOOKING_STATUSES:
        insert(
            environment,
            "bookingstatus",
            {
                **owned,
                "bookingstatusid": ids(f"booking status {name}"),
                "name": name,
                "status": status,
                "msdyn_fieldservicestatus": _FIELD_SERVICE + offset,
            },
        )
    insert(
        environment,
        "msdyn_fieldservicesetting",
        {
            **owned,
            "msdyn_fieldservicesettingid": ids("field service setting"),
            "msdyn_name": "Default Settings",
            "msdyn_timeentrygenerationstrategy": _MANUAL_TIME_ENTRIES,
            "msdyn_workorderinvoicecreation": _INVOICE_WHEN_POSTED,
            "msdyn_workorderstartingnumber": 1,
        },
    )
    insert(
        environment,
        "msdyn_workordertype",
        {
            **owned,
            "msdyn_workordertypeid": ids("work order type"),
            "msdyn_name": "Service Call",
            "msdyn_pricelist": ids("price list"),
        },
    )
    insert(
        environment,
        "msdyn_incidenttype",
        {**owned, "msdyn_incidenttypeid": ids("incident type"), "msdyn_name": "General"},
    )
    for name, importance in _PRIORITIES:
        insert(
            environment,
            "msdyn_priority",
            {
                **owned,
                "msdyn_priorityid": ids(f"priority {name}"),
                "msdyn_name": name,
                "msdyn_levelofimportance": importance,
            },
        )


def _duplicate_rules(environment: Environment, insert: Insert) -> None:
    for name, (table, columns) in SHIPPED.items():
        if table not in environment.model.tables:
            continue
        rule_id = environment.fixed_id(f"duplicate rule {name}")
        rule: Row = {"duplicateruleid": rule_id, "name": name, "baseentityname": table, "matchingentityname": table}
        insert(environment, "duplicaterule", {**_owned(environment), **rule})
        for column in columns:
            condition: Row = {
                "duplicateruleconditionid": environment.fixed_id(f"condition {name} {column}"),
                "regardingobjectid": rule_id,
                "baseattributename": column,
                "matchingattributename": column,
            }
            insert(environment, "duplicaterulecondition", condition)
    sql = 'UPDATE "duplicaterule" SET "statecode" = 1, "statuscode" = 2'
    environment.store.execute(sql)
