"""Lets security roles read the rows of a table that the client has made, and takes the right back.

A new table can be read by administrators only, and nobody can own what he cannot read. Each business
unit has a copy of every role, which follows the one of the root.
"""

from dataclasses import replace

from transload import RunContext, SchemaChange, TargetTable
from transload.errors import RefusedError
from transload_dynamics_sink.client import Dataverse, Json, open_dataverse, query, quoted
from transload_dynamics_sink.settings import DynamicsSettings
from transload_dynamics_sink.solution import Customizing

_NO_ROLE = (
    "Name a role that the environment has under `readers` of the document's `new_table`, or take this one out; "
    "then run `transload plan`."
)


class Readers:
    """Which security roles may read a table."""

    def __init__(self, dataverse: Dataverse, customizing: Customizing) -> None:
        self._dataverse, self._customizing = dataverse, customizing

    def let(self, change: SchemaChange) -> bool:
        """Let a role read, and return whether it could not before; how far it reads already stays.

        Raises:
            RefusedError: The environment has no such role, or refuses it.
        """
        if change.name in find_readers(self._dataverse, change.table):
            return False
        right = {"PrivilegeId": self._privilege(change), "Depth": "Global" if change.reads_all else "Basic"}
        return self._tell(change, "AddPrivilegesRole", {"Privileges": [right]})

    def forbid(self, change: SchemaChange) -> bool:
        """Take the right back, and return whether the role had it."""
        if change.name not in find_readers(self._dataverse, change.table):
            return False
        return self._tell(change, "RemovePrivilegeRole", {"PrivilegeId": self._privilege(change)})

    def _privilege(self, change: SchemaChange) -> str:
        if (found := _reading_privilege(self._dataverse, change.table)) is None:
            raise RefusedError(str(change), "table", f"the environment has no table {change.table}")
        return found

    def _tell(self, change: SchemaChange, action: str, body: Json) -> bool:
        condition = f"name eq {quoted(change.name)} and _parentroleid_value eq null"
        path = query("roles", select="roleid", filter=condition)
        [*roles] = self._dataverse.rows(path, "list its security roles")
        if not roles:
            problem = f"the environment has no security role {change.name}"
            raise RefusedError(str(change), "role", problem, _NO_ROLE)
        action = f"roles({roles[0]['roleid']})/Microsoft.Dynamics.CRM.{action}"
        return self._customizing.write("POST", action, str(change), body)


def with_readers(shape: TargetTable, context: RunContext) -> TargetTable:
    """Return a table that says who may read it, when the client has made it."""
    prefix = context.settings_of(DynamicsSettings).publisher_prefix
    if not shape.name.startswith(f"{prefix}_"):
        return shape
    return replace(shape, readers=find_readers(context.resource(open_dataverse), shape.name))


def find_readers(dataverse: Dataverse, table: str) -> frozenset[str]:
    """Return the names of the security roles that may read rows of a table, however far."""
    if (privilege := _reading_privilege(dataverse, table)) is None:
        return frozenset()
    path = query(f"privileges({privilege})/roleprivileges_association", select="name")
    return frozenset(str(raw["name"]) for raw in dataverse.rows(path, f"list who may read {table}"))


def _reading_privilege(dataverse: Dataverse, table: str) -> str | None:
    path = query(f"EntityDefinitions(LogicalName={quoted(table)})", select="LogicalName,Privileges")
    found = dataverse.find(path, f"list the privileges of {table}") or {}
    return next(
        (str(one["PrivilegeId"]) for one in found.get("Privileges", ()) if one["PrivilegeType"] == "Read"), None
    )
