"""What the sink's audit says of an environment, asked through its API, with reading requests only."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from transload import Finding, Lookup, RunContext, SourceSchema, TableName
from transload_dynamics_sink import plugin
from transload_dynamics_sink.settings import DynamicsSettings
from transload_sandbox import DataverseSandbox
from transload_sandbox.kickserv import Company

BOSS, USER = "boss@example.com", TableName("systemuser")
TABLES = [TableName(name) for name in ("account", "contact", "incident")]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DataverseSandbox]:
    with DataverseSandbox(Company(customers=1)) as running:
        running.org.add_user("Boss", BOSS)
        running.org.add_user("Gone Example", "gone@example.com", disabled=True)
        yield running


@contextmanager
def signed_in(sandbox: DataverseSandbox, folder: Path, client_id: str, secret: str) -> Iterator[RunContext]:
    settings = DynamicsSettings.model_validate(
        {
            "url": sandbox.url, "authority": sandbox.authority, "client_id": client_id, "client_secret": secret,
            "ca_file": sandbox.ca_file, "publisher_prefix": "mig", "fallback_owner": BOSS,
        }
    )  # fmt: skip
    context = RunContext(run_id="r", stage="audit", folder=folder, settings={DynamicsSettings: settings})
    yield context
    context.close()


@pytest.fixture
def context(sandbox: DataverseSandbox, tmp_path: Path) -> Iterator[RunContext]:
    with signed_in(sandbox, tmp_path, sandbox.client_id, sandbox.client_secret) as context:
        yield context


def audit(context: RunContext) -> dict[str, Finding]:
    target = plugin.describe_target(TABLES, context)
    return {one.code: one for one in plugin.audit(SourceSchema("kickserv", "acme", ()), target, context)}


def test_an_audit_of_the_environment_sends_nothing_but_reads(sandbox: DataverseSandbox, context: RunContext) -> None:
    before = len(sandbox.org.requests)

    audit(context)

    asked = list(sandbox.org.requests)[before:]
    assert asked
    assert {request.method for request in asked} == {"GET"}


def test_an_administrator_may_do_all_that_the_load_needs(context: RunContext) -> None:
    found = audit(context)

    assert "dynamics.privileges" in found
    assert "dynamics.privileges_missing" not in found


def test_an_application_user_with_the_role_of_a_salesperson_lacks_rights(
    sandbox: DataverseSandbox, tmp_path: Path
) -> None:
    weak = sandbox.org.add_application_user("weak", roles=["Salesperson"])

    with signed_in(sandbox, tmp_path, weak.client_id, weak.client_secret) as context:
        found = audit(context)

    assert "prvOverrideCreatedOnCreatedBy" in found["dynamics.privileges_missing"].evidence
    assert "dynamics.privileges" not in found


def test_what_cannot_be_listed_is_said_instead_of_silently_left_out(context: RunContext) -> None:
    found = audit(context)

    assert found["dynamics.not_listed"].title == "The environment does not list its plug-ins"


def test_published_duplicate_rules_of_mapped_tables_are_named(context: RunContext) -> None:
    found = audit(context)

    assert "(contact)" in found["dynamics.duplicate_rules"].evidence


def test_a_user_whom_records_belong_to_and_who_is_disabled_is_named(context: RunContext) -> None:
    lookup = Lookup(USER, criteria=(("internalemailaddress", "gone@example.com"),))
    plugin.resolve_lookup([lookup], context)

    found = audit(context)

    assert found["dynamics.disabled_users"].evidence == "Gone Example <gone@example.com>"


def test_the_limits_for_the_forecast_come_with_the_target(context: RunContext) -> None:
    limits = plugin.describe_target([], context).limits

    assert limits is not None
    assert (limits.requests, limits.window, limits.daily) == (6000, 300, 500_000)
