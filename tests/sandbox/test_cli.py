"""The command ``transload sandbox``, as a process."""

import os
import re
import signal
import subprocess
import sys

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
