"""Conversations with Dataverse, played from cassettes.

``TRANSLOAD_RECORD=1 pytest tests/kickserv_source/test_cassettes.py tests/dynamics_sink/test_cassettes.py``
records all of them anew, against the sandbox. Metadata of large tables comes from an organisation in
memory, so that a cassette holds the conversation and not a schema.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import pytest

from transload import Batch, Outcome, TableName, Write
from transload.errors import RefusedError
from transload.http import HttpClient
from transload.testing import Cassettes
from transload.testing.cassettes import Tape
from transload_dynamics_sink.auth import ClientCredentials
from transload_dynamics_sink.client import API, Dataverse
from transload_dynamics_sink.files import Files
from transload_dynamics_sink.load import load_batch
from transload_dynamics_sink.metadata import Metadata
from transload_dynamics_sink.read_back import read_rows
from transload_sandbox import DataverseSandbox
from transload_sandbox.dataverse.faults import Fault
from transload_sandbox.kickserv import Company

if TYPE_CHECKING:
    from dynamics_sink.conftest import Clock, Connected

ADDRESS = "https://contoso.example.com"
TENANT = "contoso.example.org"
CLIENT = "5e100000-0000-8000-8000-00000000c11e"
Conversation = Callable[..., AbstractContextManager[tuple[Dataverse, Tape]]]


class Recording:
    """Stands for a tape while it is made: nothing is played yet."""

    all_played, play_count = True, 0


@pytest.fixture
def conversation(cassette: Cassettes, cassette_folder: Path, connected: "Connected") -> Conversation:
    """Play a cassette; or record it, with a sandbox behind it and the sandbox's names replaced afterwards."""

    @contextmanager
    def play(name: str, *faults: Fault) -> Iterator[tuple[Dataverse, Tape]]:
        with cassette(name) as tape, _dataverse(ADDRESS, TENANT, CLIENT, "FAKE-secret", connected.clock) as dataverse:
            yield dataverse, tape

    @contextmanager
    def record(name: str, *faults: Fault) -> Iterator[tuple[Dataverse, Tape]]:
        with DataverseSandbox(Company(1)) as box:
            for fault in faults:
                box.org.faults.add(fault)
            real = box.url, box.tenant_id, box.client_id
            try:
                opened = _dataverse(*real, box.client_secret, connected.clock, box.ca_file)
                with cassette(name), opened as dataverse:
                    yield dataverse, Recording()
            finally:
                file = cassette_folder / name
                text = file.read_text(encoding="utf-8")
                for old, new in zip(real, (ADDRESS, TENANT, CLIENT), strict=True):
                    text = text.replace(old, new).replace(quote_plus(old), quote_plus(new))
                host = ADDRESS.removeprefix("https://")
                file.write_text(text.replace(box.url.removeprefix("https://"), host), encoding="utf-8")

    # The same in memory, so that its metadata is known and no tape holds it.
    connected.load(*connected.accounts(2))
    connected.load(connected.case(7))
    connected.load(connected.change(7, 1, 5))
    connected.read("account", 1, "name")
    return record if cassette.recording else play


@contextmanager
def _dataverse(
    address: str, tenant: str, client: str, secret: str, clock: "Clock", ca_file: Path | None = None
) -> Iterator[Dataverse]:
    auth = ClientCredentials(
        authority=f"{address}/{tenant}", client_id=client, client_secret=secret, resource=address, ca_file=ca_file
    )
    headers = {"Accept": "application/json", "OData-MaxVersion": "4.0", "OData-Version": "4.0"}
    http = HttpClient(
        system="Dataverse", base_url=address + API, auth=auth, headers=headers, clock=clock, ca_file=ca_file
    )
    dataverse = Dataverse(http, sleep=clock.sleep)
    yield dataverse
    dataverse.close()
    auth.close()


def load(dataverse: Dataverse, connected: "Connected", *writes: Write) -> Sequence[Outcome]:
    files = Files(dataverse, connected.store)
    return load_batch(Batch(writes[0].table, writes), dataverse, connected.metadata, files)


def test_signs_in_and_describes_a_table(conversation: Conversation) -> None:
    with conversation("dataverse/describe_territory.yaml") as (dataverse, tape):
        table = Metadata(dataverse).get_table(TableName("territory"))

    assert table.entity_set == "territories"
    assert table.shape.columns["name"].max_length == 200
    assert table.shape.columns["managerid"].targets == ("systemuser",)
    assert tape.all_played


def test_new_rows_go_in_one_bulk_message(conversation: Conversation, connected: "Connected") -> None:
    with conversation("dataverse/upsert_in_bulk.yaml") as (dataverse, tape):
        outcomes = load(dataverse, connected, *connected.accounts(3))

    assert [outcome.ok for outcome in outcomes] == [True, True, True]
    assert tape.all_played


def test_a_refused_bulk_message_is_sent_again_row_by_row(conversation: Conversation, connected: "Connected") -> None:
    refusal = Fault("refuse_row", times=2, table="account", column="name", value="Account 2", message="No twos here.")
    with conversation("dataverse/bulk_with_a_culprit.yaml", refusal) as (dataverse, tape):
        outcomes = load(dataverse, connected, *connected.accounts(3))

    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].error, RefusedError)
    assert outcomes[1].error.target_code == "0x80040265"
    assert "No twos here." in str(outcomes[1].error)
    assert tape.all_played


def test_waits_as_long_as_a_throttled_answer_asks(conversation: Conversation, connected: "Connected") -> None:
    throttle = Fault("throttle_requests", times=2, seconds=34, path="accounts/*")
    with conversation("dataverse/throttled.yaml", throttle) as (dataverse, tape):
        outcomes = load(dataverse, connected, *connected.accounts(2))

    assert [outcome.ok for outcome in outcomes] == [True, True]
    assert connected.clock.pauses == [34.0, 34.0]
    assert tape.all_played


def test_reads_rows_back(conversation: Conversation, connected: "Connected") -> None:
    with conversation("dataverse/read_back.yaml") as (dataverse, tape):
        load(dataverse, connected, *connected.accounts(2))
        rows = read_rows(
            dataverse, connected.metadata, TableName("account"), [connected.id(n) for n in (1, 2, 3)], ["name", "fax"]
        )

    assert {row_id: row.columns for row_id, row in rows.items()} == {
        connected.id(1): {"name": "Account 1", "fax": None},
        connected.id(2): {"name": "Account 2", "fax": None},
    }
    assert not any(row.changed_by_others for row in rows.values())
    assert tape.all_played


def test_a_case_is_closed_by_its_message(conversation: Conversation, connected: "Connected") -> None:
    ended = datetime(2019, 5, 4, 13, 30, tzinfo=UTC)
    with conversation("dataverse/close_incident.yaml") as (dataverse, tape):
        load(dataverse, connected, *connected.accounts(1))
        load(dataverse, connected, connected.case(7))
        outcomes = load(dataverse, connected, connected.change(7, 1, 5, subject="Completed", actualend=ended))

    assert [outcome.ok for outcome in outcomes] == [True]
    assert tape.all_played


@pytest.mark.parametrize("word", ["127.0.0.1", "Bearer ", "eyJ", "FAKE-"])
def test_no_cassette_holds_a_secret_or_an_address_of_the_machine(cassette_folder: Path, word: str) -> None:
    tapes = sorted((cassette_folder / "dataverse").glob("*.yaml"))

    found = [tape.name for tape in tapes if word in tape.read_text(encoding="utf-8")]

    assert tapes
    assert found == []
    assert all(
        tape.read_text(encoding="utf-8").startswith("# recorded against the transload sandbox") for tape in tapes
    )
