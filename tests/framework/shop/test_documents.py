"""Documents that share records, read some of them, bring their own, or make a table."""

import pytest

from transload.mapping import Condition, fulfils
from transload.testing import ClientFolder
from transload.values import Cell, EntityName, Record, RecordKey, RowRef, SourceId, TableName, Value


def row(client: ClientFolder, table: str, **columns: Cell) -> dict[str, Cell]:
    """Return the one row of a table with these columns."""
    [found] = [row for row in client.target.rows(table).values() if columns.items() <= row.items()]
    return found


def ref(client: ClientFolder, table: str, **columns: Cell) -> RowRef:
    """Return a reference to the one row of a table with these columns."""
    [found] = [row_id for row_id, row in client.target.rows(table).items() if columns.items() <= row.items()]
    return RowRef(TableName(table), found)


def replan(client: ClientFolder) -> None:
    last = client.walk("plan", "approve mapping", "prepare", "sample")
    assert last.exit_code == 0, last.output + last.errors


def edit(client: ClientFolder, entity: str, old: str, new: str) -> None:
    text = client.mapping_file(entity).read_text()
    assert old in text
    client.write_mapping(entity, text.replace(old, new))


def test_the_whole_journey_ends_where_it_began(shop: ClientFolder, loaded_shop: ClientFolder) -> None:
    calls = loaded_shop.target.calls()

    again = loaded_shop.walk("run", "delta", "reconcile")
    sent = loaded_shop.target.calls()
    undone = loaded_shop.walk("rollback")

    assert again.exit_code == 0, again.output
    assert sent == calls
    assert undone.exit_code == 0
    assert undone.rows("spared") == []
    assert loaded_shop.target.tables() == shop.target.tables()
    assert loaded_shop.target.links() == set()
    for table in shop.target.tables():
        assert loaded_shop.target.rows(table) == shop.target.rows(table)


def test_one_record_becomes_a_row_of_each_document_that_takes_it(full_shop: ClientFolder) -> None:
    incidents, invoices = full_shop.target.rows("incident"), full_shop.target.rows("invoice")

    assert {row["mem_jobid"] for row in incidents.values()} == {"1", "2", "3", "4", "5", "6"}
    assert {row["mem_invoiceid"] for row in invoices.values()} == {"2", "4", "6"}
    assert row(full_shop, "invoice", name="I-4")["incidentid"] == ref(full_shop, "incident", mem_jobid="4")
    assert not incidents.keys() & invoices.keys()


def test_records_part_by_their_kind_and_a_lookup_finds_either_table(full_shop: ClientFolder) -> None:
    companies = {row["mem_customerid"] for row in full_shop.target.rows("account").values()}
    people = {row["mem_customerid"] for row in full_shop.target.rows("contact").values()}

    assert (companies, people) == ({"3", "6"}, {"1", "2", "4", "5"})
    assert row(full_shop, "incident", title="Job 3")["customerid"] == ref(full_shop, "account", mem_customerid="3")
    assert row(full_shop, "incident", title="Job 5")["customerid"] == ref(full_shop, "contact", mem_customerid="5")


def test_several_people_go_into_one_column(full_shop: ClientFolder) -> None:
    company, person = ref(full_shop, "account", mem_customerid="3"), ref(full_shop, "contact", mem_customerid="5")

    assert row(full_shop, "appointment", subject="Job 5")["requiredattendees"] == (company, person)


def test_choices_have_the_numbers_that_the_target_gives_them(full_shop: ClientFolder) -> None:
    options = full_shop.target.tables()[TableName("incident")].columns["mem_trades"].options

    chosen = row(full_shop, "incident", title="Job 2")["mem_trades"]

    assert isinstance(chosen, tuple)
    assert [options[number] for number in chosen if isinstance(number, int)] == ["Roof", "Paint"]


def test_a_row_is_found_by_a_value_that_was_translated_first(full_shop: ClientFolder) -> None:
    assert row(full_shop, "incident", title="Job 1")["currencyid"] == ref(full_shop, "currency", code="USD")
    assert row(full_shop, "incident", title="Job 4")["currencyid"] == ref(full_shop, "currency", code="EUR")


