"""Settings of the target that a document holds: other values while its rows are loaded, and their own ones again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from transload.testing import ClientFolder, Mishap, ProjectFactory
from transload.values import ColumnType, TableName, TargetColumn, TargetTable

AUTOMATIC, MANUAL, NIGHTLY = 1, 2, 3
OPTIONS = {AUTOMATIC: "Automatic", MANUAL: "Manual", NIGHTLY: "At night"}
SETTINGS = TargetTable(
    TableName("setting"), "Setting", "settingid", "name",
    {
        "name": TargetColumn("name", ColumnType.TEXT),
        "strategy": TargetColumn("strategy", ColumnType.CHOICE, "Strategy for lines", options=OPTIONS),
        "version": TargetColumn("version", ColumnType.TEXT, updatable=False),
    },
)  # fmt: skip
HOLD = "hold: {setting: {strategy: Manual}}\n"
AS_APPROVED = ("audit", "plan", "approve mapping", "prepare")

Found = Callable[[ProjectFactory], ClientFolder]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, found: Found) -> ClientFolder:
    """The company, whose lines hold a setting, up to the sample."""
    client = found(ProjectFactory(tmp_path_factory.mktemp("holding")))
    let_lines_hold(client, HOLD)
    last = client.walk(*AS_APPROVED, "sample")
    assert last.exit_code == 0, last.output + last.errors
    return client


@pytest.fixture
def client(
    copy_client: Callable[[ClientFolder, Path], ClientFolder], tmp_path: Path, original: ClientFolder
) -> ClientFolder:
    return copy_client(original, tmp_path)


def let_lines_hold(client: ClientFolder, hold: str) -> None:
    document = client.path / "mapping" / "line.yaml"
    document.write_text(hold + document.read_text(encoding="utf-8"), encoding="utf-8")
    client.target.build(*client.target.tables().values(), SETTINGS)
    client.target.put("systemuser", "user-0", email="office@example.com")
    client.target.put("systemuser", "user-1", email="ada@example.com")
    client.target.put("setting", "only", strategy=AUTOMATIC)


def strategy(client: ClientFolder) -> object:
    [row] = client.target.rows("setting").values()
    return row.get("strategy")


def test_a_setting_is_held_while_rows_are_loaded_and_given_back(client: ClientFolder) -> None:
    before = len(client.target.calls())

    run = client.walk("run")

    written = [call.table for call in client.target.calls()[before:]]
    assert written.index("setting") == written.index("task") - 1
    assert strategy(client) == AUTOMATIC
    [finding] = run.json["findings"]
    assert finding["title"] == "'Strategy for lines' was 'Manual' while rows were loaded, and is 'Automatic' again"


def test_nobody_touches_a_setting_when_there_is_nothing_to_load(client: ClientFolder) -> None:
    client.walk("run")
    before = len(client.target.calls())

    again = client.walk("run")

    assert (len(client.target.calls()), again.json["findings"]) == (before, [])


def test_what_says_so_by_itself_stays_so(client: ClientFolder) -> None:
    client.target.put("setting", "only", strategy=MANUAL)
    before = [call.table for call in client.target.calls()].count("setting")

    run = client.walk("run")

    assert (strategy(client), run.json["findings"]) == (MANUAL, [])
    assert [call.table for call in client.target.calls()].count("setting") == before


@pytest.mark.parametrize("mishap", [Mishap.REFUSED, Mishap.INTERRUPTED])
def test_a_run_that_is_cut_short_gives_it_back(client: ClientFolder, mishap: Mishap) -> None:
    client.target.plan_mishap(mishap, table="task")

    stopped = client.walk("run")

    assert stopped.exit_code in {2, 130}
    assert strategy(client) == AUTOMATIC
    assert client.run("status", "--json").json["held"] == []


@pytest.mark.parametrize(
    ("table", "mishap", "left", "following"),
    [
        ("setting", Mishap.KILLED, AUTOMATIC, "run"),
        ("setting", Mishap.KILLED_AFTER, MANUAL, "rollback"),
        ("task", Mishap.KILLED, MANUAL, "run"),
    ],
)
def test_what_a_kill_left_held_the_next_command_gives_back(
    client: ClientFolder, table: str, mishap: Mishap, left: int, following: str
) -> None:
    client.target.plan_mishap(mishap, table=table)
    client.run("run", process=True)
    found, held = strategy(client), client.run("status", "--json").json["held"]

    last = client.walk(following)

    assert (last.exit_code, strategy(client)) == (0, AUTOMATIC)
    assert (found, [each["former"] for each in held]) == (left, [str(AUTOMATIC)])
    assert client.run("status", "--json").json["held"] == []


def test_a_kill_while_it_is_given_back_does_no_harm(client: ClientFolder) -> None:
    client.target.plan_mishap(Mishap.KILLED_AFTER, hook="rollback", table="setting")
    client.run("run", process=True)

    last = client.walk("run")

    assert (last.exit_code, strategy(client)) == (0, AUTOMATIC)
    assert client.run("status", "--json").json["held"] == []


def test_what_people_change_meanwhile_stays_as_they_left_it(client: ClientFolder) -> None:
    client.target.plan_mishap(Mishap.KILLED, table="task")
    client.run("run", process=True)
    client.target.put("setting", "only", strategy=NIGHTLY)

    last = client.walk("rollback")

    [finding] = last.json["findings"]
    assert (finding["severity"], strategy(client)) == ("warning", NIGHTLY)
    assert "somebody made it 'At night' meanwhile" in finding["title"]


def test_the_cut_over_waits_until_everything_is_given_back(client: ClientFolder) -> None:
    client.walk("run", "reconcile")
    client.source.put("line", "9", id=9, text="Line 9", job_id=1)
    client.target.plan_mishap(Mishap.KILLED, hook="rollback", table="setting")
    client.run("delta", process=True)

    refused = client.walk("reconcile", "approve cutover")

    assert refused.exit_code == 2
    assert "setting(only).strategy" in refused.json["error"]["message"]
    assert client.walk("delta", "reconcile", "approve cutover").exit_code == 0


def test_the_plan_and_the_list_of_changes_show_what_will_be_held(client: ClientFolder) -> None:
    shown = [client.run(*command, "--json") for command in (("plan", "--check"), ("prepare", "--dry-run"))]

    for report in shown:
        [row] = report.rows("settings-that-are-held-during-the-load")
        assert (row["column"], row["now"], row["during"], row["for"]) == ("strategy", "'Automatic'", "'Manual'", "line")


def test_another_value_needs_another_approval(client: ClientFolder) -> None:
    document = client.path / "mapping" / "line.yaml"
    document.write_text(document.read_text(encoding="utf-8").replace("Manual", "At night"), encoding="utf-8")

    refused = client.run("run", "--json")

    assert refused.exit_code == 2
    assert "hold" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("hold", "said"),
    [
        ("nothing: {strategy: Manual}", "the target has no table `nothing`"),
        ("setting: {strategies: Manual}", "setting has no column `strategies`"),
        ("setting: {version: '2'}", "setting.version cannot be written"),
        ("setting: {strategy: Never}", "column strategy has no option 'Never'"),
    ],
)
def test_a_hold_that_the_target_does_not_offer_stops_the_plan(client: ClientFolder, hold: str, said: str) -> None:
    document = client.path / "mapping" / "line.yaml"
    text = document.read_text(encoding="utf-8")
    document.write_text(text.replace("setting: {strategy: Manual}", hold), encoding="utf-8")

    refused = client.run("plan", "--check", "--json")

    assert refused.exit_code == 2
    assert said in refused.json["error"]["message"]


def test_a_table_with_many_rows_is_none_of_settings(client: ClientFolder) -> None:
    for number in range(30):
        client.target.put("setting", f"more-{number}", strategy=AUTOMATIC)

    refused = client.run("run", "--json")

    assert refused.exit_code == 2
    assert "31 rows" in refused.json["error"]["message"]
