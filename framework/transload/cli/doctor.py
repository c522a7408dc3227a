"""``transload doctor``: checks the project, the plugins and both connections, reading only."""

import typer

from transload.cli._frame import BROKEN, HERE, Folder, Traceback, errors, explained, output
from transload.errors import TransloadError

_MARKS = {"info": "[green]ok[/]", "warning": "[yellow]check[/]", "blocker": "[red]problem[/]"}


def register(app: typer.Typer) -> set[str]:
    """Add the command, and return its name."""
    app.command()(doctor)
    return {"doctor"}


def doctor(project: Folder = HERE, traceback: Traceback = False) -> None:
    """Check the project file, the secrets, the plugins, the ledger and both connections."""
    from rich.markup import escape

    from transload._ledger import Ledger
    from transload._plugins import load_plugins
    from transload.context import RunContext
    from transload.settings import configure_plugins, load_project
    from transload.values import Finding, Severity

    console, bad = output(), False

    def say(finding: Finding) -> None:
        console.print(f"{_MARKS[finding.severity]}  {escape(finding.title)}", soft_wrap=True)
        for line in (finding.evidence, finding.remedy):
            if line:
                console.print(f"    {escape(line)}", style="dim", soft_wrap=True)

    with explained(traceback=traceback):
        folder = project.resolve()
        found = load_project(folder)
        plugins = load_plugins(found.settings.project.plugins)
        settings = configure_plugins(found, plugins.settings_models())
        say(Finding("project", Severity.INFO, f"{found.file.name}: {', '.join(map(str, plugins.infos))}"))
        with Ledger.open(found.ledger_url):
            say(Finding("ledger", Severity.INFO, f"ledger: {found.settings.project.ledger}"))
        context = RunContext("doctor", "doctor", folder, settings)
        try:
            # Each plugin is asked alone, so that one dead system does not hide the other.
            for info in plugins.infos:
                try:
                    findings = plugins.only(info.name).check(context)
                except TransloadError as error:
                    findings = [Finding("check", Severity.BLOCKER, f"{info.name}: {error}", "", error.remedy)]
                for finding in findings:
                    bad = bad or finding.severity is Severity.BLOCKER
                    say(finding)
        finally:
            context.close()
    if bad:
        errors().print("Not ready.")
        raise typer.Exit(BROKEN)
    console.print("Ready. Next: transload audit")
