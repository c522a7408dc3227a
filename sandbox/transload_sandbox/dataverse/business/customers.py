"""Whom a row belongs to: the read-only account and contact behind a customer column.

Fact: the table reference lists these lookups as valid for neither create nor update, and the official query sample
filters tasks by the ``accountid`` of the contact that they regard.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business.changes import Change

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer column of a table, and the lookups that follow it."""

    column: str
    followers: Mapping[str, str]
    """Follower by table of the customer."""


_BOTH = {"account": "accountid", "contact": "contactid"}
_OF_DOCUMENTS = dict.fromkeys(("opportunity", "quote", "salesorder", "invoice"), Customer("customerid", _BOTH))
CUSTOMERS: Mapping[str, Customer] = {
    "contact": Customer("parentcustomerid", {"account": "accountid", "contact": "parentcontactid"}),
    "incident": Customer("customerid", _BOTH),
    "lead": Customer("customerid", _BOTH),
    **_OF_DOCUMENTS,
}


def follow(_writer: "Writer", change: Change) -> None:
    """Let the account and the contact of a row follow its customer."""
    customer = CUSTOMERS[change.table.name]
    if change.former is None or change.touches(customer.column):
        row = change.row
        for kind, follower in customer.followers.items():
            row[follower] = row[customer.column] if row[f"{customer.column}__type"] == kind else None
