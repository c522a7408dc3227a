"""The fixtures of the kit for plugin authors, which our own plugins use too."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest

pytest_plugins = ["transload.testing.fixtures", "pytester"]

SCHEMA = Path(__file__).parent.parent / "docs" / "reference" / "report.schema.json"


@pytest.fixture(scope="session", autouse=True)
def every_report_is_valid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compare every report that the tests left behind with the published schema."""
    yield
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_bytes()))
    for report in tmp_path_factory.getbasetemp().rglob("reports/[0-9][0-9]-*.json"):
        document = json.loads(report.read_bytes())
        assert validator.is_valid(document), f"{report.name}: {next(validator.iter_errors(document))}"
