"""Preparing the target and taking it back."""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from transload import Associate, RowId, RowRef, SchemaChange, SchemaKind, TableName, TargetColumn
from transload.values import Cell, ColumnType
from transload_dynamics_sink.orphans import is_work
from transload_dynamics_sink.readers import find_readers
from transload_dynamics_sink.schema_changes import SchemaWorker

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

ACCOUNT = TableName("account")
COLUMNS = [
    TargetColumn("mig_id", ColumnType.TEXT, "Kickserv_ID__c", max_length=60),
    TargetColumn("mig_memo", ColumnType.MEMO, "Memo", max_length=5000),
    TargetColumn("mig_whole", ColumnType.INTEGER, "Whole", minimum=Decimal(0), maximum=Decimal(10)),
    TargetColumn("mig_decimal", ColumnType.DECIMAL, "Decimal", precision=4),
    TargetColumn("mig_money", ColumnType.MONEY, "Money", precision=2),
    TargetColumn("mig_flag", ColumnType.BOOLEAN, "Flag", options={0: "Off", 1: "On"}),
    TargetColumn("mig_choice", ColumnType.CHOICE, "Choice", options={100000000: "A", 100000001: "B"}),
    TargetColumn("mig_choices", ColumnType.CHOICES, "Choices", options={100000000: "A"}),
    TargetColumn("mig_moment", ColumnType.DATETIME, "Moment"),
    TargetColumn("mig_day", ColumnType.DATE, "Day"),
]
KEY = SchemaChange(SchemaKind.KEY, "mig_idkey", ACCOUNT, "Kickserv id", key_columns=("mig_id",))


def column(wanted: TargetColumn) -> SchemaChange:
    return SchemaChange(SchemaKind.COLUMN, wanted.name, ACCOUNT, wanted.label, column=wanted)


CHANGES = [*map(column, COLUMNS), KEY]
ALL = [
    SchemaChange(SchemaKind.PUBLISHER, "mig", label="Publisher"),
    SchemaChange(SchemaKind.SOLUTION, "transload_migration", label="Solution"),
    *CHANGES,
]


def test_creates_columns_of_every_type_and_waits_for_the_key(connected: "Connected", worker: SchemaWorker) -> None:
    outcomes = worker.prepare(CHANGES)

    assert [(str(outcome.change), outcome.created, outcome.error) for outcome in outcomes] == [
        (str(change), True, None) for change in ALL
    ]
    shape = connected.metadata.get_table("account").shape
    assert {name: shape.columns[name].type for name in (wanted.name for wanted in COLUMNS)} == {
        wanted.name: wanted.type for wanted in COLUMNS
    }
    assert shape.columns["mig_id"].max_length == 60
    assert shape.columns["mig_decimal"].precision == 4
    assert shape.columns["mig_choice"].options == {100000000: "A", 100000001: "B"}
    assert shape.columns["mig_id"].label == "Kickserv_ID__c"
    assert shape.columns["mig_id"].custom
    assert [(key.name, key.columns, key.active) for key in shape.keys] == [("mig_idkey", ("mig_id",), True)]


def test_a_second_time_changes_nothing(connected: "Connected", worker: SchemaWorker) -> None:
    worker.prepare(CHANGES)
    before = len(connected.paths())

    outcomes = SchemaWorker(connected.dataverse, connected.metadata, worker.settings).prepare(CHANGES)

    assert all(not outcome.created and outcome.error is None for outcome in outcomes)
    assert len(connected.paths()) == before


def test_says_that_it_made_the_publisher_and_the_solution(connected: "Connected", worker: SchemaWorker) -> None:
    publisher, solution, _ = worker.prepare([column(COLUMNS[0])])

    assert [publisher.change, solution.change] == ALL[:2]
    assert (publisher.created, solution.created) == (True, True)
    assert {row["uniquename"] for row in connected.org.rows("solution")} >= {"transload_migration"}


def test_a_solution_of_another_publisher_is_left_alone(connected: "Connected", worker: SchemaWorker) -> None:
    other = worker.settings.model_copy(update={"publisher_prefix": "other"})
    SchemaWorker(connected.dataverse, connected.metadata, other).prepare([])

    publisher, solution, change = worker.prepare([column(COLUMNS[0])])

    assert publisher.created
    assert "its publisher has not the prefix mig" in str(solution.error)
    assert change.error == solution.error