def test_a_new_table_is_made_with_a_lookup_that_points_to_it(full_shop: ClientFolder) -> None:
    tables = full_shop.target.tables()

    assert tables[TableName("mem_tag")].name_column == "mem_name"
    assert tables[TableName("mem_tag")].readers == {"Clerk", "Manager"}
    assert tables[TableName("incident")].columns["mem_tagid"].targets == ("mem_tag",)
    assert row(full_shop, "incident", title="Job 1")["mem_tagid"] == ref(full_shop, "mem_tag", mem_name="urgent")


def test_the_list_of_changes_says_who_may_read_a_new_table(ready_shop: ClientFolder) -> None:
    rows = ready_shop.run("prepare", "--dry-run", "--json").rows("who-may-read-the-new-tables")

    assert [(row["name"], row["label"], row["other"], row["standing"]) for row in rows] == [
        ("Clerk", "Users with the role read rows of their own", "mem_tag", "there, fits"),
        ("Manager", "Users with the role read all rows", "mem_tag", "there, fits"),
    ]


def test_a_record_that_fulfils_the_condition_no_more_is_reported_and_its_row_stays(loaded_shop: ClientFolder) -> None:
    loaded_shop.source.change("job", "6", invoice_number=None)
    loaded_shop.source.remove("line", "60")
    loaded_shop.source.remove("line", "61")

    delta, reconcile = loaded_shop.walk("delta"), loaded_shop.walk("reconcile")

    found = {(finding["title"].partition(";")[0], finding["evidence"]) for finding in delta.json["findings"]}
    assert ("1 invoice records are gone from the source, or are not what `when` asks for any more", "6") in found
    assert row(loaded_shop, "invoice", name="I-6")
    assert (delta.exit_code, reconcile.exit_code) == (0, 0)


def test_a_record_that_fulfils_the_condition_at_last_is_loaded(loaded_shop: ClientFolder) -> None:
    loaded_shop.source.change("job", "5", invoice_number="I-5", total=0)

    result = loaded_shop.walk("delta")

    assert result.exit_code == 0
    assert row(loaded_shop, "invoice", name="I-5")["incidentid"] == ref(loaded_shop, "incident", mem_jobid="5")


def test_a_record_set_aside_that_no_document_takes_any_more_is_forgotten(ready_shop: ClientFolder) -> None:
    ready_shop.source.put("job", "8", id=8, name="Job 8", customer_id=1, currency="dollars", invoice_number="I" * 60)
    ready_shop.source.put("line", "80", id=80, job_id=8, amount=0)

    refused = ready_shop.walk("run")
    ready_shop.source.change("job", "8", invoice_number=None)
    ready_shop.source.remove("line", "80")
    mended = ready_shop.walk("run")

    assert [letter["record"] for letter in refused.rows("dead-letters")] == ["invoice 8"]
    assert [parked["record"] for parked in refused.rows("parked-records")] == ["line 80"]
    assert mended.exit_code == 0
    assert mended.rows("dead-letters") == mended.rows("parked-records") == []


def test_a_given_record_that_is_taken_away_is_reported_and_its_row_stays(loaded_shop: ClientFolder) -> None:
    edit(loaded_shop, "price_list", "  - {id: old, name: Before the migration}\n", "")
    replan(loaded_shop)

    result = loaded_shop.walk("run", "delta")

    [finding] = result.json["findings"]
    assert finding["title"].startswith("1 price_list records are not given any more")
    assert finding["evidence"] == "old"
    assert {row["name"] for row in loaded_shop.target.rows("pricelevel").values()} == {
        "Standard",
        "Before the migration",
    }


def test_a_given_record_that_is_added_is_loaded(loaded_shop: ClientFolder) -> None:
    edit(loaded_shop, "price_list", "given:\n", "given:\n  - {id: night, name: At night}\n")
    replan(loaded_shop)

    loaded_shop.walk("run")

    assert row(loaded_shop, "pricelevel", name="At night")


