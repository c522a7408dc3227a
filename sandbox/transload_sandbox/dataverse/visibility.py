"""Which rows a caller sees: reads reach as far as the caller's read privilege does."""

import sqlalchemy as sa

from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Table
from transload_sandbox.dataverse.operators import Condition, Operators
from transload_sandbox.dataverse.privileges import privilege_name
from transload_sandbox.dataverse.roles import Depth
from transload_sandbox.dataverse.scope import Source
from transload_sandbox.dataverse.security import Grants
from transload_sandbox.dataverse.sharing import TABLE as SHARES
from transload_sandbox.dataverse.sharing import Shares


def visible(environment: Environment, operators: Operators, table: Table, alias: Source) -> list[Condition]:
    """Return the conditions that rows must meet to be seen; none when the caller sees the whole table."""
    security = environment.security
    if security.user_id is None or not security.enforced or "ownerid" not in table.columns:
        return []
    callers = [security.grants(each) for each in (security.user_id, security.impersonator_id) if each is not None]
    return [
        sa.or_(
            _within_reach(environment, operators, grants, depth, alias),
            alias.c[table.primary_id].in_(_shared(environment, grants, table)),
        )
        for grants in callers
        if (depth := grants.depth(privilege_name(table, "Read"))) is not Depth.GLOBAL
    ]


def _shared(environment: Environment, grants: Grants, table: Table) -> list[str]:
    shares = Shares(environment.store, environment.model.tables[SHARES])
    return shares.rows_for([grants.principal_id, *sorted(grants.team_ids)], table.name, "Read")


def _within_reach(
    environment: Environment, operators: Operators, grants: Grants, depth: Depth | None, alias: Source
) -> Condition:
    own = alias.c["ownerid"].in_([grants.principal_id, *sorted(grants.team_ids)])
    if depth is None:
        return sa.false()
    if depth is Depth.BASIC:
        return own
    units = [grants.unit_id]
    if depth is Depth.DEEP:
        units += operators.below(environment.model.tables["businessunit"], units)
    return sa.or_(own, alias.c["owningbusinessunit"].in_(units))
