from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from transload._reports import Column, Report, Table, Tone, Verdict, WrittenReport, print_report
from transload.values import Finding, Severity


def printed(report: Report, written: WrittenReport | None = None) -> list[str]:
    output = StringIO()
    print_report(report, Console(file=output, width=80), written)
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_the_summary_leads_with_the_verdict_and_ends_with_the_next_command(report: Report) -> None:
    written = WrittenReport(Path("reports/01-audit.html"), Path("reports/01-audit.json"))

    lines = printed(report, written)

    assert lines[2] == "OK  Ready to plan"
    assert lines[-2:] == ["Report  reports/01-audit.html", "Next    transload plan"]


def test_a_path_and_a_command_are_never_broken(report: Report) -> None:
    long = Path("client") / ("folder" * 20) / "01-audit.html"
    command = "transload retry --group " + "refused" * 20

    lines = printed(replace(report, verdict=Verdict(Tone.BAD, "No-go", "", command)), WrittenReport(long, long))

    assert lines[-2:] == [f"Report  {long}", f"Next    {command}"]


def test_all_else_fits_eighty_columns(report: Report) -> None:
    wide = [{"a": "word " * 30, "b": "x" * 120, "c": 1}]
    columns = [Column("a", "A"), Column("b", "B"), Column("c", "C", numeric=True)]
    findings = [Finding("code", Severity.WARNING, "title " * 30, "", "remedy " * 30)]

    lines = printed(replace(report, findings=findings, tables=[Table("Wide", columns, wide, brief=True)]))

    assert max(map(len, lines)) <= 80


def test_ten_findings_are_shown_worst_first_and_the_rest_counted(report: Report) -> None:
    notes = [Finding("n", Severity.INFO, f"Note {i}") for i in range(12)]
    blocker = Finding("b", Severity.BLOCKER, "No access", "", "Ask the owner.", 25)

    lines = printed(replace(report, findings=[*notes, blocker]))

    start = lines.index("Findings: 1 blocker, 12 for information")
    assert lines[start + 1].split() == ["blocker", "No", "access", "(25", "cases)"]
    assert lines[start + 2].strip() == "Ask the owner."
    assert lines[start + 11].split() == ["info", "Note", "8"]
    assert lines[start + 12] == "  and 3 more in the report"


def test_only_brief_tables_are_shown_with_the_words_of_their_badges(report: Report) -> None:
    brief = Table("Rules", [Column("r", "Rule")], [{"r": "Keys are unique", "t": Tone.BAD}], tone_key="t", brief=True)
    other = Table("Details", [Column("r", "Rule")], [{"r": "hidden"}])

    lines = printed(replace(report, tables=[brief, other]))

    assert [line.split() for line in lines if "unique" in line] == [["Problem", "Keys", "are", "unique"]]
    assert not any("Details" in line or "hidden" in line for line in lines)


def test_a_long_brief_table_says_how_many_rows_are_left_out(report: Report) -> None:
    table = Table("Rows", [Column("n", "N")], [{"n": i} for i in range(25)], brief=True)

    lines = printed(replace(report, tables=[table]))

    assert "  and 5 more in the report" in lines


@pytest.mark.parametrize("control", ["\x1b", "\x07", "\x9b"])
def test_data_does_not_steer_the_terminal(report: Report, control: str) -> None:
    hostile = f"{control}[31mname"
    finding = Finding("code", Severity.INFO, hostile, "", hostile)

    text = "\n".join(printed(replace(report, client=hostile, facts={hostile: hostile}, findings=[finding])))

    assert control not in text


def test_brackets_in_data_are_printed_as_they_are(report: Report) -> None:
    lines = printed(replace(report, facts={"[bold]": "[/red] [link]"}))

    assert "[bold]  [/red] [link]" in lines


def test_sentences_in_a_brief_table_are_left_to_the_page(report: Report) -> None:
    columns = [Column("r", "Rule"), Column("m", "What it means", wordy=True)]

    lines = printed(replace(report, tables=[Table("Rules", columns, [{"r": "Keys", "m": "Sentence"}], brief=True)]))

    assert "  Keys" in lines
    assert not any("Sentence" in line or "What it means" in line for line in lines)
