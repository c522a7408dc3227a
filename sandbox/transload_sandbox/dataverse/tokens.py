"""Sign-in: the token endpoints of Microsoft Entra ID, for client credentials of application users.

The endpoint of version 2 takes a ``scope``, the older one a ``resource`` and answers with numbers as text. Tokens
are signed with a key of the organisation, so they survive a restart; they expire, and all of them can be revoked.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from transload_sandbox.dataverse.values import new_guid


@dataclass(frozen=True, slots=True)
class AppUser:
    """An application with a user in the organisation."""

    client_id: str
    client_secret: str
    user_id: str


@dataclass(frozen=True, slots=True)
class SignInError(Exception):
    """A refusal of the token endpoint."""

    status: int
    error: str
    code: int
    text: str


class TokenService:
    """Issues and checks the tokens of one tenant."""

    def __init__(self, tenant_id: str, key: str, lifetime: int, clock: Callable[[], float]) -> None:
        """Open the service.

        Args:
            tenant_id: The tenant.
            key: What tokens are signed with.
            lifetime: Seconds until a token expires.
            clock: Returns epoch seconds.
        """
        self.tenant_id = tenant_id
        self.lifetime = lifetime
        self.applications: dict[str, AppUser] = {}
        self._key = key.encode()
        self._clock = clock
        self._generation = 0

    def derive(self, name: str) -> str:
        """Return a value that depends on the organisation and a name, for ids and secrets of the sandbox."""
        return new_guid(hmac.digest(self._key, name.encode(), hashlib.sha256))

    def revoke_all(self) -> None:
        """Make every token that was issued so far invalid."""
        self._generation += 1

    def openid_configuration(self, origin: str) -> dict[str, object]:
        """Return what a client discovers about the tenant."""
        tenant = f"{origin}/{self.tenant_id}"
        return {
            "issuer": f"{tenant}/v2.0",
            "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{tenant}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{tenant}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def openid_configuration_v1(self, origin: str) -> dict[str, object]:
        """Return what a client discovers about the tenant for the older endpoint."""
        tenant = f"{origin}/{self.tenant_id}"
        return self.openid_configuration(origin) | {
            "issuer": f"{tenant}/",
            "authorization_endpoint": f"{tenant}/oauth2/authorize",
            "token_endpoint": f"{tenant}/oauth2/token",
            "device_authorization_endpoint": f"{tenant}/oauth2/devicecode",
            "jwks_uri": f"{origin}/common/discovery/keys",
        }

    def issue_v1(self, form: Mapping[str, str]) -> dict[str, object]:
        """Return the answer of the older token endpoint, which is asked for a ``resource``.

        Raises:
            SignInError: The form does not name a known application with its secret, or no resource.
        """
        client_id, resource = self._authenticate(form), form.get("resource", "")
        if not resource:
            text = "The request body must contain the following parameter: 'resource'."
            raise SignInError(400, "invalid_request", 900144, text)
        now = int(self._clock())
        return {
            "token_type": "Bearer",
            "expires_in": str(self.lifetime),
            "ext_expires_in": str(self.lifetime),
            "expires_on": str(now + self.lifetime),
            "not_before": str(now),
            "resource": resource,
            "access_token": self._sign(client_id, resource.rstrip("/")),
        }

    def issue(self, form: Mapping[str, str]) -> dict[str, object]:
        """Return the answer of the token endpoint to a form.

        Raises:
            SignInError: The form does not name a known application with its secret, or no valid scope.
        """
        client_id, scope = self._authenticate(form), form.get("scope", "")
        if not scope.endswith("/.default"):
            text = f"The provided request must include a valid scope. The scope {scope} is not valid."
            raise SignInError(400, "invalid_scope", 70011, text)
        return {
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "ext_expires_in": self.lifetime,
            "access_token": self._sign(client_id, scope.removesuffix("/.default").rstrip("/")),
        }

    def _authenticate(self, form: Mapping[str, str]) -> str:
        """Return the application that a form names, once its secret is checked."""
        if form.get("grant_type") != "client_credentials":
            raise SignInError(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        client_id = form.get("client_id", "").lower()
        application = self.applications.get(client_id)
        if application is None:
            text = f"Application with identifier '{client_id}' was not found in the directory."
            raise SignInError(400, "unauthorized_client", 700016, text)
        if not hmac.compare_digest(form.get("client_secret", "").encode(), application.client_secret.encode()):
            text = f"Invalid client secret provided. Ensure the secret is correct for app '{client_id}'."
            raise SignInError(401, "invalid_client", 7000215, text)
        return client_id

    def _sign(self, client_id: str, audience: str) -> str:
        now = self._clock()
        claims = {
            "aud": audience,
            "appid": client_id,
            "tid": self.tenant_id,
            "iat": int(now),
            "exp": now + self.lifetime,
            "gen": self._generation,
        }
        head = _encode(orjson.dumps({"typ": "JWT", "alg": "HS256"})) + b"." + _encode(orjson.dumps(claims))
        return (head + b"." + _encode(hmac.digest(self._key, head, hashlib.sha256))).decode()

    def check(self, authorization: str, origin: str) -> AppUser | None:
        """Return the application that a header signs in.

        None for no token, and for a false, an old or somebody else's one.
        """
        scheme, _, token = authorization.partition(" ")
        head, _, signature = token.encode().rpartition(b".")
        expected = _encode(hmac.digest(self._key, head, hashlib.sha256))
        if scheme.lower() != "bearer" or not hmac.compare_digest(signature, expected):
            return None
        claims = orjson.loads(base64.urlsafe_b64decode(head.partition(b".")[2] + b"=="))
        stale = claims["exp"] <= self._clock() or claims["gen"] != self._generation
        if stale or urlsplit(claims["aud"]).netloc != urlsplit(origin).netloc:
            return None
        return self.applications.get(claims["appid"])


def _encode(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
