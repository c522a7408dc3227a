"""What is public is documented, and the documentation is true."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

import transload
import transload.errors
import transload.testing
from transload import hookspecs
from transload.errors import TransloadError
from transload.values import EntityName, RecordKey, SourceId

KEY = RecordKey(EntityName("job"), SourceId("7"))
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "ProjectFileError": ("transload.toml", ["one", "two"]),
    "MappingError": ("job.yaml", ["one"]),
    "WorkbookError": ("plan.xlsx", ["one"]),
    "StageRefusedError": ("run", "nobody has approved", "transload approve mapping"),
    "FolderError": ("reports", "No space left on device"),
    "PluginDefectError": ("kickserv_source 1.0", ValueError("boom")),
    "CutShortError": ("run",),
    "UnresolvedLookupError": (KEY, "customerid", "customer 42"),
    "UnknownValueError": (KEY, "priority", "whenever", ["high", "low"]),
    "UnfitValueError": (KEY, "title", "takes 10 characters"),
    "MissingFileError": ("files/ab/abcd", "No such file or directory"),
    "RefusedError": ("job 7", "0x80040237", "duplicate key"),
    "LockedError": ("line 7", "0x80043b05", "the invoice is paid"),
}
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, "transload_spec")}


def tree(error: type[TransloadError] = TransloadError) -> Iterator[type[TransloadError]]:
    yield error
    for child in error.__subclasses__():
        if child.__module__ == transload.errors.__name__:
            yield from tree(child)


@pytest.mark.parametrize("error", list(tree()), ids=lambda error: error.__name__)
def test_every_error_says_what_to_do(error: type[TransloadError]) -> None:
    made = error(*ARGUMENTS.get(error.__name__, ("something is wrong",)))

    assert error.__name__.endswith("Error")
    assert error.__doc__
    assert str(made)
    assert made.remedy[0].isupper()
    assert made.remedy.endswith((".", "first.", "again."))
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", made.code)


def test_the_drawing_shows_every_error_under_its_parent() -> None:
    drawing = (transload.errors.__doc__ or "").partition("::")[2].partition("\n\nEach")[0]
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in drawing.splitlines():
        names = re.findall(r"\b[A-Z]\w*Error\b", line)
        if names:
            depth = (line.index(names[0]) - 4) // 4
            del path[depth:]
            parents |= dict.fromkeys(names, path[-1] if path else "Exception")
            path.append(names[0])

    assert parents == {error.__name__: error.__mro__[1].__name__ for error in tree()}


@pytest.mark.parametrize("module", [transload, transload.testing], ids=lambda module: module.__name__)
def test_what_is_exported_is_what_is_there(module: object) -> None:
    exported: list[str] = module.__all__  # type: ignore[attr-defined]  # both have it
    there = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }  # fmt: skip

    assert exported == sorted(exported)
    assert set(exported) == there


@pytest.mark.parametrize("name", transload.testing.__all__)
def test_everything_in_the_kit_has_a_docstring(name: str) -> None:
    subject = getattr(transload.testing, name)

    assert inspect.getdoc(subject)
    for method, function in vars(subject).items() if inspect.isclass(subject) else ():
        if inspect.isfunction(function) and not method.startswith("_"):
            assert function.__doc__, f"{name}.{method}"


@pytest.mark.parametrize("name", list(HOOKS))
def test_every_hook_says_when_it_is_called_and_how_results_combine(name: str) -> None:
    doc = inspect.getdoc(HOOKS[name]) or ""
    spec = HOOKS[name].transload_spec
    word = "first" if spec["firstresult"] else "all"
    flat = " ".join(doc.split())

    assert re.search(r"\bCalled\b", flat), "when is it called?"
    assert re.search(rf"Results: {word}\b", flat), f"`Results: {word}` is missing"
    assert inspect.signature(HOOKS[name]).return_annotation in (None, "None") or "Returns:" in doc


@pytest.mark.parametrize("name", list(HOOKS))
def test_every_argument_of_a_hook_is_explained_or_speaks_for_itself(name: str) -> None:
    doc = inspect.getdoc(HOOKS[name]) or ""
    plain = {"context", "event"}
    arguments = [argument for argument in inspect.signature(HOOKS[name]).parameters if argument not in plain]

    assert [argument for argument in arguments if f"{argument}:" not in doc] == []
