"""What the application user may do: the privileges that a migration needs and it lacks."""

from collections.abc import Collection, Iterator

from transload import Finding, Severity
from transload.errors import NotOfferedError, ProtocolError
from transload_dynamics_sink.client import Dataverse, query, quoted

_VERBS = frozenset({"Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign"})
_READ_ONLY = frozenset({"systemuser", "role", "team", "businessunit", "transactioncurrency"})
"""Tables whose rows a migration usually recognises; making some there is the administrator's own decision."""
_BACKDATE = "prvOverrideCreatedOnCreatedBy"
_BYPASS = "prvBypassCustomBusinessLogic"
_SHOWN = 12
_REMEDY = "Give the application user a security role with them, such as System Administrator for the migration."


def find_missing_rights(dataverse: Dataverse, tables: Collection[str], bypass: bool) -> list[Finding]:
    """Return what the application user may not do and should.

    Args:
        dataverse: The environment.
        tables: The mapped tables.
        bypass: Whether writes are to skip the environment's own logic.
    """
    path = f"systemusers({dataverse.own_user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges"
    try:
        held = {str(one["PrivilegeName"]): str(one["Depth"]) for one in
                dataverse.get(path, "list our privileges")["RolePrivileges"]}  # fmt: skip
        return list(_findings(dataverse, tables, bypass, held))
    except (NotOfferedError, ProtocolError) as error:
        return [
            Finding("dynamics.rights_unknown", Severity.WARNING, "The application user's rights could not be read",
                    str(error), "Check its security roles by hand."),
        ]  # fmt: skip


def _findings(dataverse: Dataverse, tables: Collection[str], bypass: bool, held: dict[str, str]) -> Iterator[Finding]:
    lacking, short = [], []
    for table in sorted(set(tables) - _READ_ONLY):
        for name, verb in _of_table(dataverse, table):
            if name not in held:
                lacking.append(f"{name} ({verb} {table})")
            elif held[name] != "Global":
                short.append(f"{name} reaches {held[name]}")
    lacking += [name for name in (_BACKDATE, *([_BYPASS] if bypass else [])) if name not in held]
    if lacking:
        yield Finding("dynamics.privileges_missing", Severity.WARNING,
                      f"The application user lacks {len(lacking)} privileges that the load needs",
                      _some(lacking), _REMEDY, len(lacking))  # fmt: skip
    if short:
        yield Finding("dynamics.privileges_short", Severity.WARNING,
                      f"{len(short)} privileges of the application user do not reach the whole organisation",
                      _some(short),
                      "Rows of other business units stay out of reach: give them at the level Organisation.",
                      len(short))  # fmt: skip
    if not lacking and not short:
        yield Finding("dynamics.privileges", Severity.INFO, "The application user may do all that the load needs",
                      f"{len(held):,} privileges, looked at for {len(set(tables) - _READ_ONLY)} tables")  # fmt: skip


def _of_table(dataverse: Dataverse, table: str) -> Iterator[tuple[str, str]]:
    """Yield the privileges of a table that matter here, as name and verb."""
    path = query(f"EntityDefinitions(LogicalName={quoted(table)})", select="LogicalName,Privileges")
    found = dataverse.find(path, f"list the privileges of {table}") or {}
    for one in found.get("Privileges", ()):
        if one["PrivilegeType"] in _VERBS:
            yield one["Name"], one["PrivilegeType"]


def _some(texts: list[str]) -> str:
    return ", ".join(texts[:_SHOWN]) + (", ..." if len(texts) > _SHOWN else "")
