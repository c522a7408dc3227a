"""Runs format, lint, types, import rules and tests: the same here and in CI.

python check.py            everything
python check.py lint       all but the tests
python check.py tests -x   the tests, with further arguments for pytest
python check.py schema     writes the schema of the reports anew
"""

import subprocess
import sys
from pathlib import Path

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
    commands = [] if part == "tests" else [_module(*command) for command in LINT]
    if part != "lint":
        commands.append(_module("pytest", "-q", "-n", "2", "--dist", "loadfile", *rest))
    for command in commands:
        sys.stdout.write(f"$ {' '.join(command[2:])}\n")
        sys.stdout.flush()
        if code := subprocess.run(command, check=False).returncode:
            return code
    return 0


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
