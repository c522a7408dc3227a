"""A quick delta of an account leaves what a complete one leaves, for far fewer requests."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TypeAlias

import pytest

from transload import Record, RecordKey, RunContext
from transload.testing import host_plugins, open_context, read_changes
from transload_kickserv_source import plugin
from transload_kickserv_source.settings import KickservSettings
from transload_sandbox import KickservSandbox
from transload_sandbox.kickserv import Company
from transload_sandbox.kickserv.company import number_of

Records: TypeAlias = Mapping[RecordKey, Record]

WITHOUT_INCLUDES = {
    f"include:{name}"
    for name in (
        "attachments", "contacts", "custom_field_assignments", "customer", "employees", "job_charges", "job_status",
        "job_type", "notes", "payments", "tags", "tasks", "tax_entity", "time_entries",
    )
}  # fmt: skip


@pytest.fixture
def kickserv() -> Iterator[KickservSandbox]:
    with KickservSandbox(customers=12, seed=3) as sandbox:
        yield sandbox


@pytest.fixture
def complete(kickserv: KickservSandbox, tmp_path: Path) -> Callable[[], Records]:
    """Read the account as a whole."""

    def read() -> Records:
        plugins = host_plugins(plugin)
        with reading(kickserv, tmp_path) as context:
            entities = plugins.describe_source(context).entities
            return {one.key: one for entity in entities for one in plugins.extract(entity.name, context)}

    return read


@pytest.fixture
def quick(kickserv: KickservSandbox, tmp_path: Path) -> Callable[..., Records]:
    """Read what changed since a reading, and return what there is afterwards."""

    def read(before: Records, **more: object) -> Records:
        with reading(kickserv, tmp_path, **more) as context:
            return read_changes(plugin, context, before)

    return read


@contextmanager
def reading(kickserv: KickservSandbox, folder: Path, **more: object) -> Iterator[RunContext]:
    values = {"base_url": kickserv.base_url, "account": kickserv.account, "api_token": kickserv.token}
    settings = KickservSettings.model_validate({**values, **more})
    with open_context(folder, settings) as context:
        yield context


def jobs_of(company: Company, *statuses: str) -> list[int]:
    return [number_of(row) for row in company.jobs.rows() if row["status"] in statuses]


def differences(found: Records, wanted: Records) -> dict[str, object]:
    """Return what two readings do not agree on: a record that only one has, a field, what it is part of."""
    told: dict[str, object] = {}
    for key in sorted(found.keys() | wanted.keys()):
        one, other = found.get(key), wanted.get(key)
        if one is None or other is None:
            told[str(key)] = "missing" if one is None else "too many"
        elif one != other:
            told[f"{key} part of"] = one.part_of, other.part_of
            names = one.fields.keys() | other.fields.keys()
            pairs = {name: (one.fields.get(name), other.fields.get(name)) for name in names}
            told |= {f"{key} {name}": pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return told


@pytest.mark.parametrize("off", [set(), {"tasks"}, {"contacts", "tags", "opportunities"}, {*WITHOUT_INCLUDES, "tasks"}])
def test_an_account_in_which_nothing_changed_is_as_it_was(
    kickserv: KickservSandbox,
    complete: Callable[[], Records],
    quick: Callable[..., Records],
    off: set[str],
) -> None:
    kickserv.switches.off = off
    before = complete()
    asked = kickserv.requests.count()

    after = quick(before)

    assert differences(after, before) == {}
    assert kickserv.requests.count() - asked < asked


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("off", [set(), {"tasks", "include:notes", "include:payments"}])
def test_whatever_people_do_it_leaves_what_a_complete_reading_leaves(
    kickserv: KickservSandbox,
    complete: Callable[[], Records],
    quick: Callable[..., Records],
    off: set[str],
    seed: int,
) -> None:
    draw = Random(seed)
    kickserv.switches.off = off
    kickserv.company.touch_parents = True
    before = complete()
    for _ in range(2):
        kickserv.clock.advance(2)  # stamps are whole seconds
        for _ in range(6):
            draw.choice(DEEDS)(kickserv.company, draw)

        after = quick(before, look_back=0)

        assert differences(after, complete()) == {}
        before = after


def test_what_changes_on_an_open_job_or_soon_after_its_end_needs_no_new_stamp(
    kickserv: KickservSandbox, complete: Callable[[], Records], quick: Callable[..., Records]
) -> None:
    company = kickserv.company
    still_open, just_done, *_ = jobs_of(company, "scheduled", "in_progress", "unscheduled")
    company.update_job(just_done, status="complete", invoice_status="paid", completed_on=company.now())
    before = complete()
    for job in (still_open, just_done):
        company.add_note("Call before noon.", job=job)

    after = quick(before)

    assert len(after) == len(before) + 2
    assert differences(after, complete()) == {}


def test_what_changes_on_an_old_finished_job_with_a_stale_stamp_waits_for_a_complete_reading(
    kickserv: KickservSandbox, complete: Callable[[], Records], quick: Callable[..., Records]
) -> None:
    before = complete()
    company = kickserv.company
    (job, *_) = (number for number in jobs_of(company, "complete") if is_long_over(company, number))
    note = company.add_note("The filter was changed as well.", job=job)

    after, whole = quick(before), complete()

    assert differences(after, before) == {}
    assert differences(after, whole) == {f"note {note['id']}": "missing"}


def test_what_is_finished_and_unchanged_is_not_asked_for(
    kickserv: KickservSandbox, complete: Callable[[], Records], quick: Callable[..., Records]
) -> None:
    kickserv.switches.off = {*WITHOUT_INCLUDES, "tasks"}
    before = complete()
    company = kickserv.company
    over = [number for number in jobs_of(company, "complete", "canceled") if is_long_over(company, number)]
    asked = kickserv.requests.count()

    quick(before)

    paths = {request.path.removesuffix(".xml") for request in list(kickserv.requests.find())[asked:]}
    assert over
    assert not [number for number in over if any(f"/jobs/{number}" in f"{path}/" for path in paths)]


def is_long_over(company: Company, number: int) -> bool:
    """Tell whether a job was paid or canceled, and nothing happened to it for a week."""
    job = company.jobs.get(number)
    assert job is not None
    week_ago = datetime.now(UTC) - timedelta(days=7)
    moments = [job.get(name) for name in ("completed_on", "canceled_on", "invoice_paid_on", "updated_at")]
    return job["invoice_status"] != "unpaid" and all(
        moment < week_ago for moment in moments if isinstance(moment, datetime)
    )


def any_job(company: Company, draw: Random) -> int:
    return draw.choice([number_of(row) for row in company.jobs.rows()])


def any_customer(company: Company, draw: Random) -> int:
    return draw.choice([number_of(row) for row in company.customers.rows()])


def rename_a_customer(company: Company, draw: Random) -> None:
    company.update_customer(any_customer(company, draw), name=f"Customer {draw.random()}", service_city="Elsewhere")


def rename_a_job(company: Company, draw: Random) -> None:
    company.update_job(any_job(company, draw), name=f"Job {draw.random()}")


def move_a_job(company: Company, draw: Random) -> None:
    """Give a job another state, that of an opportunity or of lost one among them."""
    status = draw.choice(["new", "lost", "scheduled", "on_hold", "complete", "canceled"])
    ended = {"complete": "completed_on", "canceled": "canceled_on", "lost": "lost_date"}.get(status)
    fields: dict[str, str | datetime] = {"status": status, **({ended: company.now()} if ended else {})}
    company.update("jobs", any_job(company, draw), fields=fields)


def delete_a_customer(company: Company, draw: Random) -> None:
    company.delete_customer(any_customer(company, draw))


def delete_a_job(company: Company, draw: Random) -> None:
    company.delete_job(any_job(company, draw))


def come_anew(company: Company, draw: Random) -> None:
    customer = number_of(company.add_customer(f"Customer {draw.random()}"))
    company.add_contact(customer, first_name="Odalys", last_name="Fenwright", is_primary=True)
    company.add_charge(
        number_of(company.add_job(customer, "Boiler inspection")), "Inspection", price_per_unit=Decimal(90)
    )


def write_a_note(company: Company, draw: Random) -> None:
    company.add_note("Call before noon.", job=any_job(company, draw))
    company.add_note("Gate is locked.", customer=any_customer(company, draw))


def take_a_note_away(company: Company, draw: Random) -> None:
    note = draw.choice(list(company.notes.rows()))
    owners = [*company.jobs.rows(), *company.customers.rows()]
    company.delete_note(number_of(note))
    for owner in owners:
        if owner["id"] == note["noteable_id"]:
            company.update("jobs" if "job_number" in owner else "customers", number_of(owner), fields={})


def work(company: Company, draw: Random) -> None:
    job, now = any_job(company, draw), company.now()
    company.add_charge(job, "Filter", price_per_unit=Decimal(25))
    company.add_payment(job, Decimal(10), now.date())
    company.add_time_entry(job, 1, now, ended_on=now + timedelta(hours=1))
    company.add_task("Second visit", now, job=job)
    company.tag([str(row["name"]) for row in company.tags.rows() if draw.random() < 0.5], job=job)


DEEDS = (
    rename_a_customer, rename_a_job, move_a_job, move_a_job, delete_a_customer, delete_a_job, come_anew, write_a_note,
    take_a_note_away, work,
)  # fmt: skip
