"""A company is loaded: nothing lost, nothing doubled, nothing silent, and a second run has nothing to do.

What should be in the target is worked out here from the sandbox's own records; the reconciliation of
transload is checked, not trusted.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from journey.conftest import Answer, Client, Company, Row

SECRET = {"token", "password_digest", "remember_me_token", "stripe_customer_id"}
KEY_COLUMN = {
    "customer": "ks_kickservid",
    "contact": "ks_kickservcontactid",
    "job": "ks_jobid",
    "estimate": "ks_estimateid",
}
PARENT_COLUMN = {
    "customer": "_parentaccountid_value",
    "contact": "_parentcustomerid_value",
    "job": "_customerid_value",
}
TABLE = {"customer": "account", "contact": "contact", "job": "incident", "note": "annotation", "estimate": "quote"}
FALLBACK = "migration.fallback@example.com"


@dataclass(frozen=True)
class Loaded:
    """What was before, what was done, and what is there now."""

    client: Client
    untouched: Mapping[str, Sequence[Row]]
    answers: Sequence[Answer]
    second: Answer
    written_by_second: list[str]
    digests: tuple[dict[str, str], dict[str, str]]
    reconciled: Answer

    def records(self, entity: str) -> list[Mapping[str, Any]]:
        """Return the records of the source that a complete extraction finds."""
        company = self.client.sandbox.kickserv.company
        found: dict[str, Callable[[], Iterator[Mapping[str, Any]]]] = {
            "customer": company.customers.rows,
            "contact": company.contacts.rows,
            "job": lambda: (row for row in company.jobs.rows() if company.is_job(row)),
            "note": company.notes.rows,
            "employee": company.employees.rows,
        }
        return list(found[entity]())

    def parent_of(self, note: Mapping[str, Any]) -> str:
        """Return what a note hangs on; Kickserv says Job of its opportunities too."""
        company = self.client.sandbox.kickserv.company
        job = company.job_by_id(note["noteable_id"]) if note["noteable_type"] == "Job" else None
        return "customer" if job is None else "job" if company.is_job(job) else "estimate"

    def target(self, entity: str, record: Mapping[str, Any]) -> Row:
        """Return the only row that a record became."""
        if entity == "note":
            return self.client.row(
                "annotation",
                isdocument=False,
                notetext=unix(record["note"]),
                createdon=instant(record["created_at"]),
                _objectid_value=self.id_of(self.parent_of(record), record["noteable_id"]),
            )
        return self.client.row(TABLE[entity], **{KEY_COLUMN[entity]: str(record["id"])})

    def id_of(self, entity: str, source_id: object) -> object:
        """Return the id of the row that carries a source id."""
        return self.client.row(TABLE[entity], **{KEY_COLUMN[entity]: str(source_id)})[f"{TABLE[entity]}id"]

    def losses(self) -> set[tuple[str, str]]:
        """Return the record and the whole text of what the lossy ledger says was cut."""
        tables: Any = self.reconciled.report()["tables"]
        return {(loss["record"], unix(loss["original"]).strip()) for loss in tables["lossy-ledger"]["rows"]}

    def user(self, employee: object) -> Row | None:
        """Return the enabled user with an employee's mail address."""
        row = self.client.sandbox.kickserv.company.employees.get(employee) if isinstance(employee, int) else None
        email = str(row["email_address"] or "").lower() if row else ""
        found = self.client.rows("systemuser", internalemailaddress=email, isdisabled=False) if email else []
        return found[0] if found else None


@pytest.fixture(scope="module")
def loaded(load_company: Callable[..., Company]) -> Loaded:
    company = load_company()
    client, before = company.client, company.client.digest()
    untouched = {table: company.rows[table] for table in ("account", "contact")}
    with client.written() as written:
        (second,) = client.walk(("run", "--json"))
    digests = before, client.digest()
    return Loaded(client, untouched, company.answers, second, written, digests, client.do("reconcile", "--json"))


