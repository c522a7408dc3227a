"""Queues: rows come in, move, are worked on, and go."""

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import created_id
from transload_sandbox.dataverse.testing import error_code as code

NAMESPACE = "Microsoft.Dynamics.CRM."


@pytest.fixture
def task(org: DataverseOrg) -> dict[str, str]:
    """A task, as a parameter."""
    return {"@odata.type": f"{NAMESPACE}task", "activityid": org.create("task", {"subject": "Call back"})}


def add(api: httpx.Client, queue: str, target: dict[str, str], **more: object) -> httpx.Response:
    return api.post(f"queues({queue})/{NAMESPACE}AddToQueue", json={"Target": target, **more})


def queue(api: httpx.Client, name: str) -> str:
    return created_id(api.post("queues", json={"name": name, "queueviewtype": 0}))


def test_a_row_that_comes_into_a_queue_is_an_item_of_it(
    task: dict[str, str], org: DataverseOrg, api: httpx.Client
) -> None:
    user = org.environment.fixed_id("system user")
    there = queue(api, "Front desk")
    properties = {"@odata.type": f"{NAMESPACE}queueitem", "workerid_systemuser@odata.bind": f"/systemusers({user})"}

    item = add(api, there, task, QueueItemProperties=properties).json()["QueueItemId"]

    row = api.get(f"queueitems({item})").json()
    assert (row["title"], row["_queueid_value"], row["_objectid_value"]) == ("Call back", there, task["activityid"])
    assert row["_workerid_value"] == user
    assert row["enteredon"] is not None
    assert row["workeridmodifiedon"] is not None


def test_a_row_is_in_one_queue_at_a_time(task: dict[str, str], api: httpx.Client) -> None:
    first, second = queue(api, "First"), queue(api, "Second")

    item = add(api, first, task).json()["QueueItemId"]
    moved = add(api, second, task, SourceQueue={"queueid": first}).json()["QueueItemId"]
    elsewhere = add(api, second, task, SourceQueue={"queueid": first})

    [row] = api.get("queueitems").json()["value"]
    assert (item, row["_queueid_value"]) == (moved, second)
    assert code(elsewhere) == (400, "0x80040203")


def test_an_item_is_picked_released_and_removed(task: dict[str, str], org: DataverseOrg, api: httpx.Client) -> None:
    user = org.environment.fixed_id("system user")
    path = f"queueitems({add(api, queue(api, 'Desk'), task).json()['QueueItemId']})"
    pick = {"SystemUser": {"systemuserid": user}, "RemoveQueueItem": False}

    api.post(f"{path}/{NAMESPACE}PickFromQueue", json=pick).raise_for_status()
    picked = api.get(path).json()["_workerid_value"]
    api.post(f"{path}/{NAMESPACE}ReleaseToQueue").raise_for_status()
    released = api.get(path).json()["_workerid_value"]
    api.post(f"{path}/{NAMESPACE}RemoveFromQueue").raise_for_status()

    assert (picked, released) == (user, None)
    assert api.get(path).status_code == 404


def test_an_item_that_is_picked_for_good_is_gone(task: dict[str, str], org: DataverseOrg, api: httpx.Client) -> None:
    path = f"queueitems({add(api, queue(api, 'Desk'), task).json()['QueueItemId']})"
    pick = {"SystemUser": {"systemuserid": org.environment.fixed_id("system user")}, "RemoveQueueItem": True}

    api.post(f"{path}/{NAMESPACE}PickFromQueue", json=pick).raise_for_status()

    assert org.count("queueitem") == 0


def test_items_go_with_their_rows(task: dict[str, str], org: DataverseOrg, api: httpx.Client) -> None:
    add(api, queue(api, "Desk"), task).raise_for_status()

    api.delete(f"tasks({task['activityid']})").raise_for_status()

    assert org.count("queueitem") == 0


def test_rows_of_other_tables_do_not_queue(org: DataverseOrg, api: httpx.Client) -> None:
    account = {"@odata.type": f"{NAMESPACE}account", "accountid": org.create("account", {"name": "Kiel"})}

    assert code(add(api, queue(api, "Desk"), account)) == (400, "0x80040203")
