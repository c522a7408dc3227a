"""Equal inputs give equal reports: only times and the ids of runs differ, and what hangs on them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias
from zipfile import ZipFile

import pytest

from transload.testing import ClientFolder, ProjectFactory

FoundCompany: TypeAlias = Callable[[ProjectFactory], ClientFolder]

STAGES = ("audit", "plan", "approve mapping", "prepare", "sample", "run", "delta", "reconcile")
MASKS = (
    (r"\d{8}T\d{6}-([a-z-]+)-[0-9a-f]{4}", r"RUN-\1"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z| UTC)?", "TIME"),
    (r"[0-9a-f]{32,}", "DIGEST"),
)


def masked(text: str) -> str:
    for pattern, word in MASKS:
        text = re.sub(pattern, word, text)
    return text


def journey(client: ClientFolder) -> ClientFolder:
    for stage in STAGES:
        client.walk(stage)
        if stage == "sample":
            client.source.put("line", "9", id=9, text="x" * 300, job_id=1)
    return client


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory, found: FoundCompany) -> tuple[Path, Path]:
    """The reports of the same journey, taken by two clients."""
    first, second = (journey(found(ProjectFactory(tmp_path_factory.mktemp(name)))) for name in ("first", "second"))
    return first.path / "reports", second.path / "reports"


def test_pages_and_documents_of_equal_journeys_are_equal(twice: tuple[Path, Path]) -> None:
    first, second = (
        {path.name: masked(path.read_text()) for path in folder.iterdir() if path.suffix != ".xlsx"} for folder in twice
    )

    assert {name.partition(".")[0] for name in first} == {
        "01-audit", "02-plan", "03-approve-mapping", "04-prepare", "05-sample", "06-run", "07-delta", "08-reconcile",
        "index", "rollback-manifest",
    }  # fmt: skip
    assert first == second


def test_workbooks_of_equal_plans_are_equal(twice: tuple[Path, Path]) -> None:
    parts = [
        {name: masked(book.read(name).decode()) for name in book.namelist()}
        for book in (ZipFile(folder / "plan.xlsx") for folder in twice)
    ]

    assert parts[0] == parts[1]