def instant(moment: datetime) -> str:
    """Return a moment as Dataverse shows it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix(text: str) -> str:
    """Return a text as an XML parser hands it out: each line ends in a line feed."""
    return text.replace("\r\n", "\n")


def forms(value: Any) -> list[object]:
    """Return the forms in which a value of the source may stand in a column of the target."""
    match value:
        case bool():
            return [value, "Yes" if value else "No"]
        case datetime():
            return [instant(value), value.date().isoformat()]
        case date():
            return [value.isoformat()]
        case int():
            return [value, str(value), float(value)]
        case float() | Decimal():
            return [float(value)]
        case str():
            return [unix(value), unix(value).strip()]
        case _:
            return []


def test_every_stage_passes_and_reconcile_says_go(loaded: Loaded) -> None:
    verdict = loaded.reconciled.report()["verdict"]

    assert [answer.code for answer in loaded.answers] == [0] * 6
    assert loaded.reconciled.code == 0
    assert str(verdict["headline"]).startswith("Go:")  # type: ignore[index]  # it is a mapping


def test_a_second_run_sends_no_write(loaded: Loaded) -> None:
    before, after = loaded.digests

    assert loaded.written_by_second == []
    assert loaded.second.report()["facts"]["Writes"] == "0"  # type: ignore[index]  # it is a mapping
    assert before == after


@pytest.mark.parametrize("entity", ["customer", "contact", "job", "note"])
def test_there_is_one_row_for_each_record_and_no_other(loaded: Loaded, entity: str) -> None:
    records, before = loaded.records(entity), len(loaded.untouched.get(TABLE[entity], []))
    others = {
        "customer": loaded.client.rows("account", name="Unassigned Customer"),
        "contact": loaded.client.rows("contact", ks_implied=True),
        "note": loaded.client.rows("annotation", isdocument=True),
    }

    rows = [loaded.target(entity, record)[f"{TABLE[entity]}id"] for record in records]

    assert len(set(rows)) == len(records) > 0
    assert len(loaded.client.rows(TABLE[entity])) == len(records) + before + len(others.get(entity, []))


def test_people_whom_only_a_customer_names_become_its_contacts(loaded: Loaded) -> None:
    customers = {str(record["id"]): record for record in loaded.records("customer")}

    implied = loaded.client.rows("contact", ks_implied=True)

    assert implied
    for row in implied:
        _, ident, place = str(row["ks_kickservcontactid"]).split("-", 2)
        fields = {"name": ("first_name", "last_name"), "contact": ("contact",), "alt-contact": ("alt_contact",)}[place]
        named = " ".join(str(customers[ident][field] or "") for field in fields)
        assert " ".join(str(part) for part in (row["firstname"], row["lastname"]) if part) == " ".join(named.split())
        assert row["_parentcustomerid_value"] == loaded.id_of("customer", ident)


def test_every_file_is_there_to_the_last_byte(loaded: Loaded) -> None:
    company = loaded.client.sandbox.kickserv.company
    files = list(company.attachments.rows())

    rows = loaded.client.rows("annotation", isdocument=True)

    assert len(rows) == len(files) > 0
    there = Counter(base64.b64decode(str(row["documentbody"] or "")) for row in rows)
    assert there == Counter(map(company.content_of, files))


@pytest.mark.parametrize("entity", ["customer", "contact", "job", "note"])
def test_every_value_of_every_field_is_in_the_target_or_dropped_with_a_reason(loaded: Loaded, entity: str) -> None:
    folder = loaded.client.folder / "mapping"
    document = yaml.safe_load((folder / f"{entity}.yaml").read_text(encoding="utf-8"))
    columns: dict[str, list[str]] = {}
    for column, rule in {**document["fields"], **document.get("finish", {})}.items():
        sources = rule.get("from") or []
        for source in [sources] if isinstance(sources, str) else sources:
            # What is written into the one is shown in the other.
            columns.setdefault(source, []).append("createdon" if column == "overriddencreatedon" else column)
    dropped = document.get("dropped", {})
    cut = loaded.losses()

    lost = []
    for record in loaded.records(entity):
        row = loaded.target(entity, record)
        for name, value in record.items():
            if name in SECRET or value in (None, "") or (name == "id" and entity == "note"):
                continue
            if name == "id":
                kept = row[KEY_COLUMN[entity]] == str(value)
            elif name in dropped:
                reason = dropped[name]
                kept = bool(reason) and isinstance(reason, str)  # one that only holds while empty is no reason
            else:
                cells = [row.get(column) for column in columns.get(name, [])]
                kept = any(cell in forms(value) for cell in cells if cell is not None) or _arrived(
                    loaded, entity, name, record, row
                )
                kept = kept or (f"{entity} {record['id']}", unix(str(value)).strip()) in cut
            if not kept:
                lost.append((record["id"], name, value))

    assert lost == []


def _arrived(loaded: Loaded, entity: str, name: str, record: Mapping[str, Any], row: Row) -> bool:
    """Whether a value arrived in another form than its own."""
    value = record[name]
    match entity, name:
        case "customer" | "contact" | "job", "parent_id" | "customer_id":
            return row[PARENT_COLUMN[entity]] == loaded.id_of("customer", value)
        case "customer", "notify_via_email":
            return row["donotemail"] is not value
        case "customer", "is_active":
            return (row["statecode"] == 0) is value
        case "customer", "service_address" | "billing_address":
            place = "address1" if name == "service_address" else "address2"
            found = f"{row.get(f'{place}_name') or ''}\n{row.get(f'{place}_line1') or ''}"
            key, cut = f"customer {record['id']}", loaded.losses()
            lines = [line.strip() for line in value.splitlines()]
            return all(line in found or (key, line) in cut for line in lines)
        case (("customer" | "job"), own) if own.startswith("custom_"):
            return _own_field_arrived(loaded, entity, own, value, row)
        case "job", "job_allocations":
            return bool(json.loads(str(row["ks_allocations"])) == json.loads(json.dumps(value)))
        case "note", "noteable_id" | "noteable_type" | "note":
            return True  # the row was found by them
        case "note", "public":
            return str(row["subject"]).startswith("Public note by " if value else "Private note by ")
        case "note", "created_by":
            return _author_arrived(loaded, value, row)
        case _:
            return False


def _author_arrived(loaded: Loaded, employee: Any, row: Row) -> bool:
    """Whether a note names who wrote it, and belongs to that user or to the fallback owner."""
    names = {one["id"]: one["name"] for one in loaded.records("employee")}
    user = loaded.user(employee) or loaded.client.row("systemuser", internalemailaddress=FALLBACK)
    name = names.get(employee, f"employee {employee} of Kickserv")
    return str(row["subject"]).endswith(f"by {name}") and row["_ownerid_value"] == user["systemuserid"]


def _own_field_arrived(loaded: Loaded, entity: str, name: str, value: Any, row: Row) -> bool:
    """Whether a value of a field that the account has defined stands in its column, in the field's own type."""
    fields: Any = loaded.client.sandbox.kickserv.company.custom_fields.rows()
    (field,) = [it for it in fields if it["applies_to"].lower() == entity and it["column_name"] == name]
    folder = loaded.client.folder / "mapping"
    document = yaml.safe_load((folder / f"{entity}.yaml").read_text(encoding="utf-8"))
    (column,) = [column for column, rule in document["fields"].items() if rule.get("from") == name]
    cell = row[column]
    match field["field_type"]:
        case "checkbox":
            return cell is (str(value).lower() in {"yes", "true"})
        case "select":
            return bool(loaded.client.label_of(TABLE[entity], column, cell) == value)
        case _:
            return cell in forms(value)


