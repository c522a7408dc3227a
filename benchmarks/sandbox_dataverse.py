"""How fast the stand-in Dataverse takes and gives rows, and how much memory it needs for that.

python benchmarks/sandbox_dataverse.py [rows]

A server in a process of its own, its store in a file; a client in this one. Rows go up
in bulk messages of 500, and come back in pages of 5,000. Next to it, in the same run, as many
rows one by one: the ratio says what bulk messages are worth here.
"""

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx

BULK, SINGLE = 500, 2_000


def serve(pipe: Connection, folder: str) -> None:
    """Run the server until told to stop; then say how much memory it took at most, in MiB."""
    from transload_sandbox import DataverseSandbox
    from transload_sandbox.kickserv import Company

    with DataverseSandbox(Company(1), store=Path(folder) / "store.sqlite") as sandbox:
        token = httpx.post(
            f"{sandbox.http_url}/{sandbox.tenant_id}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": sandbox.client_id,
                "client_secret": sandbox.client_secret,
                "scope": f"{sandbox.http_url}/.default",
            },
        ).json()["access_token"]
        pipe.send((sandbox.http_url, token))
        pipe.recv()
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


@contextmanager
def timed(name: str, rows: int) -> Iterator[list[float]]:
    """Print how long a block took, and put its rows per second into the list."""
    rate: list[float] = []
    started = time.perf_counter()
    yield rate
    took = time.perf_counter() - started
    rate.append(rows / took)
    print(f"{name:<34} {rows:>8,} rows  {took:>7.1f} s  {rows / took:>8,.0f} rows/s")


def target(number: int) -> dict[str, object]:
    """Return an account, as a bulk message wants it."""
    return {
        "@odata.type": "Microsoft.Dynamics.CRM.account",
        "accountid": f"00000000-0000-4000-8000-{number:012x}",
        "name": f"Customer {number}",
        "telephone1": "309-555-0100",
        "address1_line1": "4436 Eldon Farleigh Drive",
        "address1_city": "Upland",
        "address1_postalcode": "62081",
        "revenue": number % 1000,
    }


def main(rows: int) -> None:
    """Measure, and print."""
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, folder))
        server.start()
        address, token = ours.recv()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        with httpx.Client(base_url=f"{address}/api/data/v9.2/", headers=headers, timeout=120) as client:
            message = "accounts/Microsoft.Dynamics.CRM.UpsertMultiple"
            with timed("create, bulk messages of 500", rows) as bulk:
                for start in range(0, rows, BULK):
                    body = json.dumps({"Targets": [target(n) for n in range(start, min(start + BULK, rows))]})
                    client.post(message, content=body).raise_for_status()
            with timed("the same again: update", rows):
                for start in range(0, rows, BULK):
                    body = json.dumps({"Targets": [target(n) for n in range(start, min(start + BULK, rows))]})
                    client.post(message, content=body).raise_for_status()
            with timed("create, one by one", SINGLE) as single:
                for number in range(rows, rows + SINGLE):
                    client.post("accounts", content=json.dumps(target(number))).raise_for_status()
            link: str | None = "accounts?$select=name,telephone1,address1_city,revenue"
            found = 0
            with timed("read back, pages of 5,000", rows + SINGLE):
                while link:
                    page = client.get(link, headers={"Prefer": "odata.maxpagesize=5000"}).json()
                    found += len(page["value"])
                    link = page.get("@odata.nextLink")
        ours.send("stop")
        print(f"bulk against one by one: {bulk[0] / single[0]:.1f} x; rows found: {found:,}")
        print(f"peak memory of the server: {ours.recv():,.0f} MiB")
        server.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
