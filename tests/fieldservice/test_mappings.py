"""The documents that put work orders in place of cases."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from transload import TableName
from transload.testing import host_plugins, open_context
from transload_fieldservice import plugin
from transload_fieldservice.settings import FieldServiceSettings

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shipped


@pytest.fixture
def shipped(choose: Callable[..., Shipped]) -> Shipped:
    return choose(fieldservice=True)


def test_other_pairs_have_none(tmp_path: Path) -> None:
    with open_context(tmp_path, FieldServiceSettings()) as context:
        plugins = host_plugins(plugin)

        assert plugins.mappings("kickserv", "another", context) == []
        assert plugins.mappings("another", "dynamics365", context) == []


def test_jobs_events_and_hours_move_to_the_tables_of_field_service(choose: Callable[..., Shipped]) -> None:
    with_it, without = choose(fieldservice=True), choose()

    entities = ("job", "event", "time_entry", "item", "booking", "resource")

    assert [without.becomes(entity) for entity in entities] == ["incident", "appointment", "task", "product", "", ""]
    assert [with_it.becomes(entity) for entity in entities] == [
        "msdyn_workorder", "appointment", "msdyn_timeentry", "product", "bookableresourcebooking", "bookableresource",
    ]  # fmt: skip


def test_nothing_points_to_a_case_any_more(shipped: Shipped) -> None:
    text = "".join(document.model_dump_json() for document in shipped.written())

    assert '"incident"' not in text


def test_every_event_becomes_a_booking_or_an_activity_but_not_both(shipped: Shipped) -> None:
    booking, event = shipped.documents["booking"], shipped.documents["event"]

    assert booking.when == {"bookable": [True]}
    assert event.when == {"kind": ["work", "estimate", "meeting"], "bookable": [False]}


def test_every_charge_of_an_order_becomes_a_product_or_a_service(shipped: Shipped) -> None:
    lines = [shipped.documents[name] for name in ("work_order_product", "work_order_service")]

    assert [line.when["kind"] for line in lines] == [["product"], ["service"]]
    assert all(line.when["on_order"] == [True] for line in lines)


def test_what_bookings_drive_is_written_after_them(shipped: Shipped) -> None:
    fields = shipped.documents["job"].fields

    late = {name for name, rule in fields.items() if rule.late}

    assert late == {"msdyn_systemstatus", "msdyn_completedon", "msdyn_firstarrivedon"}


def test_a_completed_job_is_not_posted_unless_a_setting_says_so(choose: Callable[..., Shipped]) -> None:
    default, posted = (
        choose(fieldservice=True, invoiced_jobs=chosen).documents["job"].fields["msdyn_systemstatus"]
        for chosen in ("completed", "posted")
    )

    assert "Posted" not in (default.values or {}).values()
    assert {"settled": "Posted", **(default.values or {})} == posted.values
    assert (default.sources, posted.sources) == (("status",), ("settled", "status"))


def test_what_field_service_would_do_by_itself_is_held_off(choose: Callable[..., Shipped]) -> None:
    default, posted = (choose(fieldservice=True, invoiced_jobs=chosen) for chosen in ("completed", "posted"))

    table = default.target.tables[TableName("msdyn_fieldservicesetting")]
    holds = {**default.documents["booking"].hold[table.name], **posted.documents["job"].hold[table.name]}

    assert holds == {
        "msdyn_timeentrygenerationstrategy": "Manual",
        "msdyn_workorderinvoicecreation": "Never",
        "msdyn_generateactuals": False,
    }
    assert default.documents["job"].hold == {}
    assert holds.keys() <= table.columns.keys()


def test_names_and_time_zone_are_those_of_the_settings(tmp_path: Path) -> None:
    chosen = FieldServiceSettings(work_order_type="Service: call", territory='The "North"', time_zone=20)

    with open_context(tmp_path, chosen) as context:
        offered = host_plugins(plugin).mappings("kickserv", "dynamics365", context)
    documents = {document.entity: document for document in offered}

    kind, resource = documents["job_type"], documents["resource"]
    assert (kind.placeholder or {})["msdyn_name"] == kind.fields["msdyn_name"].default == "Service: call"
    assert documents["territory"].given == [{"id": "base", "name": 'The "North"'}]
    assert (resource.placeholder or {})["timezone"] == resource.fields["timezone"].value == 20


def test_an_employee_who_is_dropped_for_users_is_kept_for_resources(shipped: Shipped) -> None:
    assert "name" not in shipped.documents["employee"].dropped
    assert "name" in shipped.documents["resource"].used_fields()


def test_nobody_else_knows_work_orders(pytestconfig: pytest.Config) -> None:
    found = subprocess.run(
        ["git", "grep", "-il", "workorder", "--", "framework", "plugins", "benchmarks", "cassettes", "*.toml"],
        cwd=pytestconfig.rootpath, capture_output=True, text=True, check=False,
    ).stdout.splitlines()  # fmt: skip

    assert found
    assert all(file.startswith("plugins/fieldservice/") for file in found)
