"""A row that gets another owner takes its children's owners along in Dataverse; the delta puts them right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from transload_sandbox.kickserv.company import number_of

if TYPE_CHECKING:
    from journey.conftest import Company


def test_a_customer_that_gets_another_owner_leaves_the_owners_of_its_records_alone(
    load_company: Callable[..., Company],
) -> None:
    client = load_company().client
    company = client.sandbox.kickserv.company
    employees = {row["id"] for row in company.employees.rows() if row["active"] and row.get("email_address")}
    parent = next(row for row in company.customers.rows() if company.children_of(row))
    other = next(iter(sorted(employees - {parent["created_by"]}, key=str)))
    before = client.row("account", ks_kickservid=str(parent["id"]))["_ownerid_value"]

    company.update_customer(number_of(parent), created_by=other)
    delta, reconciled = client.do("delta"), client.do("reconcile")
    with client.written() as written:
        again = client.do("delta")

    assert delta.code == 0, str(delta)
    assert client.row("account", ks_kickservid=str(parent["id"]))["_ownerid_value"] != before
    assert reconciled.code == 0, str(reconciled)
    assert (again.code, written) == (0, [])
