"""``transload plugins``: what is installed, and the commands that enabled plugins add."""

from pathlib import Path

import typer
from rich.table import Table

from transload.cli._frame import HERE, Folder, Traceback, explained, output
from transload.settings import PROJECT_FILE


def register(app: typer.Typer) -> set[str]:
    """Add the command, and return its name."""
    app.command()(plugins)
    return {"plugins"}


def plugins(project: Folder = HERE, traceback: Traceback = False) -> None:
    """List the installed plugins; inside a client's folder, also their hooks."""
    from transload._plugins import installed_plugins, load_plugins
    from transload.settings import load_project

    with explained(traceback=traceback):
        enabled = {}
        if (project / PROJECT_FILE).exists():
            loaded = load_plugins(load_project(project.resolve()).settings.project.plugins)
            enabled = {info.name: info for info in loaded.infos}
        table = Table("Plugin", "Distribution", "Version", "Enabled", "Hooks")
        for info in installed_plugins():
            hooks = ", ".join(enabled[info.name].hooks) if info.name in enabled else ""
            table.add_row(info.name, info.distribution, info.version, "yes" if info.name in enabled else "", hooks)
        output().print(table)


def register_commands(app: typer.Typer, folder: Path, known: set[str]) -> None:
    """Add the commands that the enabled plugins of a client's folder offer."""
    from transload._plugins import load_plugins
    from transload.settings import load_project

    if not (folder / PROJECT_FILE).exists():
        return
    with explained():
        loaded = load_plugins(load_project(folder).settings.project.plugins)
        for name, command in loaded.commands():
            if name not in known:
                app.command(name)(command)
