"""A client who migrates from a sandbox to a sandbox, with the real command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from transload.cli import build_app
from transload_sandbox import Sandbox
from transload_sandbox.dataverse.testing import sign_in

TABLES = ("account", "contact", "incident", "incidentresolution", "annotation", "systemuser")
TO_THE_SAMPLE = (("audit",), ("plan",), ("approve", "mapping", "--by", "Rosalind Vane"), ("prepare",), ("sample",))
Row = dict[str, object]


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    command: tuple[str, ...]
    code: int
    out: str
    err: str
    raised: BaseException | None = None

    def report(self) -> dict[str, object]:
        """Return the report that ``--json`` printed."""
        document: dict[str, object] = json.loads(self.out)
        return document

    def __str__(self) -> str:
        return f"{' '.join(self.command)} ended with {self.code}\n{self.out}\n{self.err}\n{self.raised or ''}"


@dataclass
class Client:
    """A client's folder, whose project file points at a sandbox.

    Attributes:
        secrets: Environment variables of the commands; None takes one away.
        plugins: What is enabled beside the source and the sink.
    """

    folder: Path
    sandbox: Sandbox
    secrets: dict[str, str | None]
    plugins: tuple[str, ...] = ()

    @property
    def project_file(self) -> Path:
        return self.folder / "transload.toml"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite"

    def do(self, *command: str) -> Answer:
        """Run a command in this process, as a person would type it."""
        arguments = [*command, "-C", str(self.folder)]
        result = CliRunner().invoke(build_app(arguments), arguments, env=self.secrets)
        odd = None if isinstance(result.exception, SystemExit) else result.exception
        return Answer(command, result.exit_code, result.stdout, result.stderr, odd)

    def elsewhere(self, folder: Path, *command: str) -> Answer:
        """Run a command on another folder."""
        return replace(self, folder=folder).do(*command)

    def walk(self, *commands: tuple[str, ...]) -> list[Answer]:
        """Run commands one after the other; each must succeed."""
        answers = []
        for command in commands:
            answers.append(self.do(*command))
            assert answers[-1].code == 0, str(answers[-1])
        return answers

    def let_field_service_work_along(self, *, posted: bool) -> None:
        """Let completed bookings make time entries and posted work orders invoices, and let jobs be posted or not."""
        [setting] = self.rows("msdyn_fieldservicesetting")
        address = f"msdyn_fieldservicesettings({setting['msdyn_fieldservicesettingid']})"
        self.change(address, msdyn_timeentrygenerationstrategy=192355201, msdyn_workorderinvoicecreation=690970001)
        if posted:
            with self.project_file.open("a", encoding="utf-8") as file:
                file.write('[fieldservice]\ninvoiced_jobs = "posted"\n')

    def load(self) -> Company:
        """Walk from the audit to the first load."""
        untouched, rows = self.digest(), self.all_rows()
        return Company(self, self.walk(*TO_THE_SAMPLE, ("run",)), untouched, rows)

    def start(self, *command: str, limit: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        """Run a command in a process of its own.

        Args:
            command: The command.
            limit: Called in the child before the command starts.
        """
        secrets = {name: value for name, value in self.secrets.items() if value is not None}
        return subprocess.Popen(
            [sys.executable, "-m", "transload.cli", *command, "-C", str(self.folder)],
            env={**os.environ, **secrets},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
        )

    def finish(self, child: subprocess.Popen[str], *, kill: bool = False) -> Answer:
        """Wait for a process, or end it as a power cut would."""
        if kill:
            child.send_signal(signal.SIGKILL)
        out, err = child.communicate(timeout=60)
        return Answer(tuple(map(str, child.args[3:-2])), child.returncode, out, err)  # type: ignore[index]  # it is a list

    def rows(self, table: str, **values: object) -> list[Row]:
        """Return the rows of a table of the target that hold these values."""
        rows = self.sandbox.dataverse.org.rows(table)
        return [row for row in rows if all(row.get(name) == value for name, value in values.items())]

    def all_rows(self) -> dict[str, list[Row]]:
        """Return the rows of every table of the target."""
        return {table: self.rows(table) for table in self.sandbox.dataverse.org.environment.model.tables}

    def row(self, table: str, **values: object) -> Row:
        """Return the only row of a table that holds these values."""
        rows = self.rows(table, **values)
        assert len(rows) == 1, f"{len(rows)} rows of {table} hold {values}"
        return rows[0]

    def label_of(self, table: str, column: str, value: object) -> str | None:
        """Return the label of a choice's value, as people see it; None when the column knows no such value."""
        options = self.sandbox.dataverse.org.environment.model.tables[table].columns[column].options
        return options.get(value) if isinstance(value, int) else None

    def keep_ledger_in(self, url: str) -> None:
        """Write the address of another ledger than the folder's into the project file."""
        text = self.project_file.read_text(encoding="utf-8")
        self.project_file.write_text(text.replace("[project]", f'[project]\nledger = "{url}"'), encoding="utf-8")

    def digest(self) -> dict[str, str]:
        """Return a digest of every table of the target, and of its metadata."""
        return self.sandbox.dataverse.org.digest()

    def change(self, path: str, **columns: object) -> None:
        """Change a row of the target as somebody who works there does."""
        with closing(sign_in(self.sandbox.dataverse.org, "colleague")) as colleague:
            colleague.patch(path, json=columns, headers={"If-Match": "*"}).raise_for_status()

    @contextmanager
    def written(self) -> Iterator[list[str]]:
        """Collect the writing requests that the target gets inside; ``$batch`` counts as one."""
        seen: list[str] = []
        log = self.sandbox.dataverse.org.requests
        before = len(log)
        yield seen
        seen.extend(f"{r.method} {r.path}" for r in list(log)[before:] if r.method != "GET")

    @contextmanager
    def edited(self, file: Path, old: str, new: str) -> Iterator[None]:
        """Replace a text in a file of the folder for a while."""
        kept = file.read_text(encoding="utf-8")
        assert old in kept, f"{file.name} does not hold {old!r}"
        file.write_text(kept.replace(old, new), encoding="utf-8")
        yield
        file.write_text(kept, encoding="utf-8")

    @contextmanager
    def without(self, secrets: Mapping[str, str | None]) -> Iterator[None]:
        """Change environment variables of the commands for a while."""
        kept = dict(self.secrets)
        self.secrets.update(secrets)
        yield
        self.secrets = kept


