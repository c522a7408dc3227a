"""Charts: bars for the eye, every number in text beside them."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import html
from lxml.html import HtmlElement

from transload._reports import Chart, ChartKind, Column, Report, Series, Table, Tone, write_report


def figure(report: Report, folder: Path, chart: Chart) -> HtmlElement:
    page = html.document_fromstring(write_report(replace(report, charts=[chart]), folder).html.read_bytes())
    [found] = page.iter("figure")
    return found


def rows(element: HtmlElement) -> list[list[str]]:
    return [[cell.text_content() for cell in row] for row in element.iterfind(".//tbody/tr")]


def lengths(element: HtmlElement) -> list[tuple[str, str]]:
    return [(bar.get("class", ""), bar.get("style", "")) for bar in element.iterfind(".//td/i")]


def test_every_bar_has_its_number_beside_it(report: Report, tmp_path: Path) -> None:
    chart = Chart("Records", ["job", "note"], [Series("records", [4000, 1000])], unit="records")

    found = figure(report, tmp_path, chart)

    assert rows(found) == [["job", "", "4,000"], ["note", "", "1,000"]]
    assert lengths(found) == [("c1", "width:100.00%"), ("c1", "width:25.00%")]
    assert {bars.get("aria-hidden") for bars in found.iterfind(".//td[@class='bars']")} == {"true"}


def test_the_parts_of_a_stacked_bar_add_up_to_the_longest(report: Report, tmp_path: Path) -> None:
    series = [Series("New", [6, 1], Tone.GOOD), Series("Failed", [2, 1], Tone.BAD), Series("Other", [0, 0])]

    found = figure(report, tmp_path, Chart("Passes", ["1", "2"], series, ChartKind.STACKED))

    assert lengths(found) == [
        ("good", "width:75.00%"), ("bad", "width:25.00%"), ("c3", "width:0.00%"),
        ("good", "width:12.50%"), ("bad", "width:12.50%"), ("c3", "width:0.00%"),
    ]  # fmt: skip
    assert [key.text_content() for key in found.iterfind(".//p/span")] == ["New", "Failed", "Other"]
    assert rows(found)[0] == ["1", "", "6", "2", "0"]


def test_money_keeps_its_digits_and_a_loss_its_sign(report: Report, tmp_path: Path) -> None:
    chart = Chart(
        "Invoices by month", ["2026-01", "2026-02"], [Series("USD", [Decimal("1200.50"), Decimal("-600.25")])]
    )

    found = figure(report, tmp_path, chart)

    assert [row[2] for row in rows(found)] == ["1,200.50", "-600.25"]
    assert lengths(found) == [("c1", "width:100.00%"), ("c1 below", "width:50.00%")]


def test_nothing_at_all_is_drawn_as_nothing(report: Report, tmp_path: Path) -> None:
    found = figure(report, tmp_path, Chart("Records", ["job"], [Series("records", [0])]))

    assert lengths(found) == [("c1", "width:0.00%")]


def test_a_series_has_a_number_for_each_label() -> None:
    with pytest.raises(ValueError, match="2 values for 1 labels"):
        Chart("Records", ["job"], [Series("records", [1, 2])])


def test_a_number_that_is_part_of_a_whole_has_a_bar_and_a_share(report: Report, tmp_path: Path) -> None:
    table = Table("Fields", [Column("n", "Filled", numeric=True, of="all")], [{"n": 1, "all": 4}, {"n": 0, "all": 0}])

    page = html.document_fromstring(write_report(replace(report, tables=[table]), tmp_path).html.read_bytes())

    assert [bar.get("style") for bar in page.iterfind(".//td/i")] == ["width:25.0%"]
    assert [str(cell.xpath("string()")) for cell in page.iterfind(".//tbody/tr/td")] == ["1 25 %", "0"]


def test_what_decides_stands_before_the_charts_and_the_rest_behind_them(report: Report, tmp_path: Path) -> None:
    columns = [Column("n", "N")]
    tables = [Table("Rows", columns, [{"n": 1}]), Table("Rules", columns, [{"n": 1}], lead=True)]
    chart = Chart("Records", ["job"], [Series("records", [1])])

    written = write_report(replace(report, findings=[], tables=tables, charts=[chart]), tmp_path)

    page = html.document_fromstring(written.html.read_bytes())
    assert [found.get("id") for found in page.iter("section") if found.get("id")] == [
        "table-rules",
        "charts",
        "table-rows",
    ]
