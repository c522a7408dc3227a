"""Functions that tell what somebody may do, and whether a row may change its state."""

from collections.abc import Callable, Mapping

from transload_sandbox.dataverse import errors, privileges, states
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.parameters import parse_parameters, unbound_parameters
from transload_sandbox.dataverse.retrieval import referenced_row
from transload_sandbox.dataverse.roles import DEPTH_NAMES, Depth
from transload_sandbox.dataverse.sharing import RIGHTS, Shares, render_mask
from transload_sandbox.dataverse.sharing import TABLE as SHARES
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Request, Response, json_response


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
        answers = {
            "IsValidStateTransition": self._transition,
            "RetrieveSharedPrincipalsAndAccess": self._shares,
            "RetrieveRolePrivilegesRole": self._role,
        }
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
        held = (
            dict.fromkeys(privileges.every(self.environment), Depth.GLOBAL)
            if grants.is_administrator
            else grants.privileges
        )
        return _answer(request, "RetrieveUserPrivileges", self._listed(held, grants.unit_id))

    def _role(self, given: Mapping[str, str]) -> Mapping[str, object]:
        role_id, table = parse_guid(given.get("RoleId")) or "", self.environment.model.tables["role"]
        role = self.environment.store.fetch(table, [role_id]).get(role_id)
        if role is None:
            raise errors.row_missing("role", role_id)
        return self._listed(privileges.granted(self.environment, [role_id]), str(role["businessunitid"]))

    def _listed(self, held: Mapping[str, Depth], unit_id: str) -> Mapping[str, object]:
        listed = [
            {
                "Depth": DEPTH_NAMES[depth],
                "PrivilegeId": privileges.privilege_id(self.environment, name),
                "BusinessUnitId": unit_id,
                "PrivilegeName": name,
            }
            for name, depth in sorted(held.items())
        ]
        return {"RolePrivileges": listed}

    def _access(self, request: Request, kind: str, row: Row, text: str) -> Response:
        table, target = referenced_row(self.environment, parse_parameters(request, text).get("Target", "{}"))
        security = self.environment.security
        grants = security.grants(str(row[f"{kind}id"]), kind)
        held = [name for name, (verb, _) in RIGHTS.items() if security.may(grants, table, verb, target)]
        return _answer(request, "RetrievePrincipalAccess", {"AccessRights": ", ".join(held) or "None"})


def _answer(request: Request, name: str, values: Mapping[str, object]) -> Response:
    return json_response({"@odata.context": f"{request.base}$metadata#Microsoft.Dynamics.CRM.{name}Response", **values})
