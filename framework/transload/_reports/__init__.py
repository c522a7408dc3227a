"""Reports: one value per stage, told as a page, a JSON file and a terminal summary."""

from transload._reports.files import WrittenReport, write_report
from transload._reports.model import Chart, ChartKind, Column, Report, Series, Table, Tone, Verdict
from transload._reports.terminal import print_report

__all__ = [
    "Chart",
    "ChartKind",
    "Column",
    "Report",
    "Series",
    "Table",
    "Tone",
    "Verdict",
    "WrittenReport",
    "print_report",
    "write_report",
]
