"""Explain: all that is known of one record, and what would become of it.

Reads the ledger, and the target as far as it can be asked. Writes to neither, takes no lock, and needs no secret, so it
works while another command runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transload._explain.report import report_of_story
from transload._explain.sight import open_sight
from transload._explain.story import tell_story
from transload._mistakes import nearest
from transload._reports import Report, WrittenReport, write_report
from transload.values import EntityName, RecordKey, SourceId


@dataclass(frozen=True, slots=True)
class Explanation:
    """A record's story as a report, and where it lies."""

    report: Report
    written: WrittenReport


def explain_record(folder: Path, entity: str, source_id: str, *, offline: bool = False) -> Explanation | str:
    """Explain a record, and leave the report.

    Args:
        folder: The client's folder.
        entity: The entity, or one of the documents that read its records.
        source_id: The record's id in the source.
        offline: Whether no system is to be asked.

    Returns:
        The explanation; a sentence that says so when nobody knows the record.

    Raises:
        TransloadError: The folder has mistakes, there is no ledger, or the report cannot be written.
    """
    key = RecordKey(EntityName(entity), SourceId(source_id))
    with open_sight(folder, offline) as sight:
        story = tell_story(sight, key)
        if not story.known:
            known = sorted({*sight.bench.ledger.staging.counts(), *story.documents})
            return f"The ledger does not know {key}.{_hint(entity, known)}"
        report = report_of_story(sight, story)
    return Explanation(report, write_report(report, sight.bench.project.reports))


def _hint(entity: str, known: Sequence[str]) -> str:
    if entity in known:
        return " It has read other records of that entity: check the id."
    return f" No entity is called so{nearest(entity, list(known))}"
