"""Trouble on request: the next answers that match a pattern go wrong in a chosen way.

Faults are taken in the order in which they were added, each a fixed number of times, so that a test sees the
same trouble every time it runs.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from threading import Lock
from typing import Literal, get_args

from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row

Kind = Literal[
    "throttle_requests",
    "throttle_time",
    "throttle_concurrency",
    "unavailable",
    "server_error",
    "sql_timeout",
    "deadlock",
    "unauthorized",
    "delay",
    "cut_before",
    "cut_after",
    "truncate",
    "refuse_row",
]
"""What goes wrong: an answer instead of the work, a pause, a connection cut before or after the work is
committed, half an answer, or a plug-in that refuses a row."""

KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(slots=True)
class Fault:
    """Trouble that is still to come."""

    kind: Kind
    times: int = 1
    method: str = "*"
    path: str = "*"
    """Pattern for the path below ``/api/data/v9.2/``; ``*`` and ``?`` as in file names."""
    seconds: float = 0
    """Length of a delay, or the Retry-After of a throttled or unavailable answer."""
    table: str = "*"
    """Row faults only: the table of the row."""
    column: str = ""
    """Row faults only: the column that must hold ``value``; empty for every row."""
    value: str = ""
    message: str = "The row was refused."

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; there are {', '.join(KINDS)}")


class Faults:
    """The faults that lie ahead."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = Lock()

    def add(self, fault: Fault) -> None:
        """Queue a fault."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[dict[str, object]]:
        """Return the faults that lie ahead as plain data."""
        with self._lock:
            return [asdict(fault) for fault in self._waiting]

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that a request meets, None when it meets none."""
        with self._lock:
            for fault in self._waiting:
                if fault.kind != "refuse_row" and fault.method in {"*", method} and fnmatchcase(path, fault.path):
                    return self._use(fault)
        return None

    def check_row(self, table: str, row: Row) -> None:
        """Refuse a row as a plug-in would.

        Raises:
            ODataError: A row fault matches.
        """
        if not self._waiting:
            return
        with self._lock:
            for fault in self._waiting:
                matches = fault.kind == "refuse_row" and fnmatchcase(table, fault.table)
                if matches and (not fault.column or str(row.get(fault.column)) == fault.value):
                    self._use(fault)
                    raise _plugin_error(fault.message)

    def _use(self, fault: Fault) -> Fault:
        fault.times -= 1
        if fault.times <= 0:
            self._waiting.remove(fault)
        return fault


def _plugin_error(message: str) -> ODataError:
    return ODataError(
        400,
        "0x80040265",
        message,
        annotations={
            "ErrorDetails.OperationStatus": "1",
            "ErrorDetails.SubErrorCode": "12345",
            "HelpLink": "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a80040265"
            "&client=platform",
            "TraceText": "[Contoso.Plugins: Contoso.Plugins.RowCheck ]",
            "InnerError.Message": message,
        },
    )


def replace_answer(fault: Fault) -> tuple[int, Mapping[str, str], str, str] | None:
    """Return status, headers, code and message of a fault that answers for the service, else None."""
    wait = {"Retry-After": f"{fault.seconds:g}"} if fault.seconds else {}
    answers: dict[str, tuple[int, Mapping[str, str], str, str]] = {
        "throttle_requests": (
            429,
            wait or {"Retry-After": "34"},
            "0x80072322",
            "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
        ),
        "throttle_time": (
            429,
            wait or {"Retry-After": "112"},
            "0x80072321",
            "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over "
            "time window of "
            "300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try "
            "again "
            "later.",
        ),
        "throttle_concurrency": (
            429,
            wait or {"Retry-After": "5"},
            "0x80072326",
            "Number of concurrent requests exceeded the limit of 52.",
        ),
        "server_error": (500, {}, "0x80040216", "An unexpected error occurred."),
        "sql_timeout": (
            500,
            {},
            "0x80044151",
            "Sql error: SQL timeout expired. CRM ErrorCode: -2147204783 Sql ErrorCode: -2146232060 Sql Number: -2",
        ),
        "deadlock": (
            500,
            {},
            "0x80044150",
            "Sql error: Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: 1205",
        ),
    }
    return answers.get(fault.kind)
