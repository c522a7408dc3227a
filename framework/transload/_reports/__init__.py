"""Reports: one value per stage, told as a page, a JSON file and a terminal summary."""

from transload._reports.files import WrittenReport, write_report
from transload._reports.model import Column, Report, Table, Tone, Verdict
from transload._reports.terminal import print_report

__all__ = ["Column", "Report", "Table", "Tone", "Verdict", "WrittenReport", "print_report", "write_report"]
