"""``transload audit-log``: proves that nobody changed the record of what was done."""

import typer

from transload.cli._frame import FAILED, HERE, Folder, Traceback, explained, output


def register(app: typer.Typer) -> set[str]:
    """Add the commands, and return their name."""
    group = typer.Typer(help="The hash-chained record of everything that was done.", no_args_is_help=True)
    group.command()(verify)
    app.add_typer(group, name="audit-log")
    return {"audit-log"}


def verify(project: Folder = HERE, traceback: Traceback = False) -> None:
    """Check the chain of hashes: a changed, removed or inserted entry breaks it."""
    from transload._ledger import Ledger
    from transload.settings import load_project

    with explained(traceback=traceback):
        found = load_project(project.resolve())
        with Ledger.open(found.ledger_url, read_only=True, create=False) as ledger:
            verdict = ledger.audit_log.verify()
    if not verdict.ok:
        output().print(f"[red]Broken at entry {verdict.broken_at}[/]: {verdict.reason}", soft_wrap=True)
        raise typer.Exit(FAILED)
    output().print(f"[green]Whole[/]: {verdict.entries:,} entries")
