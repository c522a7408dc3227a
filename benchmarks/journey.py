"""What a whole journey costs, stage by stage: seconds, processor time, memory, requests to each side.

python benchmarks/journey.py [customers] [--plugins fieldservice,tags] [--latency 0.1] [--limits] [--folder client]

The sandbox runs in a process of its own, its store in a file, and so does every command, as a person would type it.
Before the delta every hundredth customer and job changes; the reconciliation after it goes over a slow line. At the end
the benchmark says whether the target is again what it was, table by table.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

PERSON = "Rosalind"
STAGES = (
    ("audit", "audit"),
    ("plan", "plan"),
    ("approve", f"approve mapping --by {PERSON}"),
    ("prepare", "prepare"),
    ("sample", "sample"),
    ("run", "run"),
    ("second run", "run"),
    ("reconcile", "reconcile"),
    ("delta", "delta"),
    ("reconcile, slow line", "reconcile"),
    ("rollback", "rollback"),
)
SLOW = 0.1
"""Seconds that every answer takes on the slow line."""
CHANGED = 100
"""Each how manieth record changes before the delta."""
WHOLE = {"audit", "plan", "run", "second run", "delta", "reconcile", "reconcile, slow line", "rollback"}
"""Stages that go through all records."""
HEADS = ("seconds", "cpu", "sandbox", "peak MB", "source", "target", "writes", "429", "rec/s", "cpu ms/rec")


@dataclass(frozen=True)
class Measured:
    """What a stage took.

    Attributes:
        seconds: On the clock.
        cpu: Seconds of processor time of the command.
        busy: Seconds of processor time of the sandbox meanwhile, for what the clock is worth.
        peak: Most memory at a time, in MB (1,000,000 bytes).
        requests: How many requests each side got, how many of the target's were no reading, and how many it put off.
    """

    seconds: float
    cpu: float
    busy: float
    peak: float
    requests: Counter[str]
    report: dict[str, Any]


class Systems:
    """Both systems, in a process of their own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.addresses: dict[str, Any] = json.loads(process.stdout.readline())
        self.kickserv = self.addresses["kickserv"]["base_url"]
        self.dataverse = self.addresses["dataverse"]["http_url"]

    def ask(self, address: str, path: str, method: str = "GET", body: object = None) -> Any:
        """Ask the control interface of a system."""
        data = json.dumps(body).encode() if body is not None else None
        request = Request(f"{address}/_sandbox/{path}", data, method=method)
        with urlopen(request, timeout=600) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def forget(self) -> None:
        """Forget the requests so far."""
        self.ask(self.kickserv, "log", "DELETE")
        self.ask(self.dataverse, "log", "DELETE")

    def requests(self) -> Counter[str]:
        """Count the requests since they were last forgotten."""
        target = self.ask(self.dataverse, "log")
        return Counter(
            source=len(self.ask(self.kickserv, "log")),
            target=len(target),
            writes=sum(seen["method"] != "GET" and "/oauth2/" not in seen["path"] for seen in target),
            throttled=sum(seen["status"] == 429 for seen in target),
        )

    def slow_down(self, seconds: float) -> None:
        """Let every answer take so long at least."""
        for address in (self.kickserv, self.dataverse):
            self.ask(address, "latency", "PUT", {"seconds": seconds})

    def change_some(self) -> int:
        """Change every so manieth customer and job in the source, and return how many these are."""
        changed = 0
        for kind in ("customers", "jobs"):
            for key in self.ask(self.kickserv, f"records/{kind}")[::CHANGED]:
                self.ask(self.kickserv, f"records/{kind}/{key}", "PATCH", {"name": f"Renamed {key}"})
                changed += 1
        return changed

    def busy(self) -> float:
        """Return the processor time so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def systems(folder: Path, *options: str) -> Iterator[Systems]:
    """Start the sandbox, and stop it in the end."""
    command = [sys.executable, "-m", "transload.cli", "sandbox", "--json", "--until-stdin-closes"]
    with (folder / "requests.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--store", str(folder / "target.sqlite"), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        try:
            yield Systems(process)
        finally:
            process.communicate()


def measure(there: Systems, folder: Path, command: list[str]) -> Measured:
    """Run a command in the client's folder."""
    there.forget()
    busy, before, started = there.busy(), resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with (folder / "report.json").open("w+") as out, (folder / "errors.log").open("a") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "transload.cli", *command, "-C", str(folder), "--json"],
            stdout=out, stderr=err, env={**os.environ, **there.addresses["environment"]},
        )  # fmt: skip
        peak = 0.0
        while process.poll() is None:
            # Not ru_maxrss: a child's begins at its parent's.
            peak = max(peak, memory(process.pid))
            time.sleep(0.05)
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        out.seek(0)
        text = out.read()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    report = json.loads(text) if text else {"verdict": {"headline": f"exit {process.returncode}; see errors.log"}}
    return Measured(seconds, cpu, there.busy() - busy, peak, there.requests(), report)


