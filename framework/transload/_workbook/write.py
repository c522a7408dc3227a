"""Writes the workbook of a plan.

What comes from the source is text and stays text: a name such as ``=HYPERLINK(...)`` is
never a formula, neither when the workbook is opened nor when somebody edits the cell.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font, NamedStyle, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from transload._workbook.cover import write_cover
from transload._workbook.layout import (
    ACCEPTED,
    HEAD_ROW,
    HEADS,
    LONGEST_CELL,
    LONGEST_TITLE,
    Mark,
    ProposalHead,
    SheetKind,
    cell_text,
    stamp,
)
from transload._workbook.lines import Decision, Head, Line
from transload._workbook.packing import pack
from transload._workbook.rules import CREATABLE
from transload.mapping import NO_TARGET, Proposal
from transload.mapping import Mapping as MappingDocument
from transload.values import SchemaChange, TargetSchema

_WIDTHS = {
    "Source field": 26, "Filled": 9, "Samples": 30, "Decision": 13, "Target column": 28, "Type": 12, "Length": 9,
    "Label": 26, "Value map": 32, "Reason": 36, "How": 44, "Entity": 18, "Proposed column": 28, "Confidence": 12,
    "Accept": 10, "Kind": 10, "Table": 24, "Name": 30,
}  # fmt: skip
_LISTS = "Lists"
_NUMBERS = {Head.FILLED, Head.LENGTH}
"""In a cell whose format is text, a validation takes no number."""


@dataclass(frozen=True, slots=True)
class PlanContent:
    """What a workbook tells.

    Attributes:
        made_at: When, with a zone.
        documents: The mapping, by entity.
        lines: The lines of each document that is not skipped, by entity.
    """

    client: str
    run_id: str
    made_at: datetime
    documents: Mapping[str, MappingDocument]
    lines: Mapping[str, Sequence[Line]]
    changes: Sequence[SchemaChange]
    proposals: Sequence[Proposal]
    target: TargetSchema


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of entries: its key, its texts by head, and the heads of its open cells."""

    key: str
    texts: Mapping[str, str]
    open: Set[str]


def write_workbook(content: PlanContent) -> bytes:
    """Return the workbook as the bytes of an xlsx file. The same content gives the same bytes."""
    book = Workbook()
    for style in _styles():
        book.add_named_style(style)
    cover = book.worksheets[0]
    titles = _titles(content.lines)
    for entity, lines in content.lines.items():
        rows = [_row(entity, line) for line in lines]
        document = content.documents[entity]
        sheet = _sheet(book, titles[entity], SheetKind.LINES, f"{entity} becomes {document.table}", document.note, rows)
        _validate_lines(sheet, len(rows), _column_list(book, content, document.table))
    _needs(book, content.changes)
    _proposals(book, content.proposals)
    _hide_lists(book, content)
    sheets = {titles[entity]: len(lines) for entity, lines in content.lines.items()}
    left = {entity: document.skip for entity, document in content.documents.items() if document.skip is not None}
    write_cover(cover, content.client, f"{content.made_at:%Y-%m-%d %H:%M %Z}, run {content.run_id}", sheets, left)
    return pack(book, content.made_at)


def _row(entity: str, line: Line) -> _Row:
    texts: dict[str, str] = {head: cell_text(text) for head, text in line.texts().items()}
    too_long = {head for head, text in texts.items() if len(text) > LONGEST_CELL}
    return _Row(f"{entity}:{line.block}:{line.name}", texts, line.open_heads() - too_long)


def _titles(entities: Mapping[str, object]) -> dict[str, str]:
    """Return a title for the sheet of each entity: at most 31 characters, no two alike."""
    titles: dict[str, str] = {}
    taken = {"read me", "target needs", "proposals", _LISTS.lower()}
    for entity in entities:
        title, number = entity[:LONGEST_TITLE], 2
        while title.lower() in taken:
            title, number = f"{entity[: LONGEST_TITLE - 3]}_{number}", number + 1
        taken.add(title.lower())
        titles[entity] = title
    return titles


