"""How fast the stand-in Kickserv gives a company of any size page by page, and how much memory it needs for that.

python benchmarks/sandbox_kickserv.py [records]

A server in a process of its own; a client in this one, which reads pages over HTTP and throws them away. At first
single pages at the start, in the middle and at the end: they should cost the same. Then the same after a change
of one record. At last everything that hangs together: customers with contacts and notes, jobs newest first with
notes, opportunities.
"""

import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection

import httpx

A_CUSTOMER = 6.3
"""Records that a customer brings: itself, 2.5 jobs, 0.35 opportunities, 0.55 contacts, and 1.9 notes."""


def serve(pipe: Connection, customers: int) -> None:
    """Run the server until told to stop; then say how much memory it took at most, in MiB."""
    from transload_sandbox import KickservSandbox

    with KickservSandbox(customers=customers) as kickserv:
        pipe.send((f"{kickserv.base_url}/{kickserv.account}", kickserv.base_url, kickserv.token))
        pipe.recv()
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


class Reader:
    """Reads pages and counts what was on them."""

    def __init__(self, root: str, token: str) -> None:
        self.client = httpx.Client(base_url=f"{root}/", auth=(token, token), timeout=600)

    def page(self, resource: str, page: int, include: str = "") -> str:
        query = {"page": str(page), **({"include": include} if include else {})}
        return self.client.get(f"{resource}.xml", params=query).raise_for_status().text

    def timed(self, resource: str, page: int) -> float:
        """Return the milliseconds that a page takes."""
        started = time.perf_counter()
        self.page(resource, page)
        return (time.perf_counter() - started) * 1000

    def walk(self, resource: str, include: str, inside: tuple[str, ...]) -> int:
        """Read all pages; return how many records they held, nested ones of these names too."""
        started, found, page = time.perf_counter(), 0, 1
        while True:
            text = self.page(resource, page, include)
            rows = text.count("\n  <") // 2
            if not rows:
                break
            found += rows + sum(text.count(f"<{name}>\n") for name in inside)
            page += 1
        took = time.perf_counter() - started
        print(f"{resource:<14} {found:>9,} records {page:>7,} pages {took:>7.1f} s {found / took:>8,.0f} records/s")
        return found


def main(records: int) -> None:
    """Measure, and print."""
    customers = max(round(records / A_CUSTOMER), 60)
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, customers))
    server.start()
    root, base, token = ours.recv()
    reader = Reader(root, token)
    last = {"customers": customers // 30, "jobs": customers // 20, "contacts": customers // 50}
    print(f"{customers:,} customers; milliseconds for the first, a middle, the last page")
    for when in ("fresh", "again", "after a change"):
        if when == "after a change":
            httpx.patch(f"{base}/_sandbox/records/jobs/1", json={"name": "Changed"}).raise_for_status()
            httpx.patch(f"{base}/_sandbox/records/customers/1", json={"name": "Changed"}).raise_for_status()
        for name, end in last.items():
            times = [reader.timed(name, page) for page in (1, end // 2, end)]
            print(f"  {when:<15} {name:<10}" + "".join(f"{each:>9.1f}" for each in times))
    started = time.perf_counter()
    found = reader.walk("customers", "contacts,notes", ("contact", "note"))
    found += reader.walk("jobs", "notes", ("note",)) + reader.walk("opportunities", "", ())
    took = time.perf_counter() - started
    print(f"{found:,} records in {took:,.0f} s, {found / took:,.0f} records/s")
    ours.send("stop")
    print(f"peak memory of the server: {ours.recv():,.0f} MiB")
    server.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000)
