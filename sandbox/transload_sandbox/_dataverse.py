"""A running Dataverse organisation that awaits a company."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from transload_sandbox._requests import OnRequest, RequestLog, with_log
from transload_sandbox._seeding import seed_organisation
from transload_sandbox._server import Server, certificates_in, make_certificates
from transload_sandbox.dataverse import DataverseOrg, build_app
from transload_sandbox.kickserv import Company


class DataverseSandbox:
    """Dataverse, seeded with users and a few rows that were there before. A context manager: serving inside.

    Attributes:
        org: The organisation itself; look inside and misbehave here.
        client_id: An application user that may do everything.
        client_secret: Its secret.
        requests: What was asked so far, sign-in included.
    """

    def __init__(
        self,
        company: Company,
        *,
        port: int = 0,
        store: Path | None = None,
        on_request: OnRequest | None = None,
    ) -> None:
        """Prepare an organisation.

        Args:
            company: Whose employees become users.
            port: Port of the https address on loopback; 0 for any.
            store: File that keeps the rows beyond this run; None keeps them in memory.
            on_request: Told of each request after its answer, on a server's thread.
        """
        self.requests = RequestLog("dataverse", on_request)
        self._folder = TemporaryDirectory(prefix="transload-sandbox-")
        self.org = DataverseOrg(store)
        app = with_log(build_app(self.org), self.requests)
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
