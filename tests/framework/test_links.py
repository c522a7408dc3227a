"""Records and rows in a report lead to their pages in both systems, and never anywhere else."""

import pytest

from transload.testing import ClientFolder

LINKER = """
from transload import hookimpl

@hookimpl
def source_links(records):
    return {record.key: f"https://crm.example.com/{record.key.entity}/{record.fields['id']}" for record in records}

@hookimpl
def target_links(rows):
    return {row: f"https://org.example.com/main?table={row.table}&id={row.row_id}" for row in rows}
"""
LEAKY = """
from pydantic import BaseModel, ConfigDict, SecretStr
from transload import hookimpl

class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    token: SecretStr

@hookimpl
def settings():
    return Settings

@hookimpl
def target_links(rows):
    return {row: LINK for row in rows}
"""


def linked(client: ClientFolder, code: str) -> ClientFolder:
    client.offer("linker", code)
    client.configure(
        ["memory_source", "memory_sink", "linker"],
        run={"batch_size": 3, "workers": 2},
        memory_sink={"fallback": {"systemuser": "user-0"}},
    )
    return client


def test_the_diff_of_the_sample_leads_to_both_systems(client: ClientFolder) -> None:
    linked(client, LINKER)

    result = client.walk("audit", "plan", "approve mapping", "prepare", "sample")

    rows = result.rows("field-level-diff")
    page = (client.path / "reports" / "05-sample.html").read_text()
    job = next(row for row in rows if row["record"] == "job 1")
    assert job["source_link"] == "https://crm.example.com/job/1"
    assert job["target_link"] == f"https://org.example.com/main?table=incident&id={job['row']}"
    assert '<a href="https://crm.example.com/job/1" rel="noopener noreferrer">job 1</a>' in page


def test_a_dead_letter_leads_to_its_record(client: ClientFolder) -> None:
    linked(client, LINKER)
    client.walk("audit", "plan", "approve mapping", "prepare", "sample")
    client.source.put("line", "9", id=9, text="x" * 300, job_id=1)

    result = client.run("run", "--json")

    [letter] = result.rows("dead-letters")
    assert letter["source_link"] == "https://crm.example.com/line/9"


def test_a_record_of_several_documents_is_asked_for_under_the_key_of_the_source(client: ClientFolder) -> None:
    linked(client, LINKER)
    client.write_mapping(
        "visit",
        "entity: visit\nrecords: job\ntable: task\nkey: {from: id}\nwhen: {id: filled}\n"
        "fields:\n  subject: {from: name}\n  regardingid: {lookup: job, from: id}\n",
    )

    result = client.walk("audit", "plan", "approve mapping", "prepare", "sample")

    links = {row["record"]: row["source_link"] for row in result.rows("field-level-diff")}
    assert links["visit 1"] == "https://crm.example.com/job/1"


@pytest.mark.parametrize(
    "link",
    [
        "http://org.example.com/1",
        "javascript:alert(1)",
        "https://ada:pw@org.example.com/1",
        "https://org.example.com/?token=open-sesame",
        "https://org.example.com/\\n1",
        "https://[1",
        "https:///1",
        "x",
    ],
)
def test_a_link_that_is_no_public_page_is_left_out(client: ClientFolder, link: str) -> None:
    environ = {"TRANSLOAD_LINKER__TOKEN": "open-sesame"}
    linked(client, LEAKY.replace("LINK", f'"{link}"', 1))
    for stage in ("audit", "plan", "approve mapping --by Ada", "prepare"):
        client.run(*stage.split(), environ=environ)

    result = client.run("sample", "--json", environ=environ)

    assert result.exit_code == 0
    assert {row["target_link"] for row in result.rows("field-level-diff")} == {None}
