"""What an explanation may look at: the ledger always, the systems as far as they answer, else the reason why not.

No secret is needed. Without one, or when a system does not answer, what only it could tell stays open; it is asked
briefly, and no more after the first failure.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from transload._ledger import Ledger
from transload._plugins import Plugins, load_plugins
from transload._stages.bench import Bench
from transload.context import RunContext
from transload.errors import ProjectFileError, TransloadError
from transload.http import Patience
from transload.settings import Project, configure_plugins, load_project, secret_variables

T = TypeVar("T")

_PATIENCE = Patience(attempts=2, total=20.0)
_NOT_NEEDED = "no-secret-is-needed-to-explain"


@dataclass(slots=True)
class Sight:
    """A bench whose ledger is read only, and the systems behind it.

    Attributes:
        blind: Why the systems cannot be asked; empty as long as they can.
        remedy: What to do about it.
    """

    bench: Bench
    blind: str = ""
    remedy: str = ""

    def ask(self, question: Callable[[], T]) -> T | None:
        """Return what a system answers; None when it cannot be asked."""
        if self.blind:
            return None
        try:
            return question()
        except TransloadError as error:
            self.blind, self.remedy = str(error), error.remedy
            return None


@contextmanager
def open_sight(folder: Path, offline: bool) -> Iterator[Sight]:
    """Open a client's folder for looking.

    Args:
        folder: The folder.
        offline: Whether no system is to be asked.

    Raises:
        ConfigError: The project file or a plugin has mistakes, missing secrets aside.
        LedgerError: There is no ledger.
    """
    project = load_project(folder)
    plugins = load_plugins(project.settings.project.plugins)
    settings, blind, remedy = _settings(project, plugins, offline)
    with Ledger.open(project.ledger_url, read_only=True, create=False) as ledger:
        runs = ledger.runs.all()
        run_id = runs[-1].run_id if runs else ""
        context = RunContext(run_id, "explain", project.folder, settings, patience=_PATIENCE)
        try:
            yield Sight(Bench(project, plugins, ledger, context), blind, remedy)
        finally:
            context.close()


def _settings(
    project: Project, plugins: Plugins, offline: bool
) -> tuple[Mapping[type[BaseModel], BaseModel], str, str]:
    """Return the settings of all plugins, and why no system can be asked with them."""
    models = plugins.settings_models()
    blind, remedy = "`--offline` was given", "Leave `--offline` out."
    if not offline:
        try:
            return configure_plugins(project, models), "", ""
        except ProjectFileError as error:
            blind, remedy = "; ".join(error.mistakes), error.remedy
    # The other settings are needed all the same: links lead to the addresses that they name.
    stand_ins = dict.fromkeys(secret_variables(models), _NOT_NEEDED)
    return configure_plugins(project, models, stand_ins), blind, remedy
