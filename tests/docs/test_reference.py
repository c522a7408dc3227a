"""The reference pages say what the code says."""

import ast
import inspect
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from types import ModuleType
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest
from pydantic import BaseModel

from transload import Finding, Severity, errors, hookspecs, mapping, values
from transload._reports import Chart, Column, Report, Series, Table, Tone, Verdict
from transload._reports.document import encode_document, encode_schema, report_document
from transload.converters import CONVERTERS
from transload.mapping import parse_mapping
from transload.testing import host_plugins
from transload_dynamics_sink.converters import CONVERTERS as DYNAMICS
from transload_fieldservice.converters import CONVERTERS as FIELDSERVICE
from transload_kickserv_source.converters import CONVERTERS as KICKSERV
from transload_tags import plugin as tags

if TYPE_CHECKING:
    from docs.conftest import Manual

HOOKS = {
    name: function
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if hasattr(function, "transload_spec")
}
ERRORS = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, errors.TransloadError) and error is not errors.TransloadError
]
OFFERED = {
    "For every mapping": CONVERTERS,
    "For Kickserv": KICKSERV,
    "For Dynamics": DYNAMICS,
    "For Field Service": FIELDSERVICE,
    "For tags": tags.converters(),
}
GROUPS = (errors.ConfigError, errors.RunError, errors.RecordError)


def header_of(code: str) -> str:
    """Return the signature of the function in a piece of code, in a normal form."""
    [function] = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    function.decorator_list, function.body = [], [ast.Expr(ast.Constant(...))]
    return ast.unparse(function)


# --- hooks ------------------------------------------------------------------------------


def test_every_hook_has_an_entry_and_every_entry_a_hook(manual: "Manual") -> None:
    assert sorted(manual.page("reference/hooks.md").titles(3)) == sorted(HOOKS)


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_a_hook_is_described_with_its_signature_and_result_word(manual: "Manual", name: str) -> None:
    entry = manual.page("reference/hooks.md").section(name)
    hook = HOOKS[name]
    word = "first" if hook.transload_spec["firstresult"] else "all"

    [code] = re.findall(r"```python\n(.*?)```", entry, re.DOTALL)

    assert header_of(code) == header_of(inspect.getsource(hook))
    assert re.findall(r"^Results: \*\*(\w+)\*\*\.$", entry, re.MULTILINE) == [word]
    assert f"Results: {word}" in (hook.__doc__ or "")


def test_the_hook_examples_are_plugins(manual: "Manual") -> None:
    introduction = manual.page("reference/hooks.md").text.partition("\n## ")[0]

    for code in re.findall(r"```python\n(.*?)```", introduction, re.DOTALL):
        module = ModuleType("example")
        exec(compile(code, "hooks.md", "exec"), module.__dict__)
        host_plugins(module)


# --- errors -----------------------------------------------------------------------------


def test_every_error_is_listed_in_its_group_with_its_code_and_a_remedy(manual: "Manual") -> None:
    page = manual.page("reference/errors.md")
    listed = {}
    for group in GROUPS:
        for cells in page.rows(group.__name__):
            listed[cells[0]] = (group.__name__, cells[1].strip("`"))
            assert len(cells[3]) > 3

    wanted = {
        error.__name__: (next(group.__name__ for group in GROUPS if issubclass(error, group)), code_of(error))
        for error in ERRORS
        if error not in GROUPS
    }
    assert listed == wanted


def test_every_group_says_what_happens(manual: "Manual") -> None:
    section = manual.page("reference/errors.md").text.partition("\n## ")[0]

    assert re.findall(r"^\| \[`(\w+)`\]", section, re.MULTILINE) == [group.__name__ for group in GROUPS]


def code_of(error: type[errors.TransloadError]) -> str:
    made: str = errors.TransloadError.code.fget(error.__new__(error))  # type: ignore[attr-defined]  # a property
    return made


# --- the mapping document ---------------------------------------------------------------


def test_every_example_of_a_mapping_is_valid(manual: "Manual") -> None:
    blocks = [(page.path.name, block) for page in manual.pages for block in page.blocks("yaml")]

    for name, block in blocks:
        parse_mapping(block.text.replace("{prefix}", "ex"), name)

    assert len(blocks) >= 6


KEYS: list[tuple[str, list[type[BaseModel]]]] = [
    ("The document", [mapping.Mapping]),
    ("`new_table`", [mapping.NewTable]),
    ("`link`", [mapping.Link]),
    ("`key`", [mapping.KeyRule]),
    ("`match`", [mapping.Match]),
    ("`dropped`", [mapping.Dropped]),
    ("Rules", [mapping.FieldRule]),
    ("`custom`", [mapping.CustomColumn]),
    ("Lookups", [mapping.LookupByType, mapping.Find]),
]


