"""Runs format, lint, types, import rules and tests: the same here and in CI.

python check.py            everything
python check.py lint       all but the tests
python check.py tests -x   the tests, with further arguments for pytest
python check.py schema     writes the schema of the reports anew
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

MEMORY, ROOM = Path("/dev/shm"), 2_000_000_000
"""A disk in memory, and the bytes that it must have free to hold the files of the tests; they need about a third."""
LINT = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("import-linter",),
)


def main(arguments: list[str]) -> int:
    """Run what the arguments name, and return the first exit code that is not 0."""
    part, rest = (arguments[0], arguments[1:]) if arguments else ("all", [])
    if part == "schema":
        return _write_schema()
    for command in () if part == "tests" else LINT:
        if code := _run(_module(*command)):
            return code
    return 0 if part == "lint" else _test(rest)


def _test(arguments: list[str]) -> int:
    """Run the tests, with their files in memory where that has room: a ledger waits for its disk at every step."""
    is_roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    place = MEMORY if is_roomy else None
    with TemporaryDirectory(prefix="transload-tests-", dir=place, ignore_cleanup_errors=True) as folder:
        distribution = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
        return _run(_module("pytest", "-q", *distribution, *arguments), TMPDIR=folder)


def _run(command: list[str], **environment: str) -> int:
    sys.stdout.write(f"$ {' '.join(command[2:])}\n")
    sys.stdout.flush()
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


def _write_schema() -> int:
    from transload._reports.document import encode_schema  # only here: the other parts need no project installed

    Path("docs/reference/report.schema.json").write_bytes(encode_schema())
    return 0


def _module(name: str, *arguments: str) -> list[str]:
    if name == "import-linter":
        return [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    return [sys.executable, "-m", name, *arguments]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
