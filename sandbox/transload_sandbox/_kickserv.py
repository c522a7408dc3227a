"""A running Kickserv account over a generated company."""

from types import TracebackType
from typing import Self

from transload_sandbox._requests import OnRequest, RequestLog, with_log
from transload_sandbox._server import Server
from transload_sandbox.kickserv import Company, Faults, KickservService, Switches, build_app
from transload_sandbox.kickserv.faults import with_faults


class KickservSandbox:
    """Kickserv alone, for whom one half is enough. A context manager: serving inside.

    Attributes:
        company: All its records; change them here.
        service: Credentials and switches.
        faults: Trouble to come.
        requests: What was asked so far.
    """

    def __init__(
        self, *, customers: int = 200, seed: int = 7, port: int = 0, on_request: OnRequest | None = None
    ) -> None:
        """Prepare an account.

        Args:
            customers: Size of the company.
            seed: Which company.
            port: Port on loopback; 0 for any.
            on_request: Told of each request after its answer, on the server's thread.
        """
        self.company = Company(customers, seed)
        self.service = KickservService(self.company)
        self.faults = Faults()
        self.requests = RequestLog("kickserv", on_request)
        self._server = Server(with_log(with_faults(build_app(self.service), self.faults), self.requests), port)

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

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)
