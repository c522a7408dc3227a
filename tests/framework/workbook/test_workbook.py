"""The workbook of the plan: people fill in cells, and the mapping documents follow, all or none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from transload.mapping import FieldRule, load_mappings
from transload.mapping import Mapping as MappingDocument
from transload.testing import ClientFolder, CommandResult
from transload.values import ColumnType

PROPOSER = """
from transload import hookimpl
from transload.mapping import Proposal

KNOWN = {"mail": "emailaddress", "lawn_size": "lawn"}

@hookimpl
def propose_mapping(gaps):
    return [Proposal(gap.entity, gap.field, KNOWN[gap.field], 0.9, "It says so") for gap in gaps if gap.field in KNOWN]
"""


@dataclass(frozen=True, slots=True)
class PlanBook:
    """The workbook of a client's plan, filled in by a person."""

    client: ClientFolder
    book: Workbook

    def cell(self, sheet: str, field: str, head: str) -> Cell:
        """Return the cell of a source field under a head."""
        page = self.sheet(sheet)
        heads = {str(page.cell(3, place).value): place for place in range(2, page.max_column)}
        row = next(row for row in range(4, page.max_row + 1) if page.cell(row, heads["Source field"]).value == field)
        found = page.cell(row, heads[head])
        assert isinstance(found, Cell)
        return found

    def sheet(self, title: str) -> Worksheet:
        """Return a sheet."""
        page = self.book[title]
        assert isinstance(page, Worksheet)
        return page

    def fill(self, sheet: str, field: str, **entries: object) -> None:
        """Write into cells of a source field, by head in small letters."""
        for head, value in entries.items():
            self.cell(sheet, field, head.replace("_", " ").capitalize()).value = value  # type: ignore[assignment]  # any

    def take_back(self) -> CommandResult:
        """Save the workbook, and hand it to the plan."""
        self.book.save(self.client.path / "filled.xlsx")
        return self.client.run("plan", "--import", "filled.xlsx", "--json")


OpenBook: TypeAlias = Callable[[ClientFolder], PlanBook]


@pytest.fixture
def planned(client: ClientFolder) -> PlanBook:
    """The workbook of the company's plan."""
    return plan_book(client)


def plan_book(client: ClientFolder) -> PlanBook:
    assert client.walk("audit", "plan").exit_code == 0
    return PlanBook(client, load_workbook(client.path / "reports" / "plan.xlsx"))


def documents(client: ClientFolder) -> dict[str, MappingDocument]:
    return {document.entity: document for document in load_mappings(client.path / "mapping")}


def mistakes(result: CommandResult) -> list[str]:
    assert result.exit_code == 2
    assert result.json["error"]["code"] == "workbook"
    return [line.strip(" -") for line in result.json["error"]["message"].splitlines()[1:]]


# --- what it shows ----------------------------------------------------------------------


def test_the_plan_leaves_a_workbook_that_explains_itself(planned: PlanBook) -> None:
    titles = [sheet.title for sheet in planned.book.worksheets if sheet.sheet_state == "visible"]

    cover = " ".join(str(cell.value) for row in planned.sheet("Read me") for cell in row)

    assert titles == ["Read me", "customer", "job", "line", "Target needs", "Proposals"]
    assert "plan --import" in cover
    assert planned.cell("customer", "email", "Target column").value == "emailaddress"
    assert planned.cell("customer", "email", "Samples").value == "c1@example.com\nc2@example.com\nc3@example.com"
    assert planned.cell("job", "priority", "Value map").value == "urgent -> High\nusual -> Normal"
    assert planned.cell("customer", "etag", "Reason").value == "Bookkeeping of the source"


