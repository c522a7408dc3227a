"""Functions and actions that are bound to nothing: who am I, which environment is this, close a case."""

from collections.abc import Callable, Mapping

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row
from transload_sandbox.dataverse.seed import VERSION
from transload_sandbox.dataverse.wire import Request, Response, json_response, no_content
from transload_sandbox.dataverse.writer import Writer

DOP_HINT = 10
_OPEN_STATES = (0, 3)


class FunctionsApi:
    """Serves unbound functions and actions on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str, tenant_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id
        self.tenant_id = tenant_id
        self._functions: Mapping[str, Callable[[Request], Response]] = {
            "WhoAmI": self._who_am_i,
            "RetrieveVersion": self._version,
            "RetrieveCurrentOrganization": self._organization,
            "RetrieveProvisionedLanguages": self._languages,
            "RetrieveTotalRecordCount": self._total_record_count,
        }
        self._actions: Mapping[str, Callable[[Request], Response]] = {"CloseIncident": self._close_incident}

    def respond(self, request: Request, name: str) -> Response | None:
        """Answer a function or action; None when there is none of that name."""
        if name in self._functions:
            if request.method != "GET":
                raise errors.no_such_method(request.url)
            return self._functions[name](request)
        if name in self._actions:
            if request.method != "POST":
                raise errors.no_such_method(request.url)
            return self._actions[name](request)
        return None

    def _answer(self, request: Request, name: str, body: Mapping[str, object]) -> dict[str, object]:
        context = f"{request.base}$metadata#Microsoft.Dynamics.CRM.{name}Response"
        return {"@odata.context": context, **body}

    def _who_am_i(self, request: Request) -> Response:
        body = {
            "BusinessUnitId": self.environment.business_unit("systemuser", self.caller_id),
            "UserId": self.caller_id,
            "OrganizationId": self.environment.fixed_id("organization"),
        }
        return json_response(self._answer(request, "WhoAmI", body), 200, ("x-ms-dop-hint", str(DOP_HINT)))

    def _version(self, request: Request) -> Response:
        return json_response(self._answer(request, "RetrieveVersion", {"Version": VERSION}))

    def _languages(self, request: Request) -> Response:
        body = {"RetrieveProvisionedLanguages": [1033]}
        return json_response(self._answer(request, "RetrieveProvisionedLanguages", body))

    def _organization(self, request: Request) -> Response:
        root = request.base.partition("api/data/")[0]
        name = str(self.environment.organization()["name"])
        services = ["WebApplication", "OrganizationService", "OrganizationDataService"]
        addresses = ["", "XRMServices/2011/Organization.svc", "XRMServices/2011/OrganizationData.svc"]
        detail = {
            "OrganizationId": self.environment.fixed_id("organization"),
            "FriendlyName": name.removeprefix("unq").title(),
            "OrganizationVersion": VERSION,
            "EnvironmentId": self.environment.fixed_id("environment"),
            "DatacenterId": self.environment.fixed_id("datacenter"),
            "Geo": "NA",
            "TenantId": self.tenant_id,
            "UrlName": name.removeprefix("unq"),
            "UniqueName": name,
            "State": "Enabled",
            "OrganizationType": "CustomerTest",
            "Endpoints": {
                "Count": 3,
                "IsReadOnly": False,
                "Keys": services,
                "Values": [root + address for address in addresses],
            },
        }
        return json_response(self._answer(request, "RetrieveCurrentOrganization", {"Detail": detail}))

    def _total_record_count(self, request: Request) -> Response:
        names = [part.strip(' "') for part in request.query.get("@p1", "[]").strip("[]").split(",")]
        tables = self.environment.model.tables
        known = [name for name in names if name in tables]
        counts = [self.environment.store.count(tables[name]) for name in known]
        collection = {"Count": len(known), "IsReadOnly": False, "Keys": known, "Values": counts}
        return json_response(
            self._answer(request, "RetrieveTotalRecordCount", {"EntityRecordCountCollection": collection})
        )

    # -- actions

    def _close_incident(self, request: Request) -> Response:
        """Resolve a case: the close activity is created, the case becomes read-only."""
        tables, store = self.environment.model.tables, self.environment.store
        body = request.json("incidents")
        resolution = body.get("IncidentResolution")
        if not isinstance(resolution, dict) or not isinstance(resolution.get("incidentid@odata.bind"), str):
            raise errors.invalid_argument("Required parameter 'IncidentResolution' or its incidentid is missing.")
        writer = Writer(self.environment, self.caller_id)
        _, incident_id = writer.lookups.resolve(resolution["incidentid@odata.bind"], ["incident"])
        row = store.fetch(tables["incident"], [incident_id]).get(incident_id)
        if row is None:
            raise errors.row_missing("incident", incident_id)
        if row["statecode"] != 0:
            raise ODataError(400, "0x80044411", "The incident has already been closed or canceled.")
        if self._has_open_activities(incident_id):
            raise ODataError(
                400,
                "0x8004440a",
                "The incident can not be closed because there are open activities for this incident.",
            )
        status = body.get("Status")
        change: dict[str, object] = {"statecode": 1}
        if status != -1:
            change["statuscode"] = status
        with self.environment.transaction():
            [closing] = writer.create(tables["incidentresolution"], [resolution])
            writer.update(tables["incidentresolution"], [(closing, {"statecode": 1})], by_message=True)
            writer.update(tables["incident"], [(row, change)], by_message=True)
        return no_content()

    def _has_open_activities(self, incident_id: str) -> bool:
        for name in self.environment.store.existing:
            table = self.environment.model.tables.get(name)
            if table is not None and table.is_activity and "regardingobjectid" in table.columns:
                for state in _OPEN_STATES:
                    wanted: Row = {"regardingobjectid": incident_id, "statecode": state}
                    if self.environment.store.find(table, wanted, 1):
                        return True
        return False
