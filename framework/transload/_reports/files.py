"""Leaves a report in the client's folder."""

from dataclasses import dataclass
from pathlib import Path

from transload._files import replace_file
from transload._reports.document import encode_document, report_document
from transload._reports.journey import file_stem
from transload._reports.model import Report
from transload._reports.page import render_index, render_report
from transload._reports.shelf import read_shelf

INDEX = "index.html"


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """Where a report lies."""

    html: Path
    json: Path


def write_report(report: Report, folder: Path) -> WrittenReport:
    """Write a report's page and JSON file, and the index of the folder.

    Each file is replaced as a whole, so that nobody reads half a report. An earlier
    report of the same stage is replaced. The same report gives the same bytes.

    Raises:
        FolderError: The folder cannot be written to.
    """
    stem = file_stem(report.stage)
    written = WrittenReport(folder / f"{stem}.html", folder / f"{stem}.json")
    replace_file(written.json, encode_document(report_document(report)))
    replace_file(written.html, render_report(report))
    replace_file(folder / INDEX, render_index(read_shelf(folder)))
    return written
