"""Users and owners: what can be changed about them, and what their refusals say."""

from typing import TYPE_CHECKING

import pytest

from transload import Outcome, RowId, RowRef, SchemaChange, SchemaKind, TableName, TargetColumn
from transload.errors import RefusedError
from transload.values import Cell, ColumnType
from transload_dynamics_sink.read_back import read_rows

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

    from transload_dynamics_sink.schema_changes import SchemaWorker

USER = TableName("systemuser")


def change(connected: "Connected", row_id: str, *, exists: bool = True, **columns: Cell) -> Outcome:
    write = connected.upsert(1, columns, USER, exists=exists)
    [outcome] = connected.load(type(write)(write.key, USER, RowId(row_id), columns, exists=exists))
    return outcome


def test_changes_columns_of_users_and_disables_them(connected: "Connected", worker: "SchemaWorker") -> None:
    column = TargetColumn("mig_id", ColumnType.TEXT, "Id", max_length=60)
    worker.prepare([SchemaChange(SchemaKind.COLUMN, "mig_id", USER, "Id", column)])
    ann = connected.org.add_user("Ann", "ann@example.com")

    outcome = change(connected, ann, mig_id="7", isdisabled=True)

    rows = read_rows(connected.dataverse, connected.metadata, USER, [RowId(ann)], ["mig_id", "isdisabled"])
    assert outcome.error is None
    assert rows[RowId(ann)].columns == {"mig_id": "7", "isdisabled": True}


def test_does_not_disable_itself(connected: "Connected") -> None:
    outcome = change(connected, connected.dataverse.own_user, isdisabled=True)

    assert "would disable itself" in str(outcome.error)


def test_says_where_users_come_from(connected: "Connected") -> None:
    before = connected.org.count("systemuser")

    outcome = change(connected, connected.id(1), exists=False, firstname="Ann")

    assert outcome.error is not None
    assert "Entra ID" in outcome.error.remedy
    assert connected.org.count("systemuser") == before


@pytest.mark.parametrize(
    ("roles", "owned", "code", "advice"),
    [
        ((), 1, "0x80042f09", "security role"),
        ((), 3, "0x80042f09", "security role"),
        (("Field Service - Resource",), 1, "0x80040231", "security role"),
    ],
)
def test_an_owner_who_may_not_own_is_an_error_of_the_record(
    connected: "Connected", roles: tuple[str, ...], owned: int, code: str, advice: str
) -> None:
    owner = RowRef(USER, RowId(connected.org.add_user("Old Hand", "old@example.com", roles=roles, disabled=True)))
    table = TableName("opportunity" if roles else "account")
    connected.load(*connected.accounts(1))
    base: dict[str, Cell] = {"name": "Row"} | ({"customerid": connected.ref(1)} if roles else {})
    writes = [connected.upsert(number, {**base, "ownerid": owner}, table) for number in range(10, 10 + owned)]

    outcomes = connected.load(*writes, connected.upsert(50, base, table))

    assert [outcome.ok for outcome in outcomes] == [False] * owned + [True]
    error = outcomes[0].error
    assert isinstance(error, RefusedError)
    assert error.target_code == code
    assert advice in error.remedy


def test_a_disabled_user_with_a_role_owns_rows(connected: "Connected") -> None:
    owner = RowRef(USER, RowId(connected.org.add_user("Old Hand", "old@example.com", disabled=True)))

    [outcome] = connected.load(connected.upsert(1, {"name": "Row", "ownerid": owner}))

    assert outcome.error is None
    assert connected.read("account", 1, "ownerid") == {"ownerid": owner}
