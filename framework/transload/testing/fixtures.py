"""The pytest fixtures of the kit: ``pytest_plugins = ["transload.testing.fixtures"]``."""

import os
from pathlib import Path

import pytest

from transload.testing.cassettes import RECORD_VARIABLE, Cassettes
from transload.testing.client_folder import ProjectFactory


@pytest.fixture
def project(tmp_path: Path) -> ProjectFactory:
    """Make clients' folders and run commands on them: ``project(enable=["my_source", "memory_sink"])``."""
    return ProjectFactory(tmp_path)


@pytest.fixture(scope="session")
def cassette_folder(pytestconfig: pytest.Config) -> Path:
    """Say where cassettes stand: ``cassettes`` beside the configuration of pytest. Override it at will."""
    return pytestconfig.rootpath / "cassettes"


@pytest.fixture
def cassette(cassette_folder: Path) -> Cassettes:
    """Play back a recorded conversation.

    ``with cassette("my_source/two_pages.yaml") as tape`` plays it, and ``tape.all_played`` tells whether to its end.
    """
    return Cassettes(cassette_folder, recording=bool(os.environ.get(RECORD_VARIABLE)))
