"""How long the load would take, what it would use up, and what batch size and more users would change.

Three things bound a load: the server's work per user, the number of requests per user, and
what the licences grant in a day. The slowest one decides; each assumption is shown.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from transload._reports import Chart, Column, Series, Table
from transload._stages.rehearsal import Rehearsal
from transload.settings import RunTable
from transload.values import TargetLimits

_BATCHES = (1, 50, 100, 200, 500, 1000)
_USERS = (1, 2, 4)
_DAY, _HOUR = 86_400, 3600


@dataclass(frozen=True, slots=True)
class Forecast:
    """What loading everything once takes with one batch size and number of application users.

    Attributes:
        seconds: The longest of the bounds below.
        bound: Which of them that is.
        days: Days of the daily grant that the writes use up.
    """

    batch: int
    users: int
    requests: int
    seconds: int
    bound: str
    days: Decimal


def forecast(writes: int, limits: TargetLimits, batch: int, users: int, workers: int) -> Forecast:
    """Return the forecast of one case.

    Args:
        writes: Rows, states and links to write.
        limits: Of the target.
        batch: Rows in one request.
        users: Application users that share the work.
        workers: Requests in flight, of all users together.
    """
    size = min(batch, limits.most_rows)
    requests = math.ceil(writes / size)
    work = writes * limits.row_seconds + requests * limits.request_seconds
    bounds = {
        "the server's work": work * limits.window / limits.execution / users,
        "the number of requests": Decimal(requests * limits.window) / limits.requests / users,
        "the requests in flight": work / min(workers * users, limits.in_flight * users),
        "the daily grant": Decimal(writes * _DAY) / limits.daily if writes > limits.daily else Decimal(0),
    }
    bound = max(bounds, key=lambda name: bounds[name])
    days = (Decimal(writes) / limits.daily).quantize(Decimal("0.01"))
    return Forecast(batch, users, requests, math.ceil(bounds[bound]), bound, days)


def forecast_tables(
    rehearsal: Rehearsal, limits: TargetLimits, run: RunTable, reading: float
) -> tuple[dict[str, str], list[Table], list[Chart]]:
    """Return facts, tables and charts of the forecast.

    Args:
        rehearsal: What would be written.
        limits: Of the target.
        run: How hard the project wants to push.
        reading: Seconds that this audit read the source.
    """
    writes = sum(rehearsal.writes.values())
    batch, workers = run.batch_size, run.workers
    chosen = forecast(writes, limits, batch, 1, workers)
    cases = [forecast(writes, limits, size, users, workers) for users in _USERS for size in _BATCHES]
    storage = writes_of_rows(rehearsal) * limits.row_bytes
    facts = {
        "Writes to come": f"{writes:,} in {chosen.requests:,} requests",
        "Load, about": f"{_hours(chosen.seconds)} hours, bound by {chosen.bound}",
        "Storage, about": f"{_megabytes(storage)} MB of rows, {_megabytes(rehearsal.file_bytes)} MB of files",
    }
    return facts, [_what_if(cases), _assumptions(limits, batch, workers, reading)], [_chart(cases, batch)]


def writes_of_rows(rehearsal: Rehearsal) -> int:
    """Return how many rows would be there afterwards: states and links change rows, and make none."""
    return sum(count for (_, phase), count in rehearsal.writes.items() if phase == "rows")


def _what_if(cases: list[Forecast]) -> Table:
    columns = [
        Column("users", "Application users", numeric=True), Column("batch", "Rows in a request", numeric=True),
        Column("requests", "Requests", numeric=True), Column("hours", "Hours", numeric=True),
        Column("bound", "Bound by"), Column("days", "Daily grants used", numeric=True),
    ]  # fmt: skip
    rows = [
        {"users": c.users, "batch": c.batch, "requests": c.requests, "hours": _hours(c.seconds),
         "bound": c.bound, "days": c.days}
        for c in cases
    ]  # fmt: skip
    note = (
        "Each further application user has a quota of its own; the daily grant is shared. "
        "A rollback takes two to five times as long."
    )
    return Table("What if: batch size and application users", columns, rows, note)


def _assumptions(limits: TargetLimits, batch: int, workers: int, reading: float) -> Table:
    told: dict[str, object] = {
        "Rows in a request ([run] batch_size)": batch,
        "Requests in flight ([run] workers)": workers,
        "Server's work for a row, seconds": limits.row_seconds,
        "Time of a request besides, seconds": limits.request_seconds,
        f"Server's work granted to a user in {limits.window} s, seconds": limits.execution,
        f"Requests granted to a user in {limits.window} s": limits.requests,
        "Requests of a user at a time, at most": limits.in_flight,
        "Writes that the licences grant in 24 hours": limits.daily,
        "Storage of a row with its indexes, bytes": limits.row_bytes,
        "Reading the source, seconds in this audit": Decimal(str(round(reading, 1))),
    }
    rows = [{"what": what, "value": str(value)} for what, value in told.items()]
    return Table("Assumptions of the forecast", [Column("what", "Assumption"), Column("value", "Value")], rows)


def _chart(cases: list[Forecast], batch: int) -> Chart:
    near = min(_BATCHES, key=lambda size: abs(size - batch))
    chosen = [case for case in cases if case.batch == near]
    labels = [f"{case.users} application user{'s' if case.users > 1 else ''}" for case in chosen]
    hours = Series("hours", [_hours(case.seconds) for case in chosen])
    note = f"With {near} rows in a request."
    return Chart("Hours of the load by application users", labels, [hours], unit="hours", note=note)


def _hours(seconds: int) -> Decimal:
    return (Decimal(seconds) / _HOUR).quantize(Decimal("0.1"), rounding="ROUND_UP")


def _megabytes(size: int) -> str:
    return f"{math.ceil(size / 1_000_000):,}"
