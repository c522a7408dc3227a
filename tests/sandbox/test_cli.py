"""The command ``transload sandbox``, as a process."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

_PROGRAM = "import typer; from transload_sandbox.cli import sandbox; typer.run(sandbox)"


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a POSIX signal")
def test_it_introduces_itself_serves_shows_requests_and_stops_on_ctrl_c() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "--customers", "3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    ) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        introduction = []
        for line in lines:
            introduction.append(line)
            if "Ctrl-C" in line:
                break
        text = "".join(introduction)
        [base_url] = re.findall(r'base_url = "(.+)"', text)
        [token] = re.findall(r"API_TOKEN=(\S+)", text)
        status = httpx.get(f"{base_url}/example-ducts/customers.xml", auth=(token, token)).status_code
        shown = next(line for line in lines if "GET" in line)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        code = process.wait(10)

    assert status == 200
    assert "[dynamics_sink]" in text
    assert "kickserv  200" in shown
    assert rest.endswith("Stopped.\n")
    assert code == 0


def test_asking_for_the_command_loads_no_server_library() -> None:
    program = "import sys, transload_sandbox.cli; print('uvicorn' in sys.modules, 'trustme' in sys.modules)"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.split() == ["False", "False"]


def test_it_starts_with_less_than_two_seconds_of_work() -> None:
    program = (
        "import time; began = time.process_time()\n"
        "from transload_sandbox import Sandbox\n"
        "with Sandbox(customers=200): print(time.process_time() - began)"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert float(result.stdout) < 2


def _started(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "--customers", "3", "--json", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_scripts_get_addresses_as_json_and_it_stops_when_its_input_ends(tmp_path: Path) -> None:
    script = tmp_path / "bad-day.toml"
    script.write_text('[[fault]]\nsystem = "kickserv"\nkind = "unavailable"\n')
    with _started("--until-stdin-closes", "--faults", str(script)) as process:
        assert process.stdin
        assert process.stdout
        told = json.loads(process.stdout.readline())
        kickserv = told["kickserv"]
        url, auth = f"{kickserv['base_url']}/{kickserv['account']}/tags.xml", (kickserv["token"],) * 2
        statuses = [httpx.get(url, auth=auth).status_code for _ in range(2)]
        out, err = process.communicate(timeout=10)

    assert statuses == [503, 200]
    assert told["environment"]["TRANSLOAD_KICKSERV_SOURCE__API_TOKEN"] == kickserv["token"]
    assert (process.returncode, out) == (0, "")
    assert "tags.xml" in err


@pytest.mark.skipif(os.name == "nt", reason="a POSIX signal")
def test_it_stops_when_it_is_terminated() -> None:
    with _started() as process:
        assert process.stdout
        process.stdout.readline()
        process.terminate()
        process.communicate(timeout=10)

    assert process.returncode == 0


def test_a_file_of_faults_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with _started("--faults", str(tmp_path / "missing.toml")) as process:
        _, err = process.communicate(timeout=20)

    assert process.returncode == 2
    assert "missing.toml" in err.replace("\n", "")
