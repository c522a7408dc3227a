"""How plugins are found, and how a bad one is named before anything is sent."""

import sys

import pytest

from transload.testing import ClientFolder, ProjectFactory, invoke
from transload.values import ColumnType, TableName, TargetColumn, TargetTable

ENABLED = ["memory_source", "memory_sink"]


def errors_of(client: ClientFolder, *plugins: str) -> str:
    client.configure([*ENABLED, *plugins])
    result = client.run("doctor")
    assert result.exit_code == 2, result.output
    return " ".join(result.errors.split())


def test_a_plugin_that_is_not_installed_is_named_with_its_nearest_namesake(client: ClientFolder) -> None:
    shown = errors_of(client, "memory_sinc")

    assert "`memory_sinc`, which is not installed; did you mean `memory_sink`?" in shown
    assert "Installed plugins:" in shown


def test_a_plugin_that_cannot_be_imported_is_named_with_its_version(client: ClientFolder) -> None:
    client.offer("broken", "import no_such_library_anywhere", version="2.5")

    shown = errors_of(client, "broken")

    assert "broken (test-broken 2.5) cannot be imported under transload" in shown
    assert "ModuleNotFoundError" in shown


def test_a_plugin_that_two_distributions_offer_is_refused(client: ClientFolder) -> None:
    client.offer("twin", "", version="1.0")
    other = client.site / "other_twin-3.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other-twin\nVersion: 3.0\n")
    (other / "entry_points.txt").write_text("[transload]\ntwin = other_module\n")

    shown = errors_of(client, "twin")

    assert "offered by" in shown
    assert "test-twin 1.0" in shown
    assert "other-twin 3.0" in shown


def test_a_plugin_that_is_listed_twice_is_refused(client: ClientFolder) -> None:
    assert "listed twice: memory_sink" in errors_of(client, "memory_sink")


def test_one_module_under_two_names_is_refused(client: ClientFolder) -> None:
    client.offer("first", "")
    (client.site / "test_first-1.0.dist-info" / "entry_points.txt").write_text(
        "[transload]\nfirst = first_hooks\nsecond = first_hooks\n"
    )

    shown = errors_of(client, "first", "second")

    assert "first" in shown
    assert "second" in shown
    assert "What to do:" in shown


def test_a_misspelt_hook_is_found_with_the_hook_that_was_meant(client: ClientFolder) -> None:
    client.offer("clumsy", "from transload import hookimpl\n@hookimpl\ndef extrakt(entity): ...\n")

    shown = errors_of(client, "clumsy")

    assert "clumsy (test-clumsy 1.0) does not fit the hooks" in shown
    assert "did you mean `extract`?" in shown


def test_an_argument_that_a_hook_does_not_have_is_found(client: ClientFolder) -> None:
    client.offer("clumsy", "from transload import hookimpl\n@hookimpl\ndef extract(entity, kontext): ...\n")

    assert "kontext" in errors_of(client, "clumsy")


def test_what_is_not_listed_is_never_imported(client: ClientFolder) -> None:
    client.offer("unlisted", "raise SystemExit('imported')")

    result = client.run("doctor")

    assert result.exit_code == 0
    assert "unlisted_hooks" not in sys.modules


def test_every_installed_plugin_is_listed_with_where_it_comes_from(client: ClientFolder) -> None:
    client.offer("unlisted", "raise SystemExit('imported')", version="7.1")

    result = client.run("plugins")

    assert result.exit_code == 0
    assert "test-unlisted" in result.output
    assert "7.1" in result.output


@pytest.mark.parametrize(
    ("hook", "stage"),
    [
        ("def describe_source(context):\n    return 1 // 0", "audit"),
        ("def extract(entity):\n    return (1 // number for number in [0])", "audit"),
        ("def extract(entity):\n    return next(iter([]))", "audit"),
        ("def observe(event):\n    return 1 // 0", "audit"),
        ("def audit():\n    raise StopIteration", "audit"),
    ],
)
def test_a_defect_is_reported_with_the_name_of_its_plugin(client: ClientFolder, hook: str, stage: str) -> None:
    client.offer("faulty", f"from transload import hookimpl\n@hookimpl\n{hook}\n", version="0.3")
    client.configure(["faulty", *ENABLED])

    result = client.run(stage, "--json")

    assert result.exit_code == 2
    assert result.json["error"]["code"] == "plugin_defect"
    assert "a defect in faulty (test-faulty 0.3)" in result.json["error"]["message"]


def test_a_defect_in_a_scan_is_reported_too(loaded: ClientFolder) -> None:
    code = "from transload import hookimpl\n@hookimpl\ndef scan_keys(table):\n    return (1 // n for n in [0])\n"
    loaded.offer("faulty", code)
    loaded.configure(["faulty", *ENABLED], run={"batch_size": 2}, memory_sink={"fallback": {"systemuser": "user-0"}})
    loaded.walk("plan", "approve mapping")

    result = loaded.run("reconcile", "--json")

    assert result.exit_code == 2
    assert "a defect in faulty" in result.json["error"]["message"]


def test_a_sink_that_forgets_an_outcome_is_a_defect(ready: ClientFolder) -> None:
    code = "from transload import hookimpl\n@hookimpl(wrapper=True)\ndef load():\n    return (yield)[1:]\n"
    ready.offer("forgetful", code)
    ready.configure(["forgetful", *ENABLED], run={"batch_size": 2}, memory_sink={"fallback": {"systemuser": "user-0"}})
    ready.walk("plan", "approve mapping")

    result = ready.run("run", "--json")

    assert result.exit_code == 2
    assert result.json["error"]["code"] == "plugin_defect"
    assert "outcomes for" in result.json["error"]["message"]


