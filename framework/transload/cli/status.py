"""``transload status``: where the migration stands, from another terminal too."""

import sys
from typing import TYPE_CHECKING

import orjson
import typer
from rich.table import Table

from transload._stages.names import command_of
from transload.cli._frame import HERE, Folder, Json, Traceback, explained, output

if TYPE_CHECKING:
    from transload._ledger import Run


def register(app: typer.Typer) -> set[str]:
    """Add the command, and return its name."""
    app.command()(status)
    return {"status"}


def status(project: Folder = HERE, json: Json = False, traceback: Traceback = False) -> None:
    """Show what has run, what is in the ledger, and what comes next. Touches neither system."""
    from transload._ledger import Ledger, RunStatus
    from transload._pipeline.compare import show
    from transload._stages.progress import live_pass
    from transload.settings import load_project

    with explained(json, traceback):
        found = load_project(project.resolve())
        with Ledger.open(found.ledger_url, read_only=True, create=False) as ledger:
            runs = ledger.runs.all()
            staged = {str(entity): count for entity, count in ledger.staging.counts().items()}
            writes = {
                str(table): {str(k): v for k, v in counts.items()} for table, counts in ledger.journal.counts().items()
            }
            running = runs[-1] if runs and runs[-1].status is RunStatus.RUNNING else None
            live = live_pass(ledger, running.run_id) if running is not None else None
            held = ledger.held.all()
            letters, parked = len(list(ledger.notes.dead_letters())), len(list(ledger.notes.parked()))
        if json:
            body = {
                "client": found.settings.project.name,
                "runs": [
                    {"run_id": r.run_id, "stage": r.stage, "status": str(r.status), "started_at": r.started_at}
                    for r in runs
                ],
                "staged": staged,
                "writes": writes,
                "next": _next(runs[-1] if runs else None),
                "dead_letters": letters,
                "parked": parked,
                "held": [{"setting": str(each), "former": show(each.former), "since": each.since} for each in held],
                "live": None if live is None else {
                    "pass": live.name, "at": live.at, "done": live.pace.done, "total": live.pace.total,
                    "per_second": live.pace.rate, "seconds_left": live.pace.left,
                },
            }  # fmt: skip
            sys.stdout.write(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode() + "\n")
            return
        console = output()
        table = Table("Stage", "Status", "Started (UTC)", title=found.settings.project.name, title_justify="left")
        for run in runs:
            table.add_row(run.stage, str(run.status), f"{run.started_at:%Y-%m-%d %H:%M:%S}")
        console.print(table)
        if live is not None:
            total = f" of {live.pace.total:,}" if live.pace.total is not None else ""
            words = [f"{live.pace.done:,}{total}", str(live.pace), f"as of {live.at:%H:%M:%S} UTC"]
            console.print(f"Running: {live.name}, " + ", ".join(filter(None, words)))
        console.print("Staged: " + (", ".join(f"{count:,} {entity}" for entity, count in staged.items()) or "nothing"))
        for name, counts in writes.items():
            console.print(f"Writes to {name}: " + ", ".join(f"{count:,} {kind}" for kind, count in counts.items()))
        console.print(f"Dead letters: {letters:,}, parked: {parked:,}")
        for each in held:
            what = f"{each} says {show(each.value)} for the load, and said {show(each.former) or 'nothing'} before"
            console.print(what + ("" if running else "; the next run or rollback gives that back"))
        if following := _next(runs[-1] if runs else None):
            console.print(f"Next: {following}" + (", should it not be running any more" if running is not None else ""))


def _next(last: "Run | None") -> str:
    """Return the command to run now: as the last report says, or the same once more when it came to none."""
    if last is None:
        return "transload audit"
    if isinstance(said := last.summary.get("next"), str):
        return said
    return f"transload {command_of(last.stage)}"
