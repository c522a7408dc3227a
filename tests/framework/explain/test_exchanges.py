"""What an explanation shows of requests and answers, hours after they passed."""

import json
import zlib

import pytest

from transload._explain.parts import own_exchange
from transload._explain.source_part import own_reading
from transload._ledger import Ledger
from transload._recording import KeptExchange, Message
from transload.context import utc_now
from transload.testing import ClientFolder
from transload.values import EntityName, RecordKey, SourceId

SECRET = {"TRANSLOAD_WIRE__CLIENT_SECRET": "OPEN-SESAME"}
ROW = "4fa58ae5-328b-8ba6-8daf-00000047f129"
OTHER = "4fa58ae5-328b-8ba6-8daf-00000047f12a"


def message(body: str, kind: str = "application/json") -> Message:
    return Message({"content-type": kind}, len(body), zlib.compress(body.encode()))


def exchange(
    sent: Message, received: Message | None = None, *, method: str = "POST", path: str = "rows"
) -> KeptExchange:
    status = None if received is None else 200
    return KeptExchange(utc_now(), method, f"https://crm.example.com/{path}", status, 5, "", sent, received)


def batch(*parts: str) -> Message:
    envelope = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary"
    body = "".join(f"--b1\r\n{envelope}\r\n\r\n{part}\r\n" for part in parts) + "--b1--\r\n"
    return message(body, 'multipart/mixed; boundary="b1"')


# --- the part of a row


def test_of_a_bulk_request_the_row_with_the_id_is_taken_and_not_one_that_refers_to_it() -> None:
    child = {"id": OTHER, "parent": f"/accounts({ROW})", "previous": ROW}
    own = {"id": ROW, "name": "Ada"}

    found = own_exchange(exchange(message(json.dumps({"Targets": [child, own]}))), ROW.upper(), alone=False)

    assert found is not None
    assert json.loads(found.sent.text) == own
    assert not found.sent.shared


def test_of_a_batch_the_request_that_addresses_the_row_is_taken_with_the_answer_in_its_place() -> None:
    sent = batch(
        f'PATCH /rows({OTHER}) HTTP/1.1\r\nIf-Match: *\r\n\r\n{{"parent":"{ROW}"}}',
        f'PATCH /rows({ROW}) HTTP/1.1\r\nIf-Match: *\r\n\r\n{{"name":"Ada"}}',
    )
    received = batch("HTTP/1.1 204 No Content", 'HTTP/1.1 412 No\r\n\r\n{"error":{"code":"0x8"}}')

    found = own_exchange(exchange(sent, received), ROW, alone=False)

    assert found is not None
    assert found.sent.text == f'PATCH /rows({ROW}) HTTP/1.1\nIf-Match: *\n\n{{\n "name": "Ada"\n}}'
    assert found.received.text.startswith("HTTP/1.1 412 No\n\n{")


def test_a_refusal_of_the_whole_request_stands_for_all_its_rows() -> None:
    sent, refusal = message(json.dumps({"Targets": [{"id": ROW}, {"id": OTHER}]})), message('{"error":"no"}')

    found = own_exchange(exchange(sent, refusal), ROW, alone=False)

    assert found is not None
    assert (json.loads(found.received.text), found.received.shared) == ({"error": "no"}, True)


def test_of_an_answer_with_many_rows_the_one_with_the_id_is_taken() -> None:
    rows = message(json.dumps({"value": [{"id": OTHER, "n": 1}, {"id": ROW, "n": 2}]}))

    found = own_exchange(exchange(message(""), rows, method="GET"), ROW, alone=False)

    assert found is not None
    assert json.loads(found.received.text) == {"id": ROW, "n": 2}


@pytest.mark.parametrize("alone", [True, False])
def test_what_says_nothing_of_the_row_is_left_out_unless_the_batch_was_for_it_alone(alone: bool) -> None:
    found = own_exchange(exchange(message('{"token":"***"}'), message("{}")), ROW, alone=alone)

    assert (found is not None) is alone


def test_a_request_that_addresses_the_row_is_its_own() -> None:
    found = own_exchange(exchange(message('{"statecode":1}'), path=f"rows({ROW})"), ROW, alone=False)

    assert found is not None
    assert (json.loads(found.sent.text), found.sent.shared) == ({"statecode": 1}, False)


def test_a_body_that_was_cut_is_shown_as_it_is_where_it_names_the_row() -> None:
    found = own_exchange(exchange(message(f'{{"Targets":[{{"id":"{ROW}","name":"Ad')), ROW, alone=False)

    assert found is not None
    assert found.sent.text.endswith('"name":"Ad')