def test_only_cells_that_are_taken_back_are_open_and_coloured(planned: PlanBook) -> None:
    cells = [cell for title in ("customer", "job", "line") for row in planned.sheet(title) for cell in row]

    opened = {cell.coordinate for cell in cells if not cell.protection.locked}
    coloured = {cell.coordinate for cell in cells if cell.fill.fgColor.rgb == "00FFF4CC"}

    assert all(sheet.protection.sheet for sheet in planned.book.worksheets)
    assert opened == coloured
    assert not planned.cell("customer", "name", "Target column").protection.locked
    assert planned.cell("customer", "name", "Samples").protection.locked
    assert planned.cell("customer", "id", "Target column").protection.locked
    assert planned.cell("job", "status", "Target column").protection.locked
    assert not planned.cell("job", "status", "Value map").protection.locked


def test_choices_are_offered(planned: PlanBook) -> None:
    offered = {str(rule.sqref): rule.formula1 for rule in planned.sheet("customer").data_validations.dataValidation}

    columns = [cell.value for cell in planned.sheet("Lists")["A"]]

    assert '"carry over,drop"' in offered.values()
    assert "Lists!$A$2:$A$7" in offered.values()
    assert columns[:3] == ["account", "creditlimit", "emailaddress"]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1+cmd", "-2+3", "@SUM(1)", "#REF!", "a\x07b"])
def test_what_the_source_says_is_never_a_formula(client: ClientFolder, name: str) -> None:
    for number in range(1, 9):
        client.source.change("customer", str(number), name=name)

    cell = plan_book(client).cell("customer", "name", "Samples")

    assert (cell.data_type, cell.number_format) == ("s", "@")
    assert cell.value == name.replace("\x07", "\N{REPLACEMENT CHARACTER}")


# --- what comes back --------------------------------------------------------------------


def test_entries_become_edits_of_their_documents_and_the_report_lists_them(planned: PlanBook) -> None:
    client = planned.client
    planned.fill(
        "customer", "etag", decision="carry over", target_column="mem_etag", type="text", length=40, label="Tag"
    )
    planned.fill("customer", "limit", decision="drop", reason="The bank decides")
    planned.fill("job", "priority", value_map="urgent -> High\nusual -> 2")

    result = planned.take_back()

    customer, job = documents(client)["customer"], documents(client)["job"]
    assert result.exit_code == 0
    assert customer.fields["mem_etag"] == FieldRule.model_validate(
        {"from": "etag", "custom": {"type": "text", "label": "Tag", "max": 40}}
    )
    assert customer.dropped == {"limit": "The bank decides"}
    assert job.fields["prioritycode"].values == {"urgent": "High", "usual": 2}
    taken = {
        (row["place"], row["what"]): (row["before"], row["now"]) for row in result.rows("taken-over-from-the-workbook")
    }
    assert taken["customer!E7", "Decision"] == ("carry over", "drop")
    assert len(taken) == 8


def test_comments_are_lost_only_where_something_changed(planned: PlanBook) -> None:
    client = planned.client
    for name in ("customer", "line"):
        file = client.mapping_file(name)
        file.write_text(f"# Agreed with Ada\n{file.read_text()}")
    planned.fill("customer", "email", target_column="name")
    planned.fill("customer", "name", target_column="emailaddress")

    result = planned.take_back()

    assert result.exit_code == 0
    assert "Agreed" not in client.mapping_file("customer").read_text()
    assert "Agreed" in client.mapping_file("line").read_text()


def test_rules_may_exchange_their_columns(planned: PlanBook) -> None:
    planned.fill("customer", "email", target_column="name")
    planned.fill("customer", "name", target_column="emailaddress")

    planned.take_back()

    fields = documents(planned.client)["customer"].fields
    assert (fields["name"].from_, fields["emailaddress"].from_) == ("email", "name")


def test_a_custom_column_gets_another_name_type_and_label(client: ClientFolder) -> None:
    client.source.change("line", "1", colour="red")
    planned = plan_book(client)
    planned.fill("line", "colour", target_column="mem_paint", type="choice", label="Paint")

    result = planned.take_back()

    rule = documents(client)["line"].fields["mem_paint"]
    assert result.exit_code == 0
    assert rule.custom is not None
    assert (rule.custom.type, rule.custom.label, rule.custom.max) == (ColumnType.CHOICE, "Paint", None)
    assert rule.custom.options == ["red"]


