"""Privileges that are added to a role, replaced and removed.

Fact: names and parameters of the three actions are stated in the action reference.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from transload_sandbox.dataverse import privileges
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.roles import DEPTH_NAMES, Depth
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Response, no_content

if TYPE_CHECKING:
    from transload_sandbox.dataverse.business.actions import Call

_DEPTHS = {name: depth for depth, name in DEPTH_NAMES.items()}


def add(call: "Call") -> Response:
    """Answer AddPrivilegesRole.

    Raises:
        ODataError: A privilege has no known id or name, or no depth that there is.
    """
    call.expect(required=("Privileges",))
    privileges.grant(call.environment, _role_id(call), _wanted(call))
    return no_content()


def replace(call: "Call") -> Response:
    """Answer ReplacePrivilegesRole: the role grants these privileges and no others.

    Raises:
        ODataError: A privilege has no known id or name, or no depth that there is.
    """
    call.expect(required=("Privileges",))
    wanted = _wanted(call)
    privileges.revoke(call.environment, _role_id(call))
    privileges.grant(call.environment, _role_id(call), wanted)
    return no_content()


def remove(call: "Call") -> Response:
    """Answer RemovePrivilegeRole.

    Raises:
        ODataError: The id is none.
    """
    call.expect(required=("PrivilegeId",))
    privileges.revoke(call.environment, _role_id(call), [call.guid("PrivilegeId")])
    return no_content()


def _role_id(call: "Call") -> str:
    call.environment.security.demand("prvAssignRole")
    return str((call.row or {})["roleid"])


def _wanted(call: "Call") -> dict[str, Depth]:
    listed = call.value("Privileges")
    return dict(_read(call, each) for each in listed) if isinstance(listed, list) else {}


def _read(call: "Call", entry: object) -> tuple[str, Depth]:
    facts = entry if isinstance(entry, Mapping) else {}
    depth = str(facts.get("Depth", "Basic"))
    row_id = parse_guid(facts.get("PrivilegeId")) or privileges.privilege_id(
        call.environment, str(facts.get("PrivilegeName"))
    )
    name = privileges.names(call.environment, [row_id]).get(row_id)
    if name is None or depth not in _DEPTHS:
        named = facts.get("PrivilegeName") or facts.get("PrivilegeId")
        raise ODataError(400, "0x80040203", f"The privilege '{named}' with the depth '{depth}' is invalid.")
    return name, _DEPTHS[depth]