def test_a_field_that_one_document_takes_is_no_gap_for_the_others(shop: ClientFolder) -> None:
    edit(shop, "job", "dropped: {internal: Bookkeeping of the source}\n", "")

    shop.walk("audit", "plan")
    kept = [entity for entity in ("job", "invoice", "visit") if "mem_internal" in shop.mapping_file(entity).read_text()]

    assert kept == ["job"]


def test_columns_of_one_document_may_be_filled_by_another_of_the_same_table(shop: ClientFolder) -> None:
    shop.write_mapping(
        "old_job",
        """\
entity: old_job
table: incident
key: {from: id}
given: [{id: before, name: Before the migration, number: before}]
fields:
  title: {from: name}
  "{prefix}_jobid": {from: number}
""",
    )

    result = shop.walk("audit", "plan", "approve mapping", "prepare", "sample", "run", "reconcile", "rollback")

    assert result.exit_code == 0, result.output + result.errors


@pytest.mark.parametrize(
    ("entity", "old", "new", "mistake"),
    [
        ("job", '"{table:tag}"', '"{table:tags}"', "{table:tags} names an entity without a mapping"),
        ("job", 'targets: ["{table:tag}"]', "targets: []", "custom lookup mem_tagid names no `targets`"),
        ("job_tag", "  label: Tags\n", "", "incident has no relationship `mem_incident_tag`"),
        ("job", "[company, person]", "[companies, people]", "which no mapping covers"),
        ("invoice", "{from: total}", "{lookup: job, from: total}", "a computed column is compared with no lookup"),
        ("invoice", "invoice_number: filled", "invoiced: filled", "the source has no field `invoiced`"),
    ],
)
def test_what_cannot_work_stops_the_plan(shop: ClientFolder, entity: str, old: str, new: str, mistake: str) -> None:
    edit(shop, entity, old, new)

    result = shop.walk("audit", "plan")

    assert result.exit_code == 2
    assert mistake in result.json["error"]["message"]


@pytest.mark.parametrize(
    ("condition", "value", "fits"),
    [
        ("filled", "x", True), ("filled", 0, True), ("filled", False, True), ("filled", "", False),
        ("filled", None, False), ("filled", (), False), ("empty", None, True), ("empty", "x", False),
        (["a", "b"], "b", True), (["a"], "c", False), (["7"], 7, True), ([7], "7", True), ([7], 8, False),
        ([1], True, False), ([True], 1, False), ([True], True, True), (["true"], True, True), ([None], "", True),
        ([None], "None", False), (["a"], None, False), ([7], (7,), False),
    ],
)  # fmt: skip
def test_a_condition_compares_as_people_do(condition: Condition, value: Value, fits: bool) -> None:
    record = Record(RecordKey(EntityName("job"), SourceId("1")), {"field": value})

    assert fulfils({"field": condition}, record) is fits


OFFER = """\
from transload import hookimpl
from transload.mapping import parse_mapping

PLAIN = "{entity: customer, table: account, key: {from: id}, fields: {name: {from: name}}}"
RICH = "{entity: customer, table: contact, needs: NEEDED, key: {from: id}, fields: {fullname: {from: name}}}"


@hookimpl
def mappings():
    return [parse_mapping(text, "here") for text in (PLAIN, RICH)]
"""


@pytest.mark.parametrize(("needed", "table"), [("nowhere", "account"), ("invoice", "contact")])
def test_a_shipped_document_counts_only_where_the_table_is_that_it_needs(
    shop: ClientFolder, needed: str, table: str
) -> None:
    shop.offer("variants", OFFER.replace("NEEDED", needed))
    settings = shop.path / "transload.toml"
    settings.write_text(settings.read_text().replace('"memory_sink"]', '"memory_sink", "variants"]'))

    shop.walk("audit", "plan --check")
    shop.walk("plan")

    assert f"table: {table}\n" in shop.mapping_file("customer").read_text()
