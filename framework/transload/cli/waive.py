"""``transload waive``: a named person accepts what a reconciliation found."""

from typing import Annotated

import typer

from transload.cli._frame import HERE, Folder, Json, Traceback, run_command


def register(app: typer.Typer) -> set[str]:
    """Add the command, and return its name."""
    app.command()(waive)
    return {"waive"}


def waive(
    kind: Annotated[str, typer.Argument(metavar="CLASS", help='What is accepted, like "value differs".')],
    by: Annotated[str, typer.Option("--by", help="Who accepts it: a person's name.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    record: Annotated[str, typer.Option("--record", help='Only for this record, like "customer 7".')] = "",
    project: Folder = HERE,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Accept, as a named person, what a reconciliation found; until the mapping changes."""
    from transload._stages.waivers import waive as stage

    run_command("waive", project, lambda bench: stage(bench, kind, by, reason, record), json, traceback)
