"""Users, teams, business units and their roles."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from transload_sandbox.dataverse import privileges, roles
from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import duplicate_row, invalid_argument
from transload_sandbox.dataverse.model import Row
from transload_sandbox.dataverse.roles import Depth
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Response, no_content

if TYPE_CHECKING:
    from transload_sandbox.dataverse.business.actions import Call
    from transload_sandbox.dataverse.writer import Writer

_NON_INTERACTIVE = 4


def link(environment: Environment, intersect: str, values: Mapping[str, str]) -> None:
    """Write a row of an intersect table; one that is there already stays."""
    table = environment.model.tables[intersect]
    environment.store.statements(table)
    if environment.store.find_id(table, values) is None:
        row: Row = {**environment.plan(table).template, **values, table.primary_id: environment.new_id()}
        row["versionnumber"] = environment.store.next_version()
        environment.store.insert(table, [row])
    environment.forget_facts()


def unlink(environment: Environment, intersect: str, values: Mapping[str, str]) -> None:
    """Delete a row of an intersect table, if it is there."""
    table = environment.model.tables[intersect]
    environment.store.statements(table)
    rows = environment.store.find(table, values)
    environment.store.delete(table, [str(row[table.primary_id]) for row in rows])
    environment.forget_facts()


def give_roles(environment: Environment, kind: str, principal_id: str, names: Iterable[str]) -> None:
    """Give a user or a team roles of its business unit by name.

    Raises:
        ValueError: The business unit has no role of that name.
    """
    unit = environment.business_unit(kind, principal_id)
    table = environment.model.tables["role"]
    for name in names:
        role_id = environment.store.find_id(table, {"name": name, "businessunitid": unit})
        if role_id is None:
            raise ValueError(f"there is no role {name!r}; there are {', '.join(roles.SHIPPED)}")
        link(environment, f"{kind}roles", {f"{kind}id": principal_id, "roleid": role_id})


def take_roles(environment: Environment, kind: str, principal_id: str) -> None:
    """Take all roles from a user or a team."""
    unlink(environment, f"{kind}roles", {f"{kind}id": principal_id})


def complete_user(_writer: "Writer", change: Change) -> None:
    """Check that a user has a business unit; give an application's user the names that it needs.

    Raises:
        ODataError: It has none.
    """
    row = change.row
    if row["businessunitid"] is None:
        raise invalid_argument("A user needs a business unit.")
    if change.former is None:
        named: Row = {"userlicensetype": -1}
        if row["applicationid"] is not None:
            address = f"{row['applicationid']}@applications.example.com"
            named |= {
                "domainname": address,
                "internalemailaddress": address,
                "lastname": "# Application",
                "fullname": "# Application",
            }
            row["accessmode"] = _NON_INTERACTIVE
        row |= {name: value for name, value in named.items() if row[name] is None}


def complete_team(writer: "Writer", change: Change) -> None:
    """Let the caller administer a new team that names nobody, in the caller's own business unit."""
    row = change.row
    if change.former is None:
        row["administratorid"] = row["administratorid"] or writer.caller_id
        unit = writer.environment.business_unit("systemuser", writer.caller_id)
        row["businessunitid"] = row["businessunitid"] or unit


def furnish_business_unit(writer: "Writer", change: Change) -> None:
    """Give a new business unit its own copies of the roles and its default team."""
    if change.former is None:
        furnish(writer.environment, change.row_id, str(change.row["name"]), writer.caller_id)


