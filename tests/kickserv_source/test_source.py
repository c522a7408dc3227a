"""Reading a whole account, over real HTTP, on good days and bad ones."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from transload import EntityName, Record, RecordKey, RunContext, Severity
from transload.errors import AuthenticationError, NotOfferedError, ProtocolError
from transload_kickserv_source import plugin
from transload_kickserv_source.audit import check_access, findings
from transload_kickserv_source.client import KickservClient
from transload_kickserv_source.settings import KickservSettings
from transload_kickserv_source.source import KickservSource
from transload_sandbox import KickservSandbox

ENTITIES = ("employee", "customer", "contact", "job", "note")


@pytest.fixture
def kickserv() -> Iterator[KickservSandbox]:
    with KickservSandbox(customers=70, seed=3) as sandbox:
        yield sandbox


def settings_for(kickserv: KickservSandbox, **more: object) -> KickservSettings:
    values = {"base_url": kickserv.base_url, "account": kickserv.account, "api_token": kickserv.token}
    return KickservSettings.model_validate({**values, **more})


class Quick:
    """A clock that does not wait."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


def open_source(kickserv: KickservSandbox, **more: object) -> closing[KickservSource]:
    return closing(KickservSource(KickservClient(settings_for(kickserv, **more), clock=Quick())))


def read_all(source: KickservSource) -> dict[RecordKey, Record]:
    """Read every entity; as in a ledger, the last version of a record counts."""
    return {record.key: record for name in ENTITIES for record in source.read(EntityName(name)) or ()}


def counts(records: dict[RecordKey, Record]) -> dict[str, int]:
    return dict(Counter(str(key.entity) for key in records))


def expected_counts(kickserv: KickservSandbox) -> dict[str, int]:
    company = kickserv.company
    jobs = [row["id"] for row in company.jobs.rows() if company.is_job(row)]
    hidden = {row["id"] for row in company.jobs.rows()} - set(jobs)
    notes = [row for row in company.notes.rows() if row["noteable_type"] != "Job" or row["noteable_id"] not in hidden]
    return {
        "employee": len(list(company.employees.rows())),
        "customer": len(list(company.customers.rows())),
        "contact": len(list(company.contacts.rows())),
        "job": len(jobs),
        "note": len(notes),
    }


def test_every_record_of_the_account_is_read(kickserv: KickservSandbox) -> None:
    with open_source(kickserv) as source:
        records = read_all(source)

    assert counts(records) == expected_counts(kickserv)


def test_what_was_read_is_what_the_account_holds(kickserv: KickservSandbox) -> None:
    with open_source(kickserv) as source:
        records = read_all(source)

    by_text = {str(key): record for key, record in records.items()}
    for row in kickserv.company.contacts.rows():
        fields = by_text[f"contact {row['id']}"].fields
        assert {name: fields[name] for name in row} == dict(row)
    for row in kickserv.company.notes.rows():
        note = by_text.get(f"note {row['id']}")
        assert note is None or note.fields["created_at"] == row["created_at"]


def test_no_page_is_read_twice_but_the_first_and_no_record_for_itself(kickserv: KickservSandbox) -> None:
    with open_source(kickserv) as source:
        read_all(source)

    # 3 pages of customers, the empty one, and the first again.
    assert kickserv.requests.count("customers.xml") == 5
    assert kickserv.requests.count("employees.xml") == 1
    assert kickserv.requests.count("notes.xml") == 0


def test_secrets_are_in_no_record(kickserv: KickservSandbox) -> None:
    with open_source(kickserv) as source:
        records = read_all(source)

    assert "FAKE" not in repr(list(records.values()))


def test_sub_customers_are_customers_and_their_parent_keeps_their_ids(kickserv: KickservSandbox) -> None:
    with open_source(kickserv) as source:
        customers = {k: r for k, r in read_all(source).items() if k.entity == "customer"}

    by_id = {record.fields["id"]: record for record in customers.values()}
    children = [(r.fields["id"], c) for r in by_id.values() for c in r.fields.get("children") or ()]  # type: ignore[union-attr] # a tuple of ids
    assert children
    assert all(by_id[child].fields["parent_id"] == parent for parent, child in children)
    assert all("children" in record.fields for record in by_id.values())


