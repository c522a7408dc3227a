"""The short form of a report, for the terminal."""

import unicodedata
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from transload._reports.cells import display
from transload._reports.files import WrittenReport
from transload._reports.findings import TONES, by_severity, counted
from transload._reports.grid import is_badge, shown_columns, value_of
from transload._reports.model import Column, Report, Table, Tone, Verdict
from transload.values import Finding

_FACTS, _FINDINGS, _ROWS = 8, 10, 20
"""How many are shown; the page has them all."""

_STYLES = {Tone.GOOD: "bold green", Tone.WARN: "bold yellow", Tone.BAD: "bold red", Tone.PLAIN: "bold"}


def print_report(report: Report, console: Console, written: WrittenReport | None) -> None:
    """Print the verdict, what matters most, and what to do next.

    Args:
        report: The report.
        console: Where to; its width and colours are respected.
        written: Where the whole report lies; None when it was not written.
    """
    console.print()
    console.print(Text(_clean(f"{report.title} \N{MIDDLE DOT} {report.client}"), style="dim"))
    _print_verdict(report.verdict, console)
    if report.facts:
        grid = _grid()
        for label, fact in list(report.facts.items())[:_FACTS]:
            grid.add_row(Text(_clean(label), style="dim"), _clean_text(fact))
        console.print(grid)
        console.print()
    if report.findings:
        _print_findings(report.findings, console)
    for table in report.tables:
        if table.brief:
            _print_table(table, console)
    _print_directions(report.verdict.next_command, console, written)


def _print_verdict(verdict: Verdict, console: Console) -> None:
    grid = _grid()
    grid.add_row(
        Text(verdict.tone.word.upper(), style=_STYLES[verdict.tone]), Text(_clean(verdict.headline), style="bold")
    )
    if verdict.detail:
        grid.add_row(Text(), _clean_text(verdict.detail))
    console.print(grid)
    console.print()


def _print_findings(findings: Sequence[Finding], console: Console) -> None:
    groups = by_severity(findings)
    summary = ", ".join(counted(severity, len(group)) for severity, group in groups)
    console.print(Text(f"Findings: {summary}", style="bold"))
    grid = _grid()
    ranked = [finding for _, group in groups for finding in group]
    for finding in ranked[:_FINDINGS]:
        times = f" ({finding.count:,} cases)" if finding.count > 1 else ""
        text = Text(_clean(finding.title + times))
        if finding.remedy:
            text.append(f"\n{_clean(finding.remedy)}", style="dim")
        grid.add_row(Text(finding.severity.value, style=_STYLES[TONES[finding.severity]]), text)
    console.print(grid)
    if (more := len(ranked) - _FINDINGS) > 0:
        console.print(Text(f"  and {more:,} more in the report", style="dim"))
    console.print()


def _print_table(table: Table, console: Console) -> None:
    console.print(Text(_clean(table.title), style="bold"))
    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    columns = [column for column in shown_columns(table) if not column.wordy]
    for column in columns:
        shown.add_column(_clean_text(column.label), justify="right" if column.numeric else "left", overflow="fold")
    for row in table.rows[:_ROWS]:
        tone = table.tone_of(row)
        shown.add_row(*(_cell(table, column, value_of(table, column, row), tone) for column in columns))
    console.print(Padding(shown, (0, 0, 0, 2)))
    if (more := len(table.rows) - _ROWS) > 0:
        console.print(Text(f"  and {more:,} more in the report", style="dim"))
    console.print()


def _cell(table: Table, column: Column, value: object, tone: Tone) -> Text:
    return Text(_clean(display(value, column)), style=_STYLES[tone] if is_badge(table, column) else "")


def _print_directions(command: str, console: Console, written: WrittenReport | None) -> None:
    """Print path and command unwrapped, so that both can be copied."""
    if written:
        console.print(Text.assemble(("Report  ", "dim"), str(written.html)), soft_wrap=True)
    if command:
        console.print(Text.assemble(("Next    ", "dim"), (_clean(command), "bold")), soft_wrap=True)


def _grid() -> RichTable:
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _clean_text(text: str) -> Text:
    return Text(_clean(text))


def _clean(text: str) -> str:
    """Return a text without the control characters by which data could steer a terminal."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else "\N{REPLACEMENT CHARACTER}" for c in text)
