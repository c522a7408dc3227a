"""Trouble for both systems in one form, from Python, from a file and over HTTP."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypedDict, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.faults import Fault
from transload_sandbox.kickserv import Faults, KickservService
from transload_sandbox.kickserv.bodies import EVERY_LAYOUT
from transload_sandbox.kickserv.records import read_fields


class _Where(TypedDict):
    match: str
    after: int


class FaultFileError(ValueError):
    """A file or a request that describes faults cannot be understood."""

    remedy = "Write [[fault]] tables with system, kind, match, after, times; the sandbox's page in the docs lists them."


class KickservFault(BaseModel):
    """A fault of Kickserv, as data."""

    model_config = ConfigDict(extra="forbid")

    system: Literal["kickserv"]
    kind: Literal[
        "throttle", "unavailable", "error", "html", "delay", "truncate", "cut", "reset_token", "change", "delete"
    ]
    match: str = ""
    """Regular expression, searched in ``GET /acct/jobs.xml?page=2``."""
    after: int = 0
    """How many matching requests pass before it acts."""
    times: int = 1
    seconds: float = 0
    """Length of a delay, or the Retry-After of a throttled or unavailable answer."""
    status: int = 500
    """Of an error or a web page."""
    keep: float = 0.5
    """Share of the body that arrives."""
    resource: str = "jobs"
    """Change and delete only: which kind of record."""
    key: int = 0
    """Its number or id."""
    fields: dict[str, JsonValue] = {}
    stale: bool = False
    """Change only: keep the old ``updated-at``."""


@dataclass(config=ConfigDict(extra="forbid"), slots=True, kw_only=True)
class DataverseFault(Fault):
    """A fault of Dataverse, as data: one of its own, with the system that it is for."""

    system: Literal["dataverse"]


AnyFault = Annotated[KickservFault | DataverseFault, Field(discriminator="system")]
_ENTRY: TypeAdapter[KickservFault | DataverseFault] = TypeAdapter(AnyFault)
_FILE: TypeAdapter[list[KickservFault | DataverseFault]] = TypeAdapter(list[AnyFault])
_KICKSERV = TypeAdapter(KickservFault)
_DATAVERSE = TypeAdapter(DataverseFault)
_T = TypeVar("_T")


def read_kickserv_fault(entry: Mapping[str, object]) -> KickservFault:
    """Return a fault of Kickserv that is described without its system.

    Raises:
        FaultFileError: There is no such fault.
    """
    return _read(_KICKSERV, {"system": "kickserv", **entry})


def read_dataverse_fault(entry: Mapping[str, object]) -> DataverseFault:
    """Return a fault of Dataverse that is described without its system.

    Raises:
        FaultFileError: There is no such fault.
    """
    return _read(_DATAVERSE, {"system": "dataverse", **entry})


def _read(form: TypeAdapter[_T], entry: object) -> _T:
    try:
        return form.validate_python(entry)
    except ValidationError as error:
        raise FaultFileError(str(error)) from error


def add_kickserv_fault(entry: KickservFault, faults: Faults, service: KickservService) -> None:
    """Queue a fault of Kickserv."""
    where: _Where = {"match": entry.match, "after": entry.after}
    wait = f"{entry.seconds:g}" if entry.seconds else None
    act: dict[str, Callable[[], object]] = {
        "throttle": lambda: faults.answer(429, times=entry.times, retry_after=wait, **where),
        "unavailable": lambda: faults.answer(503, times=entry.times, retry_after=wait, **where),
        "error": lambda: faults.answer(entry.status, times=entry.times, **where),
        "html": lambda: faults.html(entry.status, times=entry.times, **where),
        "delay": lambda: faults.delay(entry.seconds, times=entry.times, **where),
        "truncate": lambda: faults.truncate(entry.keep, times=entry.times, **where),
        "cut": lambda: faults.cut(entry.keep, times=entry.times, **where),
        "reset_token": lambda: faults.call(service.reset_token, **where),
        "change": lambda: faults.call(lambda: _change(entry, service), **where),
        "delete": lambda: faults.call(lambda: service.company.delete(entry.resource, entry.key), **where),
    }
    if entry.kind in ("change", "delete"):
        _check_record(entry)
    act[entry.kind]()


def _check_record(entry: KickservFault) -> None:
    if entry.resource not in EVERY_LAYOUT:
        raise FaultFileError(f"Kickserv has no {entry.resource}; there are {', '.join(EVERY_LAYOUT)}.")
    read_fields(entry.resource, entry.fields)


def _change(entry: KickservFault, service: KickservService) -> None:
    fields = read_fields(entry.resource, entry.fields)
    service.company.update(entry.resource, entry.key, stale=entry.stale, fields=fields)


class SandboxFaults:
    """Trouble for both systems.

        sandbox.faults.throttle(times=3, seconds=1)
        sandbox.faults.add(system="kickserv", kind="cut", match="jobs.xml", after=2)
        sandbox.faults.load(Path("bad-day.toml"))

    What only one system has is at ``sandbox.kickserv.faults`` and ``sandbox.dataverse.org.faults``.
    """

    def __init__(self, faults: Faults, service: KickservService, org: DataverseOrg) -> None:
        self._kickserv, self._service, self._dataverse = faults, service, org.faults

    def add(self, **entry: object) -> None:
        """Queue one fault, described as in a file.

        Raises:
            FaultFileError: There is no such fault.
        """
        self._queue(_read(_ENTRY, entry))

    def load(self, path: Path) -> int:
        """Queue the faults of a TOML file, ``[[fault]]`` tables, and return how many there were.

        Raises:
            FaultFileError: It cannot be read or understood.
        """
        try:
            entries = _read(_FILE, tomllib.loads(path.read_text(encoding="utf-8")).get("fault", []))
        except (OSError, tomllib.TOMLDecodeError, FaultFileError) as error:
            raise FaultFileError(f"{path}: {error}") from error
        for entry in entries:
            self._queue(entry)
        return len(entries)

    def throttle(self, *, times: int = 1, seconds: float = 1) -> None:
        """Let both systems answer 429 so often, with this Retry-After."""
        self._kickserv.answer(429, times=times, retry_after=f"{seconds:g}")
        self._dataverse.add(Fault("throttle_requests", times=times, seconds=seconds))

    def outage(self, *, times: int = 1, seconds: float = 0) -> None:
        """Let both systems answer 503 so often."""
        self._kickserv.answer(503, times=times, retry_after=f"{seconds:g}" if seconds else None)
        self._dataverse.add(Fault("unavailable", times=times, seconds=seconds))

    def slow(self, seconds: float, *, times: int = 1) -> None:
        """Let the next requests of both systems take so long."""
        self._kickserv.delay(seconds, times=times)
        self._dataverse.add(Fault("delay", times=times, seconds=seconds))

    def cut(self, *, times: int = 1) -> None:
        """Cut so many connections of both systems in the middle of the answer."""
        self._kickserv.cut(times=times)
        self._dataverse.add(Fault("cut_after", times=times))

    def waiting(self) -> Mapping[str, list[dict[str, object]]]:
        """Return the faults that lie ahead, by system."""
        return {"kickserv": self._kickserv.waiting(), "dataverse": self._dataverse.waiting()}

    def clear(self) -> None:
        """Forget all faults still to come."""
        self._kickserv.clear()
        self._dataverse.clear()

    def _queue(self, entry: KickservFault | DataverseFault) -> None:
        if isinstance(entry, KickservFault):
            add_kickserv_fault(entry, self._kickserv, self._service)
        else:
            self._dataverse.add(entry)