@pytest.mark.parametrize(("title", "models"), KEYS)
def test_every_key_of_the_mapping_document_is_described(
    manual: "Manual", title: str, models: list[type[BaseModel]]
) -> None:
    described = {cells[0]: cells[1] for cells in manual.page("reference/mapping.md").rows(title)}

    assert described == {name: default for model in models for name, default in keys_of(model).items()}


@pytest.mark.parametrize(
    ("title", "policy"),
    [
        ("`missing` and `empty`", values.Missing),
        ("`on_overflow`", mapping.Overflow),
        ("`unknown`", mapping.Unknown),
    ],
)
def test_every_policy_is_described(manual: "Manual", title: str, policy: type[StrEnum]) -> None:
    assert [cells[0] for cells in manual.page("reference/mapping.md").rows(title)] == [str(each) for each in policy]


def keys_of(model: type[BaseModel]) -> dict[str, str]:
    """Return the keys as they stand in YAML, with their defaults as the page shows them."""
    shown = {}
    for name, field in model.model_fields.items():
        if field.is_required():
            default = "required"
        elif field.default is None:
            default = "none"
        elif isinstance(field.default, str) and field.default:
            default = f"`{field.default}`"
        else:
            default = f"`{json.dumps(field.default)}`"
        shown[field.alias or name] = default
    return shown


# --- converters -------------------------------------------------------------------------


def test_every_converter_is_described(manual: "Manual") -> None:
    page = manual.page("reference/converters.md")

    assert {title: {cells[0] for cells in page.rows(title)} for title in OFFERED} == {
        title: set(offered) for title, offered in OFFERED.items()
    }


def test_the_examples_of_converters_are_true(manual: "Manual") -> None:
    known = {name: converter for offered in OFFERED.values() for name, converter in offered.items()}
    names = {"Decimal": Decimal, "date": date, "datetime": datetime}

    for name, _, takes, gives in manual.page("reference/converters.md").rows():
        value = eval(takes.strip("`"), names)  # the page says that these are Python
        if gives == "-":
            with pytest.raises(ValueError, match=r"."):
                known[name](value)
        else:
            result, wanted = known[name](value), eval(gives.strip("`"), names)
            assert (result, str(result), type(result)) == (wanted, str(wanted), type(wanted)), name


# --- reports ----------------------------------------------------------------------------


def test_the_json_of_a_report_has_the_documented_shape(manual: "Manual") -> None:
    table = Table("Lossy ledger", [Column("record", "Record")], [{"record": "job 1187"}])
    verdict = Verdict(Tone.GOOD, "Passed")
    finding = Finding("loss", Severity.WARNING, "a loss")
    made_at = datetime(2026, 3, 1, tzinfo=UTC)
    chart = Chart("Records by entity", ["job"], [Series("records", [61])])
    files = {"plan.xlsx": "The plan"}
    report = Report(
        "sample", "Sample", "Acme", "1", made_at, verdict, {"Records": "1"}, [finding], [table], [chart], files
    )

    [block] = manual.page("reference/reports.md").blocks("json")

    assert shape_of(json.loads(block.text)) == shape_of(json.loads(encode_document(report_document(report))))


def test_the_published_schema_of_reports_is_that_of_the_code(manual: "Manual") -> None:
    published = (manual.root / "docs" / "reference" / "report.schema.json").read_bytes()

    assert published == encode_schema(), "stale: `python check.py schema` writes it anew"


def test_the_documented_report_is_valid(manual: "Manual") -> None:
    [block] = manual.page("reference/reports.md").blocks("json")

    jsonschema_rs.validate(json.loads(encode_schema()), json.loads(block.text))


def test_every_word_of_a_report_is_described(manual: "Manual") -> None:
    meanings = {cells[0]: cells[1] for cells in manual.page("reference/reports.md").rows("JSON")}

    assert set(re.findall(r"`(\w+)`", meanings["tone"])) == {tone.value for tone in Tone}
    assert set(re.findall(r"`(\w+)`", meanings["severity"].partition(".")[0])) == {each.value for each in Severity}


def test_the_json_of_an_error_has_the_documented_shape(manual: "Manual") -> None:
    [block] = manual.page("reference/errors.md").blocks("json")
    error = errors.StageRefusedError("run", "...", "transload sample")

    assert json.loads(block.text)["error"] == {"code": error.code, "message": str(error), "remedy": error.remedy}


def shape_of(document: object) -> object:
    """Return the keys of a document, at every level."""
    if isinstance(document, dict):
        return {key: shape_of(value) for key, value in document.items()}
    return [shape_of(item) for item in document] if isinstance(document, list) else type(document).__name__