def test_without_a_source_the_project_says_what_is_missing(project: ProjectFactory) -> None:
    client = project(enable=["memory_sink"])
    client.target.build()

    result = client.run("audit", "--json")

    assert result.exit_code == 2
    assert "no enabled plugin is a source" in result.json["error"]["message"]


MAPPER = """\
from transload import hookimpl
from transload.mapping import parse_mapping

@hookimpl
def mappings(source, target):
    rules = "fields: {subject: {value: %s}}, dropped: {text: none, job_id: none}"
    return [parse_mapping("{entity: line, table: task, key: {from: id}, " + rules + "}", "test")]
"""


def test_of_two_mappings_that_of_the_plugin_listed_later_wins(client: ClientFolder) -> None:
    client.mapping_file("line").unlink()
    client.offer("early", MAPPER % "early")
    client.offer("late", MAPPER % "late")
    client.configure([*ENABLED, "early", "late"], memory_sink={"fallback": {"systemuser": "user-0"}})

    result = client.walk("audit", "plan")

    assert result.exit_code == 0
    assert "value: late" in client.mapping_file("line").read_text()


def test_a_shipped_mapping_gives_way_to_the_document_in_the_folder(client: ClientFolder) -> None:
    client.offer("other", MAPPER % "shipped")
    client.configure([*ENABLED, "other"], memory_sink={"fallback": {"systemuser": "user-0"}})

    client.walk("audit", "plan")

    assert "shipped" not in client.mapping_file("line").read_text()


def test_two_plugins_with_a_converter_of_one_name_are_refused(client: ClientFolder) -> None:
    code = "from transload import hookimpl\n@hookimpl\ndef converters():\n    return {'shout': str.upper}\n"
    client.offer("one", code)
    client.offer("two", code)
    client.configure([*ENABLED, "one", "two"])

    result = client.walk("audit", "plan")

    assert result.exit_code == 2
    assert "two plugins offer a converter named shout" in result.json["error"]["message"]


def test_a_wrapper_amends_what_the_rules_made(client: ClientFolder) -> None:
    code = (
        "from dataclasses import replace\nfrom transload import hookimpl\n"
        "@hookimpl(wrapper=True)\ndef transform(records):\n"
        "    writes = yield\n"
        "    amend = lambda w: replace(w, columns={**w.columns, 'subject': 'Amended'})\n"
        "    return [amend(w) if w.table == 'task' else w for w in writes]\n"
    )
    client.offer("amender", code)
    client.configure([*ENABLED, "amender"], memory_sink={"fallback": {"systemuser": "user-0"}})

    result = client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run", "reconcile")

    assert result.exit_code == 0
    assert {row["subject"] for row in client.target.rows("task").values()} == {"Amended"}


def test_a_command_of_a_plugin_is_offered_in_its_clients_folder(client: ClientFolder) -> None:
    code = (
        "from transload import hookimpl\n"
        "def greet(): print('Good day from a plugin')\n"
        "@hookimpl\ndef commands():\n    return [('greet', greet)]\n"
    )
    client.offer("polite", code)
    client.configure([*ENABLED, "polite"])

    result = client.run("greet")

    assert result.exit_code == 0
    assert "Good day from a plugin" in result.output


def test_the_help_lists_the_journey_in_order() -> None:
    shown = invoke("--help").output

    stages = ["audit", "plan", "approve", "prepare", "sample", "run", "delta", "reconcile", "rollback"]
    places = [shown.index(f" {stage} ") for stage in stages]
    assert places == sorted(places)


TAGGER = """\
from transload import Associate, EntityName, RecordKey, RowId, RowRef, SourceId, TableName, Upsert, hookimpl
from transload.values import Phase

TAG = RecordKey(EntityName("tag"), SourceId("vip"))
TABLE, ROW = TableName("tag"), RowId("tag-vip")

@hookimpl(wrapper=True)
def transform(records, mapper):
    writes = yield
    if mapper.document.entity != "customer":
        return writes
    if mapper.phase is Phase.ROWS:
        return [*writes, Upsert(TAG, TABLE, ROW, {"name": "VIP"})]
    customers = [write for write in writes if isinstance(write, Upsert)]
    return [*writes, *(Associate(w.key, w.table, w.row_id, "account_tags", RowRef(TABLE, ROW)) for w in customers)]
"""


def test_a_plugin_may_add_rows_of_another_table_and_links_to_them(client: ClientFolder) -> None:
    name = TargetColumn("name", ColumnType.TEXT, max_length=20)
    tag = TargetTable(TableName("tag"), "Tag", "tagid", "name", {"name": name})
    client.target.build(*client.target.tables().values(), tag)
    client.target.relate("account", "account_tags", "tag")
    client.target.put("systemuser", "user-0", email="office@example.com")
    client.target.put("systemuser", "user-1", email="ada@example.com")
    client.offer("tagger", TAGGER)
    client.configure(["memory_source", "memory_sink", "tagger"], memory_sink={"fallback": {"systemuser": "user-0"}})

    run = client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run")
    links = client.target.links()
    client.offer("tagger", TAGGER.replace("VIP", "Important"))
    changed, name_now = client.walk("delta"), {row["name"] for row in client.target.rows("tag").values()}
    again, reconcile = client.walk("run"), client.walk("reconcile")
    undone = client.walk("rollback")

    assert run.exit_code == 0, run.errors
    assert (len(links), {name for _, name, _ in links}) == (8, {"account_tags"})
    assert (changed.exit_code, name_now) == (0, {"Important"})
    assert "Nothing to write" in again.json["verdict"]["headline"]
    assert reconcile.exit_code == 0
    assert undone.exit_code == 0
    assert (client.target.rows("tag"), client.target.links()) == ({}, set())