def test_a_sub_customer_that_is_only_nested_is_not_lost() -> None:
    parent = (
        b"<customer><id>1</id><children type='array'><child type='Customer'><id>2</id></child></children></customer>"
    )

    def handler(request: httpx.Request) -> httpx.Response:
        first = request.url.params["page"] == "1"
        return httpx.Response(200, content=b"<customers type='array'>" + parent * first + b"</customers>")

    settings = KickservSettings.model_validate({"account": "a", "api_token": "t"})
    source = KickservSource(KickservClient(settings, transport=httpx.MockTransport(handler)))

    records = list(source.read(EntityName("customer")) or ())

    assert [str(record.key) for record in records] == ["customer 1", "customer 2"]


def test_notes_that_do_not_come_along_are_asked_for_one_by_one(kickserv: KickservSandbox) -> None:
    includes = {"customer_includes": ["contacts"], "job_includes": []}
    with open_source(kickserv, inferred=includes, connections=4) as source:
        records = read_all(source)

    assert counts(records) == expected_counts(kickserv)
    expected = kickserv.requests.count("/notes.xml")
    assert expected == expected_counts(kickserv)["customer"] + expected_counts(kickserv)["job"]


def test_a_parent_that_vanished_before_its_notes_were_read_is_passed_over(kickserv: KickservSandbox) -> None:
    with open_source(kickserv, inferred={"customer_includes": [], "job_includes": []}) as source:
        for name in ("customer", "job"):
            list(source.read(EntityName(name)) or ())
        gone = next(r for r in kickserv.company.jobs.rows() if kickserv.company.is_job(r))
        kickserv.company.delete_job(int(str(gone["job_number"])))

        notes = list(source.read(EntityName("note")) or ())

    assert notes
    assert not [note for note in notes if note.fields["noteable_id"] == gone["id"]]


def test_a_contact_of_nobody_is_found_in_the_list_of_contacts(kickserv: KickservSandbox) -> None:
    orphan = kickserv.company.add_contact(None, first_name="Lone")
    with open_source(kickserv) as source:
        read = list(source.read(EntityName("customer")) or ())
        alone = list(source.read(EntityName("contact")) or ())

    assert f"contact {orphan['id']}" in {str(record.key) for record in alone}
    assert not {record.key for record in alone} & {record.key for record in read}


@pytest.mark.parametrize("answer", ["404", "page", "500"])
def test_an_account_without_a_list_of_contacts_is_read_all_the_same(kickserv: KickservSandbox, answer: str) -> None:
    if answer == "404":
        kickserv.switches.off = {"contacts"}
    else:
        kickserv.faults.html(200 if answer == "page" else 500, match="contacts.xml", times=3)
    with open_source(kickserv) as source:
        records = read_all(source)
        found = list(findings(source.seen))

    assert counts(records)["customer"] == expected_counts(kickserv)["customer"]
    assert [f.severity for f in found if f.code == "kickserv.unavailable"] == [Severity.INFO]


@pytest.mark.parametrize("trouble", ["503", "429", "cut", "truncated", "html"])
def test_a_bad_moment_costs_nothing(kickserv: KickservSandbox, trouble: str) -> None:
    faults = kickserv.faults
    {
        "503": lambda: faults.answer(503, times=2, after=1),
        "429": lambda: faults.answer(429, times=2, after=1, retry_after="1"),
        "cut": lambda: faults.cut(after=2),
        "truncated": lambda: faults.truncate(after=2),
        "html": lambda: faults.html(200, match="jobs.xml"),
    }[trouble]()

    with open_source(kickserv) as source:
        records = read_all(source)

    assert counts(records) == expected_counts(kickserv)


def test_answers_that_stay_cut_stop_the_run(kickserv: KickservSandbox) -> None:
    kickserv.faults.truncate(match=r"jobs\.xml\?page=2", times=9)

    with open_source(kickserv) as source, pytest.raises(ProtocolError, match="cannot be read as XML"):
        read_all(source)


