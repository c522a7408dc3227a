"""The sandbox page: its examples run, its tables are complete."""

import re
from dataclasses import fields
from importlib.resources import files
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.faults import KINDS
from transload_sandbox.kickserv import Switches

if TYPE_CHECKING:
    from docs.conftest import Manual


def test_the_examples_run(manual: "Manual") -> None:
    blocks = manual.page("sandbox.md").blocks("python")

    for block in blocks:
        exec(compile(block.text, "sandbox.md", "exec"), {})

    assert len(blocks) == 3


def test_every_kind_of_trouble_is_described(manual: "Manual") -> None:
    rows = manual.page("sandbox.md").rows("Trouble on request")

    assert [kind for cells in rows for kind in words(cells[0])] == list(KINDS)


def test_every_switch_is_described(manual: "Manual") -> None:
    rows = manual.page("sandbox.md").rows("Switches of Kickserv")

    assert [name for cells in rows for name in words(cells[0])] == [field.name for field in fields(Switches)]


def words(cell: str) -> list[str]:
    return re.findall(r"\w+", cell)


def test_every_documented_control_route_exists(manual: "Manual") -> None:
    app = (files("transload_sandbox.dataverse") / "app.py").read_text(encoding="utf-8")

    routes = set(re.findall(r"`\w+ (/_sandbox/\w+)`", manual.page("sandbox.md").text))

    assert routes == set(re.findall(r'"(/_sandbox/\w+)"', app))
