"""Owners of rows: what follows from them, and who can be one."""

from transload_sandbox.dataverse import roles
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError, row_missing
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.privileges import privilege_name


def derive(environment: Environment, row: Row) -> None:
    """Fill in the columns that follow from the owner.

    Raises:
        ODataError: There is no such user or team.
    """
    owner, kind = str(row["ownerid"]), str(row["ownerid__type"])
    unit = environment.business_unit(kind, owner)
    if unit is None:
        raise row_missing(kind, owner)
    derived: Row = {
        "owningbusinessunit": unit,
        "owninguser": owner if kind == "systemuser" else None,
        "owningteam": owner if kind == "team" else None,
    }
    row |= {name: value for name, value in derived.items() if name in row}


def check_owner(environment: Environment, table: Table, row: Row) -> None:
    """Check that whoever shall own a row may read the table, and that the caller may give it away.

    Raises:
        ODataError: The owner has no role, or none that reads the table.
    """
    security = environment.security
    owner_id, kind = str(row["ownerid"]), str(row["ownerid__type"])
    if not security.enforced or owner_id == security.user_id:
        return
    security.check(table, "Assign")
    owner = security.grants(owner_id, kind)
    privilege = privilege_name(table, "Read")
    if owner.depth(privilege) is not None:
        return
    if kind == "systemuser" and not owner.role_count and not owner.privileges:
        raise ODataError(403, "0x80042f09", f"The user with SystemUserId={owner_id} has not been assigned any roles.")
    code = roles.OBJECT_TYPES.get(table.name, 10000)
    raise ODataError(
        403,
        "0x80040231",
        f"Principal user (Id={owner_id}, type={8 if kind == 'systemuser' else 9}) is missing {privilege} privilege on "
        f"OTC={code} for entity '{table.name}'.",
    )