def test_a_column_of_another_type_is_not_taken_over(worker: SchemaWorker) -> None:
    worker.prepare([column(COLUMNS[0])])

    *_, outcome = worker.prepare([column(replace(COLUMNS[0], type=ColumnType.DATE, max_length=None))])

    assert outcome.error is not None
    assert "exists with the type text" in str(outcome.error)


def test_a_column_that_is_too_short_is_not_taken_over(worker: SchemaWorker) -> None:
    worker.prepare([column(COLUMNS[0])])

    *_, outcome = worker.prepare([column(replace(COLUMNS[0], max_length=100))])

    assert "room for 60 characters, not 100" in str(outcome.error)


def test_a_name_without_the_prefix_is_refused_before_anything_is_sent(worker: SchemaWorker) -> None:
    *_, outcome = worker.prepare([column(replace(COLUMNS[0], name="other_id"))])

    assert "does not begin with mig_" in str(outcome.error)


def test_a_key_over_duplicates_fails_with_a_remedy_and_heals(connected: "Connected", worker: SchemaWorker) -> None:
    worker.prepare([column(COLUMNS[0])])
    connected.load(connected.upsert(1, {"name": "A", "mig_id": "7"}), connected.upsert(2, {"name": "B", "mig_id": "7"}))

    *_, failed = worker.prepare([KEY])
    connected.load(connected.upsert(2, {"mig_id": "8"}, exists=True))
    *_, healed = worker.prepare([KEY])

    assert failed.error is not None
    assert "share a value" in failed.error.remedy
    assert healed.error is None


def test_takes_back_what_it_made_and_a_second_time_nothing(connected: "Connected", worker: SchemaWorker) -> None:
    before = connected.org.digest()
    worker.prepare(CHANGES)

    first = [worker.drop(change) for change in reversed(ALL)]
    second = [worker.drop(change) for change in reversed(ALL)]

    assert [outcome.error for outcome in first] == [None] * len(ALL)
    assert {outcome.note for outcome in second} == {"was gone already"}
    assert connected.org.digest() == before


TICKET, CONTACT, NOTE = TableName("mig_ticket"), TableName("contact"), TableName("annotation")
NAME = TargetColumn("mig_name", ColumnType.TEXT, "Name", max_length=200)
PLACE = TargetColumn("mig_placeid", ColumnType.LOOKUP, "Place", targets=(ACCOUNT,))
PARENT = TargetColumn("mig_parentid", ColumnType.LOOKUP, "Parent", targets=(TICKET,))
TABLE = SchemaChange(SchemaKind.TABLE, TICKET, TICKET, "Ticket", NAME, plural="Tickets")
LINK = SchemaChange(SchemaKind.LINK, "mig_ticket_contact", TICKET, "Contacts", other=CONTACT)
WHOLE = [
    TABLE,
    *(SchemaChange(SchemaKind.COLUMN, each.name, TICKET, each.label, each) for each in (COLUMNS[0], PLACE, PARENT)),
    LINK,
    SchemaChange(SchemaKind.KEY, "mig_idkey", TICKET, "Id", key_columns=("mig_id",)),
]


def test_makes_a_table_with_all_that_belongs_to_it_in_any_order(connected: "Connected", worker: SchemaWorker) -> None:
    _, _, *outcomes = worker.prepare([*reversed(WHOLE)])

    assert [outcome.error for outcome in outcomes] == [None] * len(WHOLE)
    assert [outcome.change.kind for outcome in outcomes] == [change.kind for change in WHOLE]
    shape = connected.metadata.get_table(TICKET).shape
    assert (shape.label, shape.name_column, shape.id_column) == ("Ticket", "mig_name", "mig_ticketid")
    assert shape.columns["mig_name"].max_length == 200
    assert shape.columns["mig_placeid"].targets == (ACCOUNT,)
    assert shape.links == {"mig_ticket_contact"}
    assert [(state.value, state.label) for state in shape.states] == [(0, "Active"), (1, "Inactive")]
    assert "ownerid" in shape.columns
    assert TICKET in connected.metadata.get_table("annotation").shape.columns["objectid"].targets
    assert is_work(TICKET, connected.metadata.find_facts(TICKET))


