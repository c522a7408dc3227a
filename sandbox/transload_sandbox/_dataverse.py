"""A running Dataverse organisation that awaits a company."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory

from transload_sandbox._changes import Change
from transload_sandbox._clock import Clock
from transload_sandbox._control import with_control
from transload_sandbox._dataverse_control import DataverseControl
from transload_sandbox._layers import with_date, with_latency
from transload_sandbox._org_state import OrgState, compare_states
from transload_sandbox._requests import OnRequest, with_log
from transload_sandbox._seeding import seed_organisation
from transload_sandbox._server import Server, certificates_in, make_certificates
from transload_sandbox._system import System
from transload_sandbox.dataverse import DataverseOrg, build_app
from transload_sandbox.dataverse.limits import Limits
from transload_sandbox.kickserv import Company


class DataverseSandbox(System[OrgState]):
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
        super().__init__("dataverse", on_request, latency, clock)
        installed = {"edition": edition, "field_service": field_service, "customer_service": customer_service}
        self.org = _open(store, self.clock, limits, installed)
        api = with_log(with_latency(build_app(self.org), self.latency), self.requests)
        app = with_date(with_control(api, self, DataverseControl(self.org).endpoints()), self.clock.now)
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
        return certificates_in(self._folder).ca_file

    def digest(self) -> dict[str, str]:
        """Return a digest of each table and of the customisations."""
        return self.org.digest()

    def _capture(self) -> OrgState:
        return OrgState(self.org)

    def _bring_back(self, state: OrgState) -> None:
        state.restore(self.org)

    def _compare(self, before: OrgState, after: OrgState) -> list[Change]:
        return list(compare_states(before, after))

    def _serve(self, stack: ExitStack) -> None:
        stack.callback(self.org.close)
        self._folder = Path(stack.enter_context(TemporaryDirectory(prefix="transload-sandbox-")))
        stack.enter_context(self._secure.with_tls(make_certificates(self._folder)))
        stack.enter_context(self._plain)


def _open(store: Path | None, clock: Clock, limits: Limits | None, installed: Mapping[str, object]) -> DataverseOrg:
    """Open the organisation with those applications that the caller said something about."""
    wanted = {name: value for name, value in installed.items() if value is not None}
    make: Callable[..., DataverseOrg] = DataverseOrg
    unknown = wanted.keys() - signature(make).parameters.keys()
    if unknown:
        raise ValueError(f"this organisation has no {', '.join(sorted(unknown))}")
    return make(store, clock=clock, limits=limits, **wanted)
