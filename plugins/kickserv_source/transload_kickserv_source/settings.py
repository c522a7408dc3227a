"""Settings of the Kickserv source."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from transload_kickserv_source.inferred import InferredReads

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _is_safe_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise ValueError("must look like https://app.kickserv.com")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("must begin with https://: the token would travel in clear text")
    return address.rstrip("/")


class KickservSettings(BaseModel):
    """The ``[kickserv_source]`` table of a project file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Annotated[str, AfterValidator(_is_safe_address)] = "https://app.kickserv.com"
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    """The account's short name, as the browser's address shows it after signing in."""
    api_prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._-]+)*$")] = ""
    """Put before the account in every path; some accounts may need ``/v2``."""
    api_token: SecretStr
    """Token of the account owner, or of an employee who may see everything."""
    connections: Annotated[int, Field(ge=1, le=8)] = 1
    """Requests in flight. Kickserv names no limit; more than one only speeds up the notes' fallback."""
    pause: Annotated[float, Field(ge=0, le=60)] = 0.0
    """Seconds to wait before each request after the first."""
    ca_file: Path | None = None
    """Certificates to trust instead of the usual ones; relative to the client's folder."""
    inferred: InferredReads = InferredReads()

    @property
    def address(self) -> str:
        """Where the account's resources start."""
        return f"{self.base_url}{self.api_prefix}/{self.account}"
