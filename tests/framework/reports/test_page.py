import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import html
from lxml.html import HtmlElement

from transload._reports import Column, Report, Table, Tone, Verdict, write_report
from transload.values import Finding, Severity


def page(report: Report, folder: Path) -> HtmlElement:
    return html.document_fromstring(write_report(report, folder).html.read_bytes())


def texts(element: HtmlElement, path: str) -> Sequence[str]:
    return [" ".join(found.text_content().split()) for found in element.iterfind(f".//{path}")]


def rows(element: HtmlElement) -> Sequence[Sequence[str]]:
    return [[cell.text_content() for cell in row.iterfind("td")] for row in element.iterfind(".//tbody/tr")]


def test_the_page_says_whose_report_it_is_and_what_to_do_next(report: Report, tmp_path: Path) -> None:
    found = page(report, tmp_path)

    assert texts(found, "h1") == ["Audit of both systems"]
    assert texts(found, "span[@class='client']") == ["Harbour Heating & Cooling"]
    assert texts(found, "section[@class='verdict good']/div/h2") == ["OK: Ready to plan"]
    assert texts(found, "p[@class='next']/code") == ["transload plan"]
    assert texts(found, "time") == ["2025-11-21 21:04 UTC"]
    assert texts(found, "li[@aria-current='step']") == ["audit"]


def test_the_page_needs_nothing_but_itself(report: Report, tmp_path: Path) -> None:
    table = Table("Rows", [Column("a", "A")], [{"a": "1"}], filterable=True)

    text = write_report(replace(report, tables=[table]), tmp_path).html.read_text()

    assert re.findall(r"""(?:src|href)=["'](?!#)([^"']+)""", text) == [
        "data:,",
        "index.html",
        "01-audit.json",
    ]
    assert not re.search(r"https?:|@import|url\(", text)


def test_nothing_from_a_crm_becomes_markup(report: Report, tmp_path: Path) -> None:
    attack = "<script>alert(1)</script>`<b>`"
    hostile = replace(
        report,
        client=attack,
        title=attack,
        run_id=attack,
        facts={attack: attack},
        verdict=Verdict(Tone.BAD, attack, attack, attack),
        findings=[Finding(attack, Severity.INFO, attack, attack, attack)],
        tables=[
            Table(attack, [Column("a", attack)], [{"a": attack}], note=attack),
            Table("Compared", [Column("a", "A"), Column("b", "B")], [{"a": attack, "b": "x"}], compare=("a", "b")),
        ],
    )

    found = page(hostile, tmp_path)

    assert list(found.iter("script")) == []
    assert {element.text for element in found.iter("b")} == {"What to do"}


def test_findings_stand_worst_first_with_evidence_and_remedy(report: Report, tmp_path: Path) -> None:
    findings = [
        Finding("a", Severity.INFO, "One currency"),
        Finding("b", Severity.BLOCKER, "No access", "answered 403", "Run `transload doctor`.", 1200),
        Finding("c", Severity.WARNING, "Long texts"),
    ]

    found = page(replace(report, findings=findings), tmp_path)

    assert texts(found, "h3") == ["1 blocker", "1 warning", "1 for information"]
    assert texts(found, "h4") == ["No access 1,200 cases", "Long texts", "One currency"]
    assert texts(found, "p[@class='evidence']") == ["answered 403"]
    assert texts(found, "p[@class='remedy']/code") == ["transload doctor"]


def test_values_read_as_people_write_them(report: Report, tmp_path: Path) -> None:
    row = {
        "n": 48213,
        "m": Decimal("1E+3"),
        "id": 48213,
        "flag": False,
        "when": datetime(2025, 3, 30, 1, 0, tzinfo=UTC),
        "nothing": None,
        "text": "two\n lines ",
    }
    columns = [Column(key, key, numeric=key in "nm") for key in row]

    found = page(replace(report, tables=[Table("T", columns, [row])]), tmp_path)

    assert rows(found) == [["48,213", "1,000", "48213", "no", "2025-03-30 01:00 UTC", "\N{EN DASH}", "two\n lines "]]
    assert [head.get("scope") for head in found.iter("th")] == ["col"] * len(row)


