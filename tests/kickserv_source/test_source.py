"""Reading a whole account, over real HTTP, on good days and bad ones."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from transload import EntityName, Record, RecordKey, RunContext, Severity
from transload.errors import AuthenticationError, NotOfferedError, ProtocolError
from transload_kickserv_source import plugin
from transload_kickserv_source.audit import check_access, findings
from transload_kickserv_source.client import KickservClient
from transload_kickserv_source.fields import DOCUMENTED
from transload_kickserv_source.schema import ENTITIES
from transload_kickserv_source.settings import KickservSettings
from transload_kickserv_source.source import KickservSource
from transload_sandbox import KickservSandbox

Open = Callable[..., closing[KickservSource]]
Scripted = Callable[..., KickservSource]


def read_all(source: KickservSource) -> dict[RecordKey, Record]:
    """Read every entity; as in a ledger, the last version of a record counts."""
    return {record.key: record for name in ENTITIES for record in source.read(name) or ()}


def of(records: dict[RecordKey, Record], entity: str) -> list[Record]:
    return [record for key, record in records.items() if key.entity == entity]


def counts(records: dict[RecordKey, Record]) -> dict[str, int]:
    return dict(Counter(str(key.entity) for key in records))


def expected_counts(kickserv: KickservSandbox) -> dict[str, int]:
    """Return how many records of each kind the account itself holds; invoices and the like are made of them."""
    company = kickserv.company
    jobs = [company.is_job(row) for row in company.jobs.rows()]
    tables = {
        "customer": company.customers,
        "note": company.notes,
        "employee": company.employees,
        "item": company.items,
        "tag": company.tags,
        "job_type": company.job_types,
        "job_status": company.job_statuses,
        "charge": company.charges,
        "payment": company.payments,
        "event": company.tasks,
        "time_entry": company.time_entries,
    }
    return {**{name: len(list(table.rows())) for name, table in tables.items()}, "job": sum(jobs)}


def held(records: dict[RecordKey, Record], kickserv: KickservSandbox) -> dict[str, int]:
    """Return how many records were read of what the account itself holds."""
    return {name: counts(records).get(name, 0) for name in expected_counts(kickserv)}


def test_every_record_of_the_account_is_read(kickserv: KickservSandbox, open_source: Open) -> None:
    with open_source() as source:
        records = read_all(source)

    assert held(records, kickserv) == expected_counts(kickserv)


def test_what_was_read_is_what_the_account_holds(kickserv: KickservSandbox, open_source: Open) -> None:
    with open_source() as source:
        records = read_all(source)

    by_text = {str(key): record for key, record in records.items()}
    for row in kickserv.company.contacts.rows():
        fields = by_text[f"contact {row['id']}"].fields
        assert {name: fields[name] for name in row} == dict(row)
    for row in kickserv.company.notes.rows():
        note = by_text.get(f"note {row['id']}")
        assert note is None or note.fields["created_at"] == row["created_at"]


def test_no_page_is_read_twice_but_the_first_and_no_record_for_itself(
    kickserv: KickservSandbox, open_source: Open
) -> None:
    with open_source() as source:
        read_all(source)

    # 3 pages of customers, the empty one, and the first again.
    assert kickserv.requests.count("customers.xml") == 5
    assert kickserv.requests.count("employees.xml") == 1
    assert kickserv.requests.count("notes.xml") == 0


def test_secrets_are_in_no_record(kickserv: KickservSandbox, open_source: Open) -> None:
    with open_source() as source:
        records = read_all(source)

    # The number of a card payment is a reference, and lets nobody in.
    assert "FAKE" not in repr(list(records.values())).replace("FAKE-stripe-", "")


def test_sub_customers_are_customers_and_their_parent_keeps_their_ids(
    kickserv: KickservSandbox, open_source: Open
) -> None:
    with open_source() as source:
        customers = {k: r for k, r in read_all(source).items() if k.entity == "customer"}

    by_id = {record.fields["id"]: record for record in customers.values()}
    children = [(r.fields["id"], c) for r in by_id.values() for c in r.fields.get("children") or ()]  # type: ignore[union-attr] # a tuple of ids
    assert children
    assert all(by_id[child].fields["parent_id"] == parent for parent, child in children)
    assert all("children" in record.fields for record in by_id.values())


def test_a_sub_customer_that_is_only_nested_is_not_lost(scripted_source: Scripted) -> None:
    child = "<child type='Customer'><id>2</id></child>"
    parent = f"<customer><id>1</id><children type='array'>{child}</children></customer>"
    source = scripted_source({"customers.xml": f"<customers type='array'>{parent}</customers>"})

    records = list(source.read(EntityName("customer")) or ())

    assert [str(record.key) for record in records] == ["customer 1", "customer 2"]


def test_what_does_not_come_along_is_asked_for_one_by_one(kickserv: KickservSandbox, open_source: Open) -> None:
    includes = {"customer_includes": ["contacts"], "job_includes": []}
    with open_source(inferred=includes, connections=4) as source:
        records = read_all(source)

    expected = expected_counts(kickserv)
    children = ("charge", "payment", "time_entry", "note")
    assert {name: held(records, kickserv)[name] for name in children} == {name: expected[name] for name in children}
    documents = len(list(kickserv.company.jobs.rows()))
    assert kickserv.requests.count("/notes.xml") == documents + expected["customer"]
    assert kickserv.requests.count("/job_charges.xml") == documents


def test_a_parent_that_vanishes_before_its_notes_are_read_is_passed_over(
    kickserv: KickservSandbox, open_source: Open
) -> None:
    gone = next(row for row in kickserv.company.jobs.rows() if kickserv.company.is_job(row))
    number = int(str(gone["job_number"]))
    kickserv.faults.call(lambda: kickserv.company.delete_job(number), match=f"jobs/{number}/notes")
    with open_source(inferred={"job_includes": []}) as source:
        records = read_all(source)

    assert of(records, "note")
    assert not [note for note in of(records, "note") if note.fields["noteable_id"] == gone["id"]]


def test_a_contact_of_nobody_is_found_in_the_list_of_contacts(kickserv: KickservSandbox, open_source: Open) -> None:
    orphan = kickserv.company.add_contact(None, first_name="Lone")
    with open_source() as source:
        read = list(source.read(EntityName("customer")) or ())
        alone = list(source.read(EntityName("contact")) or ())

    assert f"contact {orphan['id']}" in {str(record.key) for record in alone}
    assert not {record.key for record in alone} & {record.key for record in read}
    assert not any(record.fields["implied"] for record in alone)


@pytest.mark.parametrize("answer", ["404", "page", "500"])
def test_an_account_without_a_list_of_contacts_is_read_all_the_same(
    kickserv: KickservSandbox, open_source: Open, answer: str
) -> None:
    if answer == "404":
        kickserv.switches.off = {"contacts"}
    else:
        kickserv.faults.html(200 if answer == "page" else 500, match="contacts.xml", times=3)
    with open_source() as source:
        records = read_all(source)
        found = list(findings(source.seen))

    assert counts(records)["customer"] == expected_counts(kickserv)["customer"]
    assert [f.severity for f in found if f.code == "kickserv.unavailable"] == [Severity.INFO]


@pytest.mark.parametrize("trouble", ["503", "429", "cut", "truncated", "html"])
def test_a_bad_moment_costs_nothing(kickserv: KickservSandbox, open_source: Open, trouble: str) -> None:
    faults = kickserv.faults
    {
        "503": lambda: faults.answer(503, times=2, after=1),
        "429": lambda: faults.answer(429, times=2, after=1, retry_after="1"),
        "cut": lambda: faults.cut(after=2),
        "truncated": lambda: faults.truncate(after=2),
        "html": lambda: faults.html(200, match="jobs.xml"),
    }[trouble]()

    with open_source() as source:
        records = read_all(source)

    assert held(records, kickserv) == expected_counts(kickserv)


def test_answers_that_stay_cut_stop_the_run(kickserv: KickservSandbox, open_source: Open) -> None:
    kickserv.faults.truncate(match=r"jobs\.xml\?page=2", times=9)

    with open_source() as source, pytest.raises(ProtocolError, match="cannot be read as XML"):
        read_all(source)


def test_a_token_that_is_reset_in_the_middle_stops_the_run_at_once(
    kickserv: KickservSandbox, open_source: Open
) -> None:
    kickserv.faults.call(kickserv.reset_token, match=r"jobs\.xml\?page=2")

    with open_source() as source, pytest.raises(AuthenticationError, match="refuses the API token"):
        read_all(source)

    assert [request.status for request in kickserv.requests.seen].count(401) == 1


def test_an_account_without_the_api_is_told_what_to_do(kickserv: KickservSandbox, open_source: Open) -> None:
    kickserv.switches.api_allowed = False

    with open_source() as source, pytest.raises(NotOfferedError) as caught:
        check_access(source.client)

    assert "Premium" in caught.value.remedy


def test_records_that_change_and_appear_while_the_list_is_read_are_read_as_they_ended(
    kickserv: KickservSandbox, open_source: Open
) -> None:
    company = kickserv.company
    last = max(int(str(row["job_number"])) for row in company.jobs.rows() if company.is_job(row))
    kickserv.switches.page_sizes = {"jobs": 10}
    kickserv.faults.call(lambda: kickserv.company.update_job(last, name="Changed late"), match="jobs.xml", after=3)
    kickserv.faults.call(lambda: kickserv.company.add_job(1, "Came late"), match="jobs.xml", after=5)

    with open_source() as source:
        records = {r.key: r for r in source.read(EntityName("job")) or () if r.key.entity == "job"}

    names = Counter(str(record.fields["name"]) for record in records.values())
    assert len(records) == expected_counts(kickserv)["job"]
    assert (names["Changed late"], names["Came late"]) == (1, 1)


def test_the_records_of_2017_are_read_as_well(kickserv: KickservSandbox, open_source: Open) -> None:
    kickserv.switches.era = 2017

    with open_source() as source:
        records = read_all(source)

    assert held(records, kickserv) == expected_counts(kickserv)


def test_a_limited_token_is_noticed(kickserv: KickservSandbox, open_source: Open) -> None:
    with open_source(api_token=kickserv.limited_token) as source:
        limited = counts(read_all(source))

    assert limited["job"] < expected_counts(kickserv)["job"]


def test_jobs_of_customers_out_of_sight_are_a_finding(kickserv: KickservSandbox, open_source: Open) -> None:
    with open_source() as source:
        read_all(source)
        source.seen.customers.discard(source.seen.job_customers.most_common(1)[0][0])

        codes = {finding.code for finding in findings(source.seen)}

    assert "kickserv.hidden_customers" in codes


def test_an_account_that_shows_no_customer_is_a_warning(scripted: Callable[..., KickservClient]) -> None:
    client = scripted({"customers.xml": "<customers type='array'/>"})

    (finding,) = check_access(client)

    assert finding.severity is Severity.WARNING
    assert "limited" in finding.remedy


def test_the_hooks_work_together(kickserv: KickservSandbox, tmp_path: Path) -> None:
    settings = KickservSettings.model_validate(
        {"base_url": kickserv.base_url, "account": kickserv.account, "api_token": kickserv.token}
    )
    context = RunContext("run", "audit", tmp_path, {KickservSettings: settings})

    schema = plugin.describe_source(context)
    (access,) = plugin.check(context)
    records = [r for entity in schema.entities for r in plugin.extract(entity.name, context) or ()]
    found = plugin.audit(context)
    context.close()

    assert (schema.system, schema.account) == ("kickserv", kickserv.account)
    assert [entity.name for entity in schema.entities] == list(DOCUMENTED)
    assert access.severity is Severity.INFO
    assert held({record.key: record for record in records}, kickserv) == expected_counts(kickserv)
    assert "kickserv.unknown_employees" in {finding.code for finding in found}
    assert plugin.extract(EntityName("song"), context) is None
    assert plugin.settings() is KickservSettings
    assert all(name.startswith("kickserv.") for name in plugin.converters())


def test_every_opportunity_and_every_job_that_was_one_is_an_estimate(
    kickserv: KickservSandbox, open_source: Open
) -> None:
    company = kickserv.company
    with open_source() as source:
        estimates = of(read_all(source), "estimate")

    marks = ("won_date", "estimate_sent_on", "estimate_scheduled_on")
    expected = {r["id"] for r in company.jobs.rows() if not company.is_job(r) or any(r.get(mark) for mark in marks)}
    assert {record.fields["id"] for record in estimates} == expected
    for record in estimates:
        job = company.job_by_id(int(record.key.source_id))
        assert job is not None
        assert record.fields["job_id"] == (job["id"] if company.is_job(job) else None)
    assert {record.fields["stage"] for record in estimates} == {"new", "scheduled", "sent", "won", "lost"}


@pytest.mark.parametrize("source_of", ["opportunities_endpoint", "gap_probe", "both"])
def test_estimates_are_found_by_their_numbers_where_nobody_lists_them(
    kickserv: KickservSandbox, open_source: Open, source_of: str
) -> None:
    if source_of == "opportunities_endpoint":
        kickserv.switches.off = {"opportunities"}
    with open_source(estimate_source=source_of) as source:
        records = read_all(source)

    hidden = [r["id"] for r in kickserv.company.jobs.rows() if not kickserv.company.is_job(r)]
    assert {r.fields["id"] for r in of(records, "estimate") if r.fields["job_id"] is None} == set(hidden)
    assert held(records, kickserv) == expected_counts(kickserv)


def test_not_more_numbers_are_probed_than_the_setting_allows(kickserv: KickservSandbox, open_source: Open) -> None:
    with open_source(estimate_source="gap_probe", gap_limit=3) as source:
        list(source.read(EntityName("estimate")) or ())
        codes = {finding.code for finding in findings(source.seen)}

    assert sum("/jobs/" in str(request) for request in kickserv.requests.seen) == 3
    assert "kickserv.gaps_left" in codes


def test_every_document_comes_to_its_total(kickserv: KickservSandbox, open_source: Open) -> None:
    kickserv.company.update_job(2, total=Decimal("12345.67"))
    with open_source() as source:
        records = read_all(source)

    sums: Counter[object] = Counter()
    for charge in of(records, "charge"):
        sums[charge.fields["job_id"]] += charge.fields["line_total"] + charge.fields["line_tax"]  # type: ignore[operator, assignment] # decimals
    documents = [r for r in (*of(records, "job"), *of(records, "estimate")) if r.fields["total"]]
    assert documents
    assert all(sums[document.fields["id"]] == document.fields["total"] for document in documents)


def test_without_a_list_of_events_they_come_from_customers(kickserv: KickservSandbox, open_source: Open) -> None:
    with open_source(inferred={"tasks_path": ""}) as source:
        records = read_all(source)

    assert held(records, kickserv)["event"] == expected_counts(kickserv)["event"]
    assert {event.fields["parent_entity"] for event in of(records, "event")} == {"job", "estimate", "customer"}


def test_events_that_customers_do_not_bring_are_asked_for_below_the_jobs(
    kickserv: KickservSandbox, open_source: Open
) -> None:
    kickserv.switches.off = {"include:tasks"}
    with open_source(inferred={"tasks_path": ""}) as source:
        records = read_all(source)

    due = sum(int(str(row["tasks_count"])) for row in kickserv.company.jobs.rows())
    assert len(of(records, "event")) == due


def test_without_any_events_a_job_has_the_one_of_its_schedule(kickserv: KickservSandbox, open_source: Open) -> None:
    kickserv.switches.off = {"tasks", "include:tasks"}
    with open_source() as source:
        records = read_all(source)

    scheduled = {
        f"job-{r['id']}" for r in kickserv.company.jobs.rows() if r.get("scheduled_on") and kickserv.company.is_job(r)
    }
    events = of(records, "event")
    assert scheduled <= {event.key.source_id for event in events}
    assert all(event.fields["derived"] for event in events)


def test_an_account_that_offers_no_more_than_is_documented_is_read_all_the_same(
    kickserv: KickservSandbox, open_source: Open, tmp_path: Path
) -> None:
    kickserv.switches.off = {
        *("attachments", "contacts", "custom_fields", "invoices", "job_charges", "job_statuses", "job_types"),
        *("opportunities", "payments", "tags", "tasks"),
    }
    with open_source(tmp_path) as source:
        records = read_all(source)
        codes = Counter(finding.code for finding in findings(source.seen))

    expected = expected_counts(kickserv)
    for name in ("customer", "job", "note", "charge", "time_entry", "employee", "item"):
        assert held(records, kickserv)[name] == expected[name], name
    assert of(records, "job_type")
    assert all(payment.fields["derived"] for payment in of(records, "payment"))
    assert codes["kickserv.unavailable"] >= 8


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_an_association_that_is_refused_costs_only_itself(scripted_source: Scripted, status: int) -> None:
    page = "<jobs type='array'><job><id>1</id><job_number>1</job_number>{}</job></jobs>"
    notes, charges = (
        "<notes type='array'/>",
        "<job-charges type='array'><job-charge><id>7</id></job-charge></job-charges>",
    )
    answers = {
        "jobs.xml?notes,job_charges,tags": status,
        "jobs.xml?tags": status,
        "jobs.xml?notes": page.format(notes),
        "jobs.xml?job_charges": page.format(charges),
        "jobs.xml?notes,job_charges": page.format(notes + charges),
        "jobs.xml": page.format(""),
    }
    source = scripted_source(answers, inferred={"job_includes": ["notes", "job_charges", "tags"]})

    records = read_all(source)

    assert "charge 7" in {str(key) for key in records}
    assert "without_notes" not in source.seen.marks or not source.seen.marks["without_notes"]
    assert "jobs.xml?include=notes,job_charges,tags" in source.seen.unavailable


def test_a_record_without_an_id_is_kept_and_reported(scripted_source: Scripted) -> None:
    job = "<job><job-number type='integer'>7</job-number><name>Lone</name></job>"
    source = scripted_source({"jobs.xml": f"<jobs type='array'>{job}</jobs>"})

    (record,) = of(read_all(source), "job")

    assert record.fields["name"] == "Lone"
    assert "without an id" in next(iter(source.seen.oddities))


def test_items_that_only_charges_name_are_items_too(scripted_source: Scripted) -> None:
    item = "<item><id type='integer'>9</id><name>Old lamp</name><item-type>Service</item-type></item>"
    charge = f"<job-charge><id type='integer'>1</id>{item}</job-charge>"
    job = f"<job><id>1</id><job-charges type='array'>{charge}</job-charges></job>"
    source = scripted_source({"jobs.xml": f"<jobs type='array'>{job}</jobs>"})

    first, again = read_all(source), read_all(source)

    assert [(str(r.key), r.fields["kind"]) for r in of(first, "item")] == [("item 9", "service")]
    assert first == again


def test_people_whom_only_jobs_and_events_name_are_read_as_far_as_they_are_named(scripted_source: Scripted) -> None:
    tilda = "<employee><id>7</id><name>Tilda</name><email-address>t@example.com</email-address></employee>"
    customer = "<customer><id>3</id><name>Anchor</name></customer>"
    job = f"<job><id>1</id><customer-id>3</customer-id><employees type='array'>{tilda}</employees>{customer}</job>"
    task = f"<task><id>5</id><employees type='array'>{tilda}<employee><id>8</id></employee></employees></task>"
    source = scripted_source(
        {"jobs.xml": f"<jobs type='array'>{job}</jobs>", "tasks.xml": f"<tasks type='array'>{task}</tasks>"}
    )

    records = read_all(source)

    (employee,), (person,) = of(records, "employee"), of(records, "customer")
    assert (employee.fields["email_address"], employee.fields["role"]) == ("t@example.com", None)
    assert person.fields["name"] == "Anchor"
    codes = {finding.code for finding in findings(source.seen)}
    assert {"kickserv.unlisted_employees", "kickserv.unlisted_customers", "kickserv.hidden_customers"} <= codes


def test_people_whom_a_list_shows_are_not_taken_from_jobs(scripted_source: Scripted) -> None:
    nested = "<employees type='array'><employee><id>7</id><name>T.</name></employee></employees>"
    job = f"<job><id>1</id>{nested}<customer><id>3</id><name>A.</name></customer></job>"
    answers = {
        "employees.xml": "<employees type='array'><employee><id>7</id><name>Tilda</name></employee></employees>",
        "customers.xml": "<customers type='array'><customer><id>3</id><name>Anchor</name></customer></customers>",
        "jobs.xml": f"<jobs type='array'>{job}</jobs>",
    }

    whole = read_all(scripted_source(answers))
    resumed = {record.key: record for record in scripted_source(answers).read(EntityName("job")) or ()}

    assert [record.fields["name"] for record in (*of(whole, "employee"), *of(whole, "customer"))] == ["Tilda", "Anchor"]
    assert set(counts(resumed)) == {"job"}


def test_jobs_that_only_customers_nest_are_read_too(scripted_source: Scripted) -> None:
    nested = "<job><id>1</id><status>complete</status></job><job><id>2</id><status>new</status></job>"
    listed = "<jobs type='array'><job><id>4</id><name>Listed</name></job></jobs>"
    customer = f"<customer><id>3</id><jobs type='array'><job><id>4</id></job>{nested}</jobs></customer>"
    source = scripted_source({"customers.xml": f"<customers type='array'>{customer}</customers>", "jobs.xml": listed})

    records = read_all(source)

    assert {r.key.source_id: r.fields.get("customer_id") for r in of(records, "job")} == {"1": 3, "4": None}
    assert [(r.key.source_id, r.fields["customer_id"]) for r in of(records, "estimate")] == [("2", 3)]


def test_numbers_are_asked_for_as_long_as_anything_answers(scripted_source: Scripted) -> None:
    jobs = "<jobs type='array'><job><id>1</id><job-number>50</job-number></job></jobs>"
    silent = scripted_source({"jobs.xml": jobs})
    telling = scripted_source({"jobs.xml": jobs, **{f"jobs/{number}.xml": 400 for number in range(1, 50)}})

    for source in (silent, telling):
        read_all(source)

    assert "jobs/NUMBER.xml" in silent.seen.unavailable
    assert len(silent.seen.marks["children"]) == 3
    assert "kickserv.no_opportunities" in {finding.code for finding in findings(silent.seen)}
    assert "jobs/NUMBER.xml" not in telling.seen.unavailable


def test_a_primary_contact_is_known_to_a_run_that_is_taken_up_again(
    kickserv: KickservSandbox, open_source: Open
) -> None:
    with open_source() as source:
        whole = of(read_all(source), "job")
    with open_source() as source:
        resumed = {record.key: record for record in source.read(EntityName("job")) or ()}

    assert of(resumed, "job") == whole
    assert any(job.fields["primary_contact_id"] for job in whole)


def test_a_run_that_is_taken_up_again_tells_jobs_from_opportunities(
    kickserv: KickservSandbox, open_source: Open
) -> None:
    with open_source() as source:
        whole = of(read_all(source), "event")
    with open_source() as source:
        resumed = {record.key: record for record in source.read(EntityName("event")) or ()}

    assert of(resumed, "event") == whole


def test_customers_say_whether_anything_was_sold_to_them_when_the_mappings_must_know(
    kickserv: KickservSandbox, open_source: Open, tmp_path: Path
) -> None:
    with open_source(individuals="contact") as source:
        customers = [r for r in source.read(EntityName("customer")) or () if r.key.entity == "customer"]

    buyers = {row["customer_id"] for row in kickserv.company.jobs.rows()}
    assert {r.fields["id"] for r in customers if r.fields["has_sales"]} == buyers


def test_the_account_says_what_its_own_fields_are_and_is_remembered(kickserv: KickservSandbox, tmp_path: Path) -> None:
    values = {"base_url": kickserv.base_url, "account": kickserv.account, "api_token": kickserv.token}
    settings = KickservSettings.model_validate(values)

    def job_fields() -> object:
        context = RunContext("run", "audit", tmp_path, {KickservSettings: settings})
        schema = plugin.describe_source(context)
        context.close()
        return next(entity.fields for entity in schema.entities if entity.name == "job")

    live = job_fields()
    kickserv.switches.off = {"custom_fields"}
    remembered = job_fields()

    assert live == remembered
    assert live["custom_text3"].label == "Square footage"  # type: ignore[index] # a mapping


def test_every_field_of_every_record_is_described(kickserv: KickservSandbox, open_source: Open, tmp_path: Path) -> None:
    with open_source(tmp_path) as source:
        records = read_all(source)

    described = {entity: set(one.fields) for entity, one in ENTITIES.items()}
    assert not {(key.entity, name) for key, r in records.items() for name in r.fields.keys() - described[key.entity]}
