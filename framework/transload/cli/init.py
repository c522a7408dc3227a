"""``transload init``: a client's folder with a project file to fill in."""

from pathlib import Path
from typing import Annotated

import typer

from transload.cli._frame import Traceback, explained, output
from transload.errors import ConfigError
from transload.settings import PROJECT_FILE, ProjectSettings

_IGNORE = """\
# A client's data and reports do not belong into a repository; the project file and the mapping do.
/ledger.sqlite*
/reports/
/files/
*.pem
"""


def register(app: typer.Typer) -> set[str]:
    """Add the command, and return its name."""
    app.command()(init)
    return {"init"}


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    plugins: Annotated[
        list[str] | None, typer.Option("--plugin", "-p", help="A plugin to turn on; may be repeated.")
    ] = None,
    traceback: Traceback = False,
) -> None:
    """Make a client's folder, with a project file that names every setting."""
    with explained(traceback=traceback):
        file = folder / PROJECT_FILE
        if file.exists():
            raise ConfigError(f"{file} exists already", "Edit it, or name another folder.")
        chosen = plugins or ["kickserv_source", "dynamics_sink"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(_project_file(folder.resolve().name, chosen), encoding="utf-8")
            (folder / ".gitignore").write_text(_IGNORE, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{file} cannot be written: {error.strerror}", "Name a folder you may write to."
            ) from error
        console = output()
        console.print(f"Made {file}. Fill it in, set the secrets it names, then run:", soft_wrap=True)
        console.print(f"  transload doctor -C {folder}", soft_wrap=True)


def _project_file(name: str, plugins: list[str]) -> str:
    """Return a project file with every required setting to fill in, and the others as comments."""
    from transload._plugins import load_plugins

    listed = ", ".join(f'"{plugin}"' for plugin in plugins)
    lines = ["[project]", f'name = "{name}"', f"plugins = [{listed}]", '# ledger = "ledger.sqlite"', ""]
    own = ProjectSettings.model_fields
    for table in (table for table in own if table != "project"):
        lines.extend(_table(table, own[table].annotation))
    for plugin, model in load_plugins(plugins).settings_models().items():
        lines.extend(_table(plugin, model))
    return "\n".join(lines)


def _table(plugin: str, model: object) -> list[str]:
    from pydantic import BaseModel

    from transload.settings import is_secret, secret_variable

    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    lines = [f"[{plugin}]"]
    for name, field in model.model_fields.items():
        if is_secret(field.annotation):
            lines.append(f"# {name} is a secret: set {secret_variable(plugin, name)} in the environment")
        elif field.is_required():
            lines.append(f'{name} = ""')
        elif not isinstance(default := field.get_default(call_default_factory=True), BaseModel):
            lines.append(f"# {name} = {_shown(default)}")
    for name, field in model.model_fields.items():
        if isinstance(table := field.get_default(call_default_factory=True), BaseModel):
            lines += ["", f"# [{plugin}.{name}]", *(f"# {key} = {_shown(value)}" for key, value in table)]
    return [*lines, ""]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_shown(cell)}' for key, cell in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_shown, value))}]"
    return f'"{value}"' if value is not None else '""'