def test_data_is_set_letter_by_letter_with_its_line_breaks(report: Report, tmp_path: Path) -> None:
    columns = [Column("said", "Said", exact=True), Column("who", "Who")]
    table = Table("Answers", columns, [{"said": '{\n "id": 7\n}', "who": "the target"}])

    found = page(replace(report, tables=[table]), tmp_path)

    said, who = found.iterfind(".//section[@id='table-answers']//tbody/tr/td")
    assert said.text_content() == '{\n "id": 7\n}'
    assert "exact" in said.get("class", "")
    assert "exact" not in who.get("class", "")


def test_a_badge_carries_words_and_the_tone_of_its_row(report: Report, tmp_path: Path) -> None:
    own_words = Table("A", [Column("w", "Result", badge=True)], [{"w": "differs", "t": Tone.BAD}], tone_key="t")
    tone_column = Table("B", [Column("t", "Result")], [{"t": Tone.WARN}], tone_key="t")
    no_column = Table("C", [Column("x", "X")], [{"x": "1", "t": Tone.GOOD}, {"x": "2"}], tone_key="t")

    found = page(replace(report, tables=[own_words, tone_column, no_column]), tmp_path)

    assert [(badge.get("class"), badge.text) for badge in found.iterfind(".//td/span")] == [
        ("badge bad", "differs"),
        ("badge warn", "Check"),
        ("badge good", "OK"),
        ("badge plain", "Note"),
    ]


@pytest.mark.parametrize(
    ("written", "landed", "shown", "marked"),
    [
        ("Anna  Berg", "Anna Berg", ["Anna  Berg", "Anna Berg"], ["·"]),
        ("check", "check\t", ["check", "check⇥"], ["⇥"]),
        ("a\r\nb", "a\nb", ["a[U+000D]\nb", "a\nb"], ["[U+000D]"]),
        ("old name", "new name", ["old name", "new name"], ["old", "new"]),
        ("", None, ["empty text", "null"], []),
        (None, "x", ["null", "x"], []),
        (Decimal("1.50"), Decimal("1.5000"), ["1.50", "1.5000"], []),
        (True, False, ["yes", "no"], ["yes", "no"]),
        ("caf\u00e9", "cafe\u0301", ["caf\u00e9", "cafe[U+0301]"], ["\u00e9", "e[U+0301]"]),
    ],
)
def test_two_sides_that_differ_are_marked_where_they_do(
    report: Report, tmp_path: Path, written: object, landed: object, shown: list[str], marked: list[str]
) -> None:
    columns = [Column("a", "Written"), Column("b", "Found")]
    table = Table("Diff", columns, [{"a": written, "b": landed}], compare=("a", "b"))

    found = page(replace(report, tables=[table]), tmp_path)

    plain = [[text.replace("·", " ") for text in row] for row in rows(found)]
    assert plain == [shown]
    assert [mark.text for mark in found.iterfind(".//td/mark")] == marked


def test_what_long_texts_share_is_shortened_around_the_difference(report: Report, tmp_path: Path) -> None:
    columns = [Column("a", "Written"), Column("b", "Found")]
    row = {"a": "x" * 5000 + "1" + "y" * 5000, "b": "x" * 5000 + "2" + "y" * 5000}

    found = page(replace(report, tables=[Table("Diff", columns, [row], compare=("a", "b"))]), tmp_path)

    assert texts(found, "td/i") == ["4,880 equal characters"] * 4
    assert texts(found, "td/mark") == ["1", "2"]


def test_a_table_too_long_for_a_page_keeps_its_problems_and_says_so(report: Report, tmp_path: Path) -> None:
    long = [{"k": f"job {i}", "t": Tone.BAD if i % 1000 == 999 else Tone.GOOD} for i in range(5000)]

    found = page(replace(report, tables=[Table("Rows", [Column("k", "Job")], long, tone_key="t")]), tmp_path)

    assert len(rows(found)) == 2000
    assert [row[1] for row in rows(found) if row[0] == "Problem"] == [f"job {i}999" for i in ("", 1, 2, 3, 4)]
    assert texts(found, "p[@class='note cut']") == [
        "This page shows 2,000 of 5,000 rows; no problem was left out in favour of another row. "
        "All of them are in 01-audit.json."
    ]


