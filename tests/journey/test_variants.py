"""The same company in each variant: jobs as cases or as work orders, tags as text or as rows.

One of them keeps its ledger in PostgreSQL, where everything must come out the same.

What should be in the target is counted and followed here from the sandbox's own records; the reconciliation of
transload is checked, not trusted.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from journey.conftest import Answer, Client, Company, Row

VARIANTS: tuple[tuple[str, ...], ...] = ((), ("tags",), ("fieldservice",), ("fieldservice", "tags"))
IN_POSTGRESQL = ("tags",)
ESTIMATED = ("won_date", "estimate_sent_on", "estimate_scheduled_on")
CALENDAR = ("appointment", "phonecall", "email")
POSTED = 690970004
STAMPS = ("@odata.etag", "modifiedon", "_modifiedby_value", "versionnumber")
Records = list[Mapping[str, Any]]


@dataclass(frozen=True)
class There:
    """A company in one variant: what was there after the load, and what was left after the rollback."""

    client: Client
    rows: dict[str, list[Row]]
    before: Mapping[str, Sequence[Row]]
    status: Answer
    told: Answer
    reconciled: Answer
    written_by_second: list[str]
    digests: tuple[dict[str, str], dict[str, str]]
    files_fetched_back: int

    @property
    def plugins(self) -> tuple[str, ...]:
        return self.client.plugins

    @property
    def company(self) -> Any:
        return self.client.sandbox.kickserv.company

    @property
    def job_table(self) -> str:
        return "msdyn_workorder" if "fieldservice" in self.plugins else "incident"

    @property
    def jobs(self) -> Records:
        return [row for row in self.company.jobs.rows() if self.company.is_job(row)]

    @property
    def estimates(self) -> Records:
        """Opportunities, and jobs that once were one."""
        rows: Records = list(self.company.jobs.rows())
        return [row for row in rows if not self.company.is_job(row) or any(row.get(name) for name in ESTIMATED)]

    @property
    def invoices(self) -> Records:
        return [row for row in self.jobs if row.get("invoice_date")]

    def new(self, table: str) -> list[Row]:
        """Return the rows of a table that were not there before."""
        known = {row.get("activityid") or row[f"{table}id"] for row in self.before.get(table, [])}
        return [row for row in self.rows[table] if (row.get("activityid") or row[f"{table}id"]) not in known]

    def ids(self, table: str, column: str) -> dict[object, str]:
        """Return the source id of each row of a table, by its row id."""
        return {row[f"{table}id"]: str(row[column]) for row in self.new(table) if row[column]}


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda plugins: "+".join(plugins) or "plain")
def loaded(
    request: pytest.FixtureRequest, load_company: Callable[..., Company], open_client: Callable[..., Client]
) -> Company:
    """A company after its load; those without tags are shared with other modules."""
    plugins: tuple[str, ...] = request.param
    if "tags" not in plugins:
        return load_company(*plugins)
    client = open_client(customers=4, plugins=plugins)
    if "fieldservice" in plugins:
        client.let_field_service_work_along(posted=True)
    if plugins == IN_POSTGRESQL:
        client.keep_ledger_in(request.getfixturevalue("postgres_server"))
        client.walk(("doctor",))
    return client.load()


@pytest.fixture(scope="module")
def there(loaded: Company) -> There:
    client, customers = loaded.client, loaded.client.sandbox.kickserv.company.customers
    rows, status = client.all_rows(), client.do("status", "--json")
    told = client.do("explain", "customer", str(next(customers.rows())["id"]))
    with client.written() as written:
        client.walk(("run",), ("delta",))
    reconciled = client.do("reconcile", "--json")
    client.walk(("approve", "cutover", "--by", "Rosalind Vane"), ("audit-log", "verify"), ("rollback", "--dry-run"))
    requests = client.sandbox.dataverse.org.requests
    requests.clear()
    client.walk(("rollback",))
    fetched = sum("/$value" in request.path for request in requests)
    digests = loaded.untouched, client.digest()
    return There(client, rows, loaded.rows, status, told, reconciled, written, digests, fetched)


@pytest.fixture
def with_service(there: There) -> There:
    """Give the variants with Field Service."""
    if "fieldservice" not in there.plugins:
        pytest.skip("without Field Service")
    return there


def test_reconciliation_finds_nothing_and_says_go(there: There) -> None:
    tables: Any = there.reconciled.report()["tables"]

    fired = {row["rule"]: row["fired"] for row in tables["go-no-go"]["rows"] if row["fired"]}

    assert there.reconciled.code == 0, str(there.reconciled)
    assert fired.keys() <= {"user without a match"}


def test_a_second_run_and_a_delta_send_no_write(there: There) -> None:
    assert there.written_by_second == []


def test_the_ledger_knows_what_was_staged_and_what_became_of_it(there: There) -> None:
    assert json.loads(there.status.out)["staged"]["customer"] == len(list(there.company.customers.rows()))
    assert "is account(" in there.told.out
    assert there.client.ledger.exists() is (there.plugins != IN_POSTGRESQL)


def test_a_rollback_restores_every_row_and_the_metadata(there: There) -> None:
    before, after = there.digests

    assert {name for name in before | after if before.get(name) != after.get(name)} == set()


def test_a_rollback_fetches_each_file_once(there: There) -> None:
    assert there.files_fetched_back == sum(1 for _ in there.company.attachments.rows())


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("account.ks_kickservid", "customers"),
        ("contact.ks_kickservcontactid", "contacts"),
        ("job.ks_jobid", "jobs"),
        ("quote.ks_estimateid", "estimates"),
        ("invoice.ks_invoiceid", "invoices"),
        ("ks_payment.ks_kickservpaymentid", "payments"),
        ("time.ks_kickservtimeentryid", "time_entries"),
    ],
)
def test_every_record_has_one_row_and_every_row_its_record(there: There, column: str, kind: str) -> None:
    table, _, key = column.partition(".")
    time = "msdyn_timeentry" if "fieldservice" in there.plugins else "task"
    named = {"job": there.job_table, "time": time}
    own: dict[str, Records] = {"jobs": there.jobs, "estimates": there.estimates, "invoices": there.invoices}
    records: Records = own[kind] if kind in own else list(getattr(there.company, kind).rows())

    rows = [row for row in there.new(named.get(table, table)) if row.get(key) and not row.get("ks_implied")]
    keys = [str(row[key]) for row in rows if row[key] != "placeholder"]

    assert Counter(keys) == Counter(str(record["id"]) for record in records)
    assert records


def test_field_service_adds_nothing_of_its_own_and_works_along_again_afterwards(with_service: There) -> None:
    entries: Records = list(with_service.company.time_entries.rows())
    [before] = with_service.before["msdyn_fieldservicesetting"]

    [after] = with_service.rows["msdyn_fieldservicesetting"]

    assert len(with_service.new("msdyn_timeentry")) == len(entries)
    assert len(with_service.new("invoice")) == len(with_service.invoices)
    assert after | {name: before[name] for name in STAMPS} == before


def test_jobs_that_are_done_are_posted_only_when_a_setting_says_so(with_service: There) -> None:
    done = {str(row["id"]) for row in with_service.invoices if row["status"] == "complete"}

    posted = {row["ks_jobid"] for row in with_service.new("msdyn_workorder") if row["msdyn_systemstatus"] == POSTED}

    assert posted == (done if "tags" in with_service.plugins else set())
    assert done


def test_every_event_is_in_the_calendar_or_on_the_schedule_board(there: There) -> None:
    events: Records = list(there.company.tasks.rows())
    tables = (*CALENDAR, "task", *(("bookableresourcebooking",) if "fieldservice" in there.plugins else ()))

    found = {
        str(row["ks_kickserveventid"]) for table in tables for row in there.new(table) if row.get("ks_kickserveventid")
    }

    assert found == {str(event["id"]) for event in events}
    assert found


def test_every_line_is_on_its_documents_with_its_amount(there: There) -> None:
    charges: Records = list(there.company.charges.rows())
    estimates, invoices = ({row["id"] for row in rows} for rows in (there.estimates, there.invoices))
    jobs = {row["id"] for row in there.jobs}
    wanted = {
        "quotedetail": [row for row in charges if row["job_id"] in estimates],
        "salesorderdetail": [row for row in charges if row["job_id"] in jobs],
        "invoicedetail": [row for row in charges if row["job_id"] in invoices],
    }

    for table, lines in wanted.items():
        totals = Counter(round(float(row["total"]), 2) for row in lines)
        amounts = [row["ks_kickservtotal"] for row in there.new(table) if row["ks_kickservtotal"] is not None]
        assert totals - Counter(round(float(str(amount)), 2) for amount in amounts) == Counter(), table


def test_every_row_hangs_on_the_row_of_its_parent(there: There) -> None:
    account, job = there.ids("account", "ks_kickservid"), there.ids(there.job_table, "ks_jobid")
    customer = "_msdyn_serviceaccount_value" if "fieldservice" in there.plugins else "_customerid_value"
    quote, invoice = there.ids("quote", "ks_estimateid"), there.ids("invoice", "ks_invoiceid")
    by_id = {str(row["id"]): row for row in there.company.jobs.rows()}
    payments = {str(row["id"]): row for row in there.company.payments.rows()}

    for row in there.new(there.job_table):
        assert account[row[customer]] == str(by_id[str(row["ks_jobid"])]["customer_id"])
    for table, known in (("quote", quote), ("invoice", invoice)):
        for row in there.new(table):
            assert account[row["_customerid_value"]] == str(by_id[known[row[f"{table}id"]]]["customer_id"])
    for row in there.new("invoice"):
        assert job[row["_ks_job_value"]] == row["ks_invoiceid"]
    for row in there.new("ks_payment"):
        payment = payments[str(row["ks_kickservpaymentid"])]
        assert job[row["_ks_job_value"]] == str(payment["job_id"])
        assert account[row["_ks_account_value"]] == str(payment["customer_id"])
        if row["_ks_invoice_value"] is not None:
            document = next(one for one in there.new("invoice") if one["invoiceid"] == row["_ks_invoice_value"])
            shared = ("_ownerid_value", "_transactioncurrencyid_value")
            assert [row[name] for name in shared] == [document[name] for name in shared]


def test_every_note_and_every_file_hangs_where_it_was_written(there: There) -> None:
    company = there.company
    rows = {**there.ids("account", "ks_kickservid"), **there.ids("quote", "ks_estimateid")}
    rows |= there.ids(there.job_table, "ks_jobid")
    files: Records = list(company.attachments.rows())
    notes: Records = list(company.notes.rows())

    found = [
        (rows[row["_objectid_value"]], base64.b64decode(str(row["documentbody"] or "")))
        for row in there.new("annotation")
        if row["isdocument"]
    ]
    written = Counter(rows[row["_objectid_value"]] for row in there.new("annotation") if not row["isdocument"])

    assert Counter(found) == Counter(
        (str(file.get("job_id") or file["customer_id"]), company.content_of(file)) for file in files
    )
    assert written == Counter(str(note["noteable_id"]) for note in notes)
    assert found


def test_tags_are_linked_rows_or_text(there: There) -> None:
    company = there.company
    wanted = {
        "account": {str(row["id"]): {tag["name"] for tag in company.tags_of(row)} for row in company.customers.rows()},
        there.job_table: {str(row["id"]): {tag["name"] for tag in company.tags_of(row)} for row in there.jobs},
    }
    keys = {"account": "ks_kickservid", there.job_table: "ks_jobid"}

    for table, owners in wanted.items():
        ids = there.ids(table, keys[table])
        found: dict[str, set[str]] = {owner: set() for owner in owners}
        if "tags" in there.plugins:
            names = {row["ks_tagid"]: str(row["ks_name"]) for row in there.new("ks_tag")}
            link = "ks_customer_tags" if table == "account" else "ks_job_tags"
            for row in there.rows[link]:
                found[ids[row[f"{table}id"]]].add(names[row["ks_tagid"]])
        else:
            for row in there.new(table):
                if row["ks_tags"]:
                    found[str(row[keys[table]])] |= set(str(row["ks_tags"]).split(", "))
        assert found == owners
        assert any(owners.values())
