"""A Dataverse organisation to rehearse against: users, rows, faults and a log of every request."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson

from transload_sandbox.dataverse import callers, editions
from transload_sandbox.dataverse import roles as shipped_roles
from transload_sandbox.dataverse import seed as seeds
from transload_sandbox.dataverse.business import people
from transload_sandbox.dataverse.digests import digests_of
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.faults import Faults
from transload_sandbox.dataverse.interruptions import Deed, Interruption, Interruptions
from transload_sandbox.dataverse.limits import Limits, Meter
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.options import Options
from transload_sandbox.dataverse.request_log import MAX_REQUESTS_KEPT, LoggedRequest
from transload_sandbox.dataverse.service import Service
from transload_sandbox.dataverse.shapes import Shape
from transload_sandbox.dataverse.shipped import shipped_model
from transload_sandbox.dataverse.store import Store
from transload_sandbox.dataverse.tokens import AppUser, TokenService
from transload_sandbox.dataverse.wire import build_request
from transload_sandbox.dataverse.writer import Writer


class DataverseOrg:
    """One organisation with its own users and rows; give it to `build_app` to serve it."""

    def __init__(  # noqa: PLR0913 - each is a choice of its own, all but the file have defaults
        self,
        path: Path | None = None,
        *,
        name: str = "contoso",
        seed: str = "contoso",
        edition: editions.Name = "enterprise",
        field_service: bool = True,
        customer_service: bool = True,
        key_index_seconds: float = 0.3,
        metadata_cache_seconds: float = 0.0,
        token_seconds: int = 3600,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open an organisation.

        Args:
            path: A database file that outlives the process; in memory when absent.
            name: Its name; used when it is new.
            seed: Makes its ids; the same seed and the same requests give the same ids. Used when it is new.
            edition: Of Sales; used when it is new. It changes what is reported, not what is allowed.
            field_service: Whether Field Service, scheduling and time entry are installed; used when it is new.
            customer_service: Whether cases are there; used when it is new.
            key_index_seconds: How long the index of a new alternate key takes.
            metadata_cache_seconds: How long requests without ``Consistency: Strong`` see metadata as it was before a
                change.
            token_seconds: How long tokens live.
            limits: Service protection limits; none are enforced when absent.
            clock: Returns epoch seconds.
        """
        self.store = Store(path)
        if self.store.get_meta("seed") is None:
            wanted = editions.Edition(edition, field_service, customer_service)
            self.store.replace_by(seeds.delivered(name, seed, wanted))
        seed = str(self.store.get_meta("seed"))
        self.edition = editions.load_edition(str(self.store.get_meta("edition")))
        self._open_environment: Callable[[], Environment] = lambda: Environment(
            self.store, shipped_model(self.edition.absent()), clock, seed, key_index_seconds
        )
        self.environment = self._open_environment()
        self.tenant_id = self.environment.fixed_id("tenant")
        self.organization_id = self.environment.fixed_id("organization")
        self.tokens = TokenService(self.tenant_id, f"signing key of {seed}", token_seconds, clock)
        self.meter = Meter(limits, clock)
        self.environment.metadata_cache.seconds = metadata_cache_seconds
        self.faults = Faults()
        self.interruptions = Interruptions()
        self.environment.before_save = self.faults.check_row
        self.requests: deque[LoggedRequest] = deque(maxlen=MAX_REQUESTS_KEPT)
        self._load_application_users()

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def reload(self) -> None:
        """Read metadata and applications again, after the contents of the store were replaced."""
        old, self.environment = self.environment, self._open_environment()
        self.environment.before_save = old.before_save
        self.environment.metadata_cache.seconds = old.metadata_cache.seconds
        self.environment.key_index_seconds = old.key_index_seconds
        self.tokens.applications.clear()
        self._load_application_users()

    def custom_table_headroom(self) -> int | None:
        """Return how many more custom tables the licence grants, negative beyond it; None without a limit."""
        return self.edition.custom_table_headroom(self.environment.model)

    # -- people

    def add_application_user(self, name: str, roles: Sequence[str] = (shipped_roles.ADMINISTRATOR,)) -> AppUser:
        """Register an application with a user in the organisation.

        Args:
            name: Display name; its id and secret follow from it.
            roles: Names of its security roles.

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
                people.give_roles(self.environment, "systemuser", user_id, roles)
            self._register(client_id, user_id)
        return self.tokens.applications[client_id]

    def register_application(self, name: str) -> AppUser:
        """Register an application that can sign in but has no user here, until one with its id is created.

        Args:
            name: Display name; its id and secret follow from it.
        """
        client_id = self.tokens.derive(f"client {name}")
        self._register(client_id, "")
        return self.tokens.applications[client_id]

    def _register(self, client_id: str, user_id: str) -> None:
        secret = self.tokens.derive(f"secret {client_id}")
        self.tokens.applications[client_id] = AppUser(client_id, secret, user_id)

    def _load_application_users(self) -> None:
        for row in self.store.iterate(self._table("systemuser")):
            if row["applicationid"]:
                self._register(str(row["applicationid"]), str(row["systemuserid"]))

    def add_user(
        self,
        fullname: str,
        email: str,
        *,
        disabled: bool = False,
        roles: Sequence[str] = shipped_roles.ORDINARY,
        user_id: str | None = None,
        object_id: str | None = None,
    ) -> str:
        """Add a licensed user.

        Args:
            fullname: First and last name.
            email: Mail address and sign-in name.
            disabled: Whether the user can work no more.
            roles: Names of the security roles.
            user_id: The systemuserid; follows from the address when absent.
            object_id: Id of the user in Entra ID; follows from the systemuserid when absent.

        Returns:
            The systemuserid.
        """
        user_id = user_id or self.environment.fixed_id(f"user {email}")
        row: Row = {
            "internalemailaddress": email,
            "domainname": email,
            "isdisabled": int(disabled),
            "islicensed": int(not disabled),
        }
        if object_id is not None:
            row["azureactivedirectoryobjectid"] = object_id
        with self.environment.transaction():
            seeds.insert_user(self.environment, user_id, fullname, row)
            people.give_roles(self.environment, "systemuser", user_id, roles)
        return user_id

    def set_roles(self, user_id: str, roles: Sequence[str]) -> None:
        """Give a user these security roles and no others.

        Raises:
            ValueError: There is no such role.
        """
        with self.environment.transaction():
            people.take_roles(self.environment, "systemuser", user_id)
            people.give_roles(self.environment, "systemuser", user_id, roles)

    def set_user_disabled(self, user_id: str, *, disabled: bool = True) -> None:
        """Disable or enable a user, as an administrator could in the middle of a run."""
        table = self._table("systemuser")
        with self.environment.transaction():
            row = self.store.fetch(table, [user_id])[user_id]
            row |= {"isdisabled": int(disabled), "versionnumber": self.store.next_version()}
            self.store.update(table, [row])
            self.environment.forget_facts()

    # -- an administrator at work

    def interrupt(self, deed: Deed, *, after: int = 0, method: str = "*", path: str = "*") -> None:
        """Let something happen in the middle of a run.

        Args:
            deed: What happens; it is given this organisation.
            after: How many matching requests are answered before it.
            method: The method of the requests that count; ``*`` for any.
            path: Pattern for their path below ``/api/data/v9.2/``.
        """
        self.interruptions.add(Interruption(deed, after, method, path))

    def customize(self, method: str, path: str, body: Mapping[str, object] | None = None) -> None:
        """Do something as an administrator of the organisation, such as adding or removing a column.

        Args:
            method: The method of the request.
            path: The address below ``/api/data/v9.2/``.
            body: The body, if there is one.

        Raises:
            ODataError: It is refused.
        """
        request = build_request(method, "https://localhost/api/data/v9.2/", path, {}, orjson.dumps(body or {}))
        service = Service(self.environment, self.environment.fixed_id("system user"), self.tenant_id)
        with self.store.reading():
            service.dispatch(request)

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
            row_id = str(row[self._table(table).primary_id])
            if table in {"systemuser", "team"}:
                # Whoever was there before has been given roles by somebody.
                people.give_roles(self.environment, table, row_id, shipped_roles.ORDINARY)
        return row_id

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
        """Return a digest per non-empty table, and one of the customisations as ``metadata``.

        When and by whom a row was changed last does not count: a row that was changed and changed back is the same.
        """
        with self.store.reading():
            return digests_of(self.environment)

    # -- service

    def service(self, user: AppUser) -> Service:
        """Return the Web API as one application sees it.

        Raises:
            ODataError: The application has no user in the organisation.
        """
        user_id = user.user_id or self._user_of(user.client_id)
        if user_id is None:
            raise callers.not_a_member()
        return Service(self.environment, user_id, self.tenant_id)

    def _user_of(self, client_id: str) -> str | None:
        with self.store.reading():
            return self.store.find_id(self._table("systemuser"), {"applicationid": client_id})
