"""The HTML form of a report, and the index of all of them."""

import hashlib
import re
from base64 import b64encode
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from transload._reports.cells import moment
from transload._reports.document import by_identifier
from transload._reports.drawing import draw
from transload._reports.findings import TONES, by_severity, counted
from transload._reports.grid import lay_out
from transload._reports.journey import STAGES, file_stem, position
from transload._reports.model import Report
from transload._reports.shelf import Shelf


def render_report(report: Report) -> bytes:
    """Return a report as one HTML page that needs nothing else."""
    return _render(
        "report.html.j2",
        report=report,
        place=position(report.stage),
        json_name=f"{file_stem(report.stage)}.json",
        findings=by_severity(report.findings),
        drawings={name: draw(chart) for name, chart in by_identifier(report.charts).items()},
        grids={name: lay_out(table) for name, table in by_identifier(report.tables).items()},
    )


def render_index(shelf: Shelf) -> bytes:
    """Return the page that lists the reports of a folder in the order of the journey."""
    return _render("index.html.j2", shelf=shelf)


def _render(template: str, **values: object) -> bytes:
    text = _environment().get_template(template).render(**values)
    return text.encode(errors="xmlcharrefreplace")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("transload._reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=moment, prose=_prose)
    script = environment.get_template("filter.js").render()
    environment.globals.update(stages=STAGES, tones=TONES, counted=counted, script_digest=_digest(script))
    return environment


def _prose(text: str) -> Markup:
    """Return a text for the page, with what stands in backticks set as code."""
    pieces = re.split(r"`([^`\n]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if i % 2 else escape(piece) for i, piece in enumerate(pieces)
    )


def _digest(script: str) -> str:
    """Return what the content security policy of a page says of its one script.

    The policy lets nothing else run: the values on the page come from somebody's CRM.
    """
    return "sha256-" + b64encode(hashlib.sha256(script.encode()).digest()).decode()
