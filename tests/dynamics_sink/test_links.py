"""Many-to-many links: made once, found again, taken away; roles in the business unit of their holder."""

from typing import TYPE_CHECKING

import pytest

from transload import Associate, Disassociate, Lookup, RowId, RowRef, SchemaChange, SchemaKind, TableName
from transload.errors import NotOfferedError
from transload_dynamics_sink.links import unlink_rows
from transload_dynamics_sink.lookups import Finder
from transload_dynamics_sink.read_back import read_rows
from transload_dynamics_sink.schema_changes import SchemaWorker

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

ACCOUNT, CONTACT, ROLE, USER = TableName("account"), TableName("contact"), TableName("role"), TableName("systemuser")
TAGS = "mig_account_contact"
HOLDING = "systemuserroles_association"


@pytest.fixture
def linked(connected: "Connected", worker: SchemaWorker) -> "Connected":
    """An environment with a relationship between accounts and contacts, and one row of each."""
    change = SchemaChange(SchemaKind.LINK, TAGS, ACCOUNT, "Friends", other=CONTACT)
    assert worker.prepare([change])[-1].error is None
    connected.load(*connected.accounts(1))
    connected.load(connected.upsert(2, {"lastname": "Olsen"}, CONTACT))
    return connected


def link(connected: "Connected", other: RowRef | Lookup, relationship: str = TAGS) -> Associate:
    return Associate(connected.key(1), ACCOUNT, connected.id(1), relationship, other)


def test_links_rows_and_reads_the_links_back(linked: "Connected") -> None:
    contact = linked.ref(2, CONTACT)

    [outcome] = linked.load(link(linked, contact))

    assert (outcome.error, outcome.idle) == (None, False)
    assert linked.read(ACCOUNT, 1, TAGS, "name") == {TAGS: (contact,), "name": "Account 1"}
    assert linked.read(CONTACT, 2, TAGS) == {TAGS: (linked.ref(1),)}
    assert TAGS in linked.metadata.get_table(CONTACT).shape.links


def test_a_link_that_is_there_already_is_nothing_to_undo(linked: "Connected") -> None:
    linked.load(link(linked, linked.ref(2, CONTACT)))

    [outcome] = linked.load(link(linked, linked.ref(2, CONTACT)))

    assert (outcome.ok, outcome.idle, outcome.note) == (True, True, "was linked already")


def test_takes_links_away_and_does_not_mind_those_that_are_gone(linked: "Connected") -> None:
    linked.load(link(linked, linked.ref(2, CONTACT)))
    inverse = Disassociate(ACCOUNT, linked.id(1), TAGS, linked.ref(2, CONTACT))

    outcomes = [unlink_rows(linked.dataverse, linked.metadata, [inverse])[0] for _ in range(2)]

    assert [outcome.ok for outcome in outcomes] == [True, True]
    assert linked.read(ACCOUNT, 1, TAGS) == {TAGS: ()}


def test_a_link_to_a_row_that_was_not_found_is_an_error_of_its_record(linked: "Connected") -> None:
    [outcome] = linked.load(link(linked, Lookup(CONTACT)))

    assert not outcome.ok


def test_an_unknown_relationship_stops_the_run(linked: "Connected") -> None:
    with pytest.raises(NotOfferedError, match="no many-to-many relationship mig_other"):
        linked.load(link(linked, linked.ref(2, CONTACT), "mig_other"))


def test_a_role_goes_to_a_user_as_the_copy_of_its_business_unit(connected: "Connected") -> None:
    root, unit = connected.org.rows("businessunit")[0]["businessunitid"], "North"
    branch = connected.org.create(
        "businessunit", {"name": unit, "parentbusinessunitid@odata.bind": f"/businessunits({root})"}
    )
    ann = connected.org.add_user("Ann", "ann@example.com", roles=())
    connected.org.customize("PATCH", f"systemusers({ann})", {"businessunitid@odata.bind": f"/businessunits({branch})"})
    finder = Finder(connected.dataverse, connected.metadata, "boss@example.com")
    wanted = Lookup(ROLE, criteria=(("name", "salesperson"),))
    role = finder.find([wanted])[wanted]
    write = Associate(connected.key(1), USER, RowId(ann), HOLDING, role)

    [first] = connected.load(write)
    [second] = connected.load(write)
    held = read_rows(connected.dataverse, connected.metadata, USER, [RowId(ann)], [HOLDING])[RowId(ann)].columns
    given = [row["roleid"] for row in connected.org.rows("systemuserroles") if row["systemuserid"] == ann]
    inverse = Disassociate(USER, RowId(ann), HOLDING, role)
    [undone] = unlink_rows(connected.dataverse, connected.metadata, [inverse])

    assert (first.error, second.error, second.idle, undone.error) == (None, None, True, None)
    roles = {row["roleid"]: row["_businessunitid_value"] for row in connected.org.rows("role")}
    assert roles[role.row_id] == root
    assert held == {HOLDING: (role,)}
    assert {roles[each] for each in given} == {branch}
