"""Control of the stand-in Kickserv over HTTP: its records, switches, token and faults."""

from dataclasses import asdict

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from transload_sandbox._control import ControlError, Endpoint, answer_json, read_json
from transload_sandbox._faults import add_kickserv_fault, read_kickserv_fault
from transload_sandbox.kickserv import Faults, KickservService, Switches
from transload_sandbox.kickserv.records import add_record, read_fields

_SWITCHES = TypeAdapter(Switches)


class KickservControl:
    """The endpoints that only Kickserv has."""

    def __init__(self, service: KickservService, faults: Faults) -> None:
        self._service, self._faults = service, faults

    def endpoints(self) -> dict[str, tuple[list[str], Endpoint]]:
        """Return the endpoints by their path below ``/_sandbox/``."""
        return {
            "counts": (["GET"], self.counts),
            "switches": (["GET", "PATCH"], self.switches),
            "token": (["GET", "POST"], self.token),
            "faults": (["GET", "POST", "DELETE"], self.faults),
            "records/{kind}": (["GET", "POST"], self.records),
            "records/{kind}/{key:int}": (["GET", "PATCH", "DELETE"], self.record),
        }

    async def counts(self, _request: Request) -> Response:
        """Show how many records there are."""
        return answer_json(self._service.company.counts())

    async def switches(self, request: Request) -> Response:
        """Show the switches, or change some."""
        switches = self._service.switches
        if request.method == "PATCH":
            wanted = {**asdict(switches), **await read_json(request)}
            if wanted.keys() > asdict(switches).keys():
                raise ControlError(f"the switches are {', '.join(asdict(switches))}")
            try:
                changed = _SWITCHES.validate_python(wanted)
            except ValidationError as error:
                raise ControlError(str(error)) from error
            for name in wanted:
                setattr(switches, name, getattr(changed, name))
        shown = {name: sorted(value) if isinstance(value, set) else value for name, value in asdict(switches).items()}
        return answer_json(shown)

    async def token(self, request: Request) -> Response:
        """Show the tokens; POST gives the owner a new one, the ``token`` in the body or a made up one."""
        if request.method == "POST":
            wanted = (await read_json(request)).get("token")
            self._service.reset_token(*([str(wanted)] if wanted else []))
        return answer_json({"token": self._service.token, "limited_token": self._service.limited_token})

    async def faults(self, request: Request) -> Response:
        """Show, queue or clear faults."""
        if request.method == "POST":
            entry = read_kickserv_fault(await read_json(request))
            add_kickserv_fault(entry, self._faults, self._service)
        elif request.method == "DELETE":
            self._faults.clear()
        return answer_json(self._faults.waiting())

    async def records(self, request: Request) -> Response:
        """Show the keys of a kind of record, or add one."""
        kind, company = request.path_params["kind"], self._service.company
        if request.method == "POST":
            _ = company.tables[kind]
            return answer_json(add_record(company, kind, await read_json(request)), 201)
        with company.lock:
            return answer_json(company.tables[kind].keys())

    async def record(self, request: Request) -> Response:
        """Show, change or delete a record. With ``?stale=true`` a change keeps the old ``updated-at``."""
        kind, key, company = request.path_params["kind"], request.path_params["key"], self._service.company
        if request.method == "DELETE":
            company.delete(kind, key)
            return Response(status_code=204)
        if request.method == "PATCH":
            _ = company.tables[kind]
            fields = read_fields(kind, await read_json(request))
            stale = request.query_params.get("stale") == "true"
            return answer_json(company.update(kind, key, stale=stale, fields=fields))
        row = company.tables[kind].get(key)
        if row is None:
            raise KeyError(f"{kind}/{key}")
        return answer_json(row)