def test_an_accepted_proposal_replaces_the_custom_column_even_after_another_plan(client: ClientFolder) -> None:
    client.offer("proposer", PROPOSER)
    client.configure(["memory_source", "memory_sink", "proposer"])
    client.write_mapping(
        "customer", client.mapping_file("customer").read_text().replace("emailaddress: {from: email}", "")
    )
    for number in range(1, 9):
        client.source.change("customer", str(number), mail="ada@example.com", lawn_size="40", lawn_colour="green")
    planned = plan_book(client)
    planned.cell("Proposals", "mail", "Accept").value = "yes"

    result = planned.take_back()

    fields = documents(client)["customer"].fields
    assert result.exit_code == 0
    assert fields["emailaddress"] == FieldRule.model_validate({"from": "mail"})
    assert "mem_mail" not in fields
    rows = result.rows("proposals-for-fields-that-no-rule-covers")
    assert [(row["field"], row["column"]) for row in rows] == [
        ("lawn_size", "lawn"), ("lawn_colour", "no good target"),
    ]  # fmt: skip


def test_of_a_field_without_a_good_target_nothing_can_be_accepted(client: ClientFolder) -> None:
    client.source.change("customer", "1", lawn_colour="green")
    planned = plan_book(client)
    shown = [planned.cell("Proposals", "lawn_colour", head) for head in ("Proposed column", "Confidence", "Accept")]
    shown[-1].value = "yes"

    result = planned.take_back()

    assert [cell.value for cell in shown] == ["no good target", None, "yes"]
    assert all(cell.protection.locked for cell in shown)
    assert mistakes(result) == ["Proposals!G4: there is no column to accept; name one on the sheet of customer"]


def test_a_workbook_as_it_was_written_changes_nothing(planned: PlanBook) -> None:
    before = documents(planned.client)

    result = planned.take_back()

    assert result.exit_code == 0
    assert documents(planned.client) == before
    assert result.rows("taken-over-from-the-workbook") == []


# --- mistakes ---------------------------------------------------------------------------


def test_every_mistake_is_named_with_its_cell_and_nothing_is_changed(planned: PlanBook) -> None:
    before = documents(planned.client)
    planned.fill("customer", "name", target_column="nam")
    planned.fill("customer", "email", decision="dorp")
    planned.fill("customer", "limit", decision="drop")
    planned.fill("customer", "agent", samples="somebody")
    planned.fill("customer", "etag", decision="carry over", target_column="mem_etag", type="txt")
    planned.fill("job", "name", length="long")
    planned.fill("job", "priority", value_map="urgent")
    planned.fill("job", "due_at", target_column="customerid")
    planned.fill("job", "status", decision="drop")
    planned.fill("line", "text", target_column="=1+1")

    result = planned.take_back()

    assert documents(planned.client) == before
    assert [mistake.partition(": ")[0] for mistake in mistakes(result)] == [
        "line!F4", "customer!D10", "job!E9", "customer!F5", "customer!E6", "customer!E7", "customer!G11", "job!H5",
        "job!J7", "job!F8",
    ]  # fmt: skip


def test_entries_that_do_not_fit_the_target_are_named_with_their_cell(planned: PlanBook) -> None:
    before = documents(planned.client)
    planned.fill("customer", "email", target_column="ownerid")
    planned.fill("customer", "agent", target_column="emailaddress")

    result = planned.take_back()

    assert documents(planned.client) == before
    assert [mistake.partition(": ")[0] for mistake in mistakes(result)] == ["customer!F6", "customer!F10"]


