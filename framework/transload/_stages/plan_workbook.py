"""The workbook of the plan in a client's folder: taking it back, and leaving a new one."""

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from transload._files import replace_file
from transload._stages.bench import Bench, assemble
from transload._stages.completion import Fields, require_coverage
from transload._workbook.edits import Edited, edit_documents, place_mistakes
from transload._workbook.read import read_workbook
from transload._workbook.write import PlanContent, write_workbook
from transload.errors import MappingError, WorkbookError
from transload.mapping import Mapping as MappingDocument
from transload.values import Finding, Severity

WORKBOOK = "plan.xlsx"


def take_workbook(bench: Bench, path: Path) -> Edited:
    """Return the client's documents with the entries of a workbook.

    Raises:
        WorkbookError: It cannot be read, or has entries that cannot be taken; all are named.
        StageRefusedError: There is no mapping yet.
    """
    filled = read_workbook(path)
    documents = bench.documents()
    return edit_documents(path, filled, documents, bench.target(documents))


def require_whole(
    bench: Bench, path: Path, edited: Edited, documents: Mapping[str, MappingDocument], fields: Fields
) -> None:
    """Refuse entries that make no mapping which fits both systems, before any document is written.

    Raises:
        WorkbookError: The mapping would have mistakes, each named with the cell that brought it in.
    """
    try:
        require_coverage(documents, fields)
        assemble(bench, documents)
    except MappingError as error:
        raise WorkbookError(str(path), place_mistakes(error.mistakes, edited.changes)) from error


def leave_workbook(bench: Bench, content: PlanContent, last: str, taken: Path | None) -> tuple[str, list[Finding]]:
    """Write the workbook; one that people have changed since, and that was not taken over, is kept beside it.

    Args:
        bench: The bench.
        content: What to write.
        last: The digest of the workbook that the last plan wrote.
        taken: The workbook that was taken over, if any.

    Returns:
        The digest of the new workbook, and what people should know.

    Raises:
        FolderError: It cannot be written; on some systems because somebody has it open.
    """
    path, findings = bench.project.reports / WORKBOOK, []
    if path.exists() and _digest(path.read_bytes()) != last and (taken is None or not taken.samefile(path)):
        kept = path.with_name(f"plan-kept-{bench.run_id}.xlsx")
        replace_file(kept, path.read_bytes())
        findings.append(
            Finding(
                "workbook_not_taken_over",
                Severity.WARNING,
                f"{WORKBOOK} was changed since the last plan, and is kept as {kept.name}",
                "A new plan writes a new workbook; nothing of the old one was taken over.",
                f"Take it over with `transload plan --import {bench.project.reports.name}/{kept.name}`, or delete it.",
            )
        )
    made = write_workbook(content)
    replace_file(path, made)
    return _digest(made), findings


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
