"""The sandbox page: its examples run, its tables are complete."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import httpx

from transload_sandbox import Sandbox
from transload_sandbox._faults import KickservFault
from transload_sandbox.dataverse.faults import KINDS
from transload_sandbox.kickserv import Switches

if TYPE_CHECKING:
    from docs.conftest import Manual


def test_the_examples_run(manual: "Manual") -> None:
    blocks = [block for block in manual.page("sandbox.md").blocks("python") if not block.file]

    for block in blocks:
        exec(compile(block.text, "sandbox.md", "exec"), {})

    assert len(blocks) == 6


def test_the_fixtures_of_the_example_work(manual: "Manual", tmp_path: Path) -> None:
    for name in ("conftest.py", "test_something.py"):
        (tmp_path / name).write_text(manual.page("sandbox.md").files[name], encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]

    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert "1 passed" in result.stdout, result.stdout


def test_every_kind_of_trouble_is_described(manual: "Manual") -> None:
    page = manual.page("sandbox.md")

    kinds = {
        system: [kind for cells in page.rows(f"Trouble of {system}") for kind in words(cells[0])]
        for system in ("Kickserv", "Dataverse")
    }

    known = get_args(KickservFault.model_fields["kind"].annotation)
    assert kinds == {"Kickserv": list(known), "Dataverse": list(KINDS)}


def test_the_file_of_faults_can_be_loaded(manual: "Manual", tmp_path: Path) -> None:
    script = tmp_path / "bad-day.toml"
    script.write_text(manual.page("sandbox.md").files[script.name], encoding="utf-8")

    with Sandbox(customers=3) as sandbox:
        assert sandbox.faults.load(script) == 2


def test_every_switch_is_described(manual: "Manual") -> None:
    rows = manual.page("sandbox.md").rows("Switches of Kickserv")

    assert [name for cells in rows for name in words(cells[0])] == [field.name for field in fields(Switches)]


def words(cell: str) -> list[str]:
    return re.findall(r"\w+", cell)


def test_every_control_route_is_described_and_every_described_one_exists(manual: "Manual") -> None:
    rows = manual.page("sandbox.md").rows("Control from other processes")

    with Sandbox(customers=1) as sandbox:
        addresses = sandbox.kickserv.base_url, sandbox.dataverse.http_url
        indexes = [httpx.get(f"{address}/_sandbox").json() for address in addresses]

    routes = {path.replace(":int", "") for index in indexes for path in index}
    described = {path for cells in rows for path in re.findall(r"/_sandbox[\w/{}]*", cells[0])}
    assert described == {"/_sandbox", *routes}