def memory(pid: int) -> float:
    """Return the most memory that a process has had so far, in MB; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def main(options: argparse.Namespace, folder: Path) -> None:
    """Walk the journey, and print."""
    given = ["--customers", str(options.customers), "--latency", str(options.latency)]
    with systems(folder, *given, *(["--limits"] if options.limits else [])) as there:
        plugins = [plugin for plugin in options.plugins.split(",") if plugin]
        (folder / "transload.toml").write_text(project_file(there.addresses, ["dynamics_sink", *plugins]))
        untouched = there.ask(there.dataverse, "digest")
        print(f"{options.customers:,} customers, plugins: {options.plugins or 'none'}\n")
        print(f"{'stage':<20}" + "".join(f"{head:>{max(9, len(head) + 1)}}" for head in HEADS), flush=True)
        records = 0
        for stage, command in STAGES:
            if stage == "delta":
                there.change_some()
            there.slow_down(SLOW if "slow" in stage else options.latency)
            told = measure(there, folder, command.split())
            records = records or int(told.report.get("facts", {}).get("Records", "0").replace(",", ""))
            print(line(stage, told, records if stage in WHOLE else 0), flush=True)
        after = there.ask(there.dataverse, "digest")
        different = sorted(name for name in untouched | after if untouched.get(name) != after.get(name))
        print(f"\n{records:,} records; tables that the rollback left different: {', '.join(different) or 'none'}")


def line(stage: str, told: Measured, records: int) -> str:
    """Return a line of the table; without records it says nothing of a rate."""
    its, rate = told.requests, [""] * 2
    if records:
        rate = [f"{records / told.seconds:,.0f}", f"{told.cpu / records * 1000:.2f}"]
    cells = [
        f"{told.seconds:.1f}", f"{told.cpu:.1f}", f"{told.busy:.1f}", f"{told.peak:.0f}", f"{its['source']:,}",
        f"{its['target']:,}", f"{its['writes']:,}", f"{its['throttled']:,}", *rate,
    ]  # fmt: skip
    row = "".join(f"{cell:>{max(9, len(head) + 1)}}" for head, cell in zip(HEADS, cells, strict=True))
    return f"{stage:<20}{row}  {told.report['verdict']['headline']}"


def project_file(addresses: dict[str, Any], plugins: list[str]) -> str:
    """Return the project file of a client between the two systems."""
    source, target = addresses["kickserv"], addresses["dataverse"]
    listed = ", ".join(f'"{plugin}"' for plugin in ["kickserv_source", *plugins])
    return f"""\
[project]
name = "journey"
plugins = [{listed}]

[kickserv_source]
base_url = "{source["base_url"]}"
account = "{source["account"]}"

[dynamics_sink]
url = "{target["url"]}"
authority = "{target["authority"]}"
client_id = "{target["client_id"]}"
ca_file = "{target["ca_file"]}"
publisher_prefix = "ks"
fallback_owner = "migration.fallback@example.com"
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("customers", nargs="?", type=int, default=1000)
    parser.add_argument("--plugins", default="", help="fieldservice, tags, or both")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that every answer takes at least")
    parser.add_argument("--limits", action="store_true", help="enforce the service protection limits")
    parser.add_argument("--folder", type=Path, help="keep ledger, reports and requests there")
    chosen = parser.parse_args()
    if chosen.folder is not None:
        chosen.folder.mkdir(parents=True)
        main(chosen, chosen.folder.resolve())
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(chosen, Path(temporary))