def test_sub_customers_hang_on_their_parent(loaded: Loaded) -> None:
    children = [record for record in loaded.records("customer") if record.get("parent_id")]

    parents = [loaded.target("customer", child)["_parentaccountid_value"] for child in children]

    assert parents == [loaded.id_of("customer", child["parent_id"]) for child in children]
    assert len(children) > 2


def test_a_contact_without_a_customer_hangs_on_the_placeholder_and_is_flagged(loaded: Loaded) -> None:
    homeless = [record for record in loaded.records("contact") if record["customer_id"] is None]
    placeholder = loaded.client.row("account", name="Unassigned Customer")

    rows = [loaded.target("contact", record) for record in homeless]

    assert [row["_parentcustomerid_value"] for row in rows] == [placeholder["accountid"]] * len(homeless)
    assert all(
        "Unassigned" in str(row["ks_reviewreason"]) or "placeholder" in str(row["ks_reviewreason"]) for row in rows
    )
    assert rows


def test_owners_are_the_users_of_the_employees_else_the_fallback_owner_with_a_flag(loaded: Loaded) -> None:
    fallback = loaded.client.row("systemuser", internalemailaddress=FALLBACK)["systemuserid"]
    wanted, actual, flags = [], [], []

    for record in loaded.records("customer"):
        user, row = loaded.user(record["created_by"]), loaded.target("customer", record)
        wanted.append(user["systemuserid"] if user else fallback)
        actual.append(row["_ownerid_value"])
        flags.append((record["created_by"] is not None and user is None, "fallback" in str(row["ks_reviewreason"])))

    assert actual == wanted
    assert len(set(actual)) > 2
    assert [flagged for missing, flagged in flags if missing] == [True] * sum(missing for missing, _ in flags)


@pytest.mark.parametrize("entity", ["customer", "contact", "job", "note"])
def test_rows_keep_the_moment_of_their_creation(loaded: Loaded, entity: str) -> None:
    records = loaded.records(entity)

    created = [loaded.target(entity, record)["createdon"] for record in records]

    assert created == [instant(record["created_at"]) for record in records]


