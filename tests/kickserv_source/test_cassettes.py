"""Conversations with Kickserv, played from cassettes.

``TRANSLOAD_RECORD=1 pytest tests/kickserv_source/test_cassettes.py tests/dynamics_sink/test_cassettes.py``
records all of them anew, against the sandbox.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from transload.errors import AuthenticationError, ProtocolError
from transload.testing import Cassettes
from transload.testing.cassettes import Tape
from transload_kickserv_source.appendages import NOTE
from transload_kickserv_source.client import KickservClient
from transload_kickserv_source.documents import JOB
from transload_kickserv_source.people import CONTACT, CUSTOMER
from transload_kickserv_source.settings import KickservSettings
from transload_kickserv_source.source import KickservSource
from transload_sandbox import KickservSandbox

ADDRESS = "https://kickserv.example.com"
Conversation = Callable[..., AbstractContextManager[tuple[KickservSource, Tape]]]


class Recording:
    """Stands for a tape while it is made: nothing is played yet."""

    all_played, play_count = True, 0


@pytest.fixture
def conversation(cassette: Cassettes, cassette_folder: Path) -> Conversation:
    """Play a cassette; or record it, with a sandbox behind it and the sandbox's address replaced afterwards."""
    cassette = replace(cassette, secrets=("password_salt", "encrypted_password", "remember_token", "password_digest"))

    @contextmanager
    def play(name: str, token: str = "FAKE-kickserv-owner-token") -> Iterator[tuple[KickservSource, Tape]]:
        with cassette(name) as tape, _source(ADDRESS, token) as source:
            yield source, tape

    @contextmanager
    def record(name: str, token: str = "FAKE-kickserv-owner-token") -> Iterator[tuple[KickservSource, Tape]]:
        with KickservSandbox(customers=2) as sandbox:
            sandbox.switches.page_size = 1
            sandbox.switches.page_sizes["jobs"] = 2
            if "web_page" in name:
                sandbox.faults.html(200, match="employees.xml", times=9)
            try:
                with cassette(name), _source(sandbox.base_url, token) as source:
                    yield source, Recording()
            finally:
                file = cassette_folder / name
                text = file.read_text(encoding="utf-8").replace(sandbox.base_url, ADDRESS)
                host = sandbox.base_url.removeprefix("http://"), ADDRESS.removeprefix("https://")
                file.write_text(text.replace(*host), encoding="utf-8")

    return record if cassette.recording else play


@contextmanager
def _source(address: str, token: str) -> Iterator[KickservSource]:
    reads = {"customer_includes": ["contacts", "notes"], "job_includes": ["notes"], "custom_fields_path": ""}
    values = {"base_url": address, "account": "example-ducts", "api_token": token, "inferred": reads}
    settings = KickservSettings.model_validate(values)
    source = KickservSource(KickservClient(settings))
    yield source
    source.close()


def test_reads_customers_page_by_page_with_their_contacts_and_notes(conversation: Conversation) -> None:
    with conversation("kickserv/customers_two_pages.yaml") as (source, tape):
        records = list(source.read(CUSTOMER) or ())

    by_entity = {e: [r.fields for r in records if r.key.entity == e] for e in (CUSTOMER, CONTACT, NOTE)}
    ids = {customer["id"] for customer in by_entity[CUSTOMER]}
    assert len(ids) == 2
    assert by_entity[CONTACT]
    assert by_entity[NOTE]
    assert {contact["customer_id"] for contact in by_entity[CONTACT]} <= ids
    assert {(note["noteable_type"], note["noteable_id"] in ids) for note in by_entity[NOTE]} == {("Customer", True)}
    assert tape.all_played


def test_reads_a_page_of_jobs(conversation: Conversation) -> None:
    with conversation("kickserv/jobs_page.yaml") as (source, tape):
        document = source.client.get_list("jobs.xml", "jobs", {"page": "1", "include": "notes"})

    assert len(document.rows) == 2
    assert document.oddities == {}
    assert all(row["customer_id"] and row["status"] for row in document.rows)
    assert tape.all_played


def test_a_token_that_is_refused_stops_the_run(conversation: Conversation) -> None:
    with (
        conversation("kickserv/wrong_token.yaml", token="FAKE-wrong") as (source, tape),
        pytest.raises(AuthenticationError) as caught,
    ):
        list(source.read(JOB) or ())

    assert "token" in caught.value.remedy
    assert tape.all_played


def test_a_web_page_is_not_taken_for_an_answer(conversation: Conversation) -> None:
    with conversation("kickserv/web_page.yaml") as (source, tape), pytest.raises(ProtocolError) as caught:
        source.client.get_list("employees.xml", "employees")

    assert "login page" in caught.value.remedy
    assert tape.all_played


@pytest.mark.parametrize("word", ["FAKE-", "127.0.0.1", "Basic "])
def test_no_cassette_holds_a_secret_or_an_address_of_the_machine(cassette_folder: Path, word: str) -> None:
    tapes = sorted((cassette_folder / "kickserv").glob("*.yaml"))

    found = [tape.name for tape in tapes if word in tape.read_text(encoding="utf-8")]

    assert tapes
    assert found == []
    assert all(
        tape.read_text(encoding="utf-8").startswith("# recorded against the transload sandbox") for tape in tapes
    )
