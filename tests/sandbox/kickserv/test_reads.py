"""Reads over HTTP: what the recordings and the agreed endpoints promise a client."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from transload_sandbox.kickserv import layouts

if TYPE_CHECKING:
    from sandbox.kickserv.conftest import Api


DATA = Path(__file__).parents[2] / "data" / "kickserv"


def ids(rows: list[etree._Element]) -> list[int]:
    return [int(row.findtext("id") or 0) for row in rows]


def numbers(rows: list[etree._Element]) -> list[int]:
    return [int(row.findtext("customer-number") or row.findtext("job-number") or 0) for row in rows]


def test_customers_come_thirty_a_page_shuffled_inside_it(api: Api) -> None:
    pages = api.walk("customers")

    assert [len(page) for page in pages] == [30, 30, 30, 10]
    assert sorted(numbers(pages[0])) == list(range(1, 31))
    assert numbers(pages[0]) != sorted(numbers(pages[0]))


def test_a_page_past_the_end_is_an_empty_array(api: Api) -> None:
    response = api.get("jobs", page=3000)

    assert response.status_code == 200
    assert response.content == (DATA / "seen/jobs.list.scheduled-none.2018.xml").read_bytes()


def test_jobs_come_fifty_a_page_newest_change_first(api: Api) -> None:
    pages = api.walk("jobs")

    stamps = [job.findtext("updated-at") or "" for page in pages for job in page]

    assert [len(page) for page in pages] == [50, 50, 50, 50, 50]
    assert [stamp[:10] for stamp in stamps] == sorted((stamp[:10] for stamp in stamps), reverse=True)


def test_page_size_and_order_are_switches(own: Api) -> None:
    own.kickserv.switches.page_sizes["jobs"] = 7
    own.kickserv.switches.newest_first.clear()

    first, second = own.rows("jobs"), own.rows("jobs", page=2)

    assert len(first) == len(second) == 7
    assert numbers(first + second) == sorted(numbers(first + second))


def test_job_numbers_have_gaps_that_answer_as_opportunities_or_not_at_all(api: Api) -> None:
    listed = {number for page in api.walk("jobs") for number in numbers(page)}
    gaps = sorted(set(range(1, max(listed))) - listed)

    answers = [api.get(f"jobs/{number}") for number in gaps]

    found = [etree.fromstring(answer.content).findtext("status") for answer in answers if answer.status_code == 200]
    assert set(found) == {"new", "lost"}
    assert {answer.status_code for answer in answers} == {200, 400}


def test_records_have_the_recorded_elements_and_types(api: Api) -> None:
    for resource, name in (("customers", "customers.show.2018"), ("jobs", "jobs.list.page1.2018")):
        sample = etree.parse(DATA / "seen" / f"{name}.xml").getroot()
        recorded = sample if resource == "customers" else sample[0]

        row = api.rows(resource)[0]

        assert [(field.tag, field.get("type")) for field in row] == [(f.tag, f.get("type")) for f in recorded]


def test_an_account_of_2017_lacks_what_2018_added(own: Api) -> None:
    own.kickserv.switches.era = 2017

    assert len(own.rows("customers")[0]) == 130
    assert len(own.rows("jobs")[0]) == 111


def test_one_customer_has_a_plural_root_without_type(api: Api) -> None:
    root = etree.fromstring(api.get("customers/3").content)

    assert (root.tag, len(root.attrib), root.findtext("customer-number")) == ("customers", 0, "3")


def test_sub_customers_stand_twice_and_alike(api: Api) -> None:
    rows = {int(row.findtext("id") or 0): row for page in api.walk("customers") for row in page}

    nested = [child for row in rows.values() for child in row.iterfind("children/child")]

    assert len(nested) >= 20
    for child in nested:
        row = rows[int(child.findtext("id") or 0)]
        assert child.get("type") == "Customer"
        assert [(f.tag, f.text) for f in child] == [(f.tag, f.text) for f in row if f.tag != "children"]


def test_only_gives_those_fields_in_wire_order(api: Api) -> None:
    job = api.rows("jobs", only="status,job_number,id,updated_at")[0]
    customer = api.rows("customers", only="name,id", include="contacts")[0]

    assert [field.tag for field in job] == ["id", "job-number", "updated-at", "status"]
    assert [field.tag for field in customer] == ["id", "name", "contacts"]


@pytest.mark.parametrize("separator", [",", " ", ", "])
def test_include_is_split_at_commas_and_blanks(api: Api, separator: str) -> None:
    names = separator.join(["notes", "job_charges", "customer", "nonsense"])

    job = api.rows("jobs", include=names)[0]

    assert {"notes", "job-charges", "customer"} <= {field.tag for field in job}


def test_every_include_is_served(api: Api) -> None:
    for resource, kind in (("customers", "customer"), ("jobs", "job")):
        names = layouts.INCLUDES[kind]

        rows = [row for page in api.walk(resource, include=",".join(names)) for row in page]

        shown = {field.tag for row in rows for field in row if len(field)}
        assert {name.replace("_", "-") for name in names} <= shown


def test_customers_are_filtered_by_exact_match(api: Api) -> None:
    city = api.rows("customers", service_city="Wheatley ")

    assert city
    assert {row.findtext("service-city") for row in city} == {"Wheatley "}
    assert numbers(city) == sorted(numbers(city))
    assert (
        api.get("customers", service_zip_code="99999").content
        == (DATA / "seen/customers.list.filter-no-match.2018.xml").read_bytes()
    )


@pytest.mark.parametrize("status", ["unscheduled", "scheduled", "in_progress", "on_hold", "canceled", "complete"])
def test_jobs_of_every_status_exist_and_are_found(api: Api, status: str) -> None:
    rows = api.rows("jobs", status=status)

    assert rows
    assert {row.findtext("status") for row in rows} == {status}


def test_older_state_filter_takes_several_words(api: Api) -> None:
    rows = [row for page in api.walk("jobs", state="in_progress completed") for row in page]

    assert {row.findtext("status") for row in rows} == {"in_progress", "complete"}


def test_jobs_of_an_employee_are_those_of_the_split(api: Api) -> None:
    rows = api.rows("jobs", employee_number=4)

    assert rows
    assert all("112262" in [x.text for x in row.iterfind(".//allocation/id")] for row in rows)


def test_jobs_scheduled_today_begin_today(own: Api) -> None:
    now = own.kickserv.company.add_job(1, "Made now")["created_at"]
    own.kickserv.company.update_job(1, scheduled_on=now)

    assert numbers(own.rows("jobs", scheduled="today")) == [1]
    assert 1 in numbers(own.rows("jobs", scheduled="this_month"))
    assert 1 not in numbers(own.rows("jobs", scheduled="next_year"))
    assert numbers(own.rows("jobs", scheduled="whenever")) == []


def test_employees_are_not_paged_and_carry_secrets(api: Api) -> None:
    first, second = api.rows("employees"), api.rows("employees", page=2)

    assert ids(first) == ids(second)
    assert {row.findtext("active") for row in first} == {"true", "false"}
    assert all(row.findtext("encrypted-password") for row in first)


def test_inactive_items_must_be_asked_for(api: Api) -> None:
    assert {row.findtext("active") for row in api.rows("items")} == {"true"}
    assert {row.findtext("active") for row in api.rows("items", which="all")} == {"true", "false"}
    assert {row.findtext("active") for row in api.rows("items", which="inactive")} == {"false"}


def test_the_contact_list_holds_contacts_without_a_customer(api: Api) -> None:
    nested = {
        int(contact.findtext("id") or 0)
        for page in api.walk("customers", include="contacts")
        for row in page
        for contact in row.iterfind("contacts/contact")
    }

    listed = {ident for page in api.walk("contacts") for ident in ids(page)}

    assert nested < listed
    assert len(listed) == api.kickserv.company.counts()["contact"]


def test_notes_are_the_same_nested_and_by_owner(api: Api) -> None:
    rows = [row for page in api.walk("jobs", include="notes") for row in page]
    job = next(row for row in rows if row.findall("notes/note"))

    notes = api.rows(f"jobs/{job.findtext('job-number')}/notes")

    assert ids(notes) == ids(job.findall("notes/note"))
    assert {note.findtext("noteable-id") for note in notes} == {job.findtext("id")}


def test_a_walk_finds_as_many_records_as_the_company_counts(api: Api) -> None:
    counts = api.kickserv.company.counts()

    for resource, entity in (("customers", "customer"), ("jobs", "job"), ("opportunities", "opportunity")):
        found = [ident for page in api.walk(resource) for ident in ids(page)]
        assert (len(found), len(set(found))) == (counts[entity], counts[entity])


@pytest.mark.parametrize(
    ("path", "sample"),
    [
        ("customers/2000000", "seen/error.400.invalid-customer.xml"),
        ("customers/2000000/notes", "seen/error.400.invalid-customer.xml"),
    ],
)
def test_an_unknown_customer_is_400(api: Api, path: str, sample: str) -> None:
    response = api.get(path)

    assert response.status_code == 400
    assert response.content == (DATA / sample).read_bytes()
    assert response.headers["content-length"] == "93"


def test_an_unknown_job_is_400(api: Api) -> None:
    response = api.get("jobs/2000000")

    assert (response.status_code, len(response.content)) == (400, 88)


def test_a_wrong_token_is_refused_as_recorded(api: Api) -> None:
    for auth in (("x", "x"), (api.kickserv.token, "x"), ("x", api.kickserv.token)):
        response = api.http.get(f"{api.kickserv.base_url}/{api.kickserv.account}/jobs.xml", auth=auth)
        assert response.status_code == 401
        assert response.content == (DATA / "seen/error.401.slug-host.2018.xml").read_bytes()
        assert "www-authenticate" not in response.headers


def test_an_unknown_account_is_refused_like_a_wrong_token(api: Api) -> None:
    response = api.http.get(f"{api.kickserv.base_url}/nobody/jobs.xml", auth=(api.kickserv.token,) * 2)

    assert response.status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic !!", "Basic " + b64encode(b"\xff:\xff").decode()])
def test_a_broken_authorization_is_refused(api: Api, header: str) -> None:
    url = f"{api.kickserv.base_url}/{api.kickserv.account}/jobs.xml"

    assert api.http.get(url, headers={"authorization": header}).status_code == 401


def test_the_older_host_refuses_in_plain_text(own: Api) -> None:
    own.kickserv.switches.wrong_token = "subdomain"

    response = own.get("jobs", token="x")

    assert (response.status_code, response.content) == (401, b"HTTP Basic: Access denied.\n")
    assert response.headers["www-authenticate"] == 'Basic realm="Application"'
    assert response.headers["content-type"].startswith("application/xml")


def test_a_reset_token_stops_working(own: Api) -> None:
    old = own.kickserv.token

    new = own.kickserv.reset_token()

    assert (own.get("jobs", token=old).status_code, own.get("jobs", token=new).status_code) == (401, 200)


def test_a_limited_token_is_silently_short(api: Api) -> None:
    limited = api.kickserv.limited_token
    everything = {ident for page in api.walk("customers") for ident in ids(page)}

    mine = {ident for page in api.walk("customers", limited) for ident in ids(page)}
    jobs = [row for page in api.walk("jobs", limited) for row in page]

    assert set() < mine < everything
    assert {int(row.findtext("customer-id") or 0) for row in jobs} == mine
    hidden = next(iter(everything - mine)) - 4_714_792
    assert api.get(f"customers/{hidden}", limited).status_code == 400


def test_a_plan_without_the_api_is_403(own: Api) -> None:
    own.kickserv.switches.api_allowed = False

    response = own.get("jobs")

    assert response.status_code == 403
    assert response.content == (DATA / "inferred/error.403.plan-or-permission.xml").read_bytes()


def test_both_path_forms_answer_alike(api: Api) -> None:
    token = api.kickserv.token

    plain = api.get("jobs", page=2)
    versioned = api.http.get(f"{api.kickserv.base_url}/v2/{api.kickserv.account}/jobs.xml?page=2", auth=(token, token))

    assert versioned.content == plain.content


def test_an_unknown_path_is_a_web_page(api: Api) -> None:
    response = api.get("nonsense")

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


def test_an_inferred_endpoint_can_be_off(own: Api) -> None:
    own.kickserv.switches.off |= {"contacts", "tags", "payments"}

    assert own.get("contacts").status_code == 404
    assert own.get("tags").status_code == 404
    assert own.get("jobs/1/payments").status_code == 404
    assert own.rows("customers", include="tags,contacts")[0].find("tags") is None
    assert own.rows("customers", include="tags,contacts")[0].find("contacts") is not None


def test_a_success_is_compressed_when_accepted_and_an_error_never(api: Api) -> None:
    good, bad = api.get("customers"), api.get("customers/0")

    assert good.headers["content-encoding"] == "gzip"
    assert int(good.headers["content-length"]) < len(good.content) / 4
    assert "content-encoding" not in bad.headers


def test_a_client_without_gzip_gets_plain_text(api: Api) -> None:
    token = api.kickserv.token
    url = f"{api.kickserv.base_url}/{api.kickserv.account}/tags.xml"

    response = api.http.get(url, auth=(token, token), headers={"accept-encoding": "identity"})

    assert "content-encoding" not in response.headers
    assert response.content.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<tags type="array">\n')


def test_headers_are_those_recorded(api: Api) -> None:
    headers = api.get("jobs").headers

    assert headers["cache-control"] == "no-cache, no-store, max-age=0, must-revalidate"
    assert headers["content-type"] == "application/xml; charset=utf-8"
    assert {"date", "x-request-id", "x-runtime", "set-cookie", "strict-transport-security"} <= headers.keys()
    assert not {"etag", "last-modified", "link", "www-authenticate"} & headers.keys()


def test_connections_can_close_after_each_answer(own: Api) -> None:
    own.kickserv.switches.close_connections = True

    assert own.get("tags").headers["connection"] == "close"


def test_times_carry_the_offset_of_their_date(api: Api) -> None:
    text = api.get("jobs").text

    stamps = re.findall(r"<updated-at type=\"dateTime\">\d{4}-(\d\d)-\d\dT[\d:]{8}([+-][\d:]{5})<", text)

    assert {offset for month, offset in stamps if month in ("01", "02", "12")} <= {"-05:00"}
    assert {offset for month, offset in stamps if month in ("05", "06", "07", "08")} <= {"-04:00"}


def test_carriage_returns_and_letters_of_all_kinds_survive(api: Api) -> None:
    text = "".join(api.get("customers", page=page, include="notes").text for page in range(1, 5))

    assert "\r\n" in text
    assert "Zoë" in text
    assert "&amp;" in text


def test_commission_amounts_are_floats_and_integers(api: Api) -> None:
    amounts = [amount for page in api.walk("jobs") for row in page for amount in row.iterfind(".//allocation/amount")]

    assert {amount.get("type") for amount in amounts} == {"float", "integer"}