def _sheet(book: Workbook, title: str, kind: SheetKind, headline: str, note: str, rows: Sequence[_Row]) -> Worksheet:
    """Add a sheet of entries."""
    heads = HEADS[kind]
    sheet = _plain_sheet(book, title, headline, note, heads, first=2)
    _put(sheet, 1, 1, str(Mark(kind, len(rows))), "note")
    for number, row in enumerate(rows, start=HEAD_ROW + 1):
        _put(sheet, number, 1, row.key, "locked")
        for place, head in enumerate(heads, start=2):
            text = row.texts.get(head, "")
            cell = _put(sheet, number, place, text, "open" if head in row.open else "locked")
            if head in _NUMBERS:
                cell.value, cell.number_format = int(text) if text else None, "#,##0"
        stamps = " ".join(stamp(row.texts.get(head, "")) for head in heads)
        _put(sheet, number, len(heads) + 2, stamps, "locked")
    for hidden in (1, len(heads) + 2):
        sheet.column_dimensions[get_column_letter(hidden)].hidden = True
    return sheet


def _plain_sheet(
    book: Workbook, title: str, headline: str, note: str, heads: Sequence[str], first: int = 1
) -> Worksheet:
    sheet: Worksheet = book.create_sheet(title)
    _put(sheet, 1, first, headline, "headline")
    _put(sheet, 2, first, note, "note")
    for place, head in enumerate(heads, start=first):
        _put(sheet, HEAD_ROW, place, head, "head")
        sheet.column_dimensions[get_column_letter(place)].width = _WIDTHS.get(head, 20)
    sheet.freeze_panes = f"{get_column_letter(first + 1)}{HEAD_ROW + 1}"
    protect(sheet)
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = f"{HEAD_ROW}:{HEAD_ROW}"
    return sheet


def protect(sheet: Worksheet) -> None:
    """Keep people from writing where nothing is taken back; without a password, because it is no secret."""
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = False  # False: not forbidden


def _put(sheet: Worksheet, row: int, column: int, text: str, style: str) -> Cell:
    """Put a text into a cell, as text whatever it begins with."""
    cell = sheet.cell(row, column)
    assert isinstance(cell, Cell)  # nothing here is merged
    cell.value = cell_text(text) or None
    if cell.value is not None:
        cell.data_type = "s"
    cell.style = style
    return cell


def _styles() -> list[NamedStyle]:
    """Return the looks of cells. ``@`` is the format of text: what is typed there is not computed."""
    top = Alignment(vertical="top", wrap_text=True)
    thin = PatternFill("solid", fgColor="FFF4CC")
    return [
        NamedStyle("open", alignment=top, number_format="@", fill=thin, protection=Protection(locked=False)),
        NamedStyle("locked", alignment=top, number_format="@", font=Font(color="44525E")),
        NamedStyle("head", alignment=top, number_format="@", font=Font(bold=True, color="FFFFFF"),
                   fill=PatternFill("solid", fgColor="44525E")),
        NamedStyle("headline", number_format="@", font=Font(bold=True, size=14)),
        NamedStyle("note", number_format="@", font=Font(italic=True, color="44525E")),
    ]  # fmt: skip


def _validate_lines(sheet: Worksheet, rows: int, columns: str) -> None:
    """Offer what can be chosen. A column that is not on the list is a custom one, so it is not refused."""
    types = ",".join(CREATABLE)
    _validate(sheet, rows, Head.DECISION, DataValidation(
        type="list", formula1=f'"{",".join(Decision)}"', showErrorMessage=True,
        error="Choose one of the two.", prompt="To drop a field, say why under Reason.", showInputMessage=True,
    ))  # fmt: skip
    _validate(sheet, rows, Head.COLUMN, DataValidation(type="list", formula1=columns, showErrorMessage=False))
    _validate(sheet, rows, Head.TYPE, DataValidation(
        type="list", formula1=f'"{types}"', showErrorMessage=False, showInputMessage=True,
        prompt="Only for a custom column.",
    ))  # fmt: skip
    _validate(sheet, rows, Head.LENGTH, DataValidation(
        type="whole", operator="between", formula1="1", formula2="1048576", allow_blank=True, showErrorMessage=True,
        error="A number of characters.",
    ))  # fmt: skip
    _validate(sheet, rows, Head.VALUES, DataValidation(
        type=None, showInputMessage=True, prompt="A line for each value: urgent -> High",
    ))  # fmt: skip