# --- the part of a record


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/xml", "<jobs><job><id>8</id></job><job><id>7</id><n>x</n><note><id>9</id></note></job></jobs>"),
        ("application/json", '{"jobs":[{"id":8},{"id":7,"n":"x","note":{"id":9}}]}'),
    ],
)
def test_the_part_of_a_record_is_the_element_with_its_id(kind: str, body: str) -> None:
    page = exchange(message(""), message(body, kind), method="GET")

    found = own_reading([page], RecordKey(EntityName("job"), SourceId("7")))

    assert found is not None
    assert "8" not in found.received.text
    assert {"7", "x", "9"} <= set(found.received.text.replace(">", " ").replace("<", " ").replace('"', " ").split()) | {
        word.strip(",") for word in found.received.text.split()
    }


@pytest.mark.parametrize(
    ("entity", "found"),
    [("customer", "<customer><id>7</id></customer>"), ("contact", "<contact><id>7</id></contact>"), ("order", None)],
)
def test_of_elements_with_one_id_that_of_the_entity_is_taken_or_none(entity: str, found: str | None) -> None:
    body = (
        "<customers><customer><id>7</id></customer><customer><contacts><contact><id>7</id></contact></contacts>"
        "</customer></customers>"
    )
    page = exchange(message(""), message(body, "application/xml"), method="GET")

    own = own_reading([page], RecordKey(EntityName(entity), SourceId("7")))

    assert (own and "".join(own.received.text.split())) == found


def test_a_page_with_declarations_is_not_taken_apart() -> None:
    body = "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><jobs><job><id>7</id><n>&a;</n></job></jobs>"

    page = exchange(message(""), message(body, "application/xml"), method="GET")

    assert own_reading([page], RecordKey(EntityName("job"), SourceId("7"))) is None


# --- from the command line


def test_requests_and_answers_are_shown_hours_later_with_the_records_own_part(wired: ClientFolder) -> None:
    told = wired.run("explain", "job", "4", "--json", environ=SECRET)

    rows = told.rows("exchanges")
    read, written = rows[0], [row for row in rows if row["of"].startswith("write")]
    assert (read["request"], read["status"]) == ("GET https://crm.example.com/api/job", "200")
    assert "<name>job 4</name>" in read["received"]
    assert "job 5" not in read["received"]
    assert [(row["request"], row["status"]) for row in written] == [
        ("POST https://crm.example.com/api/incident/UpsertMultiple", "204"),
        ("POST https://crm.example.com/api/incident/UpsertMultiple", "204"),
    ]
    assert "if-match: *" in written[0]["sent"]
    assert '"record": "job 4"' in written[0]["sent"]
    assert "job 5" not in written[0]["sent"]


def test_no_secret_is_kept_or_shown(wired: ClientFolder) -> None:
    wired.run("explain", "job", "4", environ=SECRET)

    ledger = (wired.path / "ledger.sqlite").read_bytes()
    with (
        Ledger.open(str(wired.path / "ledger.sqlite"), read_only=True) as opened,
        opened.database.reading() as connection,
    ):
        packed = connection.exec_driver_sql("select sent, received from ledger_exchange").all()
    bodies = b"".join(zlib.decompress(one) for row in packed for one in row if one)
    pages = b"".join(path.read_bytes() for path in (wired.path / "reports").iterdir())
    assert b"job 4" in bodies
    assert b"job 4" in pages
    for kept in (ledger, bodies, pages):
        assert b"SESAME" not in kept


def test_what_stopped_a_run_is_shown_with_the_answer(wired: ClientFolder) -> None:
    wired.source.change("job", "3", name="Bad Title")
    wired.run("delta", environ=SECRET)

    told = wired.run("explain", "job", "3", "--json", environ=SECRET)

    refused = next(row for row in told.rows("exchanges") if row["status"] == "400")
    assert told.json["verdict"]["headline"] == "job 3 was sent, and nobody knows whether it arrived"
    assert "Bad Title" in refused["sent"]
    assert '"message": "no, ***"' in refused["received"]
    assert "x-ms-service-request-id: r-77" in refused["received"]


def test_only_the_last_reading_of_the_source_is_kept(wired: ClientFolder) -> None:
    def readings() -> int:
        counted = "select count(*) from ledger_exchange where errand = 'read'"
        place = str(wired.path / "ledger.sqlite")
        with Ledger.open(place, read_only=True) as opened, opened.database.reading() as connection:
            return int(connection.exec_driver_sql(counted).scalar_one())

    before = readings()
    wired.run("delta", environ=SECRET)
    told = wired.run("explain", "job", "4", "--json", environ=SECRET)

    assert readings() == before == 3
    assert told.rows("exchanges")[0]["of"] == "read"


def test_a_rollback_leaves_its_requests_too(wired: ClientFolder) -> None:
    wired.run("rollback", environ=SECRET)

    told = wired.run("explain", "job", "4", "--json", environ=SECRET)

    undone = [row for row in told.rows("exchanges") if row["of"] == "rollback"]
    assert [row["request"].partition("(")[0] for row in undone] == ["DELETE https://crm.example.com/api/incident"]