def furnish(environment: Environment, unit_id: str, name: str, administrator_id: str) -> None:
    """Make the roles and the default team of a business unit."""
    root_id = environment.fixed_id("business unit")
    organization_id, every = environment.fixed_id("organization"), list(privileges.every(environment))
    for role in roles.SHIPPED:
        root_role = environment.fixed_id(f"role {role}")
        is_root = unit_id == root_id
        role_id = root_role if is_root else environment.fixed_id(f"role {role} of {unit_id}")
        _insert(environment, "role", {
            "roleid": role_id, "roleidunique": role_id, "name": role, "businessunitid": unit_id,
            "parentrootroleid": root_role, "parentroleid": None if is_root else root_role,
            "organizationid": organization_id, "ismanaged": 1, "componentstate": 0,
        })  # fmt: skip
        grants = dict.fromkeys(every, Depth.GLOBAL) if role == roles.ADMINISTRATOR else roles.privileges(role)
        privileges.grant(environment, role_id, grants)
    _insert(environment, "team", {
        "teamid": environment.fixed_id(f"team of {unit_id}"), "name": name, "businessunitid": unit_id,
        "administratorid": administrator_id, "isdefault": 1, "teamtype": 0, "organizationid": organization_id,
    })  # fmt: skip


def _insert(environment: Environment, table_name: str, values: Row) -> None:
    table = environment.model.tables[table_name]
    row: Row = environment.plan(table).template | {name: each for name, each in values.items() if name in table.columns}
    row["versionnumber"] = environment.store.next_version()
    stamps: Row = {
        "createdon": environment.now(),
        "modifiedon": environment.now(),
        "createdby": environment.fixed_id("system user"),
        "modifiedby": environment.fixed_id("system user"),
    }
    row |= {name: value for name, value in stamps.items() if name in row}
    environment.store.insert(table, [row])


# -- actions


def reassign(call: "Call") -> Response:
    """Answer ReassignObjectsSystemUser: everything that a user owns goes to another user or team.

    Raises:
        ODataError: The new owner is missing.
    """
    call.expect(required=("ReassignPrincipal",))
    principal = call.mapping("ReassignPrincipal")
    for kind, entity_set in (("systemuser", "systemusers"), ("team", "teams")):
        guid = parse_guid(principal.get(f"{kind}id") or principal.get("ownerid"))
        stated = str(principal.get("@odata.type") or f"Microsoft.Dynamics.CRM.{kind}").rpartition(".")[2]
        if guid is not None and stated == kind:
            call.fetch(kind, guid)
            _reassign_all(call, f"/{entity_set}({guid})")
            return no_content()
    raise invalid_argument("'ReassignPrincipal' must name a user or a team.")


def _reassign_all(call: "Call", owner: str) -> None:
    assert call.row is not None
    user_id = str(call.row["systemuserid"])
    tables, store = call.environment.model.tables, call.environment.store
    for name in sorted(store.existing):
        table = tables.get(name)
        if table is None or "ownerid" not in table.columns or not table.columns["ownerid"].valid_for_update:
            continue
        changes = [(row, {"ownerid@odata.bind": owner}) for row in store.find(table, {"ownerid": user_id})]
        if changes:
            call.writer.update(table, changes)


def add_members(call: "Call") -> Response:
    """Answer AddMembersTeam.

    Raises:
        ODataError: A user does not exist or is a member already.
    """
    for user_id in _members(call):
        values = {"teamid": str((call.row or {})["teamid"]), "systemuserid": user_id}
        table = call.environment.model.tables["teammembership"]
        call.environment.store.statements(table)
        if call.environment.store.find_id(table, values):
            raise duplicate_row()
        link(call.environment, "teammembership", values)
    return no_content()


def remove_members(call: "Call") -> Response:
    """Answer RemoveMembersTeam."""
    for user_id in _members(call):
        unlink(
            call.environment,
            "teammembership",
            {"teamid": str((call.row or {})["teamid"]), "systemuserid": user_id},
        )
    return no_content()


def _members(call: "Call") -> list[str]:
    call.expect(required=("Members",))
    members = call.value("Members")
    if not isinstance(members, list):
        raise invalid_argument("'Members' must be a list of users.")
    found = [parse_guid(each.get("systemuserid") or each.get("ownerid")) for each in members if isinstance(each, dict)]
    if None in found or len(found) != len(members):
        raise invalid_argument("Every member must have a 'systemuserid'.")
    ids = [str(each) for each in found]
    for user_id in ids:
        call.fetch("systemuser", user_id)
    return ids
