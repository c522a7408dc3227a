import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from transload._reports import Column, Report, Table, Tone, write_report
from transload.errors import RunError
from transload.values import Finding, Severity


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("audit", "01-audit"),
        ("approve", "03-approve"),
        ("approve-sample", "03-approve-sample"),
        ("rollback", "09-rollback"),
        ("retry", "10-retry"),
    ],
)
def test_file_names_follow_the_order_of_the_journey(report: Report, tmp_path: Path, stage: str, name: str) -> None:
    staged = replace(report, stage=stage)

    written = write_report(staged, tmp_path / "reports")

    assert (written.html.name, written.json.name) == (f"{name}.html", f"{name}.json")


def test_the_same_report_gives_the_same_bytes(report: Report, tmp_path: Path) -> None:
    first = write_report(report, tmp_path / "first")

    second = write_report(report, tmp_path / "second")

    assert first.html.read_bytes() == second.html.read_bytes()
    assert first.json.read_bytes() == second.json.read_bytes()
    assert (tmp_path / "first/index.html").read_bytes() == (tmp_path / "second/index.html").read_bytes()


def test_nothing_but_the_reports_is_left_in_the_folder(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path)

    write_report(replace(report, title="Audit, again"), tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["01-audit.html", "01-audit.json", "index.html"]
    assert "Audit, again" in (tmp_path / "01-audit.html").read_text()


def test_json_states_its_format_and_the_whole_report(report: Report, tmp_path: Path) -> None:
    finding = Finding("owner.unmatched", Severity.WARNING, "No user", "dana@example.com", "Create it.", 3)

    document = json.loads(write_report(replace(report, findings=[finding]), tmp_path).json.read_bytes())

    assert document == {
        "format": "transload.report/1",
        "stage": "audit",
        "title": "Audit of both systems",
        "client": "Harbour Heating & Cooling",
        "run_id": "2025-11-21-a",
        "made_at": "2025-11-21T21:04:00+00:00",
        "verdict": {
            "tone": "good",
            "headline": "Ready to plan",
            "detail": "Nothing blocks.",
            "next_command": "transload plan",
        },
        "facts": {"Records": "48,213"},
        "findings": [
            {
                "code": "owner.unmatched",
                "severity": "warning",
                "title": "No user",
                "evidence": "dana@example.com",
                "remedy": "Create it.",
                "count": 3,
            }
        ],
        "charts": {},
        "tables": {},
        "files": {},
    }


def test_json_keeps_every_value_of_a_row_exactly(report: Report, tmp_path: Path) -> None:
    row = {
        "text": "Åse ",
        "count": 2**70,
        "flag": True,
        "money": Decimal("1240.50"),
        "when": datetime(2025, 3, 30, 1, 0, tzinfo=UTC),
        "day": date(2025, 3, 30),
        "nothing": None,
        "tone": Tone.BAD,
    }
    table = Table("All kinds", [Column(key, key) for key in row], [row])

    document = json.loads(write_report(replace(report, tables=[table]), tmp_path).json.read_bytes())

    assert document["tables"]["all-kinds"]["rows"] == [
        {
            "text": "Åse ",
            "count": 2**70,
            "flag": True,
            "money": "1240.50",
            "when": "2025-03-30T01:00:00+00:00",
            "day": "2025-03-30",
            "nothing": None,
            "tone": "bad",
        }
    ]


def test_tables_of_one_name_do_not_hide_each_other(report: Report, tmp_path: Path) -> None:
    tables = [
        Table("Fields", [], [{"a": 1}]),
        Table("Fields", [], [{"a": 2}]),
        Table("Anything", [], [{"a": 3}], identifier="fields"),
        Table("字段", [], []),
    ]

    document = json.loads(write_report(replace(report, tables=tables), tmp_path).json.read_bytes())

    assert list(document["tables"]) == ["fields", "fields-2", "fields-3", "table"]


def test_text_that_no_encoding_knows_does_not_cost_the_report(report: Report, tmp_path: Path) -> None:
    broken = replace(report, facts={"Name": "half an emoji \ud83d"})

    written = write_report(broken, tmp_path)

    assert json.loads(written.json.read_bytes())["facts"] == {"Name": "half an emoji \ud83d"}
    assert "half an emoji" in written.html.read_text()


def test_a_folder_that_cannot_be_written_is_an_error_with_a_remedy(report: Report, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where the folder should be")

    with pytest.raises(RunError) as caught:
        write_report(report, tmp_path / "reports")

    assert "reports" in str(caught.value)
    assert "run the same command again" in caught.value.remedy
