"""What is proposed for fields that no rule covers, and why."""

from dataclasses import replace

import pytest

from transload._proposals import propose
from transload.mapping import NO_TARGET, Mapping, MappingGap, Proposal, parse_mapping
from transload.testing import ClientFolder
from transload.values import ColumnType, EntityName, FieldType, TableName, TargetColumn, TargetSchema, TargetTable

TEXT = FieldType.TEXT
COLUMNS = (
    TargetColumn("name", ColumnType.TEXT, "Account Name", max_length=160),
    TargetColumn("telephone1", ColumnType.TEXT, "Main Phone", max_length=50),
    TargetColumn("telephone2", ColumnType.TEXT, "Other Phone", max_length=50),
    TargetColumn("telephone3", ColumnType.TEXT, max_length=50),
    TargetColumn("emailaddress1", ColumnType.TEXT, "Email", max_length=100),
    TargetColumn("emailaddress2", ColumnType.TEXT, "Email Address 2", max_length=100),
    TargetColumn("fax", ColumnType.TEXT, "Fax", max_length=50),
    TargetColumn("address1_city", ColumnType.TEXT, max_length=80),
    TargetColumn("address1_line1", ColumnType.TEXT, max_length=250),
    TargetColumn("revenue", ColumnType.MONEY),
    TargetColumn("creditlimit", ColumnType.MONEY, "Credit Limit"),
    TargetColumn("creditonhold", ColumnType.BOOLEAN),
    TargetColumn("industrycode", ColumnType.CHOICE, options={1: "Accounting", 2: "Retail"}),
    TargetColumn("parentaccountid", ColumnType.LOOKUP, targets=(TableName("account"),)),
    TargetColumn("statecode", ColumnType.STATE, creatable=False, updatable=False),
    TargetColumn("mig_boilermake", ColumnType.TEXT, "Make of the boiler", max_length=100, custom=True),
    TargetColumn("overriddencreatedon", ColumnType.DATETIME),
)
ACCOUNT = TargetTable(TableName("account"), "Account", "accountid", "name", {c.name: c for c in COLUMNS})
INVOICE = TargetTable(
    TableName("invoice"), "Invoice", "invoiceid", "name",
    {"totalamount": TargetColumn("totalamount", ColumnType.MONEY, "Total Amount", creatable=False, updatable=False)},
)  # fmt: skip
TARGET = TargetSchema("dynamics365", "", {ACCOUNT.name: ACCOUNT, INVOICE.name: INVOICE})


def gap(field: str, kind: FieldType = TEXT, *samples: str, longest: int = 20, table: str = "account") -> MappingGap:
    return MappingGap(EntityName("customer"), field, kind, 10, 10, longest, samples, TableName(table))


def answers(*gaps: MappingGap) -> dict[str, Proposal]:
    return {answer.field: answer for answer in propose(gaps, [], TARGET)}


def proposals(*gaps: MappingGap, mappings: tuple[Mapping, ...] = ()) -> dict[str, Proposal]:
    return {proposal.field: proposal for proposal in propose(gaps, mappings, TARGET) if proposal.column != NO_TARGET}


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("PhoneNumber", "telephone1"),
        ("phone_number", "telephone1"),
        ("phone-number", "telephone1"),
        ("Tel. no.", "telephone1"),
        ("phonenumber", "telephone1"),
        ("Phone__c", "telephone1"),
        ("customer_phone", "telephone1"),
        ("Telehpone", "telephone1"),
        ("Téléphone", "telephone1"),
        ("AlternatePhone", "telephone2"),
        ("Service City", "address1_city"),
        ("hs_city", "address1_city"),
        ("Acct Name", "name"),
        ("ParentId", "parentaccountid"),
        ("SellingDetails.Industry", "industrycode"),
        ("Address 1 - City", "address1_city"),
        ("Annual Revenue (USD)", "revenue"),
        ("Industries", "industrycode"),
        ("company_industry_name", "industrycode"),
    ],
)
def test_a_field_is_recognised_however_its_name_is_written(field: str, column: str) -> None:
    [proposal] = propose([gap(field)], [], TARGET)

    assert proposal.column == column


