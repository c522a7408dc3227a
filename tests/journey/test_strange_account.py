"""An account whose records have fields that nobody expects, at every level, from the audit to the reconciliation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import PlayRecordings
    from journey.conftest import Client, Row

STRANGE = """<gate-code>4711</gate-code><big-number type="integer">4957079123</big-number>
    <rate type="decimal">1.2345</rate><since type="dateTime">0001-01-01T00:00:00Z</since>
    <seen-on type="date">2017-08-04</seen-on><vip type="boolean">true</vip>
    <site><floor type="integer">2</floor></site><phases type="array"><phase>a</phase><phase>b</phase></phases>
    <amount currency="USD" type="decimal">5.5</amount><review-reason>none</review-reason>"""
KEPT = {
    "gatecode": "4711", "bignumber": "4957079123", "rate": 1.2345, "since": "0001-01-01T00:00:00+00:00",
    "seenon": "2017-08-04", "vip": True, "site": '{"floor":2}', "phases": '["a","b"]', "amountcurrency": "USD",
}  # fmt: skip
"""What the columns of such a record should hold, by their names without the prefix."""
CHARGE = """<job-charges type="array"><job-charge><id type="integer">{ident}</id><description>Visit</description>
    <quantity type="decimal">1.0</quantity><price-per-unit type="decimal">9.0</price-per-unit>
    <total type="decimal">9.0</total>{strange}</job-charge></job-charges>"""
NOTE = """<notes type="array"><note><id type="integer">61</id><note>Call first</note>
    <public type="boolean">false</public><created-by type="integer">7</created-by>{strange}</note></notes>"""
EMPTY = "".join(f"<{name} type='array'/>" for name in ("payments", "time-entries", "attachments", "tags"))
MONEY = "<total type='decimal'>9.0</total><subtotal type='decimal'>9.0</subtotal><tax type='decimal'>0.0</tax>"


def job(ident: int, status: str, more: str = "") -> str:
    charge = CHARGE.format(ident=90 + ident, strange=STRANGE)
    return f"""<job><id type="integer">{ident}</id><job-number type="integer">{ident}</job-number>
        <name>Job {ident}</name><status>{status}</status>{MONEY}{charge}{EMPTY}{more}{STRANGE}</job>"""


def task(ident: int, kind: int) -> str:
    return f"""<task><id type="integer">{ident}</id><customer-id type="integer">1</customer-id><name>Task {ident}</name>
        <task-type-id type="integer">{kind}</task-type-id>
        <scheduled-at type="dateTime">2030-08-04T08:00:00-04:00</scheduled-at>
        <ends-at type="dateTime">2030-08-04T09:00:00-04:00</ends-at>{STRANGE}</task>"""


def array(name: str, *records: str) -> bytes:
    return f"<{name} type='array'>{''.join(records)}</{name}>".encode()


CUSTOMER = (
    f"<customer><id>1</id><name>Odd</name><contacts type='array'/>{NOTE.format(strange=STRANGE)}{STRANGE}</customer>"
)
SILENT = "<notes type='array'/>"
ANSWERS = {
    "employees.xml": array("employees", "<employee><id>7</id><name>Tilda Dressler</name></employee>"),
    "customers.xml": array("customers", CUSTOMER),
    "jobs.xml": array(
        "jobs",
        job(1, "scheduled", f"<customer-id>1</customer-id><priority>Urgent</priority>{SILENT}"),
        job(2, "unscheduled", f"<customer-id nil='true'/>{SILENT}"),
    ),
    "opportunities.xml": array("opportunities", job(3, "canceled", f"<customer-id>1</customer-id>{SILENT}")),
    "tasks.xml": array("tasks", task(8, 2), task(9, 3)),
}


@pytest.fixture
def strange(open_client: Callable[..., Client], play_recordings: PlayRecordings) -> Iterator[Client]:
    """A client whose source is the strange account."""
    client = open_client(customers=1)
    with play_recordings(ANSWERS) as (address, _):
        kickserv = client.sandbox.kickserv
        text = client.project_file.read_text(encoding="utf-8").replace(kickserv.base_url, address)
        client.project_file.write_text(text.replace(f'"{kickserv.account}"', '"example"'), encoding="utf-8")
        yield client


def kept(row: Row) -> Row:
    return {name: row.get(f"ks_{name}") for name in KEPT}


def test_whatever_an_account_has_is_said_kept_and_found_again(
    strange: Client, to_the_sample: tuple[tuple[str, ...], ...]
) -> None:
    strange.walk(*to_the_sample, ("approve", "sample", "--by", "Rosalind Vane"), ("run",), ("reconcile",))

    tables = ("incident", "quote", "salesorderdetail", "quotedetail", "appointment", "task")
    rows = {"account": strange.rows("account", name="Odd"), **{table: strange.rows(table) for table in tables}}
    assert {table: [kept(row) for row in found] for table, found in rows.items()} == {
        table: [KEPT] * len(found) for table, found in rows.items()
    }
    assert {table: len(found) for table, found in rows.items()} == {
        "account": 1, "incident": 2, "quote": 1, "salesorderdetail": 2, "quotedetail": 1, "appointment": 1, "task": 1,
    }  # fmt: skip
    # The review column has its name already, and what it says is another thing.
    assert strange.row("account", name="Odd")["ks_reviewreason2"] == "none"
    assert strange.row("incident", title="Job 1")["prioritycode"] == 1
    placeholder = strange.row("account", name="Unassigned Customer")["accountid"]
    assert strange.row("incident", title="Job 2")["_customerid_value"] == placeholder
    assert (strange.rows("quote")[0]["statecode"], strange.rows("quote")[0]["statuscode"]) == (3, 6)
    note = strange.row("annotation")
    assert note["subject"] == "Private note by Tilda Dressler"
    assert str(note["notetext"]).startswith("Call first\n\nGate code: 4711\nBig number: 4957079123\n")
    audit = json.loads((strange.folder / "reports" / "01-audit.json").read_text(encoding="utf-8"))
    fields = {row["field"] for row in audit["tables"]["fields-of-charge"]["rows"]}
    assert {"gate_code", "big_number", "site", "amount_currency"} <= fields
