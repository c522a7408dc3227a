"""Sign-in on the web: where a tenant is discovered and where its tokens are issued."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from transload_sandbox.dataverse.org import DataverseOrg
from transload_sandbox.dataverse.tokens import SignInError

Endpoint = Callable[[Request], Awaitable[Response]]


def origin_of(request: Request) -> str:
    """Return scheme and host that a request was sent to."""
    return f"{request.url.scheme}://{request.url.netloc}"


class SignIn:
    """The token endpoints of the organisation's tenant, of both versions."""

    def __init__(self, org: DataverseOrg) -> None:
        self.org = org

    def routes(self) -> list[Route]:
        """Return where a tenant is discovered and where its tokens are issued."""
        tokens = self.org.tokens
        return [
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._discover(tokens.openid_configuration)),
            Route("/{tenant}/.well-known/openid-configuration", self._discover(tokens.openid_configuration_v1)),
            Route("/{tenant}/oauth2/v2.0/token", self._issue(tokens.issue), methods=["POST"]),
            Route("/{tenant}/oauth2/token", self._issue(tokens.issue_v1), methods=["POST"]),
        ]

    def _check_tenant(self, request: Request) -> None:
        tenant = request.path_params["tenant"]
        if tenant.lower() != self.org.tenant_id:
            raise SignInError(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found.")

    def _discover(self, configure: Callable[[str], dict[str, object]]) -> Endpoint:
        async def discover(request: Request) -> Response:
            try:
                self._check_tenant(request)
            except SignInError as error:
                return self._refuse(error)
            return JSONResponse(configure(origin_of(request)))

        return discover

    def _issue(self, answer: Callable[[Mapping[str, str]], dict[str, object]]) -> Endpoint:
        async def issue(request: Request) -> Response:
            body = (await request.body()).decode()
            form = {name: values[-1] for name, values in parse_qs(body).items()}
            try:
                self._check_tenant(request)
                form |= _basic(request.headers.get("authorization", ""))
                return JSONResponse(answer(form), headers={"Cache-Control": "no-store, no-cache"})
            except SignInError as error:
                return self._refuse(error)

        return issue

    def _refuse(self, error: SignInError) -> Response:
        trace = self.org.tokens.derive("trace")
        body = {
            "error": error.error,
            "error_description": f"AADSTS{error.code}: {error.text} Trace ID: {trace} "
            f"Correlation ID: {trace} Timestamp: {self.org.environment.now()}",
            "error_codes": [error.code],
            "timestamp": self.org.environment.now(),
            "trace_id": trace,
            "correlation_id": trace,
        }
        return JSONResponse(body, status_code=error.status)


def _basic(authorization: str) -> dict[str, str]:
    """Return application and secret when a client sends them in a header, percent-encoded as RFC 6749 asks.

    Raises:
        SignInError: The header cannot be read.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError as error:
        text = "The 'Authorization' header cannot be read."
        raise SignInError(401, "invalid_client", 7000216, text) from error
    return {"client_id": unquote(client_id), "client_secret": unquote(secret)}
