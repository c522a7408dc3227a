"""Brings plugins in front of the framework without installing them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pluggy
from pydantic import BaseModel

from transload import hookspecs
from transload._plugins import GROUP, PluginInfo, Plugins
from transload.context import RunContext


def offer_plugin(folder: Path, name: str, module: str, version: str = "1.0") -> None:
    """Make a plugin discoverable, as ``pip install`` would.

    Writes the metadata of a distribution with one entry point into a folder; whoever has that
    folder on ``sys.path`` or ``PYTHONPATH`` finds the plugin.

    Args:
        folder: The folder; made if need be.
        name: The plugin's name, as a project lists it.
        module: The module with its hooks.
        version: The version of the distribution, which is called ``test-<name>``.
    """
    project = f"test-{name.replace('_', '-')}"
    info = folder / f"{project.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {module}\n", encoding="utf-8")


def host_plugins(*modules: ModuleType) -> Plugins:
    """Return the framework's typed view of plugins that are imported already, the first asked first."""
    manager = pluggy.PluginManager("transload")
    manager.add_hookspecs(hookspecs)
    for module in reversed(modules):
        manager.register(module)
    manager.check_pending()
    return Plugins(manager, [PluginInfo(m.__name__, m.__name__, "under test", "0") for m in modules])


@contextmanager
def open_context(folder: Path, *settings: BaseModel, stage: str = "test") -> Iterator[RunContext]:
    """Give the context of a run with these settings, and close its resources at the end."""
    context = RunContext("test", stage, folder, {type(model): model for model in settings})
    try:
        yield context
    finally:
        context.close()
