"""The ``[dynamics_sink]`` table of a project file."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

_PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
_RESERVED_PREFIXES = ("mscrm", "msdyn")


class DynamicsSettings(BaseModel):
    """Which environment to write to, as whom, and under which names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: AnyHttpUrl
    """Address of the environment: ``https://contoso.crm4.dynamics.com``."""
    tenant_id: str | None = None
    """Entra tenant, as GUID or domain."""
    authority: AnyHttpUrl | None = None
    """Where to sign in, whole, for clouds other than the public one. Instead of ``tenant_id``."""
    client_id: Annotated[str, Field(min_length=1)]
    """Id of the app registration that an application user of the environment stands for."""
    client_secret: SecretStr
    ca_file: Path | None = None
    """Certificates to trust instead of the usual ones, in PEM; relative to the client's folder."""
    publisher_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,7}$")]
    """Begins the names of all columns and keys that ``prepare`` creates."""
    solution: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,64}$")] = "transload_migration"
    """Unique name of the solution that holds what ``prepare`` creates; made when missing."""
    fallback_owner: Annotated[str, Field(min_length=3)]
    """E-mail of the enabled user who owns what belongs to nobody else."""
    edition: Literal["enterprise", "professional"] | None = None
    """Which Dynamics 365 Sales the client has licensed; the environment itself does not say."""
    bypass_custom_logic: bool = False
    """Whether the environment's own plug-ins, workflows and flows are skipped. Needs a privilege
    that System Administrators have; logic of Microsoft's own solutions always runs."""
    key_wait_seconds: Annotated[int, Field(ge=10)] = 1800
    """How long ``prepare`` waits for the index of a new alternate key."""

    @field_validator("publisher_prefix")
    @classmethod
    def _is_free(cls, value: str) -> str:
        if value.startswith(_RESERVED_PREFIXES):
            raise ValueError("prefixes that begin with mscrm or msdyn belong to Microsoft")
        return value

    @field_validator("url", "authority")
    @classmethod
    def _is_encrypted(cls, value: AnyHttpUrl | None) -> AnyHttpUrl | None:
        if value is not None and value.scheme != "https":
            raise ValueError("must start with https: a token travels over it")
        return value

    @model_validator(mode="after")
    def _knows_where_to_sign_in(self) -> Self:
        if (self.tenant_id is None) == (self.authority is None):
            raise ValueError("needs `tenant_id` or `authority`, and not both")
        return self

    @property
    def address(self) -> str:
        """The environment's address without a trailing slash."""
        return str(self.url).rstrip("/")

    @property
    def sign_in_address(self) -> str:
        """The authority without a trailing slash."""
        return str(self.authority or f"{_PUBLIC_AUTHORITY}/{self.tenant_id}").rstrip("/")
