"""The stages of the journey, as commands."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transload.cli._frame import HERE, Folder, Json, Traceback, run_command

if TYPE_CHECKING:
    from transload._reports import Report
    from transload._stages.bench import Bench


class Subject(StrEnum):
    """What can be approved."""

    MAPPING = "mapping"
    SAMPLE = "sample"
    CUTOVER = "cutover"
    ROLLBACK = "rollback"


def register(app: typer.Typer) -> set[str]:
    """Add the commands, and return their names."""
    commands = (audit, plan, approve, prepare, sample, run, retry, reassign, delta, reconcile, rollback)
    for command in commands:
        app.command()(command)
    return {command.__name__ for command in commands}


def audit(project: Folder = HERE, json: Json = False, traceback: Traceback = False) -> None:
    """Take stock of both systems. Writes to neither."""
    from transload._stages.audit import audit as stage

    run_command("audit", project, stage, json, traceback, resumable=True)


def plan(
    project: Folder = HERE,
    check: Annotated[bool, typer.Option("--check", help="Only check the mapping as it stands.")] = False,
    workbook: Annotated[
        Path | None, typer.Option("--import", help="Take over what people filled in in this workbook of the plan.")
    ] = None,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Write the mapping of every entity and field, for people to review."""
    from transload._stages.plan import plan as stage

    def work(bench: "Bench") -> "Report":
        return stage(bench, check, workbook)

    if check and workbook is not None:
        raise typer.BadParameter("`--check` changes nothing, `--import` does: use one of them")
    run_command("plan", project, work, json, traceback)


def approve(
    subject: Annotated[Subject, typer.Argument(help="What is approved.")],
    by: Annotated[str, typer.Option("--by", help="Who approves it: a person's name.")],
    note: Annotated[str, typer.Option("--note", help="Anything to keep with the approval.")] = "",
    project: Folder = HERE,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Confirm, as a named person, what the next stage builds on."""
    from transload._stages.approvals import approve as stage
    from transload._stages.forcing import approve_rollback

    def work(bench: "Bench") -> "Report":
        if subject is Subject.ROLLBACK:
            return approve_rollback(bench, by, note)
        return stage(bench, subject.value, by, note)

    run_command("approve", project, work, json, traceback)


def prepare(
    project: Folder = HERE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be created, for people who click it themselves.")
    ] = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Create the approved columns and keys in the target."""
    from transload._stages.prepare import prepare as stage
    from transload._stages.prepare_list import list_changes

    name, work = ("prepare-dry-run", list_changes) if dry_run else ("prepare", stage)
    run_command(name, project, work, json, traceback)


def sample(
    project: Folder = HERE,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the rows of the sample back, before the full run.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With `--remove`: also rows that people changed, once that is approved.")
    ] = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Load a few telling records, and compare every field of them."""
    from transload._stages.sample import sample as stage
    from transload._stages.sample_rows import remove_rows

    if force and not remove:
        raise typer.BadParameter("`--force` goes with `--remove`: a sample never overwrites what people changed")
    if remove:
        run_command("sample-remove", project, lambda bench: remove_rows(bench, force), json, traceback, resumable=True)
    else:
        run_command("sample", project, stage, json, traceback)


def run(
    project: Folder = HERE,
    only: Annotated[str, typer.Option("--only", help="Only this entity, whose parents are there.")] = "",
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Load everything, in dependency order. Run it again to go on, or to be sure."""
    from transload._stages.load import run as stage

    run_command("run", project, lambda bench: stage(bench, only), json, traceback, resumable=True)


def retry(project: Folder = HERE, json: Json = False, traceback: Traceback = False) -> None:
    """Send again what was set aside, without reading the source anew."""
    from transload._stages.load import retry as stage

    run_command("retry", project, stage, json, traceback)


def reassign(project: Folder = HERE, json: Json = False, traceback: Traceback = False) -> None:
    """Look again for missing users, and give what is loaded to its right owners."""
    from transload._stages.load import reassign as stage

    run_command("reassign", project, stage, json, traceback, resumable=True)


def delta(
    project: Folder = HERE,
    quick: Annotated[
        bool, typer.Option("--quick", help="Read only what may have changed; a complete delta comes before the end.")
    ] = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Carry over what changed in the source since."""
    from transload._stages.delta import delta as stage
    from transload._stages.gates import QUICK

    name = QUICK if quick else "delta"
    run_command(name, project, lambda bench: stage(bench, quick=quick), json, traceback, resumable=True)


def reconcile(project: Folder = HERE, json: Json = False, traceback: Traceback = False) -> None:
    """Compare both sides, field by field, and say go or no-go. Writes nothing."""
    from transload._stages.reconcile import reconcile as stage

    run_command("reconcile", project, stage, json, traceback)


def rollback(  # noqa: PLR0913 - each is an option of the command
    project: Folder = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be undone.")] = False,
    entity: Annotated[str, typer.Option("--entity", help="Only the records of this entity.")] = "",
    record: Annotated[
        list[str] | None, typer.Option("--record", help='Only this record, like "customer 7"; may be repeated.')
    ] = None,
    run_id: Annotated[str, typer.Option("--run", help="Only rows that this run wrote first.")] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Also rows that people changed; needs `transload approve rollback`.")
    ] = False,
    after_window: Annotated[
        bool, typer.Option("--after-window", help="Also after the 72 hours; needs `--reason`.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why it is undone after the 72 hours.")] = "",
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Undo what was written, newest first. Rows that people changed since are spared."""
    from transload._stages.rollback import UndoOrder
    from transload._stages.rollback import rollback as stage
    from transload._stages.undo_choice import UndoChoice

    choice = UndoChoice(entity, tuple(record or ()), (run_id,) if run_id else ())
    order = UndoOrder(dry_run, choice, force, after_window, reason)
    name = "rollback-dry-run" if dry_run else "rollback-part" if choice.is_part else "rollback"
    run_command(name, project, lambda bench: stage(bench, order), json, traceback, resumable=not dry_run)