@pytest.mark.parametrize(
    "field",
    ["Lawn size", "Phone model", "City permit number", "last_synced_at", "Name of dog", "Fax cover sheet", "id",
     "customer_id", "custom_text4", "password_salt", "Email bounced", "qjxv", "Fax company", "Number of faxes"],
)  # fmt: skip
def test_that_a_field_has_no_good_target_is_an_answer(field: str) -> None:
    answer = answers(gap(field))[field]

    assert (answer.column, answer.answer, answer.certainty) == (NO_TARGET, "no good target", "")


def test_a_field_without_a_good_target_says_why() -> None:
    found = answers(gap("updated_at"), gap("City permit"), gap("qjxv"))

    assert {field: answer.reason for field, answer in found.items()} == {
        "updated_at": "'updated_at' means modified at, and no standard column is for that",
        "City permit": "the closest is address1_city, which is too unsure (28%): 'City permit' is close to 'city'",
        "qjxv": "no column of Account fits in name and type",
    }


def test_a_word_that_most_fields_begin_with_says_nothing() -> None:
    found = proposals(gap("cmpx_name"), gap("cmpx_phone"), gap("cmpx_fax"), gap("cmpx_emailaddress"))

    assert {field: proposal.column for field, proposal in found.items()} == {
        "cmpx_name": "name",
        "cmpx_phone": "telephone1",
        "cmpx_fax": "fax",
        "cmpx_emailaddress": "emailaddress1",
    }


@pytest.mark.parametrize("sample", ["1700000000", "1700000000000"])
def test_a_number_that_counts_seconds_goes_to_a_date(sample: str) -> None:
    found = proposals(gap("created", FieldType.INTEGER, sample))

    assert found["created"].column == "overriddencreatedon"
    assert found["created"].reason.endswith("all of the samples look like Unix times")
    assert proposals(gap("created", FieldType.INTEGER, "17")) == {}


def test_samples_that_are_choices_of_a_column_speak_for_it() -> None:
    known = proposals(gap("industry", TEXT, "Retail", "accounting"))["industry"]
    other = proposals(gap("industry", TEXT, "Cats", "Dogs"))["industry"]

    assert known.confidence > other.confidence
    assert known.reason.endswith("all of the samples are choices of this column")


def test_a_column_is_given_to_the_field_that_fits_it_best() -> None:
    found = proposals(gap("alt_phone"), gap("phone"), gap("mobile"), gap("notification_email"), gap("email"))

    assert {field: proposal.column for field, proposal in found.items()} == {
        "phone": "telephone1",
        "alt_phone": "telephone2",
        "mobile": "telephone3",
        "email": "emailaddress1",
        "notification_email": "emailaddress2",
    }


def test_a_second_field_of_the_same_meaning_is_proposed_as_the_fall_back() -> None:
    found = proposals(gap("company_name"), gap("name"))

    assert found["company_name"].column == found["name"].column == "name"
    assert "company_name has this column already: make it the fall-back" in found["name"].reason


def test_a_column_that_a_rule_fills_already_is_proposed_as_a_fall_back_only() -> None:
    text = 'entity: customer\ntable: account\nkey: {column: "mig_id", from: id}\nfields: {telephone1: {from: main}}\n'
    mapping = parse_mapping(text, "customer.yaml")

    found = proposals(gap("phone"), mappings=(mapping,))

    assert found["phone"].reason.endswith("main has this column already: make it the fall-back")


def test_a_reason_names_meaning_type_and_samples() -> None:
    samples = ("309-555-0101", "309-555-0102", "309-555-0103", "none", "309-555-0104")

    found = proposals(gap("Daytime phone", TEXT, *samples))

    assert found["Daytime phone"].reason == (
        "'Daytime phone' means phone; type text(50) fits; 80% of the samples look like phone numbers"
    )


