"""Change tracking: first loads, deltas, and tokens that grow old."""

from contextlib import closing
from typing import Any

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import API, Clock, error_code, sign_in

TRACK = {"Prefer": "odata.track-changes"}


def _load(api: httpx.Client, size: int = 5000) -> tuple[list[dict[str, Any]], str]:
    """Read everything; return rows and delta link."""
    rows: list[dict[str, Any]] = []
    url = "accounts?$select=name"
    while True:
        answer = api.get(url, headers={"Prefer": f"odata.track-changes,odata.maxpagesize={size}"}).raise_for_status()
        rows += answer.json()["value"]
        if "@odata.deltaLink" in answer.json():
            return rows, answer.json()["@odata.deltaLink"]
        url = answer.json()["@odata.nextLink"]


def test_a_delta_holds_what_was_created_changed_and_deleted(org: DataverseOrg, api: httpx.Client) -> None:
    ids = {name: org.create("account", {"name": name}) for name in ("kept", "changed", "gone")}
    rows, link = _load(api)
    new = org.create("account", {"name": "new"})
    api.patch(f"accounts({ids['changed']})", json={"telephone1": "1"}).raise_for_status()
    api.delete(f"accounts({ids['gone']})").raise_for_status()

    delta = api.get(link).raise_for_status().json()

    assert len(rows) == 3
    assert link.startswith(f"{API}accounts?$select=name&$deltatoken=")
    assert delta["@odata.context"] == f"{API}$metadata#accounts(name)/$delta"
    assert [row["accountid"] for row in delta["value"][:2]] == [new, ids["changed"]]
    deleted = {
        "@odata.context": f"{API}$metadata#accounts/$deletedEntity",
        "id": ids["gone"],
        "reason": "deleted",
    }
    assert delta["value"][2:] == [deleted]
    again = api.get(delta["@odata.deltaLink"]).json()
    assert again["value"] == []
    assert "@odata.deltaLink" in again


def test_first_loads_come_in_pages_and_miss_nothing_meanwhile(org: DataverseOrg, api: httpx.Client) -> None:
    for number in range(3):
        org.create("account", {"name": str(number)})
    first = api.get("accounts?$select=name", headers={"Prefer": "odata.track-changes,odata.maxpagesize=2"}).json()
    late = org.create("account", {"name": "late"})

    second = api.get(first["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=2"}).json()
    while "@odata.nextLink" in second:
        second = api.get(second["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=2"}).json()
    delta = api.get(second["@odata.deltaLink"]).json()

    assert "@odata.deltaLink" not in first
    assert late in [row["accountid"] for row in delta["value"]]


def test_long_deltas_come_in_pages(org: DataverseOrg, api: httpx.Client) -> None:
    gone = [org.create("account", {"name": str(number)}) for number in range(3)]
    _, link = _load(api, size=2)
    created = {org.create("account", {"name": "new"}) for _ in range(3)}
    for each in gone:
        api.delete(f"accounts({each})").raise_for_status()

    found: list[str] = []
    body = api.get(link, headers={"Prefer": "odata.maxpagesize=2"}).json()
    found += [row.get("accountid") or row["id"] for row in body["value"]]
    while "@odata.nextLink" in body:
        body = api.get(body["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=2"}).json()
        found += [row.get("accountid") or row["id"] for row in body["value"]]

    assert len(found) == 6
    assert set(found) == created | set(gone)
    assert "@odata.deltaLink" in body


def test_changes_can_be_counted(org: DataverseOrg, api: httpx.Client) -> None:
    _, link = _load(api)
    api.delete(f"accounts({org.create('account', {'name': 'short'})})").raise_for_status()
    org.create("account", {"name": "new"})

    answer = api.get(f"accounts/$count?$deltatoken={link.partition('$deltatoken=')[2]}")

    assert answer.content == "\ufeff2".encode()


@pytest.mark.parametrize("option", ["$filter=statecode eq 0", "$orderby=name", "$expand=primarycontactid", "$top=1"])
def test_tracked_queries_refuse_options(option: str, api: httpx.Client) -> None:
    answer = api.get(f"accounts?$select=name&{option}", headers=TRACK)

    assert error_code(answer) == (400, "0x80060888")
    name = option.partition("=")[0]
    message = f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
    assert answer.json()["error"]["message"] == message


def test_tokens_expire(org: DataverseOrg, api: httpx.Client, clock: Clock) -> None:
    _, link = _load(api)

    clock.advance(8 * 24 * 3600)
    with closing(sign_in(org)) as later:
        answer = later.get(link)

    assert error_code(answer) == (400, "0x80044352")
