from datetime import UTC, datetime

import pytest

from transload._reports import Report, Tone, Verdict


@pytest.fixture
def report() -> Report:
    """The smallest report of an audit."""
    return Report(
        stage="audit",
        title="Audit of both systems",
        client="Harbour Heating & Cooling",
        run_id="2025-11-21-a",
        made_at=datetime(2025, 11, 21, 21, 4, tzinfo=UTC),
        verdict=Verdict(Tone.GOOD, "Ready to plan", "Nothing blocks.", "transload plan"),
        facts={"Records": "48,213"},
    )
