"""Shares that come, change and go: GrantAccess, ModifyAccess, RevokeAccess."""

from collections.abc import Mapping

from transload_sandbox.dataverse.business.actions import Call
from transload_sandbox.dataverse.errors import invalid_argument
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.sharing import RIGHTS, TABLE, Shares
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Response, no_content

_PRINCIPALS = ("systemuser", "team")


def grant(call: Call) -> Response:
    """Answer GrantAccess, which adds to a share, and ModifyAccess, which puts another in its place.

    Raises:
        ODataError: A parameter is missing or names nothing, or the caller may not share the row.
    """
    call.expect(required=("Target", "PrincipalAccess"))
    access = call.mapping("PrincipalAccess")
    table, row = _shared_row(call)
    principal = _principal(call, access.get("Principal"))
    mask = _mask(access.get("AccessMask"))
    former = _find(call, table, row, principal)
    if former is not None and call.name == "GrantAccess":
        mask |= int(str(former["accessrightsmask"]))
    _put(call, table, row, principal, mask, former)
    return no_content()


def revoke(call: Call) -> Response:
    """Answer RevokeAccess.

    Raises:
        ODataError: A parameter is missing or names nothing, or the caller may not share the row.
    """
    call.expect(required=("Target", "Revokee"))
    table, row = _shared_row(call)
    former = _find(call, table, row, _principal(call, call.mapping("Revokee")))
    if former is not None:
        call.environment.store.delete(call.environment.model.tables[TABLE], [str(former["principalobjectaccessid"])])
    return no_content()


def _shared_row(call: Call) -> tuple[Table, Row]:
    target = call.mapping("Target")
    name = str(target.get("@odata.type")).rpartition(".")[2]
    table = call.environment.model.tables.get(name)
    row_id = parse_guid(target.get(table.primary_id)) if table else None
    if table is None or row_id is None:
        raise invalid_argument("'Target' must name a row by its '@odata.type' and its primary key.")
    row = call.fetch(name, row_id)
    call.environment.security.check(table, "Share", row)
    return table, row


def _principal(call: Call, value: object) -> tuple[str, str]:
    raw = value if isinstance(value, Mapping) else {}
    for kind in _PRINCIPALS:
        guid = parse_guid(raw.get(f"{kind}id") or raw.get("ownerid"))
        stated = str(raw.get("@odata.type") or kind).rpartition(".")[2]
        if guid is not None and stated == kind:
            call.fetch(kind, guid)
            return kind, guid
    raise invalid_argument("A share needs a user or a team.")


def _mask(value: object) -> int:
    names = [each.strip() for each in str(value or "").split(",") if each.strip()]
    if not names or not RIGHTS.keys() >= set(names):
        raise invalid_argument(f"'{value}' is no AccessMask.")
    return sum(RIGHTS[name][1] for name in set(names))


def _find(call: Call, table: Table, row: Row, principal: tuple[str, str]) -> Row | None:
    shares = Shares(call.environment.store, call.environment.model.tables[TABLE])
    found = shares.of_row(str(row[table.primary_id]))
    return next((each for each in found if each["principalid"] == principal[1]), None)


def _put(call: Call, table: Table, row: Row, principal: tuple[str, str], mask: int, former: Row | None) -> None:
    environment = call.environment
    shares = environment.model.tables[TABLE]
    kind, principal_id = principal
    share: Row = (former or environment.plan(shares).template) | {
        "objectid": str(row[table.primary_id]), "objecttypecode": table.name, "principalid": principal_id,
        "principaltypecode": kind, "accessrightsmask": mask, "inheritedaccessrightsmask": 0,
        "changedon": call.writer.now, "versionnumber": environment.store.next_version(),
    }  # fmt: skip
    if former is not None:
        environment.store.update(shares, [share])
        return
    share["principalobjectaccessid"] = environment.new_id()
    environment.store.insert(shares, [share])
