"""The two systems together: a company in Kickserv, and a Dataverse organisation that awaits it."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from transload_sandbox._changes import Change
from transload_sandbox._clock import Clock
from transload_sandbox._dataverse import DataverseSandbox
from transload_sandbox._faults import SandboxFaults
from transload_sandbox._kickserv import KickservSandbox
from transload_sandbox._requests import OnRequest, SeenRequest
from transload_sandbox._seeding import FALLBACK_OWNER
from transload_sandbox._system import Serving
from transload_sandbox.dataverse.limits import Limits


class Sandbox(Serving):
    """Both systems, from the same company.

        with Sandbox(customers=200, seed=7) as sandbox:
            sandbox.kickserv.company.update_customer(3, name="Odette Lomax")
            sandbox.dataverse.org.digest()

    Attributes:
        kickserv: The source.
        dataverse: The target.
        faults: Trouble for both.
        clock: The time of both.
    """

    def __init__(  # noqa: PLR0913  # keywords, one for each option
        self,
        *,
        customers: int = 200,
        seed: int = 7,
        kickserv_port: int = 0,
        dataverse_port: int = 0,
        store: Path | None = None,
        on_request: OnRequest | None = None,
        latency: float = 0.0,
        limits: Limits | None = None,
        edition: str | None = None,
        field_service: bool | None = None,
        customer_service: bool | None = None,
    ) -> None:
        """Prepare both systems.

        Args:
            customers: Size of the company.
            seed: Which company.
            kickserv_port: Port of Kickserv; 0 for any.
            dataverse_port: Port of Dataverse's https address; 0 for any.
            store: File that keeps the Dataverse rows beyond this run; None keeps them in memory.
            on_request: Told of each request after its answer, on a server's thread.
            latency: Seconds that every answer of both systems takes at least.
            limits: Service protection limits of Dataverse; none are enforced when left out.
            edition: Which Sales is installed in Dataverse; the organisation's own default when left out.
            field_service: Whether Field Service is installed; likewise.
            customer_service: Whether Customer Service is installed; likewise.
        """
        self.clock = Clock()
        self.kickserv = KickservSandbox(
            customers=customers,
            seed=seed,
            port=kickserv_port,
            on_request=on_request,
            latency=latency,
            clock=self.clock,
        )
        self.dataverse = DataverseSandbox(
            self.kickserv.company,
            port=dataverse_port,
            store=store,
            on_request=on_request,
            latency=latency,
            clock=self.clock,
            limits=limits,
            edition=edition,
            field_service=field_service,
            customer_service=customer_service,
        )
        self.faults = SandboxFaults(self.kickserv.faults, self.kickserv.service, self.dataverse.org)

    @property
    def requests(self) -> list[SeenRequest]:
        """What both systems, and the storage host, were asked so far, oldest first."""
        logs = (self.kickserv.requests, self.kickserv.storage_requests, self.dataverse.requests)
        return sorted((request for log in logs for request in log.find()), key=lambda request: request.at)

    def snapshot(self, name: str = "") -> None:
        """Remember the present state of both systems under a name."""
        self.kickserv.snapshot(name)
        self.dataverse.snapshot(name)

    def restore(self, name: str = "") -> None:
        """Bring both systems back to a remembered state.

        Raises:
            KeyError: Nothing was remembered under this name.
        """
        self.kickserv.restore(name)
        self.dataverse.restore(name)

    def changes(self, name: str = "") -> dict[str, list[Change]]:
        """Return by system what differs from a remembered state.

        Raises:
            KeyError: Nothing was remembered under this name.
        """
        return {"kickserv": self.kickserv.changes(name), "dataverse": self.dataverse.changes(name)}

    def addresses(self) -> dict[str, dict[str, str]]:
        """Return addresses and credentials of both systems, for scripts."""
        kickserv, dataverse = self.kickserv, self.dataverse
        return {
            "kickserv": {
                "base_url": kickserv.base_url,
                "account": kickserv.account,
                "token": kickserv.token,
                "limited_token": kickserv.limited_token,
                "storage_url": kickserv.service.storage_url,
            },
            "dataverse": {
                "url": dataverse.url,
                "http_url": dataverse.http_url,
                "authority": dataverse.authority,
                "tenant_id": dataverse.tenant_id,
                "client_id": dataverse.client_id,
                "client_secret": dataverse.client_secret,
                "ca_file": str(dataverse.ca_file),
            },
        }

    def environment(self) -> dict[str, str]:
        """Return the secrets, as environment variables of a project that uses both systems."""
        return {
            "TRANSLOAD_KICKSERV_SOURCE__API_TOKEN": self.kickserv.token,
            "TRANSLOAD_DYNAMICS_SINK__CLIENT_SECRET": self.dataverse.client_secret,
        }

    def project_file(self, name: str = "demo", options: Sequence[str] = ()) -> str:
        """Return a ``transload.toml`` that points at both systems; it holds no secret.

        Args:
            name: The client's name.
            options: Plugins that are on beside the source and the sink.
        """
        plugins = ", ".join(f'"{plugin}"' for plugin in ("kickserv_source", "dynamics_sink", *options))
        return f"""\
[project]
name = "{name}"
plugins = [{plugins}]

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

    def _serve(self, stack: ExitStack) -> None:
        stack.enter_context(self.dataverse)
        stack.enter_context(self.kickserv)
