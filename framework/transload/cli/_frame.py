"""The frame around every command: options that all share, progress, errors, exit codes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from transload._pace import Pace
from transload._pipeline.pool import is_stopping
from transload.errors import CutShortError, TransloadError
from transload.values import Event

if TYPE_CHECKING:
    from transload._reports import Report
    from transload._stages.bench import Bench

Folder = Annotated[
    Path, typer.Option("--project", "-C", help="The client's folder, with its transload.toml.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON on standard output.")]
Traceback = Annotated[bool, typer.Option("--traceback", help="Show where an error was raised.")]
HERE = Path()

FAILED, BROKEN, STOPPED = 1, 2, 130
_BARS = 8
"""Passes that are shown at a time: more than a window has lines would hide the one that runs."""


def output() -> Console:
    """Return the console for results."""
    return Console(highlight=False)


def errors() -> Console:
    """Return the console for progress and errors."""
    return Console(stderr=True, highlight=False)


@contextmanager
def explained(as_json: bool = False, traceback: bool = False) -> Iterator[None]:
    """Turn an error into a message with a remedy, and an exit code."""
    try:
        yield
    except TransloadError as error:
        if traceback:
            raise
        show_error(error, as_json)
        raise typer.Exit(STOPPED if isinstance(error, CutShortError) else BROKEN) from None
    except KeyboardInterrupt:
        errors().print("Stopped.")
        raise typer.Exit(STOPPED) from None


def show_error(error: TransloadError, as_json: bool) -> None:
    """Print an error: what is wrong, and what to do about it."""
    if as_json:
        body = {"error": {"code": error.code, "message": str(error), "remedy": error.remedy}}
        sys.stdout.write(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode() + "\n")
    console = errors()
    console.print(f"[bold red]Error:[/] {escape(str(error))}", soft_wrap=True)
    console.print(f"[bold]What to do:[/] {escape(error.remedy)}", soft_wrap=True)


def run_command(
    stage: str,
    folder: Path,
    work: "Callable[[Bench], Report]",
    as_json: bool,
    traceback: bool,
    resumable: bool = False,
) -> None:
    """Run a stage with progress, print its report, and exit with its verdict."""
    from transload._reports import print_report
    from transload._stages.bench import run_stage

    with explained(as_json, traceback):
        with progress() as listen:
            result = run_stage(stage, folder.resolve(), work, listen, resumable)
        if as_json:
            sys.stdout.write(result.written.json.read_text(encoding="utf-8"))
        else:
            print_report(result.report, output(), result.written)
    if not result.passed:
        raise typer.Exit(FAILED)


class PaceColumn(ProgressColumn):
    """Shows the rate of a pass since it began, and how long the rest takes at that rate."""

    def render(self, task: Task) -> Text:
        """Return the pace of a pass; nothing when it is over."""
        if task.finished:
            return Text()
        if is_stopping():
            return Text("stopping when what is on its way has arrived; Ctrl-C again stops at once", style="bold")
        total = None if task.total is None else int(task.total)
        return Text(str(Pace(int(task.completed), total, task.elapsed or 0.0)), style="dim")


@contextmanager
def progress() -> Iterator[Callable[[Event], None]]:
    """Show progress on standard error, when a person is watching."""
    console = errors()
    bars = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), PaceColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    tasks: dict[str, TaskID] = {}

    def listen(event: Event) -> None:
        name = f"{event.subject} {event.text}".strip()
        if event.name == "throttled":  # happens to a pass, and is none
            return
        if name not in tasks:
            for earlier in bars.tasks[-1:]:  # one thing after another: what is new ends what was there
                bars.update(earlier.id, total=earlier.completed)
            for earlier in bars.tasks[: -_BARS + 1]:
                bars.update(earlier.id, visible=False)
            tasks[name] = bars.add_task(name, total=event.total)
        bars.update(tasks[name], completed=event.done, total=event.total)

    with bars:
        yield listen
