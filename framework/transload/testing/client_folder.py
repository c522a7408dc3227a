"""A client's folder on disk, and the real command line run on it."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transload.settings import PROJECT_FILE
from transload.testing.hosting import offer_plugin
from transload.testing.memory_company import MemoryCompany
from transload.testing.memory_target import MemoryTarget

_CHILD_SECONDS = 60


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command left behind.

    Attributes:
        exit_code: 0 done, 1 a bad verdict, 2 it could not, 130 stopped; negative when killed.
        output: Standard output.
        errors: Standard error.
    """

    exit_code: int
    output: str
    errors: str

    @property
    def json(self) -> dict[str, Any]:
        """The document that ``--json`` printed; see ``transload._reports.document``."""
        document: dict[str, Any] = json.loads(self.output)
        return document

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table of the report; none when it has no such table."""
        found: list[dict[str, Any]] = self.json["tables"].get(table, {"rows": []})["rows"]
        return found


def invoke(*arguments: str, environ: Mapping[str, str] | None = None) -> CommandResult:
    """Run the command line in this process, which is quick.

    An exception that the command line does not explain is raised here too.
    """
    from typer.testing import CliRunner

    from transload.cli import build_app

    app = build_app(list(arguments))
    result = CliRunner().invoke(app, list(arguments), env=environ, prog_name="transload", catch_exceptions=False)
    return CommandResult(result.exit_code, result.stdout, result.stderr)


@dataclass(frozen=True, slots=True)
class ClientFolder:
    """A client's folder.

    Attributes:
        path: The folder, with its transload.toml.
        site: A folder beside it, from which its plugins are imported.
    """

    path: Path
    site: Path

    @property
    def source(self) -> MemoryCompany:
        """The company that the plugin ``memory_source`` reads."""
        return MemoryCompany(self.path / "source.json")

    @property
    def target(self) -> MemoryTarget:
        """The target that the plugin ``memory_sink`` writes to."""
        return MemoryTarget(self.path / "target.json")

    def configure(self, plugins: Sequence[str], **tables: Mapping[str, object]) -> None:
        """Write the project file.

        Args:
            plugins: The plugins to list.
            tables: The other tables by name, of texts, numbers, booleans, lists and tables of these.
        """
        project = {"name": "Example Company", "plugins": list(plugins), **tables.pop("project", {})}
        lines = [line for name, table in {"project": project, **tables}.items() for line in _toml(name, table)]
        (self.path / PROJECT_FILE).write_text("\n".join(lines), encoding="utf-8")

    def write_mapping(self, entity: str, document: str) -> None:
        """Write the mapping document of an entity."""
        self.mapping_file(entity).parent.mkdir(exist_ok=True)
        self.mapping_file(entity).write_text(document, encoding="utf-8")

    def mapping_file(self, entity: str) -> Path:
        """Return where the mapping document of an entity stands."""
        return self.path / "mapping" / f"{entity}.yaml"

    def offer(self, name: str, code: str, version: str = "1.0") -> None:
        """Install a plugin for this folder alone, from the text of its module."""
        self.site.mkdir(exist_ok=True)
        (self.site / f"{name}_hooks.py").write_text(code, encoding="utf-8")
        offer_plugin(self.site, name, f"{name}_hooks", version)

    def run(self, *arguments: str, process: bool = False, environ: Mapping[str, str] | None = None) -> CommandResult:
        """Run a command on this folder.

        Args:
            arguments: The command with its options; it runs inside the folder.
            process: Run it in a process of its own, which may be killed.
            environ: Variables to set, beside those of this process.
        """
        if not process:
            with chdir(self.path), self._on_path():
                return invoke(*arguments, environ=environ)
        path = os.pathsep.join([str(self.site), *filter(None, [os.environ.get("PYTHONPATH")])])
        child = subprocess.run(
            [sys.executable, "-m", "transload.cli", *arguments],
            cwd=self.path,
            env={**os.environ, **(environ or {}), "PYTHONPATH": path},
            capture_output=True, text=True, check=False, timeout=_CHILD_SECONDS,
        )  # fmt: skip
        return CommandResult(child.returncode, child.stdout, child.stderr)

    def walk(self, *stages: str) -> CommandResult:
        """Run stages one after another until one does not pass, and return the last result, with its JSON."""
        for stage in stages:
            subject = stage.removeprefix("approve ")
            arguments = ["approve", subject, "--by", "Ada Example"] if subject != stage else stage.split()
            result = self.run(*arguments, "--json")
            if result.exit_code != 0:
                break
        return result

    @contextmanager
    def _on_path(self) -> Iterator[None]:
        """Let imports find this folder's plugins, and forget their modules afterwards."""
        sys.path.insert(0, str(self.site))
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(str(self.site))
            for name, module in list(sys.modules.items()):
                if str(getattr(module, "__file__", None) or "").startswith(f"{self.site}{os.sep}"):
                    del sys.modules[name]


@dataclass(frozen=True, slots=True)
class ProjectFactory:
    """Makes clients' folders; each call makes another.

    The plugins ``memory_source`` and ``memory_sink`` are offered to all of them.
    """

    folder: Path

    def __call__(
        self, enable: Sequence[str] = ("memory_source", "memory_sink"), **tables: Mapping[str, object]
    ) -> ClientFolder:
        """Make a folder with a project file; see :meth:`ClientFolder.configure`."""
        number = len(list(self.folder.glob("client*")))
        client = ClientFolder(self.folder / f"client{number}", self.folder / f"site{number}")
        client.path.mkdir()
        for name in ("memory_source", "memory_sink"):
            offer_plugin(client.site, name, f"transload.testing.{name}")
        client.configure(enable, **tables)
        return client


def _toml(name: str, table: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines of a table; JSON's texts, numbers, booleans and lists are TOML's too."""
    yield f"[{name}]"
    nested = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    for key, value in table.items():
        if key not in nested:
            yield f"{key} = {json.dumps(value)}"
    for key, value in nested.items():
        yield from _toml(f"{name}.{key}", value)
