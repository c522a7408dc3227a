"""Bulk messages and batches, beyond the captured exchanges: all or nothing, and how far an error reaches."""

from typing import Any

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import add_source_id
from transload_sandbox.dataverse.testing import error_code as code

TYPE = {"@odata.type": "Microsoft.Dynamics.CRM.account"}


def _send(api: httpx.Client, message: str, *targets: dict[str, Any]) -> httpx.Response:
    return api.post(f"accounts/Microsoft.Dynamics.CRM.{message}", json={"Targets": [TYPE | each for each in targets]})


def _upsert(api: httpx.Client, *targets: tuple[str, dict[str, Any]]) -> httpx.Response:
    named = [{"@odata.id": f"accounts(mig_sourceid='{key}')", **body} for key, body in targets]
    return _send(api, "UpsertMultiple", *named)


def test_an_upsert_creates_and_updates_in_one_message(org: DataverseOrg, api: httpx.Client) -> None:
    add_source_id(api, "account")
    _upsert(api, ("a", {"name": "A"}), ("b", {"name": "B"}))

    answer = _upsert(api, ("b", {"name": "B2"}), ("c", {"name": "C"}))

    assert (answer.status_code, answer.content) == (204, b"")
    rows = {row["mig_sourceid"]: row["name"] for row in org.rows("account")}
    assert rows == {"a": "A", "b": "B2", "c": "C"}


def test_an_upsert_by_id_creates_rows_with_these_ids(org: DataverseOrg, api: httpx.Client) -> None:
    ids = ["5e100051-7d10-4c3e-9b21-6045bd000237", "5e100052-7d10-4c3e-9b21-6045bd00023e"]

    for name in ("A", "B"):
        _send(api, "UpsertMultiple", *({"accountid": each, "name": name} for each in ids)).raise_for_status()

    assert {str(row["accountid"]): row["name"] for row in org.rows("account")} == dict.fromkeys(ids, "B")


@pytest.mark.parametrize("message", ["CreateMultiple", "UpsertMultiple"])
def test_one_bad_target_undoes_the_whole_message(message: str, org: DataverseOrg, api: httpx.Client) -> None:
    add_source_id(api, "account")
    before = org.digest()
    good, bad = ({"@odata.id": f"accounts(mig_sourceid='{key}')"} for key in ("a", "b"))

    answer = _send(api, message, {**good, "name": "A"}, {**bad, "name": "x" * 161})

    assert code(answer) == (400, "0x80044331")
    assert org.digest() == before


def test_the_same_row_twice_is_a_deadlock(api: httpx.Client) -> None:
    add_source_id(api, "account")

    answer = _upsert(api, ("a", {"name": "A"}), ("A", {"name": "B"}))

    assert code(answer) == (500, "0x80044150")


def test_key_columns_must_not_be_repeated_in_a_new_target(api: httpx.Client) -> None:
    add_source_id(api, "account")

    answer = _upsert(api, ("a", {"name": "A", "mig_sourceid": "a"}))

    assert answer.status_code == 400


def test_a_target_without_its_type_is_refused(api: httpx.Client) -> None:
    answer = api.post("accounts/Microsoft.Dynamics.CRM.CreateMultiple", json={"Targets": [{"name": "A"}]})

    assert code(answer) == (400, "0x80048d19")


def test_notes_have_no_bulk_messages(api: httpx.Client) -> None:
    answer = api.post("annotations/Microsoft.Dynamics.CRM.CreateMultiple", json={"Targets": []})

    assert answer.status_code == 404


def _batch(api: httpx.Client, *parts: str, prefer: str = "") -> httpx.Response:
    lines: list[str] = []
    for part in parts:
        lines += ["--b", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "", part]
    content = "\r\n".join([*lines, "--b--", ""]).encode()
    headers = {"Content-Type": "multipart/mixed; boundary=b", **({"Prefer": prefer} if prefer else {})}
    return api.post("$batch", content=content, headers=headers)


def _create(name: str) -> str:
    head = "POST /api/data/v9.2/accounts HTTP/1.1\r\nContent-Type: application/json\r\n"
    return f'{head}\r\n{{"name":"{name}"}}'


def test_what_ran_before_an_error_stays(org: DataverseOrg, api: httpx.Client) -> None:
    answer = _batch(api, _create("One"), _create("x" * 161), _create("Three"))

    assert answer.status_code == 400
    assert [row["name"] for row in org.rows("account")] == ["One"]


def test_a_thousand_requests_are_the_most(org: DataverseOrg, api: httpx.Client) -> None:
    answer = _batch(api, *(_create(str(number)) for number in range(1001)))

    assert answer.status_code == 400
    assert org.count("account") == 0


def test_the_body_must_end_in_a_line_break(api: httpx.Client) -> None:
    content = b"--b\r\nContent-Type: application/http\r\n\r\n" + _create("One").encode() + b"\r\n--b--"

    answer = api.post("$batch", content=content, headers={"Content-Type": "multipart/mixed; boundary=b"})

    assert answer.status_code == 400
    assert "0x80048d19" in answer.text


def test_inner_headers_count(api: httpx.Client) -> None:
    head = "POST /api/data/v9.2/accounts?$select=name HTTP/1.1\r\nPrefer: return=representation\r\n"

    answer = _batch(api, f'{head}Content-Type: application/json\r\n\r\n{{"name":"One"}}')

    assert "HTTP/1.1 201 Created" in answer.text
    assert '"name":"One"' in answer.text


def test_tables_that_are_empty_here_can_be_listed(api: httpx.Client) -> None:
    assert api.get("audits?$top=1").json()["value"] == []
