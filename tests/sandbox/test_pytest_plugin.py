"""The fixtures, used by a stranger's tests."""

import subprocess
import sys
from pathlib import Path

_TESTS = """
import httpx, pytest
from transload_sandbox import DataverseSandbox, KickservSandbox, Sandbox

def test_both(sandbox: Sandbox) -> None:
    assert sandbox.kickserv.company.counts()["customer"] == 20
    assert sandbox.dataverse.org.count("account") == 3

@pytest.mark.sandbox(customers=3, seed=9, latency=0.01)
def test_kickserv(kickserv_sandbox: KickservSandbox) -> None:
    assert kickserv_sandbox.company.counts()["customer"] == 3
    assert kickserv_sandbox.company.plan.seed == 9

def test_dataverse(dataverse_sandbox: DataverseSandbox) -> None:
    assert httpx.get(f"{dataverse_sandbox.http_url}/api/data/v9.2/WhoAmI").status_code == 401
"""


def test_the_fixtures_serve_and_take_the_options_of_a_mark(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["transload_sandbox.pytest"]')
    (tmp_path / "test_strangers.py").write_text(_TESTS)
    options = ["-q", "-p", "no:cacheprovider", "--strict-markers", "-W", "error"]

    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert "3 passed" in result.stdout, result.stdout + result.stderr