def test_a_reason_says_what_a_rule_has_to_mind() -> None:
    found = proposals(
        gap("Fax", TEXT, longest=70), gap("Industry"), gap("active", FieldType.BOOLEAN), gap("Parent account"),
        gap("grand_total", FieldType.DECIMAL, table="invoice"),
    )  # fmt: skip

    reasons = {field: proposal.reason for field, proposal in found.items()}
    assert reasons["Fax"].startswith("'Fax' is what Fax (fax) is usually called; ")
    assert reasons["Fax"].endswith("the longest value has 70 characters and would be cut")
    assert reasons["Industry"].endswith("type choice fits, with a table of values")
    assert reasons["Parent account"].endswith("type lookup fits, as a reference to account")
    assert reasons["active"].endswith("its rule belongs under `finish`")
    assert reasons["grand_total"].endswith("its rule belongs under `computed`")


def test_samples_that_look_like_something_else_lower_the_confidence() -> None:
    plain = proposals(gap("email"))["email"].confidence
    fitting = proposals(gap("email", TEXT, "office@example.com"))["email"].confidence
    unfit = proposals(gap("email", TEXT, "2024-01-10", "2024-01-11"))["email"].confidence

    assert unfit < plain < fitting


@pytest.mark.parametrize("mask", ["***", "o•••@e•••.com", "xxx-xxx", "309-555-xxxx", "[masked]"])
def test_masked_samples_say_nothing(mask: str) -> None:
    assert proposals(gap("email", TEXT, mask)) == proposals(gap("email"))


def test_a_type_that_cannot_be_converted_forbids_a_proposal() -> None:
    assert proposals(gap("company", FieldType.BOOLEAN), gap("credit_limit", FieldType.DATE)) == {}


def test_a_text_that_holds_amounts_goes_to_a_money_column_with_less_confidence_than_a_number() -> None:
    text = proposals(gap("annual_revenue", TEXT, "900000", "$1,200.50"))["annual_revenue"]
    number = proposals(gap("annual_revenue", FieldType.DECIMAL, "900000", "1200.50"))["annual_revenue"]

    assert text.column == number.column == "revenue"
    assert text.confidence <= number.confidence


def test_a_column_that_nobody_has_listed_goes_by_its_name_and_label() -> None:
    assert proposals(gap("boiler_make"))["boiler_make"].column == "mig_boilermake"


def test_a_column_goes_by_what_its_table_says_it_is_also_called() -> None:
    columns = {
        "x_one": TargetColumn("x_one", ColumnType.TEXT, also_called=("flue diameter", "~chimney width")),
        "x_two": TargetColumn("x_two", ColumnType.TEXT, also_called=("chimney width",)),
    }
    target = TargetSchema("", "", {ACCOUNT.name: replace(ACCOUNT, columns=columns)})

    found = {
        each.field: each.column
        for each in propose([gap("FlueDiameter"), gap("chimneywidth"), gap("x_one_x")], [], target)
    }

    assert found == {"FlueDiameter": "x_one", "chimneywidth": "x_two", "x_one_x": NO_TARGET}


def test_the_plan_shows_the_frameworks_proposals(client: ClientFolder) -> None:
    mapping = (client.path / "mapping" / "customer.yaml").read_text(encoding="utf-8")
    client.write_mapping("customer", mapping.replace("  creditlimit: {from: limit}\n", ""))
    client.source.put("customer", "9", id=9, name="Ninth", credit_limit="2500", lawn_size="40")

    client.walk("audit")
    page = client.run("plan", "--json").json

    [table] = [table for name, table in page["tables"].items() if name.startswith("proposals")]
    row, none = ({row["field"]: row for row in table["rows"]}[field] for field in ("credit_limit", "lawn_size"))
    assert (row["column"], row["entity"]) == ("creditlimit", "customer")
    assert row["reason"].startswith("'credit_limit' ")
    assert (none["column"], none["confidence"]) == ("no good target", "")
