from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from lxml import html
from lxml.html import HtmlElement

from transload._reports import Report, Tone, Verdict, write_report


def index(folder: Path) -> HtmlElement:
    return html.document_fromstring((folder / "index.html").read_bytes())


def links(element: HtmlElement) -> list[str]:
    return [str(link.get("href")) for link in element.iterfind(".//p[@class='headline']/a")]


def test_the_index_lists_the_reports_in_the_order_of_the_journey(report: Report, tmp_path: Path) -> None:
    for stage in ("reconcile", "audit", "retry", "sample"):
        write_report(replace(report, stage=stage), tmp_path)

    found = index(tmp_path)

    assert links(found) == ["01-audit.html", "05-sample.html", "08-reconcile.html", "10-retry.html"]


def test_the_index_shows_the_stages_still_ahead(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path)

    found = index(tmp_path)

    ahead = [item.find("h2").text_content().split() for item in found.iterfind(".//li[@class='ahead']")]
    assert ahead[:2] == [["2", "Plan"], ["3", "Approve"]]
    assert len(ahead) == 8


def test_the_index_leads_with_the_newest_verdict(report: Report, tmp_path: Path) -> None:
    newest = replace(
        report, made_at=report.made_at + timedelta(hours=1), verdict=Verdict(Tone.BAD, "No-go", "", "transload retry")
    )
    write_report(newest, tmp_path)
    write_report(replace(report, stage="sample"), tmp_path)

    found = index(tmp_path)

    assert [heading.text_content() for heading in found.iterfind(".//section/div/h2")] == ["Problem: No-go"]
    assert [code.text for code in found.iterfind(".//p[@class='next']/code")] == ["transload retry"]


def test_the_index_names_files_that_it_cannot_read(report: Report, tmp_path: Path) -> None:
    (tmp_path / "02-plan.json").write_text("{")
    (tmp_path / "05-sample.json").write_text('{"format": "transload.report/99"}')
    (tmp_path / "notes.json").write_text("not ours")

    write_report(report, tmp_path)

    notes = [note.text_content() for note in index(tmp_path).iterfind(".//p[@class='note cut']")]
    assert notes == ["Not a report that this version can read: 02-plan.json, 05-sample.json."]