def test_a_filter_offers_each_tone_with_its_count_and_hides_without_a_script(report: Report, tmp_path: Path) -> None:
    tones = [Tone.GOOD, Tone.GOOD, Tone.BAD]
    table = Table("Rows", [Column("t", "T")], [{"t": tone} for tone in tones], tone_key="t", filterable=True)

    found = page(replace(report, tables=[table]), tmp_path)

    assert texts(found, "form/label/select/option") == ["everything (3)", "Problem (1)", "OK (2)"]
    assert [form.get("hidden") for form in found.iter("form")] == [""]
    assert [row.get("data-tone") for row in found.iterfind(".//tbody/tr")] == ["good", "good", "bad"]


def test_an_empty_table_says_that_it_is_empty(report: Report, tmp_path: Path) -> None:
    found = page(replace(report, tables=[Table("Losses", [Column("a", "A")], [], filterable=True)]), tmp_path)

    assert texts(found, "p[@class='empty']") == ["None."]
    assert list(found.iter("table", "form")) == []


def long_table(rows: int) -> Table:
    columns = [Column("e", "Entity"), Column("v", "Value", link="h"), Column("w", "Verdict", badge=True)]
    return Table(
        "Long",
        columns,
        [
            {
                "e": f"entity {i % 7}",
                "v": f"</script><b>value {i}",
                "h": f"https://crm.example.com/{i}",
                "w": "differs" if i % 100 == 0 else "equal",
                "t": Tone.BAD if i % 100 == 0 else Tone.GOOD,
            }
            for i in range(rows)
        ],
        tone_key="t",
        filterable=True,
        filters=("e", "w"),
    )


def test_a_long_table_that_can_be_filtered_carries_all_rows_and_shows_the_first(report: Report, tmp_path: Path) -> None:
    found = page(replace(report, tables=[long_table(20_000)]), tmp_path)

    [data] = [json.loads(script.text) for script in found.iter("script") if script.get("type") == "application/json"]
    assert (len(data["rows"]), len(rows(found))) == (20_000, 200)
    assert data["rows"][100][:3] == ["bad", 2, 0]
    assert data["cells"][data["rows"][100][4]] == {
        "p": [["same", "</script><b>value 100"]],
        "h": "https://crm.example.com/100",
    }
    assert (tmp_path / "01-audit.html").stat().st_size < 5_000_000
    assert list(found.iter("b")) == []


def test_rows_can_be_chosen_by_the_values_of_a_column(report: Report, tmp_path: Path) -> None:
    found = page(replace(report, tables=[long_table(7)]), tmp_path)

    choices = [texts(select, "option") for select in found.iterfind(".//select[@data-choice]")]
    assert choices[0][:3] == ["all", "entity 0 (1)", "entity 1 (1)"]
    assert choices[1] == ["all", "differs (1)", "equal (6)"]
    assert [row.get("data-options") for row in found.iterfind(".//tbody/tr")][:2] == ["0 0", "1 1"]


def test_a_wide_table_has_its_heads_in_the_style_sheet_for_phones_as_text_alone(report: Report, tmp_path: Path) -> None:
    attack = 'x"; } </style><b>\n'
    labels = ["Record", attack, "Wanted", "Found", "Verdict"]
    wide = Table("Diff", [Column(f"c{place}", label) for place, label in enumerate(labels)], [{"c0": "1"}])
    narrow = Table("Counts", [Column("a", "A"), Column("b", "B", numeric=True)], [{"a": "1"}])

    found = page(replace(report, tables=[wide, narrow]), tmp_path)

    [frame] = found.iterfind(".//div[@class='frame wide']")
    style = frame.find("table").get("style")
    assert '--h1:"Record"' in style
    assert re.fullmatch(r'(--h\d:"[^"<>{};\n]*";?)+', style)
    assert len(list(found.iterfind(".//table"))) == 2