def _validate(sheet: Worksheet, rows: int, head: Head, rule: DataValidation) -> None:
    letter = get_column_letter(list(Head).index(head) + 2)
    rule.allow_blank = True
    rule.add(f"{letter}{HEAD_ROW + 1}:{letter}{HEAD_ROW + max(1, rows)}")
    sheet.add_data_validation(rule)


def _column_list(book: Workbook, content: PlanContent, table: str) -> str:
    """Return the formula of the list of a table's columns."""
    names = _listed(content)
    place = list(names).index(table) + 1
    letter = get_column_letter(place)
    return f"{_LISTS}!${letter}$2:${letter}${1 + max(1, len(names[table]))}"


def _listed(content: PlanContent) -> dict[str, list[str]]:
    tables = dict.fromkeys(document.table for document in content.documents.values() if document.table)
    live = {str(name): table for name, table in content.target.tables.items()}
    return {
        name: sorted(c.name for c in live[name].columns.values() if c.creatable or c.updatable) if name in live else []
        for name in tables
    }


def _hide_lists(book: Workbook, content: PlanContent) -> None:
    sheet: Worksheet = book.create_sheet(_LISTS)
    for place, (table, names) in enumerate(_listed(content).items(), start=1):
        for number, text in enumerate([table, *names], start=1):
            _put(sheet, number, place, text, "locked")
    protect(sheet)
    sheet.sheet_state = "hidden"


def _needs(book: Workbook, changes: Sequence[SchemaChange]) -> None:
    heads = ("Kind", "Table", "Name", "Label", "Type")
    note = "Created by prepare after approval, and removed by a rollback. Change it on the sheet of its entity."
    sheet = _plain_sheet(book, "Target needs", "What the target needs first", note, heads)
    for number, change in enumerate(changes, start=HEAD_ROW + 1):
        kind = str(change.column.type) if change.column else " + ".join(change.key_columns)
        for place, text in enumerate((change.kind, change.table, change.name, change.label, kind), start=1):
            _put(sheet, number, place, text, "locked")


def _proposals(book: Workbook, proposals: Sequence[Proposal]) -> None:
    rows = [
        _Row(
            f"{proposal.entity}:{proposal.field}:{proposal.column}",
            {
                ProposalHead.ENTITY: proposal.entity,
                ProposalHead.FIELD: proposal.field,
                ProposalHead.COLUMN: proposal.answer,
                ProposalHead.CONFIDENCE: proposal.certainty,
                ProposalHead.REASON: proposal.reason,
                ProposalHead.ACCEPT: "",
            },
            frozenset() if proposal.column == NO_TARGET else frozenset({ProposalHead.ACCEPT}),
        )
        for proposal in proposals
    ]
    note = f"Nothing of this is applied until you write {ACCEPTED} under Accept; each field has a custom column so far."
    sheet = _sheet(book, "Proposals", SheetKind.PROPOSALS, "Proposals for fields without a rule", note, rows)
    letter = get_column_letter(len(ProposalHead) + 1)
    choice = DataValidation(type="list", formula1=f'"{ACCEPTED}"', allow_blank=True, showErrorMessage=True)
    choice.add(f"{letter}{HEAD_ROW + 1}:{letter}{HEAD_ROW + max(1, len(rows))}")
    sheet.add_data_validation(choice)
