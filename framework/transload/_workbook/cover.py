"""The first sheet of the workbook: what it is, what may be filled in, how it goes back."""

from collections.abc import Mapping

from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.worksheet import Worksheet

from transload._workbook.layout import cell_text

_TEXT = (
    ("What this is", "Every field of the source, and what becomes of it. One sheet for each kind of record."),
    ("What you may fill in", "The yellow cells. All others are for reading; the sheets are protected so that nobody "
     "writes where nothing is taken back. Nothing outside of the yellow cells is needed."),
    ("Decision", "`carry over` or `drop`. Whoever drops a field says why under Reason. A dropped field that is to be "
     "carried over needs a target column."),
    ("Target column", "Choose a column that the target has, or name a new one; a new one needs a Type and begins "
     "with your publisher's prefix. Label and Length are those of the new column."),
    ("Value map", "A line for each value: what the source says, an arrow, what the target should say. Such as "
     "urgent -> High. Nothing after the arrow leaves the column empty. A number is the number of an option; "
     'in quotes, such as "7", it is a text.'),
    ("Proposals", "Columns that would suit a field which has none of its own. Write yes to accept one. A field with no "
     "good target stays in a custom column, until you name another one on its sheet or drop it."),
    ("How it goes back", "Save it, and hand it to whoever runs the migration: `transload plan --import FILE`. Every "
     "mistake is named with its sheet and cell, and then nothing is taken over at all. The report says what changed."),
)  # fmt: skip


def write_cover(sheet: Worksheet, client: str, origin: str, sheets: Mapping[str, int], left: Mapping[str, str]) -> None:
    """Write the first sheet.

    Args:
        sheet: An empty sheet.
        client: Whose mapping it is.
        origin: When and by what it was written.
        sheets: The sheets of entities, with their number of lines.
        left: Entities that are not carried over at all, with the reason.
    """
    sheet.title = "Read me"
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 24, 96
    lines = [("Plan of the migration", cell_text(client)), ("", origin), *_TEXT, ("Sheets", "")]
    lines += [(title, f"{count:,} lines") for title, count in sheets.items()]
    if left:
        lines += [("Left behind", ""), *((entity, cell_text(reason)) for entity, reason in left.items())]
    for number, (left_text, right_text) in enumerate(lines, start=1):
        for column, text in ((1, left_text), (2, right_text)):
            cell = sheet.cell(number, column, text)
            cell.data_type = "s"
            cell.alignment = Alignment(vertical="top", wrap_text=True)
        title = sheet.cell(number, 1)
        title.font = Font(bold=True, size=14) if number == 1 else Font(bold=True)
        if left_text in sheets:
            title.hyperlink = f"#'{left_text}'!A1"
    sheet.protection.sheet = True
