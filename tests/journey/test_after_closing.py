"""After a job is done: stamps open nothing again, what its parts change is put right, a new user gets his rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from transload_sandbox.kickserv.company import number_of

if TYPE_CHECKING:
    from journey.conftest import Answer, Client, Company, Row

PAID, COMPLETED = 2, 690970003
WITHOUT_USER = "wren.abernathy@example.org"


@dataclass(frozen=True)
class Afterwards:
    """A loaded company, and what a delta and a reassignment made of it."""

    client: Client
    paid: Mapping[str, Any]
    added_to: Mapping[str, Any]
    visited: Mapping[str, Any]
    finished: Mapping[str, Any]
    before: dict[str, list[Row]]
    delta: Answer
    after: dict[str, list[Row]]
    written_by_second: list[str]
    reassigned: Answer
    user: str
    owned: dict[str, list[Row]]
    written_by_second_reassign: list[str]

    def row(self, table: str, column: str, record: Mapping[str, Any], *, before: bool = False) -> Row:
        """Return the row that a record became, as it was after the delta or before it."""
        rows = (self.before if before else self.after)[table]
        (found,) = [row for row in rows if row[column] == str(record["id"])]
        return found


TABLES = ("invoice", "invoicedetail", "msdyn_workorder", "bookableresourcebooking", "account")


@pytest.fixture(scope="module")
def afterwards(load_company: Callable[..., Company]) -> Afterwards:
    client = load_company("fieldservice").client
    company, org = client.sandbox.kickserv.company, client.sandbox.dataverse.org
    jobless: Mapping[str, Any] = next(row for row in company.employees.rows() if row["email_address"] == WITHOUT_USER)
    company.add_customer("Abernathy Boilers", created_by=jobless["id"])
    client.walk(("run",))
    jobs: list[Mapping[str, Any]] = [row for row in company.jobs.rows() if company.is_job(row)]
    settled = [row for row in jobs if row.get("invoice_date") and row["invoice_status"] == "paid"]
    added_to = next(row for row in settled if row.get("won_date"))
    paid = next(row for row in settled if row["id"] != added_to["id"])
    used = {paid["id"], added_to["id"]}
    visited = next(row for row in jobs if row["status"] == "complete" and row["id"] not in used)
    scheduled = next(row for row in jobs if row["status"] == "scheduled")
    led = next(row for row in client.rows("account") if row["ks_kickservid"] and row["_primarycontactid_value"])
    chosen = next(row for row in client.rows("contact") if row["contactid"] != led["_primarycontactid_value"])
    client.change(
        f"accounts({led['accountid']})", **{"primarycontactid@odata.bind": f"/contacts({chosen['contactid']})"}
    )
    before = {table: client.rows(table) for table in TABLES}

    company.update_job(number_of(paid), invoice_viewed_on=paid["invoice_date"] + timedelta(days=9))
    customer = next(row for row in company.customers.rows() if str(row["id"]) == led["ks_kickservid"])
    company.add_contact(number_of(customer), first_name="Odile", last_name="Sung")
    company.add_charge(number_of(added_to), "Gasket", price_per_unit=Decimal(12))
    finished = company.update_job(number_of(scheduled), status="complete", completed_on=scheduled["created_at"])
    technician: Mapping[str, Any] = next(
        row for row in company.employees.rows() if row["active"] and row["id"] != jobless["id"]
    )
    company.add_task("Extra visit", visited["completed_on"], job=number_of(visited), employees=[technician["id"]])
    (delta,) = client.walk(("delta", "--json"))
    after = {table: client.rows(table) for table in TABLES}
    with client.written() as written:
        client.walk(("delta",))

    user = org.add_user("Wren Abernathy", WITHOUT_USER)
    (reassigned,) = client.walk(("reassign", "--json"))
    owned = {table: client.rows(table) for table in TABLES}
    with client.written() as reassigned_again:
        client.walk(("reassign",))
    return Afterwards(
        client, paid, added_to, visited, finished, before, delta, after, written, reassigned, user, owned,
        reassigned_again,
    )  # fmt: skip


def test_a_stamp_does_not_open_a_paid_invoice_again(afterwards: Afterwards) -> None:
    before = afterwards.row("invoice", "ks_invoiceid", afterwards.paid, before=True)

    after = afterwards.row("invoice", "ks_invoiceid", afterwards.paid)

    assert after["statecode"] == PAID
    assert after == before


def test_a_charge_that_is_added_to_a_paid_job_reaches_its_invoice_which_is_paid_afterwards(
    afterwards: Afterwards,
) -> None:
    before = afterwards.row("invoice", "ks_invoiceid", afterwards.added_to, before=True)

    after = afterwards.row("invoice", "ks_invoiceid", afterwards.added_to)

    lines = [row for row in afterwards.after["invoicedetail"] if row["_invoiceid_value"] == after["invoiceid"]]
    assert "Gasket" in {row["productdescription"] for row in lines}
    assert (before["statecode"], after["statecode"]) == (PAID, PAID)
    assert after["totalamount"] == after["ks_kickservtotal"] != before["totalamount"]


def test_what_a_charge_changes_in_documents_that_are_closed_for_good_is_listed(afterwards: Afterwards) -> None:
    tables: Any = afterwards.delta.report()["tables"]

    job = afterwards.added_to["id"]
    late = tables["changed-in-the-source-after-closing"]["rows"]
    assert {f"order {job}", f"estimate {job}"} <= {row["record"] for row in late}
    assert "dead-letters" not in tables


def test_a_visit_that_is_added_to_a_completed_work_order_leaves_it_completed(afterwards: Afterwards) -> None:
    before = afterwards.row("msdyn_workorder", "ks_jobid", afterwards.visited, before=True)

    after = afterwards.row("msdyn_workorder", "ks_jobid", afterwards.visited)

    bookings = [
        row
        for row in afterwards.after["bookableresourcebooking"]
        if row["_msdyn_workorder_value"] == after["msdyn_workorderid"]
    ]
    assert "Extra visit" in {row["name"] for row in bookings}
    assert (after["msdyn_systemstatus"], after["msdyn_completedon"]) == (COMPLETED, before["msdyn_completedon"])


def test_a_job_that_was_finished_meanwhile_keeps_the_moment_though_its_bookings_are_completed_now(
    afterwards: Afterwards,
) -> None:
    order = afterwards.row("msdyn_workorder", "ks_jobid", afterwards.finished)

    completed = datetime.fromisoformat(str(order["msdyn_completedon"]))
    assert order["msdyn_systemstatus"] == COMPLETED
    assert completed == afterwards.finished["completed_on"]


def test_a_primary_contact_that_people_chose_stays_though_the_account_gets_another_contact(
    afterwards: Afterwards,
) -> None:
    before = {row["accountid"]: row["_primarycontactid_value"] for row in afterwards.before["account"]}

    after = {row["accountid"]: row["_primarycontactid_value"] for row in afterwards.after["account"]}

    assert after == before


def test_a_second_delta_writes_nothing(afterwards: Afterwards) -> None:
    assert afterwards.written_by_second == []


def test_a_user_who_appears_later_gets_what_is_his_and_nobody_elses(afterwards: Afterwards) -> None:
    owners = {row["accountid"]: row["_ownerid_value"] for row in afterwards.after["account"]}

    now = {row["accountid"]: row["_ownerid_value"] for row in afterwards.owned["account"]}

    moved = [row for row in afterwards.owned["account"] if owners[row["accountid"]] != row["_ownerid_value"]]
    assert "Abernathy Boilers" in {row["name"] for row in moved}
    assert {now[row["accountid"]] for row in moved} == {afterwards.user}
    assert afterwards.written_by_second_reassign == []
