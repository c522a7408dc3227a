"""Recorded answers replayed over real HTTP, as somebody would who has an account's recordings and only the hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from transload import Finding, Record, RecordKey, RunContext, SourceId
from transload.errors import NotOfferedError
from transload.values import EntityName
from transload_kickserv_source import plugin
from transload_kickserv_source.secrets import is_secret
from transload_kickserv_source.settings import KickservSettings

if TYPE_CHECKING:
    from conftest import PlayRecordings

DATA = Path(__file__).parent.parent / "data" / "kickserv"
OWN_RECORDS = {
    "customer": "customer", "child": "customer", "contact": "contact", "job": "job", "opportunity": "estimate",
    "job-charge": "charge", "payment": "payment", "time-entry": "time_entry", "note": "note", "task": "event",
    "employee": "employee", "item": "item", "job-type": "job_type", "job-status": "job_status", "tag": "tag",
}  # fmt: skip
"""The elements that become records of their own."""
COPIES = {"item", "employee", "tag", "job-type"}
"""Elements that, below others, repeat what a list of theirs says."""
APART = {
    "children", "contacts", "notes", "tags", "tax_entity", "custom_field_assignments", "employees", "job_charges",
    "time_entries", "payments", "attachments", "job_type", "job_status", "customer", "item", "job",
}  # fmt: skip
"""Associations, whose records stand by themselves."""


@dataclass(frozen=True)
class Replayed:
    records: dict[RecordKey, Record]
    findings: dict[str, Finding]
    asked: list[str]


Replay = Callable[..., Replayed]


@pytest.fixture
def replay(play_recordings: PlayRecordings, tmp_path: Path) -> Replay:
    """Return what calls the hooks as a stage does, on recorded answers."""

    def replay_(answers: dict[str, bytes], past: str = "an empty page") -> Replayed:
        with play_recordings(answers, past) as (address, asked):
            values = {"base_url": address, "account": "example", "api_token": "FAKE-token"}
            context = RunContext("run", "audit", tmp_path, {KickservSettings: KickservSettings.model_validate(values)})
            schema = plugin.describe_source(context)
            records = {r.key: r for entity in schema.entities for r in plugin.extract(entity.name, context) or ()}
            findings = {finding.code: finding for finding in plugin.audit(context)}
            context.close()
        return Replayed(records, findings, asked)

    return replay_


def recorded(*names: str) -> dict[str, bytes]:
    """Return recorded bodies under the path that the beginning of their names says."""
    return {f"{Path(name).name.partition('.')[0]}.xml": (DATA / name).read_bytes() for name in names}


def whole_account() -> dict[str, etree._Element]:
    """Return lists in which everything occurs that is agreed on."""
    names = {"customers": ".include", "opportunities": "", "employees": "", "tasks": "", "items": ".which-all",
             "tags": "", "job_types": "", "job_statuses": ""}  # fmt: skip
    lists = {
        f"{name}.xml": etree.fromstring((DATA / "inferred" / f"{name}.list{more}.xml").read_bytes())
        for name, more in names.items()
    }
    job, more = (
        etree.fromstring((DATA / "inferred" / f"jobs.show.include-{part}.xml").read_bytes())
        for part in ("documented", "undocumented")
    )
    job.extend(part for part in more if part.tag in {"tags", "payments"})
    lists["jobs.xml"] = etree.Element("jobs", type="array")
    lists["jobs.xml"].append(job)
    return lists


def bodies(lists: Mapping[str, etree._Element]) -> dict[str, bytes]:
    return {path: etree.tostring(root) for path, root in lists.items()}


def own_elements(root: etree._Element) -> Iterator[tuple[etree._Element, RecordKey]]:
    """Yield the elements that become records of their own, with the key of each."""
    for element in root.iter():
        name, ident = str(element.tag), element.findtext("id")
        is_copy = name in COPIES and len(list(element.iterancestors())) > 1
        if name in OWN_RECORDS and ident and not is_copy:
            yield element, RecordKey(EntityName(OWN_RECORDS[name]), SourceId(ident))


def lost(root: etree._Element, found: Replayed) -> list[str]:
    """Return the elements of records that are no field of them."""
    missing = []
    for element, key in own_elements(root):
        names = {str(child.tag).replace("-", "_") for child in element}
        missing += [f"{key} {n}" for n in names - APART if not is_secret(n) and n not in found.records[key].fields]
    return missing


SEEN = {
    "account A": recorded("seen/customers.list.page1.2017.xml", "seen/jobs.list.scheduled-today.2017.xml"),
    "account A, five fields": recorded(
        "seen/customers.list.page1.2017.xml", "seen/jobs.list.only-five-fields.2017.xml"
    ),
    "account B": recorded("seen/customers.show.2018.xml", "seen/jobs.list.page1.2018.xml"),
    "edited by hand": recorded("seen/customers.list.two.edited-2017.xml", "seen/jobs.list.scheduled-none.2018.xml"),
}


@pytest.mark.parametrize("past", ["an empty page", "the same", "a refusal"])
@pytest.mark.parametrize("answers", SEEN.values(), ids=list(SEEN))
def test_a_recording_of_customers_and_jobs_alone_is_read_whole(
    replay: Replay, answers: dict[str, bytes], past: str
) -> None:
    found = replay(answers, past)

    roots = [etree.fromstring(body) for body in answers.values()]
    assert [name for root in roots for name in lost(root, found)] == []
    assert found.findings["kickserv.no_employees"].severity == "warning"
    assert ("kickserv.ends" in found.findings) == (past == "a refusal")
    # What a recording does not have is asked for a few times, not once for each record or number.
    assert len(found.asked) < 60


def test_everything_that_is_agreed_on_arrives(replay: Replay) -> None:
    lists = whole_account()

    found = replay(bodies(lists))

    assert [name for root in lists.values() for name in lost(root, found)] == []
    assert {str(key.entity) for key in found.records} >= set(OWN_RECORDS.values())


KINDS: Mapping[str, st.SearchStrategy[str]] = {
    "": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")),
    "integer": st.integers(-(10**20), 10**20).map(str),
    "decimal": st.decimals(-(10**9), 10**9, places=3).map(str),
    "boolean": st.sampled_from(["true", "false"]),
    "dateTime": st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds") + "-04:00"),
    "date": st.dates().map(str),
    "symbol": st.sampled_from(["active", "none"]),
    "colour": st.sampled_from(["red", "blue"]),
}
STRANGE_NAMES = st.from_regex(r"x-[a-z]{1,6}(-[a-z0-9]{1,4})?", fullmatch=True).filter(lambda name: not is_secret(name))


@st.composite
def strange_elements(draw: st.DrawFn) -> etree._Element:
    """Draw an element that nobody expects: a value, a record, a list of either, a null."""
    element = etree.Element(draw(STRANGE_NAMES))
    shape = draw(st.sampled_from(["value", "value", "record", "list", "null"]))
    if shape == "null":
        element.set("nil", "true")
    elif shape == "value":
        kind = draw(st.sampled_from(list(KINDS)))
        element.text = draw(KINDS[kind])
        element.attrib.update({"type": kind} if kind else {})
    else:
        element.attrib.update({"type": "array"} if shape == "list" else {})
        for number in range(draw(st.integers(1, 3))):
            etree.SubElement(element, "part" if shape == "list" else f"part{number}").text = f"p{number}"
    return element


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_nobody_expects_arrives_with_its_record_wherever_it_stands(replay: Replay, data: st.DataObject) -> None:
    lists = whole_account()
    elements = [element for root in lists.values() for element, _ in own_elements(root)]
    for element in data.draw(st.lists(st.sampled_from(elements), min_size=1, max_size=8)):
        element.append(data.draw(strange_elements()))

    found = replay(bodies(lists))

    assert [name for root in lists.values() for name in lost(root, found)] == []


def test_an_account_without_customers_or_jobs_is_none(replay: Replay) -> None:
    with pytest.raises(NotOfferedError, match=r"customers\.xml"):
        replay(recorded("inferred/employees.list.xml"))
