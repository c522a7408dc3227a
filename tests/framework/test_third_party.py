"""A plugin that somebody else wrote, in a distribution of its own, walks the journey; nothing here knows it."""

import subprocess
import sys
from pathlib import Path

import pytest

from transload.testing import ClientFolder, ProjectFactory
from transload.values import ColumnType, TableName, TargetColumn, TargetTable

DISTRIBUTION = Path(__file__).parent.parent / "data" / "third_party" / "transload-memory"


def install(folder: Path) -> None:
    """Install for real, into a folder of its own, from what is on this disk."""
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--quiet"]
    options = ["--disable-pip-version-check", "--root-user-action", "ignore", "--target", str(folder)]
    subprocess.run([*pip, *options, str(DISTRIBUTION)], check=True, capture_output=True, timeout=120)


@pytest.fixture
def client(project: ProjectFactory) -> ClientFolder:
    client = project(enable=["address_book", "memory_sink"])
    install(client.site)
    name = TargetColumn("name", ColumnType.TEXT, max_length=100, required=True)
    client.target.build(TargetTable(TableName("account"), "Account", "accountid", "name", {"name": name}))
    return client


def test_a_plugin_from_elsewhere_is_discovered_and_walks_the_whole_journey(client: ClientFolder) -> None:
    listed = client.run("plugins")
    result = client.walk("audit", "plan", "approve mapping", "prepare", "sample", "run", "reconcile")
    rows = client.target.rows("account")
    undone = client.walk("rollback")

    assert "transload-memory" in listed.output
    assert "0.4.2" in listed.output
    assert result.exit_code == 0, result.output + result.errors
    assert {(row["name"], row["mem_personid"]) for row in rows.values()} == {
        ("Ada Example", "1"), ("Grace Example", "2"), ("Edsger Example", "3"),
    }  # fmt: skip
    assert undone.exit_code == 0
    assert client.target.rows("account") == {}
