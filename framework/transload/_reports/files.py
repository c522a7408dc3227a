"""Leaves a report in the client's folder."""

from dataclasses import dataclass
from pathlib import Path

from transload._reports.document import encode_document, report_document
from transload._reports.journey import file_stem
from transload._reports.model import Report
from transload._reports.page import render_index, render_report
from transload._reports.shelf import read_shelf
from transload.errors import RunError

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
        RunError: The folder cannot be written to.
    """
    stem = file_stem(report.stage)
    written = WrittenReport(folder / f"{stem}.html", folder / f"{stem}.json")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(written.json, encode_document(report_document(report)))
        _replace(written.html, render_report(report))
        _replace(folder / INDEX, render_index(read_shelf(folder)))
    except OSError as error:
        raise RunError(
            f"the report cannot be written to {folder}: {error.strerror}",
            f"Make room in {folder} and see that you may write there, then run the same command again.",
        ) from error
    return written


def _replace(path: Path, content: bytes) -> None:
    """Put the content under the path at once; on the way it has a name of its own."""
    draft = path.with_name(f".{path.name}.tmp")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