READERS = [
    SchemaChange(SchemaKind.READER, "Salesperson", TICKET),
    SchemaChange(SchemaKind.READER, "Sales Manager", TICKET, reads_all=True),
]


def test_who_reads_a_new_table_can_own_its_rows(connected: "Connected", worker: SchemaWorker) -> None:
    added = connected.org.add_user("Vera Lund", "vera@example.com", roles=["Salesperson"])
    user = RowRef(TableName("systemuser"), RowId(added))
    row = connected.upsert(7, {"mig_name": "T-1", "ownerid": user}, TICKET)
    worker.prepare([TABLE])

    [refused] = connected.load(row)
    [*_, let, other] = worker.prepare([TABLE, *READERS])
    [accepted] = connected.load(row)

    assert refused.error is not None
    assert "security role" in refused.error.remedy
    assert (let.error, let.created, other.error, other.created) == (None, True, None, True)
    assert accepted.error is None
    assert find_readers(connected.dataverse, TICKET) >= {"Salesperson", "Sales Manager"}


def test_a_right_that_a_role_has_is_left_as_it_is(connected: "Connected", worker: SchemaWorker) -> None:
    worker.prepare([TABLE, READERS[0]])
    before = connected.org.digest()

    [*_, again] = worker.prepare([TABLE, SchemaChange(SchemaKind.READER, "Salesperson", TICKET, reads_all=True)])

    assert (again.error, again.created) == (None, False)
    assert connected.org.digest() == before


def test_rights_are_taken_back_from_a_table_that_stays(connected: "Connected", worker: SchemaWorker) -> None:
    worker.prepare([TABLE])
    before = connected.org.digest()
    worker.prepare([TABLE, *READERS])

    first = [worker.drop(change) for change in reversed(READERS)]
    second = [worker.drop(change) for change in READERS]

    assert [outcome.error for outcome in (*first, *second)] == [None] * 4
    assert {outcome.note for outcome in second} == {"was gone already"}
    assert connected.org.digest() == before


def test_a_role_that_there_is_not_is_named_with_what_to_do(connected: "Connected", worker: SchemaWorker) -> None:
    [*_, outcome] = worker.prepare([TABLE, SchemaChange(SchemaKind.READER, "Vice President", TICKET)])

    assert outcome.error is not None
    assert "no security role Vice President" in str(outcome.error)
    assert "readers" in outcome.error.remedy


def test_rows_of_a_new_table_are_written_linked_and_read_back(connected: "Connected", worker: SchemaWorker) -> None:
    worker.prepare(WHOLE)
    connected.load(*connected.accounts(1))
    connected.load(connected.upsert(2, {"lastname": "Olsen"}, CONTACT))
    cells: dict[str, Cell] = {"mig_name": "One", "mig_id": "1", "mig_placeid": connected.ref(1)}

    outcomes = [
        *connected.load(connected.upsert(5, cells, TICKET)),
        *connected.load(connected.upsert(6, {"mig_name": "Two", "mig_parentid": connected.ref(5, TICKET)}, TICKET)),
        *connected.load(Associate(connected.key(5), TICKET, connected.id(5), LINK.name, connected.ref(2, CONTACT))),
        *connected.load(connected.upsert(7, {"notetext": "Hi", "objectid": connected.ref(5, TICKET)}, NOTE)),
    ]

    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert connected.read(TICKET, 5, *cells, LINK.name) == {**cells, LINK.name: (connected.ref(2, CONTACT),)}
    assert connected.read(TICKET, 6, "mig_parentid") == {"mig_parentid": connected.ref(5, TICKET)}
    assert connected.read(NOTE, 7, "objectid") == {"objectid": connected.ref(5, TICKET)}


def test_a_table_is_made_once_published_and_taken_back(connected: "Connected", worker: SchemaWorker) -> None:
    before = connected.org.digest()

    first, second = worker.prepare(WHOLE), worker.prepare(WHOLE)
    undone = [worker.drop(outcome.change) for outcome in reversed(first)]
    again = [worker.drop(outcome.change) for outcome in reversed(first)]

    assert [outcome.created for outcome in first] == [True] * (2 + len(WHOLE))
    assert not any(outcome.created or outcome.error for outcome in second)
    assert connected.paths().count("PublishXml") == 1
    assert [outcome.error for outcome in undone] == [None] * len(first)
    assert {outcome.note for outcome in again} == {"was gone already"}
    assert connected.org.digest() == before


