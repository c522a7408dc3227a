"""Runs ASGI applications on loopback, each in a thread of its own that ends with the process."""

import asyncio
import socket
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

import trustme
import uvicorn
from starlette.types import ASGIApp

HOST = "127.0.0.1"
_STOP_SECONDS = 10.0
_GRACE_SECONDS = 1.0
"""For answers that are under way when a server ends."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of a certificate authority made up for one sandbox, and of the certificate it signed."""

    ca_file: Path
    """What clients must trust."""
    server_file: Path
    """Private key and chain of the server."""


def certificates_in(folder: Path) -> Certificates:
    """Return where the certificates of a folder are, or will be."""
    return Certificates(folder / "ca.pem", folder / "server.pem")


def make_certificates(folder: Path) -> Certificates:
    """Write a new authority and a certificate for loopback into a folder."""
    authority = trustme.CA(organization_name="transload sandbox")
    certificates = certificates_in(folder)
    authority.cert_pem.write_to_path(str(certificates.ca_file))
    server = authority.issue_cert(HOST, "localhost")
    certificates.server_file.touch(mode=0o600)
    server.private_key_and_cert_chain_pem.write_to_path(str(certificates.server_file))
    return certificates


class PortTakenError(OSError):
    """The port asked for is in use."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} on {HOST} is in use")
        self.remedy = "Name another port, or leave it out to get a free one."


class Server:
    """One application behind one port. A context manager: serving inside, closed outside."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        """Prepare a server; nothing is bound yet.

        Args:
            app: What to serve.
            port: The port; 0 for any free one.
        """
        self._app = app
        self.port = port
        """The port asked for, and inside the context the port served."""
        self._certificates: Certificates | None = None

    def with_tls(self, certificates: Certificates) -> Self:
        """Serve https instead of http; return self."""
        self._certificates = certificates
        return self

    @property
    def url(self) -> str:
        """Address of the application, without a slash at its end."""
        return f"{'https' if self._certificates else 'http'}://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._socket = _bound(self.port)
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=False,
            ssl_certfile=self._certificates.server_file if self._certificates else None,
        )
        self._server = _Prompt(config)
        self._thread = Thread(target=self._server.run, args=([self._socket],), name=f"sandbox-{self.port}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        self._thread.join(_STOP_SECONDS)
        self._socket.close()


class _Prompt(uvicorn.Server):
    """Ends as soon as it is told to; uvicorn looks ten times a second whether to end, then pauses for as long again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = Future[None]()

    def stop(self) -> None:
        """End; for any thread."""
        self.should_exit = True
        self._told.set_result(None)

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await asyncio.wrap_future(self._told)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # connections that nothing is going on in are gone now
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wait_tasks_to_complete(), _GRACE_SECONDS)


def _bound(port: int) -> socket.socket:
    """Return a listening socket: connections made before the server's loop runs wait, they do not fail.

    The protocol is named because asyncio turns Nagle's algorithm off only then; left on, every answer of more
    than one write waits 40 ms for an acknowledgement.

    Raises:
        PortTakenError: Someone else listens there.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortTakenError(port) from error
    return listener