def explained(answer: Answer, *words: str, code: int = 2) -> None:
    """Check that a failed command said what is wrong and what to do, once, and without a traceback."""
    assert answer.raised is None, str(answer)
    assert answer.code == code, str(answer)
    assert "Traceback" not in answer.err + answer.out
    assert len(re.findall("^Error:", answer.err, re.MULTILINE)) == 1, str(answer)
    assert len(re.findall("^What to do:", answer.err, re.MULTILINE)) == 1, str(answer)
    for word in words:
        assert word in answer.err, f"{word!r} is not in:\n{answer.err}"


@pytest.fixture(scope="session")
def assert_explained() -> Callable[..., None]:
    """Return the check that every failed command has to pass."""
    return explained


@pytest.fixture(scope="module")
def to_the_sample() -> tuple[tuple[str, ...], ...]:
    """Return the commands that come before the full load."""
    return TO_THE_SAMPLE


@dataclass(frozen=True)
class Company:
    """A company that was audited, planned, approved, prepared, sampled and loaded.

    Attributes:
        client: Its folder and its sandbox, as they were after the load.
        answers: What the commands said.
        untouched: A digest of every table of the target from before.
        rows: The rows of every table of the target from before.
    """

    client: Client
    answers: Sequence[Answer]
    untouched: dict[str, str]
    rows: Mapping[str, Sequence[Row]]


def start_client(folder: Path, sandbox: Sandbox, plugins: Sequence[str] = ()) -> Client:
    """Make the folder of a client who moves from one half of a running sandbox to the other."""
    sandbox.dataverse.org.environment.key_index_seconds = 0.0
    folder.mkdir()
    client = Client(folder, sandbox, dict(sandbox.environment()), tuple(plugins))
    listed = "".join(f', "{plugin}"' for plugin in ("dynamics_sink", *plugins)).removeprefix(", ")
    text = sandbox.project_file(folder.name).replace('"dynamics_sink"', listed, 1)
    client.project_file.write_text(text, encoding="utf-8")
    return client


@pytest.fixture(scope="module")
def open_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Client]]:
    """Return a maker of clients, each with a sandbox of its own; see `load_company` for one that is loaded already."""
    with ExitStack() as sandboxes:

        def make(customers: int = 8, seed: int = 7, plugins: Sequence[str] = ()) -> Client:
            sandbox = sandboxes.enter_context(Sandbox(customers=customers, seed=seed))
            return start_client(tmp_path_factory.mktemp("clients") / "example-ducts", sandbox, plugins)

        yield make


@pytest.fixture(scope="session")
def load_company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Company]]:
    """Return what gives a company of twelve customers as it was right after its load with some plugins.

    It is loaded once in a session. Each call brings its two systems back to that moment and gives a copy of its folder:
    whoever got it before must be done with it, so ask for it once in a module.
    """
    with ExitStack() as sandboxes:

        @cache
        def load(plugins: tuple[str, ...]) -> Company:
            sandbox = sandboxes.enter_context(Sandbox(customers=12, seed=7))
            place = tmp_path_factory.mktemp("loaded") / "example-ducts"
            client = start_client(place, sandbox, plugins)
            if "fieldservice" in plugins:
                client.let_field_service_work_along(posted=False)
            company = client.load()
            sandbox.snapshot()
            return company

        def give(*plugins: str) -> Company:
            company = load(plugins)
            company.client.sandbox.restore()
            folder = tmp_path_factory.mktemp("clients") / company.client.folder.name
            shutil.copytree(company.client.folder, folder)
            client = replace(company.client, folder=folder, secrets=dict(company.client.secrets))
            return replace(company, client=client)

        yield give
