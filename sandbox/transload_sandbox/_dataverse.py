"""A running Dataverse organisation that awaits a company."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from transload_sandbox._changes import Change
from transload_sandbox._clock import Clock
from transload_sandbox._control import with_control
from transload_sandbox._layers import Latency, with_date, with_latency
from transload_sandbox._org_state import OrgState, compare_states
from transload_sandbox._requests import OnRequest, RequestLog, with_log
from transload_sandbox._seeding import seed_organisation
from transload_sandbox._server import Server, certificates_in, make_certificates
from transload_sandbox.dataverse import DataverseOrg, build_app
from transload_sandbox.dataverse.limits import Limits
from transload_sandbox.kickserv import Company


class DataverseSandbox:
    """Dataverse, seeded with users and a few rows that were there before. A context manager: serving inside.

    Attributes:
        org: The organisation itself; look inside and misbehave here.
        client_id: An application user that may do everything.
        client_secret: Its secret.
        requests: What was asked so far, sign-in included.
        clock: The organisation's time.
        latency: How long every answer takes at least.
    """

    def __init__(  # noqa: PLR0913  # keywords, one for each option
        self,
        company: Company,
        *,
        port: int = 0,
        store: Path | None = None,
        on_request: OnRequest | None = None,
        latency: float = 0.0,
        clock: Clock | None = None,
        limits: Limits | None = None,
        edition: str | None = None,
        field_service: bool | None = None,
        customer_service: bool | None = None,
    ) -> None:
        """Prepare an organisation.

        Args:
            company: Whose employees become users.
            port: Port of the https address on loopback; 0 for any.
            store: File that keeps the rows beyond this run; None keeps them in memory.
            on_request: Told of each request after its answer, on a server's thread.
            latency: Seconds that every answer takes at least.
            clock: Shared with another system; its own when left out.
            limits: Service protection limits; none are enforced when left out.
            edition: Which Sales is installed; the organisation's own default when left out.
            field_service: Whether Field Service is installed; likewise.
            customer_service: Whether Customer Service is installed; likewise.

        Raises:
            ValueError: The organisation has no such edition or option.
        """
        self.clock, self.latency = clock or Clock(), Latency(latency)
        self.requests = RequestLog("dataverse", on_request)
        self._folder = TemporaryDirectory(prefix="transload-sandbox-")
        installed = {"edition": edition, "field_service": field_service, "customer_service": customer_service}
        self.org = _open(store, self.clock, limits, installed)
        self._states: dict[str, OrgState] = {}
        api = with_log(with_latency(build_app(self.org), self.latency), self.requests)
        app = with_date(with_control(api, self, {}), self.clock.now)
        self._secure, self._plain = Server(app, port), Server(app)
        user = self.org.add_application_user("transload")
        self.client_id, self.client_secret = user.client_id, user.client_secret
        seed_organisation(self.org, company)

    @property
    def url(self) -> str:
        """The organisation's address."""
        return self._secure.url

    @property
    def http_url(self) -> str:
        """The same organisation without TLS."""
        return self._plain.url

    @property
    def tenant_id(self) -> str:
        """The tenant that signs in."""
        return self.org.tenant_id

    @property
    def authority(self) -> str:
        """Where tokens are issued."""
        return f"{self.url}/{self.tenant_id}"

    @property
    def ca_file(self) -> Path:
        """Certificate authority to trust; there while the sandbox runs."""
        return certificates_in(Path(self._folder.name)).ca_file

    def digest(self) -> dict[str, str]:
        """Return a digest of each table and of the customisations."""
        return self.org.digest()

    def snapshot(self, name: str = "") -> None:
        """Remember the present rows and customisations under a name."""
        earlier = self._states.pop(name, None)
        if earlier is not None:
            earlier.close()
        self._states[name] = OrgState(self.org)

    def restore(self, name: str = "") -> None:
        """Go back to a remembered state.

        Raises:
            KeyError: Nothing was remembered under this name.
        """
        self._states[name].restore(self.org)

    def changes(self, name: str = "") -> list[Change]:
        """Return the rows that differ from a remembered state, in the form in which they are stored.

        Raises:
            KeyError: Nothing was remembered under this name.
        """
        before, now = self._states[name], OrgState(self.org)
        with closing(now):
            return list(compare_states(before, now))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.org.close)
            folder = stack.enter_context(self._folder)
            stack.enter_context(self._secure.with_tls(make_certificates(Path(folder))))
            stack.enter_context(self._plain)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def _open(store: Path | None, clock: Clock, limits: Limits | None, installed: Mapping[str, object]) -> DataverseOrg:
    """Open the organisation with those applications that the caller said something about."""
    wanted = {name: value for name, value in installed.items() if value is not None}
    make: Callable[..., DataverseOrg] = DataverseOrg
    unknown = wanted.keys() - signature(make).parameters.keys()
    if unknown:
        raise ValueError(f"this organisation has no {', '.join(sorted(unknown))}")
    return make(store, clock=clock, limits=limits, **wanted)
