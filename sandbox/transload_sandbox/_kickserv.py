"""A running Kickserv account over a generated company."""

from contextlib import ExitStack

from transload_sandbox._changes import Change
from transload_sandbox._clock import Clock
from transload_sandbox._control import with_control
from transload_sandbox._kickserv_control import KickservControl
from transload_sandbox._layers import with_date, with_latency
from transload_sandbox._requests import OnRequest, RequestLog, SeenRequest, with_log
from transload_sandbox._server import Server
from transload_sandbox._system import System
from transload_sandbox.kickserv import Company, CompanyState, Faults, KickservService, Switches, build_app
from transload_sandbox.kickserv.downloads import Downloads
from transload_sandbox.kickserv.faults import with_faults
from transload_sandbox.kickserv.storage import build_storage


class KickservSandbox(System[CompanyState]):
    """Kickserv alone, for whom one half is enough. A context manager: serving inside.

    Attributes:
        company: All its records; change them here.
        service: Credentials and switches.
        faults: Trouble to come.
        requests: What was asked so far.
        storage_requests: What was asked of the storage host, where files are.
        clock: Stamps changes, answers and links to files.
        latency: How long every answer takes at least.
    """

    def __init__(
        self,
        *,
        customers: int = 200,
        seed: int = 7,
        port: int = 0,
        on_request: OnRequest | None = None,
        latency: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        """Prepare an account.

        Args:
            customers: Size of the company.
            seed: Which company.
            port: Port on loopback; 0 for any.
            on_request: Told of each request after its answer, on the server's thread.
            latency: Seconds that every answer takes at least.
            clock: Shared with another system; its own when left out.
        """
        super().__init__("kickserv", on_request, latency, clock)
        self.company = Company(customers, seed, now=self.clock.now)
        self.service = KickservService(self.company)
        self.faults = Faults()
        self.storage_requests = RequestLog("storage", on_request)
        api = with_log(with_latency(with_faults(build_app(self.service), self.faults), self.latency), self.requests)
        control = KickservControl(self.service, self.faults)
        self._server = Server(with_date(with_control(api, self, control.endpoints()), self.clock.now), port)
        storage = with_latency(build_storage(Downloads(self.service, self.clock.now)), self.latency)
        self._storage = Server(with_date(with_log(storage, self.storage_requests), self.clock.now))

    @property
    def base_url(self) -> str:
        """Address without the account."""
        return self._server.url

    @property
    def switches(self) -> Switches:
        """How the service behaves."""
        return self.service.switches

    @property
    def account(self) -> str:
        """The account's short name, first part of every path."""
        return self.service.account

    @property
    def token(self) -> str:
        """The owner's token, which sees everything."""
        return self.service.token

    @property
    def limited_token(self) -> str:
        """A technician's token, which sees only own assignments, without any error."""
        return self.service.limited_token

    def reset_token(self) -> str:
        """Change the owner's token, as a new password does; return the new one."""
        return self.service.reset_token()

    @property
    def leaks(self) -> list[SeenRequest]:
        """Requests that brought credentials to the storage host, where they do not belong."""
        return [request for request in self.storage_requests.find() if request.authorized]

    def digest(self) -> dict[str, str]:
        """Return a digest of each kind of record."""
        return self.company.digest()

    def _capture(self) -> CompanyState:
        return self.company.snapshot()

    def _bring_back(self, state: CompanyState) -> None:
        self.company.restore(state)

    def _compare(self, before: CompanyState, after: CompanyState) -> list[Change]:
        return self.company.compare(before, after)

    def _serve(self, stack: ExitStack) -> None:
        stack.enter_context(self._server)
        stack.enter_context(self._storage)
        # Another host by name too: a client that compares names only is found out as well.
        self.service.storage_url = f"http://localhost:{self._storage.port}"