def test_an_entry_for_what_somebody_changed_meanwhile_is_refused(planned: PlanBook) -> None:
    file = planned.client.mapping_file("job")
    file.write_text(file.read_text().replace("urgent: High", "urgent: Normal"))
    planned.fill("job", "priority", value_map="urgent -> 1")
    planned.fill("job", "due_at", decision="drop", reason="Nobody looks at it")

    result = planned.take_back()

    [mistake] = mistakes(result)
    assert mistake.startswith("job!J7: the mapping says `urgent -> Normal")


def test_rows_that_were_removed_copied_or_added_are_named(planned: PlanBook) -> None:
    planned.sheet("job").delete_rows(5)
    customer = planned.sheet("customer")
    for place in range(1, customer.max_column + 1):
        customer.cell(13, place).value = customer.cell(4, place).value
    planned.sheet("line")["B9"] = "colour"

    found = mistakes(planned.take_back())

    assert found == [
        "customer!B13: the row is a copy of row 4",
        "job: 1 row was removed; a field is dropped by its Decision, not by its row",
        "line!B9: a row that the plan did not write; rules are added in the YAML document",
    ]


def test_a_moved_column_is_named(planned: PlanBook) -> None:
    planned.sheet("job").insert_cols(5)

    [mistake] = mistakes(planned.take_back())

    assert mistake.startswith("job!E3: should say `Decision`")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", None])
def test_what_is_no_workbook_of_a_plan_is_refused(client: ClientFolder, content: bytes | None) -> None:
    client.walk("audit", "plan")
    file = client.path / "filled.xlsx"
    if content is None:
        Workbook().save(file)
    else:
        file.write_bytes(content)

    result = client.run("plan", "--import", "filled.xlsx", "--json")

    assert len(mistakes(result)) == 1


def test_checking_and_importing_exclude_each_other(planned: PlanBook) -> None:
    result = planned.client.run("plan", "--check", "--import", "filled.xlsx")

    assert result.exit_code == 2
    assert "--import" in result.errors


# --- the next plan ----------------------------------------------------------------------


def test_a_later_plan_keeps_edits_and_says_what_changed_since(planned: PlanBook) -> None:
    client = planned.client
    planned.fill("customer", "limit", decision="drop", reason="The bank decides")
    planned.take_back()
    for number in range(1, 9):
        client.source.change("line", str(number), colour="red")
    file = client.mapping_file("job")
    file.write_text(file.read_text().replace("urgent: High", "urgent: Normal"))
    client.walk("audit")

    result = client.run("plan", "--json")

    since = [(row["entity"], row["what"], row["name"]) for row in result.rows("since-the-last-plan")]
    assert since == [
        ("line", "field is new", "colour"),
        ("job", "rule is edited", "fields prioritycode"),
        ("line", "rule is new", "fields mem_colour"),
    ]
    assert documents(client)["customer"].dropped["limit"] == "The bank decides"


def test_a_workbook_that_people_changed_is_kept_when_the_next_plan_writes_its_own(planned: PlanBook) -> None:
    client, reports = planned.client, planned.client.path / "reports"
    planned.fill("customer", "limit", decision="drop", reason="The bank decides")
    planned.book.save(reports / "plan.xlsx")

    result = client.run("plan", "--json")

    [kept] = reports.glob("plan-kept-*.xlsx")
    [finding] = result.json["findings"]
    assert kept.name in finding["title"]
    assert PlanBook(client, load_workbook(kept)).cell("customer", "limit", "Decision").value == "drop"


def test_a_workbook_that_is_taken_back_from_its_place_is_not_kept(planned: PlanBook) -> None:
    client, reports = planned.client, planned.client.path / "reports"
    planned.fill("customer", "limit", decision="drop", reason="The bank decides")
    planned.book.save(reports / "plan.xlsx")

    result = client.run("plan", "--import", str(reports / "plan.xlsx"), "--json")

    assert result.exit_code == 0
    assert result.json["findings"] == []
    assert list(reports.glob("plan-kept-*.xlsx")) == []
