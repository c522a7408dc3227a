"""The plugins of the how-to pages: installed as the pages say, they carry a company there and back."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from transload import EntityName, RecordKey, RowId, SchemaChange, SchemaKind, SourceId, TableName, TargetColumn
from transload.testing import ClientFolder, ProjectFactory, SinkExample, check_sink, check_source, open_context
from transload.testing.hosting import offer_plugin
from transload.values import ColumnType

if TYPE_CHECKING:
    from docs.conftest import Manual, Page

STAGES = ("audit", "plan", "approve mapping", "prepare", "sample", "run", "reconcile")


def install(page: "Page", client: ClientFolder) -> None:
    """Put a page's plugin where the client's folder finds it, under the entry point that the page declares."""
    for name, text in page.files.items():
        if "/" in name:
            file = client.site / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    for name, module in tomllib.loads(page.files["pyproject.toml"])["project"]["entry-points"]["transload"].items():
        offer_plugin(client.site, name, module)


def module_of(file: Path) -> ModuleType:
    """Return the module of a file, without putting it where other imports find it."""
    spec = importlib.util.spec_from_file_location(file.parent.name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def client(manual: "Manual", project: ProjectFactory) -> ClientFolder:
    source, sink = manual.page("how-to/add-a-source.md"), manual.page("how-to/add-a-sink.md")
    client = project()
    install(source, client)
    install(sink, client)
    for name in ("transload.toml", "party.csv"):
        (client.path / name).write_text(source.files[name], encoding="utf-8")
    return client


def test_the_documented_source_and_sink_make_the_whole_journey(client: ClientFolder) -> None:
    result = client.walk(*STAGES)

    book = json.loads((client.path / "filebook.json").read_text(encoding="utf-8"))
    assert result.json["verdict"]["headline"] == "Go: 12 fields of 3 records are as wanted"
    assert sorted(row["name"] for row in book["rows"]["company"].values()) == [
        "Anchor Web Agency",
        "Four Winds Heating a",
        "Odette Yarrow",
    ]


def test_the_plan_warns_of_the_name_that_is_too_long(client: ClientFolder) -> None:
    result = client.walk("audit", "plan")

    assert [finding["title"] for finding in result.json["findings"]] == ["party: name truncated in 1 record"]


def test_a_rollback_leaves_nothing_of_the_documented_journey(client: ClientFolder) -> None:
    client.walk(*STAGES)

    result = client.walk("rollback")

    book = json.loads((client.path / "filebook.json").read_text(encoding="utf-8"))
    assert result.exit_code == 0
    assert book == {"added": {}, "rows": {"company": {}}}


def test_a_company_without_a_name_is_set_aside_alone(client: ClientFolder) -> None:
    with (client.path / "party.csv").open("a", encoding="utf-8") as file:
        file.write("4,,Upland,\n")

    result = client.walk("audit", "plan", "approve mapping", "prepare", "sample")

    assert result.exit_code == 1
    assert [row["record"] for row in result.rows("dead-letters")] == ["party 4"]


def test_the_documented_source_keeps_what_sources_promise(client: ClientFolder) -> None:
    plugin = module_of(client.site / "ledgerbook_source/plugin.py")
    key = RecordKey(EntityName("party"), SourceId("3"))

    with open_context(client.path) as context:
        found = check_source(plugin, context, {key: {"name": "Anchor Web Agency", "city": ""}})

    assert len(found) == 3


def test_the_documented_sink_keeps_what_sinks_promise(client: ClientFolder) -> None:
    plugin = module_of(client.site / "filebook_sink/plugin.py")
    table = TableName("company")
    column = TargetColumn("ex_partyid", ColumnType.TEXT, "Party id", 100, custom=True)
    example = SinkExample(
        table,
        "ex_partyid",
        [
            SchemaChange(SchemaKind.COLUMN, "ex_partyid", table, "Party id", column),
            SchemaChange(SchemaKind.KEY, "ex_partyid_key", table, "Party id (key)", None, ("ex_partyid",)),
        ],
        {
            RowId("a"): {"name": "Odette Yarrow", "ex_partyid": "1"},
            RowId("b"): {"name": "Anchor Web Agency", "ex_partyid": "2"},
        },
        (RowId("c"), {"ex_partyid": "3"}),
        {"name": "Odette Lomax"},
    )

    with open_context(client.path) as context:
        check_sink(plugin, context, example)


def test_a_further_object_is_an_entity_and_a_mapping(manual: "Manual", client: ClientFolder) -> None:
    page = manual.page("how-to/add-an-object.md")
    plugin = client.site / "ledgerbook_source/plugin.py"
    code = plugin.read_text(encoding="utf-8")
    [changed] = page.blocks("python")
    plugin.write_text(re.sub(r"^FIELDS = .*\n", changed.text, code, flags=re.MULTILINE), encoding="utf-8")
    for name, text in page.files.items():
        file = client.site / name if "/" in name else client.path / name
        file.write_text(text, encoding="utf-8")

    result = client.walk(*STAGES)

    book = json.loads((client.path / "filebook.json").read_text(encoding="utf-8"))
    owners = {visit["subject"]: visit["companyid"]["row"][1] for visit in book["rows"]["visit"].values()}
    assert result.exit_code == 0
    assert book["rows"]["company"][owners["Boiler inspection"]]["name"] == "Odette Yarrow"
