"""``transload sandbox``: both stand-in systems, running until they are told to stop."""

import json
import signal
import sys
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from transload_sandbox import Sandbox
    from transload_sandbox._requests import SeenRequest

_Port = typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")


def sandbox(  # noqa: PLR0913  # one parameter for each option
    customers: Annotated[int, typer.Option(min=1, help="Size of the Kickserv company.")] = 200,
    seed: Annotated[int, typer.Option(help="Which company; the same seed gives the same one.")] = 7,
    kickserv_port: Annotated[int, _Port] = 0,
    dataverse_port: Annotated[int, _Port] = 0,
    store: Annotated[Path | None, typer.Option(help="File that keeps the Dataverse rows beyond this run.")] = None,
    edition: Annotated[str | None, typer.Option(help="Which Dynamics 365 Sales is installed.")] = None,
    field_service: Annotated[bool | None, typer.Option(help="Whether Field Service is installed.")] = None,
    customer_service: Annotated[bool | None, typer.Option(help="Whether Customer Service is installed.")] = None,
    latency: Annotated[float, typer.Option(min=0, help="Seconds that every answer takes at least.")] = 0.0,
    limits: Annotated[
        bool, typer.Option("--limits", help="Enforce the service protection limits of Dataverse.")
    ] = False,
    faults: Annotated[Path | None, typer.Option(help="TOML file of faults to come, [[fault]] tables.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print addresses and credentials as one line of JSON; requests go to stderr.")
    ] = False,
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", help="Stop too when the standard input ends.")
    ] = False,
) -> None:
    """Run a stand-in Kickserv and a stand-in Dataverse on this machine, for rehearsal, until Ctrl-C."""
    # Loaded here: the servers' libraries would slow down every other command.
    from rich.console import Console

    from transload_sandbox import Sandbox
    from transload_sandbox._server import PortTakenError
    from transload_sandbox.dataverse.limits import Limits

    console = Console(stderr=as_json)
    stopped = _stop_signals(until_stdin_closes)
    try:
        running = Sandbox(
            customers=customers,
            seed=seed,
            kickserv_port=kickserv_port,
            dataverse_port=dataverse_port,
            store=store,
            on_request=lambda request: console.print(_line(request), highlight=False, markup=False),
            latency=latency,
            limits=Limits() if limits else None,
            edition=edition,
            field_service=field_service,
            customer_service=customer_service,
        )
        if faults is not None:
            running.faults.load(faults)
        with running:
            if as_json:
                sys.stdout.write(json.dumps({**running.addresses(), "environment": running.environment()}) + "\n")
                sys.stdout.flush()
            else:
                _introduce(console, running)
            while not stopped.wait(0.5):  # in steps, because Windows hears no Ctrl-C during an endless one
                pass
    except KeyboardInterrupt:
        pass
    except (PortTakenError, ValueError) as error:
        Console(stderr=True).print(f"{error}. {getattr(error, 'remedy', '')}".strip(), markup=False)
        raise typer.Exit(2) from error
    console.print("Stopped.")


def _stop_signals(until_stdin_closes: bool) -> Event:
    """Return what is set when the process is told to end, or when whoever holds the other end of stdin is gone."""
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    if until_stdin_closes:

        def watch() -> None:
            while sys.stdin.buffer.read(4096):
                pass
            stopped.set()

        Thread(target=watch, name="stdin", daemon=True).start()
    return stopped


def _introduce(console: "Console", running: "Sandbox") -> None:
    from rich.table import Table

    table = Table("system", "what", title="Sandbox, invented data only")
    table.add_column("value", overflow="fold")
    for system, facts in running.addresses().items():
        for place, (name, value) in enumerate(facts.items(), start=1):
            label = system.capitalize() if place == 1 else ""
            table.add_row(label, name.replace("_", " "), value, end_section=place == len(facts))
    console.print(table)
    console.print("\n# transload.toml", highlight=False)
    console.print(running.project_file(), highlight=False, markup=False, soft_wrap=True)
    console.print("# environment", highlight=False)
    for name, value in running.environment().items():
        console.print(f"export {name}={value}", highlight=False, markup=False, soft_wrap=True)
    console.print("\nCtrl-C stops it.\n")


def _line(request: "SeenRequest") -> str:
    query = f"?{request.query}" if request.query else ""
    answer = f"{request.status} {request.seconds * 1000:>6.0f} ms"
    return f"{request.at:%H:%M:%S} {request.system:9} {answer} {request.method} {request.path}{query}"
