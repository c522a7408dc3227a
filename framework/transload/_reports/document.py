"""The JSON form of a report: what machines read, and what the index is made of.

The models say its shape once: reports are written through them, kept reports are read back
through them, and the published schema is theirs.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from transload._reports.cells import to_json
from transload._reports.journey import slug
from transload._reports.model import Chart, ChartKind, Column, Report, Table, Tone
from transload.values import Finding, Severity

Format: TypeAlias = Literal["transload.report/1"]
FORMAT: Format = "transload.report/1"
"""Grows when a key changes its meaning or goes; new keys may come without."""

Moment: TypeAlias = Annotated[
    AwareDatetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Plain: TypeAlias = str | bool | int | None
"""A value of a cell. Numbers that are not whole, and times, are text."""
Number: TypeAlias = int | Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]
"""A number of a chart: a decimal number is text, so that no digit is lost."""

NamedT = TypeVar("NamedT", Table, Chart)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class VerdictDocument(_Part):
    """The outcome in a sentence, and what to do next."""

    tone: Tone
    headline: str
    detail: str
    next_command: str


class FindingDocument(_Part):
    """Something that a person should know."""

    code: str
    severity: Severity
    title: str
    evidence: str
    remedy: str
    count: int


class ColumnDocument(_Part):
    """A column of a table; ``key`` is where its values stand in the rows."""

    key: str
    label: str
    link: Annotated[str, Field(description="Key of the rows that holds the address of the value's page; or empty.")]
    of: Annotated[str, Field(description="Key of the rows that holds the whole of which it is a part; or empty.")]


class TableDocument(_Part):
    """Rows under heads. A row may hold more keys than there are columns."""

    title: str
    note: str
    columns: list[ColumnDocument]
    rows: list[dict[str, Plain]]


class SeriesDocument(_Part):
    """Numbers of one kind, one for each label of the chart."""

    label: str
    values: list[Number]


class ChartDocument(_Part):
    """Numbers to look at."""

    title: str
    note: str
    kind: ChartKind
    unit: str
    labels: list[str]
    series: list[SeriesDocument]


class ReportHead(_Part):
    """What a report is, without what it lists."""

    format: Format
    stage: str
    title: str
    client: str
    run_id: str
    made_at: Moment
    verdict: VerdictDocument


class ReportDocument(ReportHead):
    """What one run of a stage of a migration reports."""

    facts: Annotated[dict[str, str], Field(description="Short answers by short label.")]
    findings: list[FindingDocument]
    charts: Annotated[dict[str, ChartDocument], Field(description="By identifier.")]
    tables: Annotated[dict[str, TableDocument], Field(description="By identifier.")]
    files: Annotated[dict[str, str], Field(description="Files beside the report, by name, with what they are.")]


def by_identifier(named: Sequence[NamedT]) -> dict[str, NamedT]:
    """Return tables or charts in order by the name each has in JSON and as an anchor of the page.

    A name that is taken gets a number, so that none hides another.
    """
    found: dict[str, NamedT] = {}
    for item in named:
        name = wanted = item.identifier or slug(item.title) or type(item).__name__.lower()
        number = 2
        while name in found:
            name, number = f"{wanted}-{number}", number + 1
        found[name] = item
    return found


def report_document(report: Report) -> ReportDocument:
    """Return a report as plain values, all rows included."""
    verdict = report.verdict
    return ReportDocument(
        format=FORMAT,
        stage=report.stage,
        title=report.title,
        client=report.client,
        run_id=report.run_id,
        made_at=report.made_at,
        verdict=VerdictDocument(
            tone=verdict.tone,
            headline=verdict.headline,
            detail=verdict.detail,
            next_command=verdict.next_command,
        ),
        facts=dict(report.facts),
        findings=[_finding(finding) for finding in report.findings],
        charts={name: _chart(chart) for name, chart in by_identifier(report.charts).items()},
        tables={name: _table(table) for name, table in by_identifier(report.tables).items()},
        files=dict(report.files),
    )


def encode_document(document: ReportDocument) -> bytes:
    """Return a document as UTF-8 JSON that people can read too."""
    text = json.dumps(document.model_dump(), ensure_ascii=False, indent=1)
    return text.encode(errors="backslashreplace") + b"\n"  # a lone surrogate becomes its JSON escape


def encode_schema() -> bytes:
    """Return the JSON schema of the documents, as it is published."""
    schema = ReportDocument.model_json_schema(mode="serialization")
    published = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": FORMAT, **schema}
    return json.dumps(published, ensure_ascii=False, indent=2).encode() + b"\n"


def _finding(finding: Finding) -> FindingDocument:
    return FindingDocument(
        code=finding.code,
        severity=finding.severity,
        title=finding.title,
        evidence=finding.evidence,
        remedy=finding.remedy,
        count=finding.count,
    )


def _chart(chart: Chart) -> ChartDocument:
    series = [
        SeriesDocument(label=it.label, values=[v if isinstance(v, int) else f"{v:f}" for v in it.values])
        for it in chart.series
    ]
    return ChartDocument(
        title=chart.title, note=chart.note, kind=chart.kind, unit=chart.unit, labels=list(chart.labels), series=series
    )


def _table(table: Table) -> TableDocument:
    return TableDocument(
        title=table.title,
        note=table.note,
        columns=[_column(column) for column in table.columns],
        rows=[{key: to_json(value) for key, value in row.items()} for row in table.rows],
    )


def _column(column: Column) -> ColumnDocument:
    return ColumnDocument(key=column.key, label=column.label, link=column.link, of=column.of)
