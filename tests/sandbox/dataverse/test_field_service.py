"""Field Service: bookings drive work orders, and work orders have consequences."""

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import created_id

UNSCHEDULED, SCHEDULED, IN_PROGRESS, COMPLETED, POSTED = range(690970000, 690970005)


@pytest.fixture
def order(api: httpx.Client) -> str:
    """The address of a new work order."""
    account = created_id(api.post("accounts", json={"name": "Kiel"}))
    [kind] = api.get("msdyn_workordertypes").json()["value"]
    body = {
        "msdyn_serviceaccount@odata.bind": f"accounts({account})",
        "msdyn_workordertype@odata.bind": f"msdyn_workordertypes({kind['msdyn_workordertypeid']})",
    }
    return f"msdyn_workorders({created_id(api.post('msdyn_workorders', json=body))})"


def _status(api: httpx.Client, name: str) -> dict[str, object]:
    rows = api.get(f"bookingstatuses?$filter=name eq '{name}'").json()["value"]
    return {"BookingStatus@odata.bind": f"bookingstatuses({rows[0]['bookingstatusid']})"}


def _book(api: httpx.Client, order: str, status: str = "Scheduled") -> str:
    resource = created_id(api.post("bookableresources", json={"name": "Pia", "resourcetype": 1, "timezone": 110}))
    body = {
        "starttime": "2024-11-05T08:00:00Z",
        "endtime": "2024-11-05T10:00:00Z",
        "duration": 120,
        "Resource@odata.bind": f"bookableresources({resource})",
        "msdyn_workorder@odata.bind": order,
        **_status(api, status),
    }
    return f"bookableresourcebookings({created_id(api.post('bookableresourcebookings', json=body))})"


def _system_status(api: httpx.Client, order: str) -> int:
    return int(api.get(f"{order}?$select=msdyn_systemstatus").json()["msdyn_systemstatus"])


def test_a_work_order_is_numbered_and_completed_from_its_account(api: httpx.Client, order: str) -> None:
    row = api.get(order).json()

    assert row["msdyn_name"] == "00001"
    assert row["msdyn_systemstatus"] == UNSCHEDULED
    assert row["_msdyn_billingaccount_value"] == row["_msdyn_serviceaccount_value"]
    assert row["_msdyn_pricelist_value"] is not None


def test_bookings_drive_the_work_order(api: httpx.Client, order: str) -> None:
    seen = [_system_status(api, order)]
    booking = _book(api, order)
    seen.append(_system_status(api, order))

    for status in ("Traveling", "On Break", "In Progress", "Completed", "Canceled"):
        api.patch(booking, json=_status(api, status)).raise_for_status()
        seen.append(_system_status(api, order))

    assert seen == [UNSCHEDULED, SCHEDULED, IN_PROGRESS, IN_PROGRESS, IN_PROGRESS, COMPLETED, UNSCHEDULED]


def test_a_status_that_completes_nothing_sends_the_order_back(api: httpx.Client, order: str) -> None:
    part = {
        "name": "Partly",
        "status": 2,
        "msdyn_fieldservicestatus": 690970004,
        "msdyn_statuscompletesworkorder": False,
    }
    api.post("bookingstatuses", json=part).raise_for_status()

    _book(api, order, "Partly")

    assert _system_status(api, order) == UNSCHEDULED


def test_a_booking_that_goes_frees_the_order(api: httpx.Client, order: str) -> None:
    booking = _book(api, order)

    api.delete(booking).raise_for_status()

    assert _system_status(api, order) == UNSCHEDULED


def test_every_status_of_a_booking_leaves_a_timestamp(org: DataverseOrg, api: httpx.Client, order: str) -> None:
    booking = _book(api, order)
    api.patch(booking, json=_status(api, "In Progress")).raise_for_status()
    api.patch(booking, json={"name": "Renamed"}).raise_for_status()

    stamped = sorted(int(str(row["msdyn_systemstatus"])) for row in org.rows("msdyn_bookingtimestamp"))

    assert stamped == [690970000, 690970003]


@pytest.mark.parametrize(("strategy", "entries"), [(192355200, 0), (192355201, 1)])
def test_completed_bookings_make_time_entries_when_the_setting_says_so(
    strategy: int, entries: int, org: DataverseOrg, api: httpx.Client, order: str
) -> None:
    [setting] = api.get("msdyn_fieldservicesettings").json()["value"]
    address = f"msdyn_fieldservicesettings({setting['msdyn_fieldservicesettingid']})"
    api.patch(address, json={"msdyn_timeentrygenerationstrategy": strategy}).raise_for_status()

    _book(api, order, "Completed")

    assert org.count("msdyn_timeentry") == entries


def test_posting_invoices_and_says_who_closed(org: DataverseOrg, api: httpx.Client, order: str) -> None:
    line = {
        "msdyn_workorder@odata.bind": order,
        "msdyn_name": "Valve",
        "msdyn_linestatus": 690970001,
        "msdyn_quantity": 2,
        "msdyn_unitamount": 30,
    }
    api.post("msdyn_workorderproducts", json=line).raise_for_status()

    api.patch(order, json={"msdyn_systemstatus": POSTED}).raise_for_status()

    row = api.get(f"{order}?$select=_msdyn_closedby_value,msdyn_timeclosed,statecode").json()
    [invoice] = org.rows("invoice")
    assert row["_msdyn_closedby_value"] == org.add_application_user("loader").user_id
    assert row["msdyn_timeclosed"] is not None
    assert row["statecode"] == 0
    assert invoice["totalamount"] == 60


def test_posting_makes_no_invoice_when_the_setting_says_never(org: DataverseOrg, api: httpx.Client, order: str) -> None:
    [setting] = api.get("msdyn_fieldservicesettings").json()["value"]
    address = f"msdyn_fieldservicesettings({setting['msdyn_fieldservicesettingid']})"
    api.patch(address, json={"msdyn_workorderinvoicecreation": 690970000}).raise_for_status()

    api.patch(order, json={"msdyn_systemstatus": POSTED}).raise_for_status()

    assert org.count("invoice") == 0


def test_completing_stamps_the_time_and_makes_no_invoice(org: DataverseOrg, api: httpx.Client, order: str) -> None:
    api.patch(order, json={"msdyn_systemstatus": COMPLETED}).raise_for_status()

    assert api.get(f"{order}?$select=msdyn_completedon").json()["msdyn_completedon"] is not None
    assert org.count("invoice") == 0


def test_a_time_entry_works_out_its_end(api: httpx.Client) -> None:
    body = {"msdyn_start": "2024-11-05T08:00:00Z", "msdyn_duration": 90, "msdyn_type": 192350000}

    entry = created_id(api.post("msdyn_timeentries", json=body))

    assert api.get(f"msdyn_timeentries({entry})?$select=msdyn_end").json()["msdyn_end"] == "2024-11-05T09:30:00Z"