def test_a_token_that_is_reset_in_the_middle_stops_the_run_at_once(kickserv: KickservSandbox) -> None:
    kickserv.faults.call(kickserv.reset_token, match=r"jobs\.xml\?page=2")

    with open_source(kickserv) as source, pytest.raises(AuthenticationError, match="refuses the API token"):
        read_all(source)

    assert [request.status for request in kickserv.requests.seen].count(401) == 1


def test_an_account_without_the_api_is_told_what_to_do(kickserv: KickservSandbox) -> None:
    kickserv.switches.api_allowed = False

    with open_source(kickserv) as source, pytest.raises(NotOfferedError) as caught:
        check_access(source.client)

    assert "Premium" in caught.value.remedy


def test_records_that_change_and_appear_while_the_list_is_read_are_read_as_they_ended(
    kickserv: KickservSandbox,
) -> None:
    company = kickserv.company
    last = max(int(str(row["job_number"])) for row in company.jobs.rows() if company.is_job(row))
    kickserv.switches.page_sizes = {"jobs": 10}
    kickserv.faults.call(lambda: kickserv.company.update_job(last, name="Changed late"), match="jobs.xml", after=3)
    kickserv.faults.call(lambda: kickserv.company.add_job(1, "Came late"), match="jobs.xml", after=5)

    with open_source(kickserv) as source:
        records = {r.key: r for r in source.read(EntityName("job")) or () if r.key.entity == "job"}

    names = Counter(str(record.fields["name"]) for record in records.values())
    assert len(records) == expected_counts(kickserv)["job"]
    assert (names["Changed late"], names["Came late"]) == (1, 1)


def test_the_records_of_2017_are_read_as_well(kickserv: KickservSandbox) -> None:
    kickserv.switches.era = 2017

    with open_source(kickserv) as source:
        records = read_all(source)

    assert counts(records) == expected_counts(kickserv)


def test_a_limited_token_is_noticed(kickserv: KickservSandbox) -> None:
    with open_source(kickserv, api_token=kickserv.limited_token) as source:
        limited = counts(read_all(source))

    assert limited["job"] < expected_counts(kickserv)["job"]


def test_jobs_of_customers_out_of_sight_are_a_finding(kickserv: KickservSandbox) -> None:
    with open_source(kickserv) as source:
        read_all(source)
        source.seen.customers.discard(source.seen.job_customers.most_common(1)[0][0])

        codes = {finding.code for finding in findings(source.seen)}

    assert "kickserv.hidden_customers" in codes


def test_an_account_that_shows_no_customer_is_a_warning() -> None:
    settings = KickservSettings.model_validate({"account": "a", "api_token": "t"})
    empty = httpx.MockTransport(lambda request: httpx.Response(200, content=b"<customers type='array'/>"))

    (finding,) = check_access(KickservClient(settings, transport=empty))

    assert finding.severity is Severity.WARNING
    assert "limited" in finding.remedy


def test_the_hooks_work_together(kickserv: KickservSandbox, tmp_path: Path) -> None:
    settings = settings_for(kickserv)
    context = RunContext("run", "audit", tmp_path, {KickservSettings: settings})

    schema = plugin.describe_source(context)
    (access,) = plugin.check(context)
    records = [r for entity in schema.entities for r in plugin.extract(entity.name, context) or ()]
    found = plugin.audit(context)
    context.close()

    assert (schema.system, schema.account) == ("kickserv", kickserv.account)
    assert [entity.name for entity in schema.entities] == list(ENTITIES)
    assert access.severity is Severity.INFO
    assert len({record.key for record in records}) == sum(expected_counts(kickserv).values())
    assert "kickserv.unknown_employees" in {finding.code for finding in found}
    assert plugin.extract(EntityName("invoice"), context) is None
    assert plugin.settings() is KickservSettings
    assert all(name.startswith("kickserv.") for name in plugin.converters())
