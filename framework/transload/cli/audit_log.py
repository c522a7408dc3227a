"""``transload audit-log``: proves that nobody changed the record of what was done, and hands it out."""

import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from transload._verify_audit_log import MOST_SHOWN, check
from transload.cli._frame import FAILED, HERE, Folder, Traceback, explained, output
from transload.errors import ConfigError

EXPORT = "audit-log.jsonl"
CHECKER = "verify_audit_log.py"
"""What the program that checks an export is called beside it."""
_STREAM = "-"


def register(app: typer.Typer) -> set[str]:
    """Add the commands, and return their name."""
    group = typer.Typer(help="The hash-chained record of everything that was done.", no_args_is_help=True)
    group.command()(export)
    group.command()(verify)
    app.add_typer(group, name="audit-log")
    return {"audit-log"}


def export(
    to: Annotated[
        str, typer.Option("--to", help="The file to write, or - for standard output.", show_default="in reports/")
    ] = "",
    project: Folder = HERE,
    traceback: Traceback = False,
) -> None:
    """Write the log as JSON lines, and beside it a program that checks them without transload."""
    from transload._files import replace_file
    from transload._ledger import Ledger
    from transload.settings import load_project

    with explained(traceback=traceback):
        found = load_project(project.resolve())
        with Ledger.open(found.ledger_url, read_only=True, create=False) as ledger:
            if to == _STREAM:
                sys.stdout.buffer.writelines(ledger.audit_log.lines())
                return
            file = Path(to).absolute() if to else found.reports / EXPORT
            replace_file(file, ledger.audit_log.lines())
        replace_file(file.with_name(CHECKER), (files("transload") / f"_{CHECKER}").read_bytes())
        output().print(f"{file}\nTo check it without transload: python {CHECKER} {file.name} HEAD", soft_wrap=True)
        _tell_file(file, ())


def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An export to check; without one the ledger is.", show_default=False)
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option("--head", help="A head that was printed elsewhere, and must stand in the log; may be repeated."),
    ] = None,
    project: Folder = HERE,
    traceback: Traceback = False,
) -> None:
    """Check the chain of hashes: a changed, removed, inserted or moved entry breaks it."""
    from transload._ledger import Ledger
    from transload.settings import load_project

    with explained(traceback=traceback):
        if file is not None:
            _tell_file(file, head or ())
            return
        found = load_project(project.resolve())
        with Ledger.open(found.ledger_url, read_only=True, create=False) as ledger:
            verdict = ledger.audit_log.verify(head or ())
    _tell(verdict.entries, verdict.head, [] if verdict.ok else [(f"entry {verdict.broken_at}", verdict.reason)])


def _tell_file(file: Path, heads: Sequence[str]) -> None:
    """Check an export, and say what was found."""
    try:
        with file.open("rb") as stream:
            found = check(stream, heads)
    except OSError as error:
        reason = f"{file} cannot be read: {error.strerror}"
        raise ConfigError(reason, "Name a file that `transload audit-log export` has written.") from error
    _tell(found.entries, found.head, [(f"line {number}", reason) for number, reason in found.problems])


def _tell(entries: int, head: str, problems: Sequence[tuple[str, str]]) -> None:
    """Say whether a log is whole, and exit with 1 when it is not."""
    for place, reason in problems[:MOST_SHOWN]:
        output().print(f"[red]Broken at {place}[/]: {escape(reason)}", soft_wrap=True)
    if (more := len(problems) - MOST_SHOWN) > 0:
        output().print(f"and {more:,} more")
    if problems:
        raise typer.Exit(FAILED)
    output().print(f"[green]Whole[/]: {entries:,} entries, head {head}", soft_wrap=True)
