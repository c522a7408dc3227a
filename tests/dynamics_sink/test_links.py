"""Many-to-many links, against answers as the service gives them."""

from collections.abc import Callable

import httpx
import pytest

from transload import (
    Associate,
    Batch,
    Disassociate,
    EntityName,
    Lookup,
    RecordKey,
    RowId,
    RowRef,
    SourceId,
    TableName,
)
from transload.errors import NotOfferedError
from transload.http import HttpClient
from transload_dynamics_sink.client import API, Dataverse
from transload_dynamics_sink.load import load_batch
from transload_dynamics_sink.metadata import Metadata
from transload_dynamics_sink.rollback import unlink_rows

CONTACT, TAG = TableName("contact"), TableName("mig_tag")
LINKS = {
    "value": [
        {
            "SchemaName": "mig_contact_tag",
            "Entity1LogicalName": "mig_tag",
            "Entity2LogicalName": "contact",
            "Entity1NavigationPropertyName": "mig_Contact_Tag",
            "Entity2NavigationPropertyName": "mig_contact_Tags",
        }
    ]
}
KEY = RecordKey(EntityName("customer"), SourceId("1"))
ONE, OTHER = RowId("5e100000-0000-8000-8000-000000000001"), RowRef(TAG, RowId("5e100000-0000-8000-8000-000000000009"))


def connect(part: str) -> tuple[Dataverse, Metadata, list[str]]:
    """Return the sink's parts before a service that answers each operation with a part, and the batches sent."""
    batches: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(API)
        if path == "/$batch":
            batches.append(request.content.decode())
            body = f"--b\r\nContent-Type: application/http\r\n\r\n{part}\r\n--b--\r\n"
            return httpx.Response(200, headers={"Content-Type": "multipart/mixed; boundary=b"}, content=body.encode())
        if path.endswith("ManyToManyRelationships"):
            return httpx.Response(200, json=LINKS)
        return metadata(path)

    http = HttpClient(
        system="Dataverse", base_url=f"https://contoso.example.com{API}", transport=httpx.MockTransport(handle)
    )
    dataverse = Dataverse(http, sleep=lambda seconds: None)
    return dataverse, Metadata(dataverse), batches


def metadata(path: str) -> httpx.Response:
    """Answer for two tables without columns."""
    if path.endswith("')"):
        name = path.split("'")[1]
        definition = {"EntitySetName": f"{name}s", "PrimaryIdAttribute": f"{name}id", "PrimaryNameAttribute": "name"}
        return httpx.Response(200, json={"LogicalName": name, **definition})
    return httpx.Response(200, json={"value": []})


DONE = "HTTP/1.1 204 No Content\r\n\r\n"
TWICE = 'HTTP/1.1 412 Precondition Failed\r\n\r\n{"error": {"code": "0x80040237", "message": "exists"}}'
GONE = 'HTTP/1.1 404 Not Found\r\n\r\n{"error": {"code": "0x80040217", "message": "Does Not Exist"}}'
Parts = Callable[[str], tuple[Dataverse, Metadata, list[str]]]


@pytest.mark.parametrize(("part", "note"), [(DONE, ""), (TWICE, "was linked already")])
def test_links_through_the_collection_of_the_relationship(part: str, note: str) -> None:
    dataverse, known, batches = connect(part)
    link = Associate(KEY, CONTACT, ONE, "mig_contact_tag", OTHER)

    [outcome] = load_batch(Batch(CONTACT, [link]), dataverse, known)

    assert (outcome.error, outcome.note) == (None, note)
    assert f"POST {API}/contacts({ONE})/mig_contact_Tags/$ref HTTP/1.1" in batches[0]
    assert f'"@odata.id":"https://contoso.example.com{API}/mig_tags({OTHER.row_id})"' in batches[0]


@pytest.mark.parametrize(("part", "note"), [(DONE, ""), (GONE, "was gone already")])
def test_unlinks_what_it_linked(part: str, note: str) -> None:
    dataverse, known, batches = connect(part)

    [outcome] = unlink_rows(dataverse, known, [Disassociate(CONTACT, ONE, "mig_contact_tag", OTHER)])

    assert (outcome.error, outcome.note) == (None, note)
    assert f"DELETE {API}/contacts({ONE})/mig_contact_Tags({OTHER.row_id})/$ref HTTP/1.1" in batches[0]


def test_a_link_to_a_row_that_was_not_found_is_an_error_of_its_record() -> None:
    dataverse, known, batches = connect(DONE)
    link = Associate(KEY, CONTACT, ONE, "mig_contact_tag", Lookup(TAG))

    [outcome] = load_batch(Batch(CONTACT, [link]), dataverse, known)

    assert not outcome.ok
    assert batches == []


def test_an_unknown_relationship_stops_the_run() -> None:
    dataverse, known, _ = connect(DONE)

    with pytest.raises(NotOfferedError, match="no many-to-many relationship mig_other"):
        load_batch(Batch(CONTACT, [Associate(KEY, CONTACT, ONE, "mig_other", OTHER)]), dataverse, known)
