"""The two systems together: a company in Kickserv, and a Dataverse organisation that awaits it."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from transload_sandbox._dataverse import DataverseSandbox
from transload_sandbox._kickserv import KickservSandbox
from transload_sandbox._requests import OnRequest
from transload_sandbox._seeding import FALLBACK_OWNER


class Sandbox:
    """Both systems, from the same company.

        with Sandbox(customers=200, seed=7) as sandbox:
            sandbox.kickserv.company.update_customer(3, name="Odette Lomax")
            sandbox.dataverse.org.digest()

    Attributes:
        kickserv: The source.
        dataverse: The target.
    """

    def __init__(
        self,
        *,
        customers: int = 200,
        seed: int = 7,
        kickserv_port: int = 0,
        dataverse_port: int = 0,
        store: Path | None = None,
        on_request: OnRequest | None = None,
    ) -> None:
        """Prepare both systems.

        Args:
            customers: Size of the company.
            seed: Which company.
            kickserv_port: Port of Kickserv; 0 for any.
            dataverse_port: Port of Dataverse's https address; 0 for any.
            store: File that keeps the Dataverse rows beyond this run; None keeps them in memory.
            on_request: Told of each request after its answer, on a server's thread.
        """
        self.kickserv = KickservSandbox(customers=customers, seed=seed, port=kickserv_port, on_request=on_request)
        self.dataverse = DataverseSandbox(
            self.kickserv.company, port=dataverse_port, store=store, on_request=on_request
        )

    def environment(self) -> dict[str, str]:
        """Return the secrets, as environment variables of a project that uses both systems."""
        return {
            "TRANSLOAD_KICKSERV_SOURCE__API_TOKEN": self.kickserv.token,
            "TRANSLOAD_DYNAMICS_SINK__CLIENT_SECRET": self.dataverse.client_secret,
        }

    def project_file(self, name: str = "demo") -> str:
        """Return a ``transload.toml`` that points at both systems; it holds no secret."""
        return f"""\
[project]
name = "{name}"
plugins = ["kickserv_source", "dynamics_sink"]

[kickserv_source]
base_url = "{self.kickserv.base_url}"
account = "{self.kickserv.account}"

[dynamics_sink]
url = "{self.dataverse.url}"
authority = "{self.dataverse.authority}"
client_id = "{self.dataverse.client_id}"
ca_file = "{self.dataverse.ca_file.as_posix()}"
publisher_prefix = "ks"
fallback_owner = "{FALLBACK_OWNER}"
"""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.dataverse)
            stack.enter_context(self.kickserv)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
