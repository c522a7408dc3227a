"""The JSON form of a report: what machines read, and what the index is made of."""

import json
from collections.abc import Mapping
from typing import Literal, TypeAlias

from transload._reports.cells import to_json
from transload._reports.journey import slug
from transload._reports.model import Column, Report, Table
from transload.values import Finding

Format: TypeAlias = Literal["transload.report/1"]
FORMAT: Format = "transload.report/1"
"""Grows when a key changes its meaning or goes; new keys may come without."""


def tables_by_identifier(report: Report) -> dict[str, Table]:
    """Return the tables in order by the name each has in JSON and as an anchor of the page.

    A name that is taken gets a number, so that no table hides another.
    """
    named: dict[str, Table] = {}
    for table in report.tables:
        name = wanted = table.identifier or slug(table.title) or "table"
        number = 2
        while name in named:
            name, number = f"{wanted}-{number}", number + 1
        named[name] = table
    return named


def report_document(report: Report) -> dict[str, object]:
    """Return a report as plain values, all rows included."""
    verdict = report.verdict
    return {
        "format": FORMAT,
        "stage": report.stage,
        "title": report.title,
        "client": report.client,
        "run_id": report.run_id,
        "made_at": report.made_at.isoformat(),
        "verdict": {
            "tone": verdict.tone.value,
            "headline": verdict.headline,
            "detail": verdict.detail,
            "next_command": verdict.next_command,
        },
        "facts": dict(report.facts),
        "findings": [_finding(finding) for finding in report.findings],
        "tables": {name: _table(table) for name, table in tables_by_identifier(report).items()},
    }


def encode_document(document: Mapping[str, object]) -> bytes:
    """Return a document as UTF-8 JSON that people can read too."""
    text = json.dumps(document, ensure_ascii=False, indent=1)
    return text.encode(errors="backslashreplace") + b"\n"  # a lone surrogate becomes its JSON escape


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "title": finding.title,
        "evidence": finding.evidence,
        "remedy": finding.remedy,
        "count": finding.count,
    }


def _table(table: Table) -> dict[str, object]:
    return {
        "title": table.title,
        "note": table.note,
        "columns": [_column(column) for column in table.columns],
        "rows": [{key: to_json(value) for key, value in row.items()} for row in table.rows],
    }


def _column(column: Column) -> dict[str, object]:
    head: dict[str, object] = {"key": column.key, "label": column.label}
    return {**head, "link": column.link} if column.link else head
