"""``transload demo``: the whole journey on a small invented company, there and back again.

The sandbox knows nobody, and the demo is no exception: each stage is the real command,
called as a person would call it, in a folder that stays behind to be looked at.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from transload_sandbox import Sandbox

_REVIEWER = "Demo Reviewer"


def demo(
    customers: Annotated[int, typer.Option(min=5, max=20000, help="Size of the company.")] = 25,
    seed: Annotated[int, typer.Option(help="Which company; the same seed gives the same one.")] = 7,
    folder: Annotated[
        Path, typer.Option(help="Where the client's folder goes; it must not exist.", show_default=True)
    ] = Path("transload-demo"),
    plugin: Annotated[
        list[str] | None,
        typer.Option("--plugin", "-p", help="An option to turn on: fieldservice, tags. May be repeated."),
    ] = None,
) -> None:
    """Migrate an invented company from Kickserv to Dynamics on this machine, and take it all back."""
    from rich.console import Console

    from transload_sandbox import Sandbox

    console = Console(highlight=False)
    home = _free_folder(folder)
    console.print(
        f"\n[bold]transload demo[/]: a company of {customers} customers (seed {seed}) moves from a stand-in "
        "Kickserv to a stand-in Dataverse, over HTTP on this machine. Everything is invented.",
        soft_wrap=False,
    )
    with Sandbox(customers=customers, seed=seed) as sandbox:
        walk = _Walk(console, home, {**os.environ, **sandbox.environment()})
        before = sandbox.dataverse.org.digest()
        walk.step("A client's folder", "init", str(home), in_folder=False)
        (home / "transload.toml").write_text(sandbox.project_file(home.name, plugin or ()), encoding="utf-8")
        _there(walk, sandbox)
        _back(walk)
        same = _prove(console, before, sandbox.dataverse.org.digest())
    walk.summary()
    console.print(f"\nReports: [bold]{home / 'reports' / 'index.html'}[/]", soft_wrap=True)
    if not same:
        raise typer.Exit(1)


def _there(walk: "_Walk", sandbox: "Sandbox") -> None:
    walk.step("Check the project and both connections", "doctor")
    walk.step("What is there", "audit")
    walk.step("The mapping of every field", "plan")
    walk.step("A person says yes", "approve", "mapping", "--by", _REVIEWER)
    walk.step("Columns and keys in the target", "prepare")
    walk.step("A telling sample, compared field by field", "sample")
    walk.step("The full load", "run")
    walk.step("The same again: nothing to write", "run")
    walk.console.print("\n[italic]Meanwhile, somebody works in Kickserv ...[/]")
    _work_in_the_source(sandbox)
    walk.step("What changed since", "delta")
    walk.step("Both sides compared, go or no-go", "reconcile")
    walk.step("The cut-over is approved", "approve", "cutover", "--by", _REVIEWER)
    walk.step("Is the record of all this untouched", "audit-log", "verify")


def _back(walk: "_Walk") -> None:
    walk.step("What would a rollback do", "rollback", "--dry-run")
    walk.step("Take it all back", "rollback")


def _work_in_the_source(sandbox: "Sandbox") -> None:
    """Change a few records, as people do between the load and the cut-over."""
    from transload_sandbox.kickserv.company import number_of

    company = sandbox.kickserv.company
    company.update_customer(3, name="Odette Lomax-Yarrow", special_instructions="Gate code 4711.\r\nFriendly dog.")
    late = company.add_customer("Late Bloomer Heating", company=True)
    job = company.add_job(number_of(late), "Boiler inspection")
    company.add_note("Call before noon.", job=number_of(job))
    finished = next(row for row in company.jobs.rows() if row["status"] == "complete")
    company.update_job(number_of(finished), description="Corrected after completion: filter 16x25 was used.")
    unfinished = next(row for row in company.jobs.rows() if row["status"] == "scheduled")
    company.update_job(number_of(unfinished), status="complete", completed_on=unfinished["created_at"])
    company.delete_note(next(number_of(row) for row in company.notes.rows()))


def _prove(console: "Console", before: dict[str, str], after: dict[str, str]) -> bool:
    """Show the digest of every table before and after, and return whether all are equal."""
    from rich.table import Table

    table = Table("Table", "Before", "After", "", title="The target, digest of every table", title_justify="left")
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, "(empty)"), after.get(name, "(empty)")
        table.add_row(name, old[:16], new[:16], "[green]same[/]" if old == new else "[red]different[/]")
    console.print()
    console.print(table)
    if before == after:
        console.print("[bold green]The target is what it was before the migration.[/]")
    else:
        console.print("[bold red]The target is not what it was.[/]")
    return before == after


@dataclass(slots=True)
class _Walk:
    """Calls one command after another, and stops at the first that fails."""

    console: "Console"
    folder: Path
    environment: dict[str, str]
    taken: list[tuple[str, float]] = field(default_factory=list)

    def step(self, title: str, *command: str, in_folder: bool = True) -> None:
        """Show a command and run it.

        Raises:
            typer.Exit: The command did not succeed; its own message is on the screen.
        """
        self.console.print(f"\n[bold cyan]{title}[/]\n[dim]$ transload {_shown(command)}[/]")
        place: Sequence[str] = ["-C", str(self.folder)] if in_folder else []
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "transload.cli", *command, *place], env=self.environment, check=False
        )
        self.taken.append((_shown(command), time.perf_counter() - started))
        if done.returncode != 0:
            self.console.print(f"[bold red]`transload {_shown(command)}` ended with {done.returncode}.[/]")
            raise typer.Exit(1)

    def summary(self) -> None:
        """Show how long each command took."""
        from rich.table import Table

        table = Table("Command", "Seconds", title="The journey", title_justify="left")
        table.columns[1].justify = "right"
        for command, seconds in self.taken:
            table.add_row(command, f"{seconds:.1f}")
        table.add_row("[bold]all[/]", f"[bold]{sum(seconds for _, seconds in self.taken):.1f}[/]")
        self.console.print()
        self.console.print(table)


def _free_folder(wanted: Path) -> Path:
    """Return the folder, or the first free one with a number behind its name."""
    folder, number = wanted.resolve(), 2
    while folder.exists():
        folder, number = wanted.resolve().with_name(f"{wanted.name}-{number}"), number + 1
    return folder


def _shown(command: Sequence[str]) -> str:
    return " ".join(f'"{word}"' if " " in word else word for word in command)
