"""``transload sandbox``: both stand-in systems, running until Ctrl-C."""

from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from transload_sandbox import Sandbox
    from transload_sandbox._requests import SeenRequest


def sandbox(
    customers: Annotated[int, typer.Option(min=1, help="Size of the Kickserv company.")] = 200,
    seed: Annotated[int, typer.Option(help="Which company; the same seed gives the same one.")] = 7,
    kickserv_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of Kickserv; 0 takes a free one.")] = 0,
    dataverse_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of Dataverse; 0 takes a free one.")] = 0,
    store: Annotated[Path | None, typer.Option(help="File that keeps the Dataverse rows beyond this run.")] = None,
) -> None:
    """Run a stand-in Kickserv and a stand-in Dataverse on this machine, for rehearsal, until Ctrl-C."""
    # Loaded here: the servers' libraries would slow down every other command.
    from rich.console import Console

    from transload_sandbox import Sandbox
    from transload_sandbox._server import PortTakenError

    console = Console()
    running = Sandbox(
        customers=customers,
        seed=seed,
        kickserv_port=kickserv_port,
        dataverse_port=dataverse_port,
        store=store,
        on_request=lambda request: console.print(_line(request), highlight=False, markup=False),
    )
    try:
        with running:
            _introduce(console, running)
            Event().wait()
    except KeyboardInterrupt:
        console.print("Stopped.")
    except PortTakenError as error:
        Console(stderr=True).print(f"{error}. {error.remedy}")
        raise typer.Exit(2) from error


def _introduce(console: "Console", running: "Sandbox") -> None:
    from rich.table import Table

    kickserv, dataverse = running.kickserv, running.dataverse
    table = Table("system", "what", title="Sandbox, invented data only")
    table.add_column("value", overflow="fold")
    table.add_row("Kickserv", "address", f"{kickserv.base_url}/{kickserv.account}")
    table.add_row("", "token", kickserv.token)
    table.add_row("", "limited token", kickserv.limited_token, end_section=True)
    table.add_row("Dataverse", "address", dataverse.url)
    table.add_row("", "without TLS", dataverse.http_url)
    table.add_row("", "client id", dataverse.client_id)
    table.add_row("", "client secret", dataverse.client_secret)
    table.add_row("", "CA file", str(dataverse.ca_file))
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
