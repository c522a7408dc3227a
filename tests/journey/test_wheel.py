"""What is shipped works where nothing of the repository is at hand."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def call(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command, which must succeed, and return what it says."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--wheel", "--sdist", "--no-isolation", "--outdir", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = built.glob("*.whl")
    call(
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check",
        "--target", folder, wheel,
        cwd=folder,
    )  # fmt: skip
    return folder


def test_the_installed_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    show = "import transload, transload_sandbox; print(transload.__file__); print(transload_sandbox.__file__)"

    places = call(sys.executable, "-c", show, cwd=tmp_path, PYTHONPATH=str(installed)).splitlines()

    assert [Path(place).is_relative_to(installed) for place in places] == [True, True]


def test_the_installed_wheel_walks_the_demo_there_and_back(installed: Path, tmp_path: Path) -> None:
    said = call(
        sys.executable, "-m", "transload.cli", "demo", "--customers", "5", cwd=tmp_path, PYTHONPATH=str(installed)
    )

    assert "The target is what it was before the migration." in said
    assert "different" not in said.rpartition("digest of every table")[2].partition("The journey")[0]
    assert (tmp_path / "transload-demo" / "reports" / "index.html").is_file()


def test_the_source_distribution_holds_what_builds_and_tests_it_and_no_more(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")

    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "README.md", "LICENSE", "framework/transload/__init__.py"} <= names
    assert not [name for name in names if name.startswith((".ci", ".git/"))]
