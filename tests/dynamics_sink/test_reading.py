"""Reading the environment: metadata, rows, keys, lookups."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from transload import Lookup, SchemaChange, SchemaKind, TableName, TargetColumn
from transload.errors import ConfigError, NotOfferedError
from transload.values import ColumnType
from transload_dynamics_sink.environment import find_headroom, read_facts
from transload_dynamics_sink.lookups import Finder
from transload_dynamics_sink.read_back import read_rows, scan
from transload_dynamics_sink.schema_changes import SchemaWorker

if TYPE_CHECKING:
    from dynamics_sink.conftest import Connected

ACCOUNT, USER, UNIT = TableName("account"), TableName("systemuser"), TableName("uom")


def finder(connected: "Connected", fallback: str = "boss@example.com") -> Finder:
    return Finder(connected.dataverse, connected.metadata, fallback)


def by_email(email: str) -> Lookup:
    return Lookup(USER, criteria=(("internalemailaddress", email),))


def test_describes_a_table_as_it_is_now(connected: "Connected") -> None:
    shape = connected.metadata.get_table("incident").shape

    assert (shape.id_column, shape.name_column) == ("incidentid", "title")
    assert shape.columns["title"].max_length == 200
    assert shape.columns["prioritycode"].options == {1: "High", 2: "Normal", 3: "Low"}
    assert shape.columns["customerid"].targets == ("account", "contact")
    assert shape.columns["customerid"].required
    assert not shape.columns["ownerid"].required
    assert shape.columns["overriddencreatedon"].creatable
    assert not shape.columns["overriddencreatedon"].updatable
    assert [(state.value, state.read_only, state.default_status) for state in shape.states] == [
        (0, False, 1),
        (1, True, 5),
        (2, True, 6),
    ]
    assert shape.states[2].statuses == {6: "Cancelled", 2000: "Merged"}


def test_types_of_columns_are_those_of_a_mapping(connected: "Connected") -> None:
    columns = connected.metadata.get_table("account").shape.columns

    assert {
        name: columns[name].type
        for name in ("name", "description", "revenue", "address1_latitude", "accountid", "createdon", "donotphone")
    } == {
        "name": ColumnType.TEXT,
        "description": ColumnType.MEMO,
        "revenue": ColumnType.MONEY,
        "address1_latitude": ColumnType.DECIMAL,
        "accountid": ColumnType.ID,
        "createdon": ColumnType.DATETIME,
        "donotphone": ColumnType.BOOLEAN,
    }
    assert columns["address1_latitude"].maximum == Decimal(90)


def test_rows_of_a_product_are_born_as_drafts(connected: "Connected") -> None:
    assert connected.metadata.get_table("product").shape.states[0].label == "Draft"


def test_a_table_that_does_not_exist_is_none(connected: "Connected") -> None:
    assert connected.metadata.find_table("mig_nothing") is None
    assert not connected.metadata.has_table("mig_nothing")


def test_metadata_is_read_once(connected: "Connected") -> None:
    connected.metadata.get_table("account")
    asked = len(connected.paths("GET"))

    connected.metadata.get_table("account")

    assert len(connected.paths("GET")) == asked


def test_facts_name_version_currency_and_field_service(connected: "Connected") -> None:
    facts = read_facts(connected.dataverse, connected.metadata)

    assert facts["version"].startswith("9.2")
    assert facts["field_service"] == "yes"
    assert facts["user"] == "# transload"
    assert facts["currency"] in facts["currencies"]


def test_reads_many_rows_and_leaves_out_the_missing(connected: "Connected") -> None:
    connected.load(*connected.accounts(250))
    ids = [connected.id(number) for number in range(1, 300)]

    rows = read_rows(connected.dataverse, connected.metadata, ACCOUNT, ids, ["name"])

    assert len(rows) == 250
    assert rows[ids[7]].columns == {"name": "Account 8"}
    assert not rows[ids[7]].changed_by_others


def test_sees_that_somebody_else_changed_a_row(connected: "Connected") -> None:
    mine = connected.id(1)
    theirs = connected.org.create("account", {"name": "Theirs"})
    connected.load(*connected.accounts(1))

    rows = read_rows(connected.dataverse, connected.metadata, ACCOUNT, [mine, connected.id(2)], ["name"])
    other = read_rows(connected.dataverse, connected.metadata, ACCOUNT, [type(mine)(theirs)], ["name"])

    assert [row.changed_by_others for row in (*rows.values(), *other.values())] == [False, True]


def test_an_unknown_column_is_named(connected: "Connected") -> None:
    with pytest.raises(NotOfferedError, match="account has no column mig_id"):
        read_rows(connected.dataverse, connected.metadata, ACCOUNT, [], ["mig_id"])


def test_walks_every_filled_key(connected: "Connected") -> None:
    connected.load(
        connected.upsert(1, {"name": "A", "accountnumber": "K-1"}),
        connected.upsert(2, {"name": "B"}),
        connected.upsert(3, {"name": "C", "accountnumber": "K-3"}),
    )

    found = list(scan(connected.dataverse, connected.metadata, ACCOUNT, "accountnumber"))

    assert found == [("K-1", connected.id(1)), ("K-3", connected.id(3))]


def test_finds_users_by_email_whatever_its_case_and_only_enabled_ones(connected: "Connected") -> None:
    ann = connected.org.add_user("Ann O'Hara", "ann.o'hara@example.com")
    connected.org.add_user("Old Hand", "old@example.com", disabled=True)
    wanted = [by_email("Ann.O'Hara@Example.com"), by_email("old@example.com"), by_email("nobody@example.com")]

    found = finder(connected).find(wanted)

    assert {lookup.criteria[0][1]: row.row_id for lookup, row in found.items()} == {"Ann.O'Hara@Example.com": ann}


def test_several_matches_are_no_match(connected: "Connected") -> None:
    connected.load(*[connected.upsert(number, {"name": "Twin"}) for number in (1, 2)])
    connected.load(connected.upsert(3, {"name": "Single", "telephone1": "1"}))
    twin = Lookup(ACCOUNT, criteria=(("name", "twin"),))
    single = Lookup(ACCOUNT, criteria=(("name", "SINGLE"), ("telephone1", "1")))

    found = finder(connected).find([twin, single])

    assert found == {single: connected.ref(3)}


def test_asks_once_for_the_same_row(connected: "Connected") -> None:
    connected.org.add_user("Ann", "ann@example.com")
    answers = finder(connected)
    answers.find([by_email("ann@example.com"), by_email("nobody@example.com")])
    asked = len(connected.paths("GET"))

    answers.find([by_email("ann@example.com"), by_email("nobody@example.com")])

    assert len(connected.paths("GET")) == asked


def test_answers_with_the_fallback_owner(connected: "Connected") -> None:
    boss = connected.org.add_user("Boss", "boss@example.com")

    found = finder(connected).find([Lookup(USER), Lookup(ACCOUNT)])

    assert {lookup.table: row.row_id for lookup, row in found.items()} == {USER: boss}


def test_a_missing_fallback_owner_stops_before_anything_is_written(connected: "Connected") -> None:
    with pytest.raises(ConfigError, match=r"fallback_owner: no enabled user has the e-mail boss@example\.com"):
        finder(connected).find([Lookup(USER)])


@pytest.mark.parametrize(
    ("table", "criteria"),
    [
        ("uom", (("name", "primary unit"),)),
        ("uomschedule", (("name", "Default Unit"),)),
        ("transactioncurrency", (("isocurrencycode", "usd"), ("statecode", "0"))),
        ("role", (("name", "SALESPERSON"),)),
        ("bookingstatus", (("name", "Completed"),)),
        ("msdyn_workordertype", (("msdyn_name", "service call"),)),
        ("msdyn_priority", (("msdyn_name", "High"),)),
        ("team", (("name", "{unit}"), ("isdefault", "True"))),
    ],
)
def test_finds_what_an_environment_has_by_what_people_call_it(
    connected: "Connected", table: str, criteria: tuple[tuple[str, str], ...]
) -> None:
    unit = str(connected.org.rows("businessunit")[0]["name"])
    lookup = Lookup(TableName(table), criteria=tuple((name, value.format(unit=unit)) for name, value in criteria))

    found = finder(connected).find([lookup])

    assert found[lookup].table == table


def test_a_unit_is_found_in_its_group(connected: "Connected") -> None:
    for number, group in ((1, "Hours"), (2, "Days")):
        connected.load(connected.upsert(number, {"name": group, "baseuomname": "Each"}, TableName("uomschedule")))
    lookup = Lookup(UNIT, criteria=(("name", "each"), ("uomscheduleid", connected.id(2).upper())))

    found = finder(connected).find([lookup, Lookup(UNIT, criteria=(("name", "each"),))])

    assert list(found) == [lookup]


@pytest.mark.parametrize(
    ("column", "value"),
    [("uomscheduleid", "Days"), ("quantity", "many"), ("isschedulebaseuom", "perhaps"), ("organizationid", "x")],
)
def test_what_no_column_of_its_type_can_hold_is_not_found(connected: "Connected", column: str, value: str) -> None:
    lookup = Lookup(UNIT, criteria=((column, value),))

    assert finder(connected).find([lookup]) == {}


@pytest.mark.parametrize(
    ("edition", "made", "findings"),
    [
        (None, "3", [("dynamics.custom_tables", "info", "room for 12 more")]),
        ("professional", "3", [("dynamics.custom_tables", "info", "room for 12 more")]),
        ("professional", "15", [("dynamics.custom_tables", "warning", "room for 0 more")]),
        ("enterprise", "99", []),
    ],
)
def test_counts_the_room_for_custom_tables(
    edition: str | None, made: str, findings: list[tuple[str, str, str]]
) -> None:
    found = find_headroom({"edition": edition or "", "custom_tables": made})

    assert [(each.code, each.severity) for each in found] == [(code, severity) for code, severity, _ in findings]
    assert all(text in each.title for each, (_, _, text) in zip(found, findings, strict=True))


def test_tables_of_the_client_are_counted_and_those_of_apps_are_not(
    connected: "Connected", worker: SchemaWorker
) -> None:
    table = TableName("mig_ticket")
    name = TargetColumn("mig_name", ColumnType.TEXT, "Name", max_length=100)
    before = read_facts(connected.dataverse, connected.metadata)["custom_tables"]

    worker.prepare([SchemaChange(SchemaKind.TABLE, table, table, "Ticket", name, plural="Tickets")])

    assert (before, read_facts(connected.dataverse, connected.metadata)["custom_tables"]) == ("0", "1")


def test_a_table_takes_a_handful_of_requests_and_none_that_could_write(connected: "Connected") -> None:
    names = sorted(connected.org.environment.model.tables)[:30]
    before = len(connected.org.requests)

    connected.metadata.read_ahead(names)
    for name in names:
        connected.metadata.get_table(name)

    asked = list(connected.org.requests)[before:]
    assert len(asked) <= 6 * len(names)
    assert {seen.method for seen in asked} == {"GET"}
