"""A Dataverse organisation to rehearse against: users, rows, faults and a log of every request."""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from transload_sandbox.dataverse import seed as seeds
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.faults import Faults
from transload_sandbox.dataverse.limits import Limits, Meter
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.options import Options
from transload_sandbox.dataverse.service import Service
from transload_sandbox.dataverse.shapes import Shape
from transload_sandbox.dataverse.store import Store
from transload_sandbox.dataverse.tokens import AppUser, TokenService
from transload_sandbox.dataverse.writer import Writer

MAX_REQUESTS_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """What became of one request."""

    method: str
    path: str
    """Path and query below the API's base, as the client sent them."""
    status: int
    """0 when the connection was cut before an answer."""
    seconds: float
    user: str | None
    """Client id of the application, None without a valid token."""


class DataverseOrg:
    """One organisation with its own users and rows; give it to `build_app` to serve it."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        name: str = "contoso",
        seed: str = "contoso",
        key_index_seconds: float = 0.3,
        token_seconds: int = 3600,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open an organisation.

        Args:
            path: A database file that outlives the process; in memory when absent.
            name: Its name; used when it is new.
            seed: Makes its ids; the same seed and the same requests give the same ids. Used when it is new.
            key_index_seconds: How long the index of a new alternate key takes.
            token_seconds: How long tokens live.
            limits: Service protection limits; none are enforced when absent.
            clock: Returns epoch seconds.
        """
        self.store = Store(path)
        is_new = self.store.get_meta("seed") is None
        seed = str(self.store.get_meta("seed") or seed)
        self.environment = Environment(self.store, clock, seed, key_index_seconds)
        self.tenant_id = self.environment.fixed_id("tenant")
        self.organization_id = self.environment.fixed_id("organization")
        self.tokens = TokenService(self.tenant_id, f"signing key of {seed}", token_seconds, clock)
        self.meter = Meter(limits, clock)
        self.faults = Faults()
        self.environment.before_save = self.faults.check_row
        self.requests: deque[LoggedRequest] = deque(maxlen=MAX_REQUESTS_KEPT)
        if is_new:
            with self.environment.transaction():
                self.store.put_meta("seed", seed)
                seeds.seed_organization(self.environment, name)
        self._load_application_users()

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    # -- people

    def add_application_user(self, name: str) -> AppUser:
        """Register an application with a user in the organisation.

        Args:
            name: Display name; its id and secret follow from it.

        Returns:
            The credentials. Adding the same name again returns the same ones.
        """
        client_id = self.tokens.derive(f"client {name}")
        if client_id not in self.tokens.applications:
            user_id = self.environment.fixed_id(f"application user {name}")
            with self.environment.transaction():
                row: Row = {
                    "applicationid": client_id,
                    "accessmode": 4,
                    "domainname": f"{name}@apps.example.com",
                }
                seeds.insert_user(self.environment, user_id, f"# {name}", row)
            self._register(client_id, user_id)
        return self.tokens.applications[client_id]

    def _register(self, client_id: str, user_id: str) -> None:
        secret = self.tokens.derive(f"secret {client_id}")
        self.tokens.applications[client_id] = AppUser(client_id, secret, user_id)

    def _load_application_users(self) -> None:
        for row in self.store.iterate(self._table("systemuser")):
            if row["applicationid"]:
                self._register(str(row["applicationid"]), str(row["systemuserid"]))

    def add_user(self, fullname: str, email: str, *, disabled: bool = False) -> str:
        """Add a licensed user and return the systemuserid."""
        user_id = self.environment.fixed_id(f"user {email}")
        row: Row = {
            "internalemailaddress": email,
            "domainname": email,
            "isdisabled": int(disabled),
            "islicensed": int(not disabled),
        }
        with self.environment.transaction():
            seeds.insert_user(self.environment, user_id, fullname, row)
        return user_id

    # -- rows

    def _table(self, name: str) -> Table:
        return self.environment.model.tables[name]

    def create(self, table: str, columns: Mapping[str, object]) -> str:
        """Create a row that was there before, through the same checks as the Web API.

        Args:
            table: Logical name of the table.
            columns: The body as a client would send it.

        Returns:
            The id of the row.

        Raises:
            ODataError: The row is refused.
        """
        writer = Writer(self.environment, self.environment.fixed_id("system user"))
        with self.environment.transaction():
            [row] = writer.create(self._table(table), [columns])
        return str(row[self._table(table).primary_id])

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        with self.store.reading():
            return self.store.count(self._table(table))

    def rows(self, table: str) -> list[dict[str, object]]:
        """Return all rows of a table by id, with the property names of the Web API."""
        shape = Shape(self._table(table), Options())
        with self.store.reading():
            return [shape.show(row) for row in self.store.iterate(self._table(table))]

    def digest(self) -> dict[str, str]:
        """Return a digest per non-empty table, and one of the customisations as ``metadata``."""
        with self.store.reading():
            self.environment.settle_keys()
            digests = {}
            for name in sorted(self.store.existing):
                table = self.environment.model.tables.get(name)
                rows = self.store.iterate(table) if table else []
                if rows:
                    digests[name] = _digest(rows)
            customizations = self.environment.customizations()
            for key in customizations["keys"]:
                key.pop("requested_at")
            added = [
                row
                for name in ("publisher", "solution")
                for row in self.store.iterate(self._table(name))
                if row["createdby"] != self.environment.fixed_id("system user")
            ]
            digests["metadata"] = _digest([customizations, added])
            return digests

    # -- service

    def service(self, user: AppUser) -> Service:
        """Return the Web API as one application sees it."""
        return Service(self.environment, user.user_id, self.tenant_id)


def _digest(value: object) -> str:
    raw = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(raw, digest_size=16).hexdigest()
