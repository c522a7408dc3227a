"""``transload explain``: everything that is known of one record, and what would become of it."""

import sys
from typing import Annotated

import typer

from transload.cli._frame import FAILED, HERE, Folder, Json, Traceback, errors, explained, output


def register(app: typer.Typer) -> set[str]:
    """Add the command, and return its name."""
    app.command()(explain)
    return {"explain"}


def explain(
    entity: Annotated[str, typer.Argument(help="The entity, or a mapping document: customer, job, invoice, ...")],
    source_id: Annotated[str, typer.Argument(help="The record's id in the source.")],
    offline: Annotated[bool, typer.Option("--offline", help="From the ledger alone; ask no system.")] = False,
    project: Folder = HERE,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Tell a record's story: source, every hook, requests, what is in the target now, and the way back."""
    from transload._reports import Tone, print_report
    from transload._stages.explain import explain_record

    with explained(json, traceback):
        explanation = explain_record(project.resolve(), entity, source_id, offline=offline)
    if isinstance(explanation, str):
        errors().print(explanation, soft_wrap=True, markup=False)
        raise typer.Exit(FAILED)
    if json:
        sys.stdout.write(explanation.written.json.read_text(encoding="utf-8"))
    else:
        print_report(explanation.report, output(), explanation.written)
    if explanation.report.verdict.tone is Tone.BAD:
        raise typer.Exit(FAILED)
