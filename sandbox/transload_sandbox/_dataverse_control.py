"""Control of the stand-in Dataverse over HTTP: its own log, tokens and faults."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from transload_sandbox._control import Endpoint, answer_json, read_json
from transload_sandbox._faults import read_dataverse_fault
from transload_sandbox.dataverse import DataverseOrg


class DataverseControl:
    """The endpoints that only Dataverse has."""

    def __init__(self, org: DataverseOrg) -> None:
        self._org = org

    def endpoints(self) -> dict[str, tuple[list[str], Endpoint]]:
        """Return the endpoints by their path below ``/_sandbox/``."""
        return {
            "requests": (["GET"], self.requests),
            "faults": (["GET", "POST", "DELETE"], self.faults),
            "tokens": (["DELETE"], self.tokens),
        }

    async def requests(self, _request: Request) -> Response:
        """Show the organisation's own log."""
        return answer_json([asdict(logged) for logged in self._org.requests])

    async def faults(self, request: Request) -> Response:
        """Show, queue or clear faults."""
        if request.method == "POST":
            self._org.faults.add(read_dataverse_fault(await read_json(request)))
        elif request.method == "DELETE":
            self._org.faults.clear()
        return answer_json(self._org.faults.waiting())

    async def tokens(self, _request: Request) -> Response:
        """Revoke all tokens."""
        self._org.tokens.revoke_all()
        return Response(status_code=204)
