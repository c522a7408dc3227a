"""Microsoft's own Python SDK, unmodified, over TLS: only address, credential and certificate are ours."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import IntEnum
from pathlib import Path
from unittest.mock import patch

import pytest
from azure.identity import ClientSecretCredential
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError, MetadataError
from PowerPlatform.Dataverse.models.labels import Label, LocalizedLabel
from PowerPlatform.Dataverse.models.relationship import (
    CascadeConfiguration,
    LookupAttributeMetadata,
    ManyToManyRelationshipMetadata,
    OneToManyRelationshipMetadata,
)
from PowerPlatform.Dataverse.models.upsert import UpsertItem

from transload_sandbox._server import Server, make_certificates
from transload_sandbox.dataverse import DataverseOrg, build_app
from transload_sandbox.dataverse.testing import add_publisher, sign_in


class Stage(IntEnum):
    """Options of a choice column, as the SDK takes them."""

    Draft = 100000000
    Final = 100000001


@contextmanager
def _serving(org: DataverseOrg, folder: Path) -> Iterator[tuple[str, Path]]:
    """Serve an organisation over TLS; give its address and the certificate of its authority."""
    certificates = make_certificates(folder)
    with Server(build_app(org)).with_tls(certificates) as running:
        yield running.url, certificates.ca_file


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DataverseOrg, DataverseClient]]:
    org = DataverseOrg(key_index_seconds=0)
    with closing(sign_in(org)) as api:
        add_publisher(api)
    user = org.add_application_user("loader")
    with _serving(org, tmp_path_factory.mktemp("sdk")) as (origin, authority):
        trusted = {"REQUESTS_CA_BUNDLE": str(authority), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        credential = ClientSecretCredential(
            org.tenant_id,
            user.client_id,
            user.client_secret,
            authority=origin,
            disable_instance_discovery=True,
            connection_verify=str(authority),
        )
        with patch.dict(os.environ, trusted), DataverseClient(origin, credential) as client:
            yield org, client
        credential.close()
    org.close()


@pytest.fixture
def client(sandbox: tuple[DataverseOrg, DataverseClient]) -> DataverseClient:
    return sandbox[1]


@pytest.fixture(scope="module")
def table(sandbox: tuple[DataverseOrg, DataverseClient]) -> str:
    """A custom table with a column of every type that the SDK creates, and a key over its code."""
    client = sandbox[1]
    columns = {
        "mig_Code": {"type": "string", "max_length": 50},
        "mig_Count": "int",
        "mig_Amount": "decimal",
        "mig_Ratio": "float",
        "mig_Due": "datetime",
        "mig_Done": "bool",
        "mig_Remarks": "memo",
        "mig_Stage": Stage,
    }
    client.tables.create("mig_Visit", columns)
    client.tables.create_alternate_key("mig_Visit", "mig_VisitCode", ["mig_code"])
    return "mig_Visit"


def _label(text: str) -> Label:
    return Label([LocalizedLabel(text, 1033)])


def test_a_row_is_created_read_changed_and_deleted(client: DataverseClient) -> None:
    account = client.records.create("account", {"name": "Nordwind", "telephone1": "1"})

    client.records.update("account", account, {"telephone1": "2"})
    found = client.records.retrieve("account", account, select=["name", "telephone1"])
    client.records.delete("account", account)

    assert found is not None
    assert (found["name"], found["telephone1"]) == ("Nordwind", "2")
    assert client.records.retrieve("account", account) is None


def test_many_rows_travel_in_one_message(client: DataverseClient, table: str) -> None:
    ids = client.records.create(table, [{"mig_name": name, "mig_count": 1} for name in ("A", "B", "C")])

    client.records.update(table, ids, {"mig_count": 7})
    client.records.update(table, ids[:2], [{"mig_stage": "Final"}, {"mig_stage": Stage.Draft}])

    rows = client.records.list(table, filter="mig_count eq 7", orderby=["mig_name"])
    assert [(row["mig_name"], row["mig_stage"]) for row in rows] == [
        ("A", 100000001),
        ("B", 100000000),
        ("C", None),
    ]


def test_rows_are_upserted_by_key(client: DataverseClient, table: str) -> None:
    def item(code: str, count: int) -> UpsertItem:
        return UpsertItem(alternate_key={"mig_code": code}, record={"mig_name": code, "mig_count": count})

    client.records.upsert(table, [item("one's", 21)])
    client.records.upsert(table, [item("one's", 22), item("two", 22)])

    rows = client.records.list(table, filter="mig_count ge 21 and mig_count le 22", orderby=["mig_code"])
    assert [(row["mig_code"], row["mig_count"]) for row in rows] == [("one's", 22), ("two", 22)]


def test_rows_are_deleted_in_bulk(client: DataverseClient, table: str) -> None:
    ids = client.records.create(table, [{"mig_name": "Gone", "mig_count": 31}] * 3)

    job = client.records.delete(table, ids)

    assert job
    assert list(client.records.list(table, filter="mig_count eq 31")) == []


def test_pages_follow_each_other(client: DataverseClient, table: str) -> None:
    client.records.create(table, [{"mig_name": f"P{number}", "mig_count": 41} for number in range(5)])

    pages = list(client.records.list_pages(table, filter="mig_count eq 41", page_size=2))

    assert [len(page) for page in pages] == [2, 2, 1]


def test_a_query_expands_and_formats(client: DataverseClient) -> None:
    contact = client.records.create("contact", {"lastname": "Ito"})
    bind = {"primarycontactid@odata.bind": f"/contacts({contact})"}
    account = client.records.create("account", {"name": "Expanded", "industrycode": 1, **bind})

    rows = client.records.list(
        "account",
        filter=f"accountid eq {account}",
        select=["name", "industrycode"],
        expand=["primarycontactid($select=lastname)"],
        include_annotations="*",
    )

    [row] = list(rows)
    assert row["primarycontactid"]["lastname"] == "Ito"
    assert row["industrycode@OData.Community.Display.V1.FormattedValue"] == "Accounting"


def test_a_batch_carries_a_change_set_and_more(client: DataverseClient) -> None:
    batch = client.batch.new()
    with batch.changeset() as changes:
        contact = changes.records.create("contact", {"lastname": "Batched"})
        changes.records.create("account", {"name": "Batched", "primarycontactid@odata.bind": contact})
    batch.records.list("account", filter="name eq 'Batched'", select=["name"])
    batch.tables.get("account")

    result = batch.execute()

    assert not result.has_errors
    assert [answer.status_code for answer in result.responses] == [204, 204, 200, 200]
    assert result.responses[2].data is not None
    assert len(result.responses[2].data["value"]) == 1


def test_a_batch_goes_on_after_an_error(client: DataverseClient) -> None:
    batch = client.batch.new()
    batch.records.create("account", {"nothing": "x"})
    batch.records.create("account", {"name": "After the error"})

    result = batch.execute(continue_on_error=True)

    assert [answer.status_code for answer in result.responses] == [400, 204]
    assert result.responses[0].error_code == "0x0"


def test_a_table_says_what_it_is_made_of(client: DataverseClient, table: str) -> None:
    info = client.tables.get(table)

    columns = {column["LogicalName"]: column for column in client.tables.list_columns(table)}
    typed = client.tables.get_column(table, "mig_Code", typed=True)

    assert info is not None
    assert typed is not None
    assert (info["entity_set_name"], info["primary_name_attribute"]) == ("mig_visits", "mig_name")
    assert columns["mig_stage"]["AttributeType"] == "Picklist"
    assert typed["MaxLength"] == 50
    assert [key.schema_name for key in client.tables.get_alternate_keys(table)] == ["mig_VisitCode"]


def test_columns_come_change_and_go(client: DataverseClient, table: str) -> None:
    client.tables.add_columns(table, {"mig_Extra": {"type": "string", "max_length": 10}})

    client.tables.update_column(table, "mig_Extra", {"max_length": 20, "display_name": "Longer"})
    changed = client.tables.get_column(table, "mig_Extra", typed=True)
    client.tables.remove_columns(table, "mig_Extra")

    assert changed is not None
    assert (changed["MaxLength"], changed["DisplayName"]["UserLocalizedLabel"]["Label"]) == (20, "Longer")
    assert client.tables.get_column(table, "mig_Extra") is None


def test_relationships_come_and_go(client: DataverseClient, table: str) -> None:
    lookup = LookupAttributeMetadata("mig_AccountId", _label("Account"))
    relation = OneToManyRelationshipMetadata(
        "mig_account_visits", "account", "mig_visit", "accountid", CascadeConfiguration(delete="Restrict")
    )
    made = client.tables.create_one_to_many_relationship(lookup, relation)
    field = client.tables.create_lookup_field("mig_visit", "mig_ContactId", "contact")
    many = client.tables.create_many_to_many_relationship(
        ManyToManyRelationshipMetadata("mig_visit_contacts", "mig_visit", "contact")
    )

    account = client.records.create("account", {"name": "Visited"})
    visit = client.records.create(table, {"mig_name": "V", "mig_AccountId@odata.bind": f"/accounts({account})"})
    with pytest.raises(HttpError) as refused:
        client.records.delete("account", account)
    found = client.tables.get_relationship("mig_account_visits")
    names = {each["SchemaName"] for each in client.tables.list_table_relationships(table)}
    client.records.delete(table, visit)
    for relationship in (made, field, many):
        client.tables.delete_relationship(str(relationship.relationship_id))

    assert (refused.value.status_code, refused.value.details["service_error_code"]) == (405, "0x80040227")
    assert found is not None
    assert found.relationship_id == made.relationship_id
    assert {"mig_account_visits", "mig_visit_contacts"} <= names
    assert client.tables.get_relationship("mig_visit_contacts") is None


@pytest.mark.parametrize("mode", ["small", "chunk"])
def test_a_file_is_uploaded(
    mode: str, sandbox: tuple[DataverseOrg, DataverseClient], table: str, tmp_path: Path
) -> None:
    org, client = sandbox
    content = os.urandom(4_194_304 + 100)
    (tmp_path / "scan one.pdf").write_bytes(content)
    visit = client.records.create(table, {"mig_name": mode})

    client.files.upload(table, visit, "mig_Scan", str(tmp_path / "scan one.pdf"), mode=mode)

    with closing(sign_in(org)) as api:
        kept = api.get(f"mig_visits({visit})/mig_scan/$value")
        row = api.get(f"mig_visits({visit})?$select=mig_scan_name").json()
    assert kept.content == content
    assert row["mig_scan_name"] == "scan one.pdf"


def test_a_table_goes_with_its_rows(client: DataverseClient) -> None:
    client.tables.create("mig_Passing", {"mig_Number": "int"}, primary_column="mig_Title")
    client.records.create("mig_passing", {"mig_title": "x", "mig_number": 1})

    client.tables.delete("mig_Passing")

    assert client.tables.get("mig_Passing") is None
    with pytest.raises(MetadataError):
        client.tables.delete("mig_Passing")


def test_errors_carry_the_code_of_the_service(client: DataverseClient) -> None:
    with pytest.raises(HttpError) as missing:
        client.records.update("account", "5e100001-7d10-4c3e-9b21-6045bd000007", {"name": "x"})
    with pytest.raises(HttpError) as unknown:
        client.records.create("account", {"nothing": 1})

    codes = [(each.value.status_code, each.value.details["service_error_code"]) for each in (missing, unknown)]
    assert codes == [(404, "0x80040217"), (400, "0x0")]


def test_sql_is_answered(client: DataverseClient) -> None:
    contact = client.records.create("contact", {"lastname": "Joined"})
    bind = {"primarycontactid@odata.bind": f"/contacts({contact})"}
    client.records.create("account", {"name": "By SQL", "telephone1": "77", **bind})

    rows = client.query.sql(
        "SELECT TOP 5 a.name, c.lastname FROM account a JOIN contact c ON a.primarycontactid = c.contactid "
        "WHERE a.telephone1 = '77'"
    )
    with pytest.raises(HttpError) as refused:
        client.query.sql("SELECT nothing FROM account")

    assert [(row["name"], row["lastname"]) for row in rows] == [("By SQL", "Joined")]
    assert refused.value.status_code == 400
