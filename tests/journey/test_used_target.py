"""A target that people already use: some accounts are recognised, others are edited while the load goes on.

What is foreign is compared to the last byte; only the stamps of a row that was overwritten and given back
may differ, because the target sets them itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from journey.conftest import Answer, Client, Row

    from transload_sandbox.dataverse.org import DataverseOrg

STAMPS = ("modifiedon", "_modifiedby_value", "versionnumber", "@odata.etag")
TABLES = ("account", "contact", "task", "incident")


@dataclass(frozen=True)
class Used:
    """A target in use: its rows before, after the load, and after the rollback, by table and id."""

    before: Mapping[str, dict[str, Row]]
    loaded: Mapping[str, dict[str, Row]]
    after: Mapping[str, dict[str, Row]]
    recognised: Mapping[str, str]
    edited: tuple[str, str]
    reconciled: Answer
    rolled_back: Answer
    written_by_second: list[str]

    def differing(self, one: Mapping[str, dict[str, Row]], other: Mapping[str, dict[str, Row]]) -> dict[str, set[str]]:
        """Return, of rows that were there before, those that are not the same in two states, with their columns."""
        return {
            row_id: columns
            for table, rows in self.before.items()
            for row_id in rows
            if (columns := _columns_that_differ(one[table].get(row_id, {}), other[table].get(row_id, {})))
        }


@pytest.fixture(scope="module")
def used(open_client: Callable[..., Client], to_the_sample: tuple[tuple[str, ...], ...]) -> Used:
    client = open_client(customers=3)
    org, company = client.sandbox.dataverse.org, client.sandbox.kickserv.company
    addressed: list[Mapping[str, Any]] = [row for row in company.customers.rows() if row.get("email_address")]
    recognised = {
        org.create("account", {"name": f"{row['name']} (old CRM)", "emailaddress1": row["email_address"],
                               "telephone1": "309-555-0100", "creditlimit": 1250.5}): str(row["id"])
        for row in addressed[:2]
    }  # fmt: skip
    first, second = (org.create("account", {"name": f"Somebody's account {n}"}) for n in (1, 2))
    org.create("contact", {"lastname": "Ferrante", "parentcustomerid_account@odata.bind": f"/accounts({first})"})
    org.create("task", {"subject": "Call back", "regardingobjectid_account_task@odata.bind": f"/accounts({first})"})
    before = _state(client)
    client.walk(("audit",), ("plan",))
    mapping = client.folder / "mapping" / "customer.yaml"
    match = "match:\n  on: {emailaddress1: email_address}\n  create: true\n  write: true\nfields:\n"
    mapping.write_text(mapping.read_text("utf-8").replace("fields:\n", match, 1), "utf-8")
    client.walk(*to_the_sample[1:])
    for row_id, columns, after in ((first, {"telephone1": "309-555-0177"}, 2), (second, {"description": "Moved"}, 5)):
        org.interrupt(_edit(row_id, columns), after=after, method="POST")
    client.walk(("run",))
    loaded = _state(client)
    with client.written() as written:
        client.walk(("run",))
    (reconciled, rolled_back) = client.walk(("reconcile", "--json"), ("rollback", "--json"))
    return Used(before, loaded, _state(client), recognised, (first, second), reconciled, rolled_back, written)


def _edit(row_id: str, columns: Mapping[str, object]) -> Callable[[DataverseOrg], None]:
    return lambda org: org.customize("PATCH", f"accounts({row_id})", columns)


def _state(client: Client) -> dict[str, dict[str, Row]]:
    ids = {table: "activityid" if table == "task" else f"{table}id" for table in TABLES}
    return {table: {str(row[ids[table]]): row for row in client.rows(table)} for table in TABLES}


def _columns_that_differ(one: Row, other: Row) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)} - {*STAMPS}


def test_the_load_touches_of_what_was_there_only_what_it_recognised(used: Used) -> None:
    differing = used.differing(used.before, used.loaded)

    first, second = used.edited
    assert differing.pop(first) == {"telephone1"}
    assert differing.pop(second) == {"description"}
    assert set(differing) == set(used.recognised)


def test_a_recognised_account_takes_over_the_record_and_is_not_doubled(used: Used) -> None:
    for row_id, source_id in used.recognised.items():
        carrying = [row for row in used.loaded["account"].values() if row["ks_kickservid"] == source_id]
        assert [row["accountid"] for row in carrying] == [row_id]
        assert "(old CRM)" not in str(carrying[0]["name"])
    assert used.written_by_second == []
    assert used.reconciled.code == 0


def test_rollback_gives_back_what_was_overwritten_and_leaves_what_people_did_meanwhile(used: Used) -> None:
    differing = used.differing(used.before, used.after)

    first, second = used.edited
    assert differing == {first: {"telephone1"}, second: {"description"}}
    assert {table: set(rows) for table, rows in used.after.items()} == {
        table: set(rows) for table, rows in used.before.items()
    }
    assert used.rolled_back.report()["verdict"]["tone"] == "good"  # type: ignore[index]  # it is a mapping
