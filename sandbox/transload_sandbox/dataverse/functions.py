"""Functions that are bound to nothing: who am I, which environment is this, what would this look like."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.business.addresses import format_address
from transload_sandbox.dataverse.business.duplicate_search import retrieve_duplicates
from transload_sandbox.dataverse.business.prefilling import initialize_from
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.parameters import json_of, text_of, unbound_parameters
from transload_sandbox.dataverse.seed import VERSION
from transload_sandbox.dataverse.time_zones import local_from_utc, utc_from_local
from transload_sandbox.dataverse.wire import Request, Response, json_response


class FunctionsApi:
    """Serves unbound functions on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str, tenant_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id
        self.tenant_id = tenant_id
        self._functions: Mapping[str, Callable[[Request], Response]] = {
            "WhoAmI": self._who_am_i,
            "RetrieveVersion": self._version,
            "RetrieveCurrentOrganization": self._organization,
            "RetrieveAvailableLanguages": self._available_languages,
            "RetrieveProvisionedLanguages": self._languages,
            "RetrieveTotalRecordCount": self._total_record_count,
            "FormatAddress": self._format_address,
            "InitializeFrom": lambda request: initialize_from(environment, request),
            "RetrieveDuplicates": lambda request: retrieve_duplicates(environment, request),
            "LocalTimeFromUtcTime": lambda request: self._convert(request, "UtcTime", "LocalTime", local_from_utc),
            "UtcTimeFromLocalTime": lambda request: self._convert(request, "LocalTime", "UtcTime", utc_from_local),
        }

    def respond(self, request: Request, name: str) -> Response | None:
        """Answer a function; None when there is none of that name."""
        if name not in self._functions:
            return None
        if request.method != "GET":
            raise errors.no_such_method(request.url)
        return self._functions[name](request)

    def _answer(self, request: Request, name: str, body: Mapping[str, object]) -> dict[str, object]:
        context = f"{request.base}$metadata#Microsoft.Dynamics.CRM.{name}Response"
        return {"@odata.context": context, **body}

    def _who_am_i(self, request: Request) -> Response:
        body = {
            "BusinessUnitId": self.environment.business_unit("systemuser", self.caller_id),
            "UserId": self.caller_id,
            "OrganizationId": self.environment.fixed_id("organization"),
        }
        return json_response(self._answer(request, "WhoAmI", body))

    def _version(self, request: Request) -> Response:
        return json_response(self._answer(request, "RetrieveVersion", {"Version": VERSION}))

    def _languages(self, request: Request) -> Response:
        body = {"RetrieveProvisionedLanguages": [1033]}
        return json_response(self._answer(request, "RetrieveProvisionedLanguages", body))

    def _available_languages(self, request: Request) -> Response:
        return json_response(self._answer(request, "RetrieveAvailableLanguages", {"LocaleIds": [1033]}))

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
        names = json_of(unbound_parameters(request).get("EntityNames") or "[]")
        tables = self.environment.model.tables
        known = [name for name in names if name in tables] if isinstance(names, list) else []
        counts = [self.environment.store.count(tables[name]) for name in known]
        collection = {"Count": len(known), "IsReadOnly": False, "Keys": known, "Values": counts}
        return json_response(
            self._answer(request, "RetrieveTotalRecordCount", {"EntityRecordCountCollection": collection})
        )

    def _format_address(self, request: Request) -> Response:
        given = unbound_parameters(request)
        parts = [text_of(given, name) for name in ("Line1", "City", "StateOrProvince", "PostalCode", "Country")]
        address = format_address([parts[0]], *parts[1:])
        return json_response(self._answer(request, "FormatAddress", {"Address": address}))

    def _convert(
        self, request: Request, name: str, answer: str, convert: Callable[[int, datetime], datetime]
    ) -> Response:
        given = unbound_parameters(request)
        try:
            code, moment = int(given.get("TimeZoneCode", "")), datetime.fromisoformat(given.get(name, ""))
        except ValueError as error:
            raise errors.invalid_argument(f"TimeZoneCode must be a number and {name} a time.") from error
        # The service writes a Z behind local times too.
        converted = convert(code, moment.replace(tzinfo=moment.tzinfo or UTC)).isoformat(timespec="seconds") + "Z"
        function = f"{answer}From{name}"
        return json_response(self._answer(request, function, {answer: converted}))
