"""``transload explain``: everything that is known of one record."""

import sys
from typing import Annotated

import orjson
import typer
from rich.table import Table

from transload.cli._frame import FAILED, HERE, Folder, Json, Traceback, errors, explained, output


def register(app: typer.Typer) -> set[str]:
    """Add the command, and return its name."""
    app.command()(explain)
    return {"explain"}


def explain(
    entity: Annotated[str, typer.Argument(help="The entity: customer, job, ...")],
    source_id: Annotated[str, typer.Argument(help="The record's id in the source.")],
    project: Folder = HERE,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Show a record's source, its row, every write with its outcome, and what is wrong with it."""
    from transload._stages.explain import explain_record

    with explained(json, traceback):
        story = explain_record(project.resolve(), entity, source_id)
        if json:
            sys.stdout.write(orjson.dumps(story.as_json(), option=orjson.OPT_INDENT_2, default=str).decode() + "\n")
        else:
            console = output()
            console.print(f"[bold]{story.key}[/]: {story.standing}", soft_wrap=True)
            for title, rows in story.sections():
                table = Table(title=title, title_justify="left", show_header=False)
                for name, value in rows:
                    table.add_row(name, value)
                console.print(table)
    if not story.known:
        errors().print("The ledger does not know this record.")
        raise typer.Exit(FAILED)
