"""Settings of the Kickserv source."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from transload_kickserv_source.inferred import InferredReads

Individuals: TypeAlias = Literal["account", "contact", "both"]
InvoiceMark: TypeAlias = Literal["invoice_date", "invoice_sent_date", "invoice_paid_on"]
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
    """Where Kickserv is; of the first generation's hosts (``https://ACCOUNT.kickservapp.com``) each is one account."""
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    """The account's short name, as the browser's address shows it after signing in."""
    api_prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._-]+)*$")] = ""
    """Put before the account in every path; some accounts may need ``/v2``."""
    api_token: SecretStr
    """Token of the account owner, or of an employee who may see everything."""
    connections: Annotated[int, Field(ge=1, le=8)] = 1
    """Requests in flight. Kickserv names no limit; more than one only speeds up what is asked record by record."""
    pause: Annotated[float, Field(ge=0, le=60)] = 0.0
    """Seconds to wait before each request after the first."""
    ca_file: Path | None = None
    """Certificates to trust instead of the usual ones; relative to the client's folder."""
    individuals: Individuals = "account"
    """What a customer that is a person becomes."""
    categories: Literal["column", "families"] = "column"
    """What the categories of items become: a column of the product, or product families."""
    implied_contacts: bool = True
    """Whether the names in a customer's ``contact`` and ``alt_contact`` become contacts of their own."""
    difference_line: bool = True
    """Whether a line carries what a document's charges leave open; without it that is only reported."""
    attachments: bool = True
    """Whether files are fetched. Without it no attachment is read at all."""
    estimate_source: Literal["opportunities_endpoint", "gap_probe", "both", "none"] = "opportunities_endpoint"
    """Where open and lost estimates are found. Where Kickserv has no list of them, numbers are probed."""
    gap_limit: Annotated[int, Field(ge=0, le=1_000_000)] = 5_000
    """How many missing job numbers are asked for at most."""
    invoice_rule: Annotated[tuple[InvoiceMark, ...], Field(min_length=1)] = ("invoice_date",)
    """Columns of a job of which any one says, when it is filled, that there is an invoice."""
    look_back: Annotated[int, Field(ge=0, le=8_760)] = 48
    """Hours. A quick delta reads a finished job anew as long as it was finished within so many."""
    labels: Path | None = None
    """A file with the account's own fields, for accounts that do not tell them; relative to the client's folder."""
    inferred: InferredReads = InferredReads()

    @property
    def address(self) -> str:
        """Where the account's resources start."""
        return f"{self.base_url}{self.api_prefix}{self._folder}"

    @property
    def website(self) -> str:
        """Where the account's pages for people start."""
        return f"{self.base_url}{self._folder}"

    @property
    def _folder(self) -> str:
        """Where in its host the account is: nowhere on a host of the first generation, which is the account's own."""
        host = urlsplit(self.base_url).hostname or ""
        return "" if host.startswith(f"{self.account.lower()}.") else f"/{self.account}"
