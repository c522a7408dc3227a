"""Links, commands and project files of the documentation."""

import ast
import importlib
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
import typer.main
from pydantic import BaseModel
from typer.core import TyperGroup

from transload._plugins import load_plugins
from transload.cli import build_app
from transload.cli.stages import Subject
from transload.settings import PROJECT_FILE, ProjectSettings, configure_plugins, is_secret, load_project
from transload_dynamics_sink.settings import DynamicsSettings
from transload_fieldservice.settings import FieldServiceSettings
from transload_kickserv_source.inferred import InferredReads
from transload_kickserv_source.settings import KickservSettings
from transload_tags.settings import TagSettings

if TYPE_CHECKING:
    from docs.conftest import Manual, Page

_CALL = re.compile(r"(?:^\$ |`)transload ([^`\n]+)", re.MULTILINE)
_EVERYWHERE = {"--help", "-h", "-C"}
_NONE = {"none", "see below"}


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    """The options of every command by its words: ``audit-log verify`` too."""
    group = typer.main.get_command(build_app([]))
    assert isinstance(group, TyperGroup)
    found = {}
    for name, command in group.commands.items():
        below = command.commands.items() if isinstance(command, TyperGroup) else [("", command)]
        for sub, leaf in below:
            names = {name for parameter in leaf.params for name in parameter.opts if name.startswith("-")}
            found[f"{name} {sub}".strip()] = names - _EVERYWHERE
    return found


def calls_in(page: "Page") -> list[list[str]]:
    """Return the words of every call of transload that a page shows."""
    lines = [match.rstrip("\\").strip() for match in _CALL.findall(page.text)]
    return [shlex.split(line.partition("&&")[0]) for line in lines if not line.startswith("--")]


def test_every_link_leads_somewhere(manual: "Manual") -> None:
    by_path = {page.path: page for page in manual.pages}
    dead = []
    for page in manual.pages:
        for link in page.links:
            if link.startswith(("http://", "https://")):
                continue
            target, _, anchor = unquote(link).partition("#")
            path = (page.path.parent / target).resolve() if target else page.path
            if not path.exists() or (anchor and anchor not in by_path[path].anchors):
                dead.append(f"{page.path.name}: {link}")

    assert not dead


def test_every_page_is_reached_from_the_index(manual: "Manual") -> None:
    by_path = {page.path: page for page in manual.pages}
    waiting, reached = [manual.root / "docs" / "index.md"], set[Path]()
    while waiting:
        path = waiting.pop()
        if path in by_path and path not in reached:
            reached.add(path)
            waiting += [(path.parent / link.partition("#")[0]).resolve() for link in by_path[path].links]

    assert reached == set(by_path)


def test_every_command_that_a_page_shows_exists_with_its_options(
    manual: "Manual", options: dict[str, set[str]]
) -> None:
    shown = [(page.path.name, call) for page in [*manual.pages] for call in calls_in(page)]

    wrong = []
    for page, words in shown:
        known = next((options[name] for n in (2, 1) if (name := " ".join(words[:n])) in options), None)
        if known is None:
            if words[0] not in {"COMMAND", "audit-log"}:
                wrong.append(f"{page}: {words}")
        elif strange := {word for word in words if word.startswith("-")} - known - _EVERYWHERE:
            wrong.append(f"{page}: {words[0]} has no {strange}")
    assert len(shown) > 50
    assert not wrong


def test_every_command_is_described_with_every_option(manual: "Manual", options: dict[str, set[str]]) -> None:
    page = manual.page("reference/commands.md")
    described = {
        title.strip("`").removeprefix("transload "): set(re.findall(r"`(--?[a-z-]+)`", page.section(title)))
        for title in page.titles(3)
    }

    assert described == options


def test_every_subject_of_an_approval_is_described(manual: "Manual") -> None:
    section = manual.page("reference/commands.md").section("`transload approve`")

    assert re.findall(r"^- `(\w+)` needs", section, re.MULTILINE) == [subject.value for subject in Subject]


def test_the_tutorial_walks_the_journey_in_order(manual: "Manual") -> None:
    calls = [words[0] for words in calls_in(manual.page("tutorial.md"))]

    first = list(dict.fromkeys(word for word in calls if word not in {"demo", "explain"}))
    assert first == [
        "sandbox", "init", "doctor", "audit", "plan", "approve", "prepare", "sample", "run", "delta", "reconcile",
        "audit-log", "rollback",
    ]  # fmt: skip


def test_every_project_file_of_the_built_in_plugins_is_valid(manual: "Manual", tmp_path: Path) -> None:
    secrets = {
        "TRANSLOAD_KICKSERV_SOURCE__API_TOKEN": "FAKE-token",
        "TRANSLOAD_DYNAMICS_SINK__CLIENT_SECRET": "FAKE-secret",
    }
    models = load_plugins(["kickserv_source", "dynamics_sink"]).settings_models()
    files = [page.files[PROJECT_FILE] for page in manual.pages if PROJECT_FILE in page.files]
    built_in = [text for text in files if "kickserv_source" in text]

    for text in built_in:
        (tmp_path / PROJECT_FILE).write_text(text, encoding="utf-8")
        configure_plugins(load_project(tmp_path), models, secrets)

    assert len(built_in) == 3
    assert all(page.blocks("toml") == [block for block in page.blocks("toml") if block.file] for page in manual.pages)


@pytest.mark.parametrize(
    ("title", "model"),
    [
        *((f"`[{name}]`", field.annotation) for name, field in ProjectSettings.model_fields.items()),
        ("`[kickserv_source]`", KickservSettings),
        ("`[kickserv_source.inferred]`", InferredReads),
        ("`[fieldservice]`", FieldServiceSettings),
        ("`[tags]`", TagSettings),
        ("`[dynamics_sink]`", DynamicsSettings),
    ],
)
def test_every_setting_is_described_with_its_default(manual: "Manual", title: str, model: type[BaseModel]) -> None:
    described = {cells[0]: cells[1] for cells in manual.page("reference/project-file.md").rows(title)}

    assert list(described) == list(model.model_fields)
    for name, field in model.model_fields.items():
        shown = described[name]
        if is_secret(field.annotation):
            assert shown == "secret"
        elif field.is_required():
            assert shown == "required"
        elif shown in _NONE:
            assert field.default is None or isinstance(field.default, BaseModel)
        else:
            value = tomllib.loads(f"value = {shown.strip('`')}")["value"]
            assert (tuple(value) if isinstance(value, list) else value) == field.default


def test_every_python_example_imports_what_exists(manual: "Manual") -> None:
    found = [
        (node.module or "", alias.name)
        for page in manual.pages
        for block in page.blocks("python")
        for node in ast.walk(ast.parse(block.text))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("transload")
        for alias in node.names
    ]

    assert len(found) > 30
    assert not [f"{module}.{name}" for module, name in found if not hasattr(importlib.import_module(module), name)]


def test_every_page_is_plain_and_invented(manual: "Manual") -> None:
    text = "\n".join(page.text for page in manual.pages)

    addresses = re.findall(r"[\w.]+@([\w.-]+\w)", text)

    assert not [host for host in addresses if not host.lower().endswith(("example.com", "example.org"))]
    assert "\u2014" not in text
