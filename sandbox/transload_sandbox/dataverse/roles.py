"""The shipped security roles, cut down to the tables of this stand-in.

Facts: role names are Microsoft's; which role reaches how far follows the published descriptions of the roles,
simplified to groups of tables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache


class Depth(IntEnum):
    """How far a privilege reaches; the numbers are those of the wire's PrivilegeDepth."""

    BASIC = 0
    LOCAL = 1
    DEEP = 2
    GLOBAL = 3


DEPTH_NAMES: Mapping[Depth, str] = {
    Depth.BASIC: "Basic",
    Depth.LOCAL: "Local",
    Depth.DEEP: "Deep",
    Depth.GLOBAL: "Global",
}
"""How the wire spells them."""

VERBS = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")
ADMINISTRATOR = "System Administrator"
CUSTOMIZER = "System Customizer"

_SUFFIXES = {
    "annotation": "Note",
    "activityparty": "Activity",
    "activitymimeattachment": "Activity",
    "activitypointer": "Activity",
    "customeraddress": "Account",
    "quotedetail": "Quote",
    "salesorderdetail": "SalesOrder",
    "invoicedetail": "Invoice",
    "opportunityproduct": "Opportunity",
    "productpricelevel": "Product",
    "uom": "Product",
    "uomschedule": "Product",
    "pricelevel": "Product",
    "systemuser": "User",
    "privilege": "Role",
    "duplicaterulecondition": "DuplicateRule",
    "bulkdeletefailure": "AsyncOperation",
    "bulkdeleteoperation": "AsyncOperation",
}
"""Tables whose privileges are called by another name than their own."""

OBJECT_TYPES = {
    "account": 1, "contact": 2, "opportunity": 3, "lead": 4, "annotation": 5, "systemuser": 8, "team": 9,
    "businessunit": 10, "incident": 112, "competitor": 123, "subject": 129, "product": 1024,
    "productpricelevel": 1026, "pricelevel": 1022, "role": 1036, "uom": 1055, "uomschedule": 1056,
    "organization": 1019, "customeraddress": 1071, "opportunityproduct": 1083, "quote": 1084, "quotedetail": 1085,
    "salesorder": 1088, "salesorderdetail": 1089, "invoice": 1090, "invoicedetail": 1091, "queue": 2020,
    "queueitem": 2029, "territory": 2013, "activitypointer": 4200, "appointment": 4201, "email": 4202, "fax": 4204,
    "incidentresolution": 4206, "letter": 4207, "opportunityclose": 4208, "orderclose": 4209, "phonecall": 4210,
    "quoteclose": 4211, "task": 4212, "asyncoperation": 4700, "transactioncurrency": 9105,
}  # fmt: skip


def suffix(table: str, schema_name: str, *, is_activity: bool) -> str:
    """Return what the privileges of a table are called after."""
    return "Activity" if is_activity else _SUFFIXES.get(table, schema_name)


@dataclass(frozen=True, slots=True)
class _Grant:
    tables: str
    verbs: str
    depth: Depth


_ALL = "Create Read Write Delete Append AppendTo Assign Share"
_EDIT = "Create Read Write Append AppendTo Assign Share"
_SHARED = _Grant(
    "Product User Team BusinessUnit Role Organization TransactionCurrency Subject Territory Queue Competitor "
    "QueueItem BookingStatus BookableResource BookableResourceCategory Calendar msdyn_workordertype msdyn_priority "
    "msdyn_incidenttype msdyn_taxcode msdyn_paymentterm msdyn_workordersubstatus msdyn_fieldservicesetting "
    "Publisher Solution SdkMessage SdkMessageFilter DuplicateRule AsyncOperation",
    "Read AppendTo",
    Depth.GLOBAL,
)
_CUSTOMERS = "Account Contact Activity Note"
_SALES = "Lead Opportunity Quote SalesOrder Invoice"
_FIELD = (
    "msdyn_workorder msdyn_workorderproduct msdyn_workorderservice BookableResourceBooking "
    "BookableResourceBookingHeader msdyn_timeentry msdyn_bookingtimestamp msdyn_customerasset msdyn_FunctionalLocation"
)
_BASIC = (_SHARED, _Grant(_CUSTOMERS, _ALL, Depth.BASIC), _Grant("Account Contact", "Read AppendTo", Depth.GLOBAL))

_GRANTS: Mapping[str, tuple[_Grant, ...]] = {
    "Basic User": _BASIC,
    "Salesperson": (*_BASIC, _Grant(f"{_CUSTOMERS} {_SALES}", _EDIT, Depth.LOCAL), _Grant(_SALES, _ALL, Depth.BASIC)),
    "Sales Manager": (
        *_BASIC,
        _Grant(f"{_CUSTOMERS} {_SALES}", _ALL, Depth.DEEP),
        _Grant("Product", "Create Read Write Delete Append AppendTo", Depth.DEEP),
    ),
    "Customer Service Representative": (*_BASIC, _Grant(f"{_CUSTOMERS} Incident", _EDIT, Depth.LOCAL)),
    "CSR Manager": (*_BASIC, _Grant(f"{_CUSTOMERS} Incident", _ALL, Depth.DEEP)),
    "Field Service - Administrator": (*_BASIC, _Grant(f"{_CUSTOMERS} {_FIELD}", _ALL, Depth.GLOBAL)),
    "Field Service - Dispatcher": (*_BASIC, _Grant(f"{_CUSTOMERS} {_FIELD}", _EDIT, Depth.LOCAL)),
    "Field Service - Resource": (*_BASIC, _Grant(_FIELD, "Read Write Append AppendTo", Depth.BASIC)),
}
_NAMED: Mapping[str, tuple[str, ...]] = {
    "Delegate": ("prvActOnBehalfOfAnotherUser",),
    CUSTOMIZER: ("prvCreateEntity", "prvCreateAttribute", "prvCreateRelationship", "prvPublishCustomization"),
}
SHIPPED = (ADMINISTRATOR, CUSTOMIZER, *_GRANTS, "Delegate")
SPECIAL = (
    "prvActOnBehalfOfAnotherUser",
    "prvOverrideCreatedOnCreatedBy",
    "prvBypassCustomBusinessLogic",
    "prvBypassCustomPlugins",
    "prvBulkDelete",
    "prvAssignRole",
    *_NAMED[CUSTOMIZER],
)
"""Privileges that are about no table."""
ORDINARY = ("Salesperson", "Customer Service Representative", "Field Service - Dispatcher")
"""What an administrator usually gives to somebody who works with customers."""


@cache
def privileges(role: str) -> Mapping[str, Depth]:
    """Return the privileges of a shipped role by name, empty for any other; the administrator's are not listed."""
    found: dict[str, Depth] = {}
    for grant in _GRANTS.get(role, _BASIC if role == CUSTOMIZER else ()):
        for name in _names(grant.tables.split(), grant.verbs.split()):
            found[name] = max(grant.depth, found.get(name, grant.depth))
    return found | dict.fromkeys(_NAMED.get(role, ()), Depth.GLOBAL)


def _names(tables: Iterable[str], verbs: Iterable[str]) -> Iterable[str]:
    verbs = tuple(verbs)
    return (f"prv{verb}{table}" for table in tables for verb in verbs)
