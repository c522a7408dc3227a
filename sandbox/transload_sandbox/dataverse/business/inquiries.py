"""Functions that tell what somebody may do, and whether a row may change its state."""

from collections.abc import Callable, Mapping

from transload_sandbox.dataverse import errors, roles, states
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.parameters import parse_parameters, unbound_parameters
from transload_sandbox.dataverse.retrieval import referenced_row
from transload_sandbox.dataverse.roles import Depth
from transload_sandbox.dataverse.security import Grants, privilege_name
from transload_sandbox.dataverse.sharing import RIGHTS, Shares, render_mask
from transload_sandbox.dataverse.sharing import TABLE as SHARES
from transload_sandbox.dataverse.wire import Request, Response, json_response

_DEPTHS = {Depth.BASIC: "Basic", Depth.LOCAL: "Local", Depth.DEEP: "Deep", Depth.GLOBAL: "Global"}


class InquiriesApi:
    """Serves functions about rights and states."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._bound: Mapping[str, Callable[[Request, str, Row, str], Response]] = {
            "RetrieveUserPrivileges": self._privileges,
            "RetrieveUserSetOfPrivilegesByIds": self._privileges,
            "RetrievePrincipalAccess": self._access,
        }

    def on_row(self, request: Request, table: Table, text: str, row: Row) -> Response | None:
        """Answer a function that is bound to a user or team; None when there is none of that name."""
        name, _, rest = text.partition("(")
        if name not in self._bound or table.name not in {"systemuser", "team"}:
            return None
        if request.method != "GET":
            raise errors.no_such_method(request.url)
        return self._bound[name](request, table.name, row, rest.removesuffix(")"))

    def unbound(self, request: Request, name: str) -> Response | None:
        """Answer a function that is bound to nothing; None when there is none of that name."""
        answers = {"IsValidStateTransition": self._transition, "RetrieveSharedPrincipalsAndAccess": self._shares}
        if name not in answers:
            return None
        if request.method != "GET":
            raise errors.no_such_method(request.url)
        return _answer(request, name, answers[name](unbound_parameters(request)))

    def _shares(self, given: Mapping[str, str]) -> Mapping[str, object]:
        table, row = referenced_row(self.environment, given.get("Target", "{}"))
        shares = Shares(self.environment.store, self.environment.model.tables[SHARES])
        listed = [
            {
                "AccessMask": render_mask(int(str(share["accessrightsmask"]))),
                "Principal": {
                    "@odata.type": f"#Microsoft.Dynamics.CRM.{share['principaltypecode']}",
                    f"{share['principaltypecode']}id": share["principalid"],
                    "ownerid": share["principalid"],
                },
            }
            for share in shares.of_row(str(row[table.primary_id]))
        ]
        return {"PrincipalAccesses": listed}

    def _transition(self, given: Mapping[str, str]) -> Mapping[str, object]:
        table, row = referenced_row(self.environment, given.get("Entity", "{}"))
        wanted = given.get("NewState", "").strip("'")
        found = [
            state for state in table.states.values()
            if str(state.value) == wanted or state.label.replace(" ", "").lower() == wanted.replace(" ", "").lower()
        ]  # fmt: skip
        status = int(given.get("NewStatus", "-1"))
        is_valid = bool(found) and states.allows(table, int(str(row["statecode"])), found[0].value)
        is_valid = is_valid and (status == -1 or status in found[0].statuses)
        return {"IsValid": is_valid}

    def _privileges(self, request: Request, kind: str, row: Row, _parameters: str) -> Response:
        grants = self.environment.security.grants(str(row[f"{kind}id"]), kind)
        listed = [
            {
                "Depth": _DEPTHS[depth],
                "PrivilegeId": self.environment.fixed_id(f"privilege {name}"),
                "BusinessUnitId": grants.unit_id,
                "PrivilegeName": name,
            }
            for name, depth in sorted(self._list(grants).items())
        ]
        return _answer(request, "RetrieveUserPrivileges", {"RolePrivileges": listed})

    def _list(self, grants: Grants) -> Mapping[str, Depth]:
        if not grants.is_administrator:
            return grants.privileges
        names = {
            privilege_name(table, verb) for table in self.environment.model.tables.values() for verb in roles.VERBS
        }
        return dict.fromkeys((*names, *roles.SPECIAL), Depth.GLOBAL)

    def _access(self, request: Request, kind: str, row: Row, text: str) -> Response:
        table, target = referenced_row(self.environment, parse_parameters(request, text).get("Target", "{}"))
        security = self.environment.security
        grants = security.grants(str(row[f"{kind}id"]), kind)
        held = [name for name, (verb, _) in RIGHTS.items() if security.may(grants, table, verb, target)]
        return _answer(request, "RetrievePrincipalAccess", {"AccessRights": ", ".join(held) or "None"})


def _answer(request: Request, name: str, values: Mapping[str, object]) -> Response:
    return json_response({"@odata.context": f"{request.base}$metadata#Microsoft.Dynamics.CRM.{name}Response", **values})