def test_a_lookup_to_several_tables_is_refused_with_advice(worker: SchemaWorker) -> None:
    *_, outcome = worker.prepare([column(replace(PLACE, targets=(ACCOUNT, CONTACT)))])

    assert outcome.error is not None
    assert "one lookup for each table" in outcome.error.remedy


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (column(replace(PLACE, targets=(CONTACT,))), "does not point to contact"),
        (replace(LINK, table=ACCOUNT, other=TICKET), "has no table mig_ticket"),
        (replace(TABLE, name="contact", table=CONTACT), "does not begin with mig_"),
        (replace(LINK, name="mig_friends", table=ACCOUNT, other=TableName("lead")), "not with lead"),
    ],
)
def test_what_is_there_and_does_not_fit_is_left_alone(worker: SchemaWorker, change: SchemaChange, problem: str) -> None:
    friends = SchemaChange(SchemaKind.LINK, "mig_friends", ACCOUNT, "Friends", other=CONTACT)
    worker.prepare([column(PLACE), friends])

    *_, outcome = worker.prepare([change])

    assert problem in str(outcome.error)


def test_a_table_with_other_names_is_not_taken_over(worker: SchemaWorker) -> None:
    worker.prepare([TABLE])

    *_, outcome = worker.prepare([replace(TABLE, column=replace(NAME, name="mig_title"))])

    assert "mig_name holds the names of its rows" in str(outcome.error)


def test_columns_of_a_table_that_cannot_be_made_say_so(worker: SchemaWorker) -> None:
    *_, outcome = worker.prepare([SchemaChange(SchemaKind.COLUMN, "mig_id", TICKET, "Id", COLUMNS[0])])

    assert "has no table mig_ticket" in str(outcome.error)


def test_a_table_that_holds_rows_of_others_is_kept(connected: "Connected", worker: SchemaWorker) -> None:
    worker.prepare([TABLE])
    connected.load(connected.upsert(5, {"mig_name": "Theirs"}, TICKET))

    outcome = worker.drop(TABLE)

    assert "still has rows" in str(outcome.error)
    assert connected.read(TICKET, 5, "mig_name") == {"mig_name": "Theirs"}


def test_what_others_need_is_kept_with_advice(worker: SchemaWorker) -> None:
    worker.prepare([TABLE])
    worker.prepare([column(replace(PLACE, targets=(TICKET,)))])

    outcome = worker.drop(TABLE)

    assert outcome.error is not None
    assert "Dependencies" in outcome.error.remedy


def test_options_that_a_choice_lacks_are_named(worker: SchemaWorker) -> None:
    choice = COLUMNS[6]
    worker.prepare([column(choice)])

    *_, outcome = worker.prepare([column(replace(choice, options={1: "a", 2: "C"}))])

    assert "without the options C" in str(outcome.error)


def largest_file(size: int) -> SchemaChange:
    body = TargetColumn("documentbody", ColumnType.FILE, max_length=size)
    return SchemaChange(SchemaKind.LIMIT, body.name, TableName("annotation"), column=body, former=5_242_880)


def test_the_largest_file_is_raised_and_set_back(connected: "Connected", worker: SchemaWorker) -> None:
    [limit] = worker.prepare([largest_file(9 << 20)])[2:]

    raised = connected.org.rows("organization")[0]["maxuploadfilesize"]
    assert (limit.created, limit.error, raised) == (True, None, 9 << 20)
    assert worker.drop(limit.change).ok
    assert connected.org.rows("organization")[0]["maxuploadfilesize"] == 5_242_880


def test_a_file_that_no_environment_takes_is_refused_with_advice(worker: SchemaWorker) -> None:
    [limit] = worker.prepare([largest_file(129 << 20)])[2:]

    assert limit.error is not None
    assert "129 MB" in str(limit.error)
    assert "SharePoint" in limit.error.remedy
