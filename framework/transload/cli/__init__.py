"""The command line. Standard output carries results, standard error progress and errors.

Exit codes: 0 the command did what it should; 1 it came to its end, and the verdict is
bad; 2 it could not do it; 130 a person stopped it.
"""

import os
import sys
import threading
from importlib.metadata import entry_points
from pathlib import Path

import typer

from transload._pipeline.pool import WORKER
from transload.cli import audit_log, doctor, explain, init, plugins, stages, status, waive

COMMAND_GROUP = "transload.commands"
"""Entry points of this group are commands that need no client's folder, like ``sandbox``."""

_MODULES = (init, doctor, stages, waive, status, explain, plugins, audit_log)


def build_app(arguments: list[str]) -> typer.Typer:
    """Return the application, with the extra commands that the arguments may mean."""
    app = typer.Typer(
        help="Move a company from one CRM to another: audit, plan, approve, prepare, sample, run, delta, "
        "reconcile, and roll back.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    known: set[str] = set()
    for module in _MODULES:
        known |= module.register(app)
    # Importing a command is paid only when it is called, or when help lists them all.
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    if called in known:
        return app
    for point in entry_points(group=COMMAND_GROUP):
        if called is None or called == point.name:
            app.command(point.name)(point.load())
            known.add(point.name)
    if called is not None and called not in known:
        plugins.register_commands(app, Path.cwd(), known)
    return app


def main() -> None:
    """Run the command line."""
    try:
        build_app(sys.argv[1:])(prog_name="transload")
    except SystemExit as end:
        if any(thread.name.startswith(WORKER) for thread in threading.enumerate()):
            # A second Ctrl-C waits for no answer; the interpreter would wait for the threads that do.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 1)
        raise
