"""Bulk deletes that run as jobs, and limits that can be made small."""

import httpx

from transload_sandbox.dataverse import DataverseOrg, Limits
from transload_sandbox.dataverse.testing import Clock, sign_in
from transload_sandbox.dataverse.testing import error_code as code


def _start(api: httpx.Client, conditions: list[dict[str, object]], **more: object) -> str:
    query = {"EntityName": "account", "Criteria": {"FilterOperator": "And", "Conditions": conditions, "Filters": []}}
    body = {"JobName": "undo", "QuerySet": [query], "RecurrencePattern": "", "SendEmailNotification": False, **more}
    return str(api.post("BulkDelete", json=body).raise_for_status().json()["JobId"])


def _state(api: httpx.Client, job: str) -> tuple[int, int]:
    row = api.get(f"asyncoperations({job})?$select=statecode,statuscode").json()
    return row["statecode"], row["statuscode"]


def test_a_bulk_delete_takes_what_its_query_finds(org: DataverseOrg, api: httpx.Client) -> None:
    for number in range(4):
        org.create("account", {"name": f"Run {number}", "importsequencenumber": number % 2})
    odd: dict[str, object] = {
        "AttributeName": "importsequencenumber",
        "Operator": "Equal",
        "Values": [{"Value": "1", "Type": "System.Int32"}],
    }

    job = _start(api, [odd])

    assert _state(api, job) == (3, 30)
    assert org.count("account") == 2


def test_a_bulk_delete_waits_for_its_time(org: DataverseOrg, clock: Clock, api: httpx.Client) -> None:
    org.create("account", {"name": "Kiel"})

    job = _start(api, [], StartDateTime="2026-02-02T03:00:00Z")
    before = _state(api, job)
    clock.advance(1_800)

    assert (before, _state(api, job)) == ((1, 10), (3, 30))


def test_what_a_bulk_delete_cannot_delete_is_listed(org: DataverseOrg, api: httpx.Client) -> None:
    kept = org.create("account", {"name": "Kiel"})
    org.create("account", {"name": "Lübeck"})
    org.create("invoice", {"name": "I", "customerid_account@odata.bind": f"accounts({kept})"})

    job = _start(api, [])
    _state(api, job)

    [failure] = api.get("bulkdeletefailures").json()["value"]
    [progress] = api.get(f"bulkdeleteoperations?$filter=_asyncoperationid_value eq {job}").json()["value"]
    assert (failure["regardingobjectid"], org.count("account")) == (kept, 1)
    assert failure["_bulkdeleteoperationid_value"] == progress["bulkdeleteoperationid"]
    assert (progress["successcount"], progress["failurecount"], progress["statuscode"]) == (1, 1, 30)


def test_hammering_makes_the_wait_longer(clock: Clock) -> None:
    org = DataverseOrg(clock=clock, limits=Limits(requests=1, window_seconds=10))
    api = sign_in(org)
    api.get("WhoAmI")

    waits = [int(api.get("WhoAmI").headers["Retry-After"]) for _ in range(3)]
    clock.advance(60)
    later = api.get("WhoAmI")

    api.close()
    org.close()
    assert waits == [10, 20, 30]
    assert later.status_code == 200


def test_a_window_can_be_one_second(clock: Clock) -> None:
    org = DataverseOrg(clock=clock, limits=Limits(requests=1, window_seconds=1))
    api = sign_in(org)

    first, second = api.get("WhoAmI"), api.get("WhoAmI")
    clock.advance(1.1)
    third = api.get("WhoAmI")

    api.close()
    org.close()
    assert code(second) == (429, "0x80072322")
    assert [first.status_code, third.status_code, second.headers["Retry-After"]] == [200, 200, "1"]