def test_cases_are_in_the_state_of_their_jobs_and_resolved_with_an_activity(loaded: Loaded) -> None:
    states = {"complete": 1, "canceled": 2, "lost": 2}
    jobs = loaded.records("job")

    rows = [loaded.target("job", job) for job in jobs]

    assert [row["statecode"] for row in rows] == [states.get(job["status"], 0) for job in jobs]
    closings = loaded.client.rows("incidentresolution")
    assert sorted(str(row["_incidentid_value"]) for row in closings) == sorted(
        str(row["incidentid"]) for row in rows if row["statecode"] == 1
    )
    ended = {row["_incidentid_value"]: row["actualend"] for row in closings}
    complete = [(job, row) for job, row in zip(jobs, rows, strict=True) if job["status"] == "complete"]
    assert [ended[row["incidentid"]] for _, row in complete] == [instant(job["completed_on"]) for job, _ in complete]


def test_rows_that_were_there_before_are_untouched(loaded: Loaded) -> None:
    before = [(f"{table}id", row) for table, rows in loaded.untouched.items() for row in rows]

    now = [loaded.client.row(name.removesuffix("id"), **{name: row[name]}) for name, row in before]

    assert [{name: row[name] for name in old} for row, (_, old) in zip(now, before, strict=True)] == [
        old for _, old in before
    ]


def test_explain_tells_the_story_of_a_record(loaded: Loaded) -> None:
    record = loaded.records("customer")[0]

    told = json.loads(loaded.client.do("explain", "customer", str(record["id"]), "--json").out)

    row = loaded.id_of("customer", record["id"])
    read, *written = told["tables"]["exchanges"]["rows"]
    assert told["verdict"]["headline"] == f"customer {record['id']} is account({row})"
    assert {entry["verdict"] for entry in told["tables"]["field-by-field"]["rows"]} == {"as wanted"}
    assert f'<id type="integer">{record["id"]}</id>' in read["received"]
    assert "<token>***</token>" in read["received"]
    assert f'"accountid": "{row}"' in written[0]["sent"]
    assert {entry["status"] for entry in written} == {"204"}
    assert "x-ms-service-request-id" in written[0]["received"]


def test_explain_needs_neither_secret_nor_system(loaded: Loaded) -> None:
    record = loaded.records("job")[0]

    with loaded.client.without(dict.fromkeys(loaded.client.secrets)):
        answer = loaded.client.do("explain", "job", str(record["id"]), "--json")

    assert answer.code == 0, str(answer)
    tables = json.loads(answer.out)["tables"]
    assert {row["verdict"] for row in tables["field-by-field"]["rows"]} <= {"written so", "computed by the target"}
    assert {row["now"] for row in tables["field-by-field"]["rows"]} == {None}
    assert len(tables["exchanges"]["rows"]) > 1


def test_explain_says_so_when_it_does_not_know_a_record(loaded: Loaded) -> None:
    answer = loaded.client.do("explain", "customer", "31337")

    assert answer.code == 1
    assert "does not know" in answer.err


def test_status_tells_machines_what_ran_and_what_is_there(loaded: Loaded) -> None:
    status = json.loads(loaded.client.do("status", "--json").out)

    assert [run["stage"] for run in status["runs"]][:6] == ["audit", "plan", "approve", "prepare", "sample", "run"]
    assert {run["status"] for run in status["runs"]} == {"passed"}
    assert status["staged"]["customer"] == len(loaded.records("customer"))
    assert (status["dead_letters"], status["parked"]) == (0, 0)


def test_plugins_are_listed_with_their_hooks(loaded: Loaded) -> None:
    answer = loaded.client.do("plugins")

    assert answer.code == 0
    assert "kickserv_source" in answer.out
    assert "dynamics_sink" in answer.out


def test_every_stage_left_a_report_for_people_and_one_for_machines(loaded: Loaded) -> None:
    reports = loaded.client.folder / "reports"

    stems = {path.stem for path in reports.glob("0*.html")}

    assert {"01-audit", "02-plan", "03-approve-mapping", "04-prepare", "05-sample", "06-run", "08-reconcile"} <= stems
    assert stems == {path.stem for path in reports.glob("0*.json")}
    assert (reports / "index.html").is_file()


def test_no_secret_is_in_the_folder(loaded: Loaded) -> None:
    sandbox = loaded.client.sandbox
    secrets = [sandbox.kickserv.token, sandbox.dataverse.client_secret, "FAKE-"]
    loaded.client.walk(("audit-log", "export"))

    with closing(sqlite3.connect(loaded.client.ledger)) as ledger:
        packed = ledger.execute("select sent, received from ledger_exchange").fetchall()
    exchanged = b"".join(zlib.decompress(body) for bodies in packed for body in bodies if body)
    files = {path.name: path.read_bytes() for path in loaded.client.folder.rglob("*") if path.is_file()}
    contents = {**files, "what was exchanged": exchanged}
    leaks = [(name, secret) for name, content in contents.items() for secret in secrets if secret.encode() in content]

    assert "audit-log.jsonl" in files
    assert leaks == []
