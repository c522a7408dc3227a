"""Who may do what: roles, privileges and how far they reach, impersonation, disabled users.

Facts: privilege names, depths and codes are Microsoft's. The caller of the request being answered is kept
here, because every rule that writes a row asks for it; requests are answered one at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from transload_sandbox.dataverse import roles
from transload_sandbox.dataverse.catalog import Model
from transload_sandbox.dataverse.errors import ODataError, row_missing
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.privileges import privilege_name
from transload_sandbox.dataverse.roles import Depth
from transload_sandbox.dataverse.sharing import TABLE as SHARES
from transload_sandbox.dataverse.sharing import Shares
from transload_sandbox.dataverse.store import Store

_USER_TYPE = 8
_TEAM_TYPE = 9
_ACCESS_MODES = {0: "Read-Write", 1: "Administrative", 2: "Read", 3: "Support", 4: "Non-interactive", 5: "Delegated"}


@dataclass(frozen=True, slots=True)
class Grants:
    """What one user or team may do."""

    principal_id: str
    kind: str
    """systemuser or team."""
    unit_id: str
    role_count: int
    is_administrator: bool
    privileges: Mapping[str, Depth]
    team_ids: frozenset[str]
    is_disabled: bool = False
    access_mode: int = 0

    def depth(self, privilege: str) -> Depth | None:
        """Return how far a privilege reaches, None without it."""
        return Depth.GLOBAL if self.is_administrator else self.privileges.get(privilege)


@dataclass(slots=True)
class Security:
    """The access checks of one organisation, and the caller of the request being answered."""

    store: Store
    model: Callable[[], Model]
    fixed_id: Callable[[str], str]
    granted: Callable[[Iterable[str]], Mapping[str, Depth]]
    """What some roles grant together, by their ids."""
    user_id: str | None = None
    """Whose rights count; None while the platform itself is at work."""
    impersonator_id: str | None = None
    """Who really calls, when it is on behalf of the user."""
    skips_plugins: bool = False
    """Whether the request switched the organisation's own plug-ins off."""
    wants_duplicate_check: bool = False
    enforced: bool = True
    _known: dict[str, Grants] = field(default_factory=dict)

    @contextmanager
    def acting(
        self,
        user_id: str,
        impersonator_id: str | None,
        *,
        skips_plugins: bool = False,
        wants_duplicate_check: bool = False,
    ) -> Iterator[None]:
        """Answer a request of a user."""
        former = self.user_id, self.impersonator_id, self.skips_plugins, self.wants_duplicate_check
        self.user_id, self.impersonator_id = user_id, impersonator_id
        self.skips_plugins, self.wants_duplicate_check = skips_plugins, wants_duplicate_check
        try:
            yield
        finally:
            self.user_id, self.impersonator_id, self.skips_plugins, self.wants_duplicate_check = former

    def forget(self) -> None:
        """Drop what is known about users and roles; called when one of them changes."""
        self._known.clear()

    # -- what a principal may do

    def grants(self, principal_id: str, kind: str = "systemuser") -> Grants:
        """Return what a user or team may do.

        Raises:
            ODataError: There is no such user or team.
        """
        if principal_id not in self._known:
            self._known[principal_id] = self._load(principal_id, kind)
        return self._known[principal_id]

    def _load(self, principal_id: str, kind: str) -> Grants:
        table = self.model().tables[kind]
        row = self.store.fetch(table, [principal_id]).get(principal_id)
        if row is None:
            raise row_missing(kind, principal_id)
        is_user = kind == "systemuser"
        teams = set(self._linked("teammembership", "systemuserid", principal_id, "teamid")) if is_user else set()
        role_ids = set(self._linked(f"{kind}roles", f"{kind}id", principal_id, "roleid"))
        own_roles = len(role_ids)
        for team_id in teams:
            role_ids |= set(self._linked("teamroles", "teamid", team_id, "roleid"))
        held = self.store.fetch(self.model().tables["role"], role_ids).values()
        is_administrator = any(role["name"] == roles.ADMINISTRATOR for role in held)
        is_administrator = is_administrator or principal_id == self.fixed_id("system user")
        return Grants(
            principal_id,
            kind,
            str(row["businessunitid"]),
            own_roles if is_user else len(role_ids),
            is_administrator,
            {} if is_administrator else self.granted(role_ids),
            frozenset(teams),
            is_user and row["isdisabled"] == 1,
            int(str(row["accessmode"] or 0)) if is_user else 0,
        )

    def _linked(self, intersect: str, near: str, value: str, far: str) -> list[str]:
        table = self.model().tables.get(intersect)
        if table is None or intersect not in self.store.existing:
            return []
        return [str(row[far]) for row in self.store.find(table, {near: value})]

    # -- checks

    @property
    def is_limited(self) -> bool:
        """Whether there is anything that the caller may not do."""
        return not all(grants.is_administrator for grants in self._callers())

    def check(self, table: Table, verb: str, *rows: Row) -> None:
        """Check that the caller, and whoever calls on its behalf, may do something with a table or its rows.

        Raises:
            ODataError: A privilege is missing or does not reach one of the rows.
        """
        for grants in self._callers():
            if grants.is_administrator:
                continue
            privilege = privilege_name(table, verb)
            depth = grants.depth(privilege)
            if depth is None or not all(self._reaches(grants, depth, table, verb, row) for row in rows):
                raise self.denied(grants, privilege, table)

    def may(self, grants: Grants, table: Table, verb: str, row: Row) -> bool:
        """Tell whether a user or team may do something with a row."""
        depth = grants.depth(privilege_name(table, verb))
        return depth is not None and self._reaches(grants, depth, table, verb, row)

    def demand(self, privilege: str) -> None:
        """Check that the caller has a privilege that is about no table.

        Raises:
            ODataError: It has not.
        """
        for grants in self._callers():
            if grants.depth(privilege) is None:
                raise self.denied(grants, privilege, None)

    def _callers(self) -> list[Grants]:
        if self.user_id is None or not self.enforced:
            return []
        return [self.grants(each) for each in (self.user_id, self.impersonator_id) if each is not None]

    def _reaches(self, grants: Grants, depth: Depth, table: Table, verb: str, row: Row) -> bool:
        if self._owns(grants, depth, row):
            return True
        shares = Shares(self.store, self.model().tables[SHARES])
        return shares.reaches(str(row[table.primary_id]), {grants.principal_id, *grants.team_ids}, verb)

    def _owns(self, grants: Grants, depth: Depth, row: Row) -> bool:
        owner = row.get("ownerid")
        if depth is Depth.GLOBAL or owner is None or owner == grants.principal_id or owner in grants.team_ids:
            return True
        unit = row.get("owningbusinessunit")
        if depth is Depth.LOCAL:
            return unit == grants.unit_id
        return depth is Depth.DEEP and unit in self._units_below(grants.unit_id)

    def _units_below(self, unit_id: str) -> set[str]:
        table = self.model().tables["businessunit"]
        found = {unit_id}
        waiting = [unit_id]
        while waiting:
            children = self.store.find(table, {"parentbusinessunitid": waiting.pop()})
            waiting.extend(str(child["businessunitid"]) for child in children)
            found.update(waiting)
        return found

    def denied(self, grants: Grants, privilege: str, table: Table | None) -> ODataError:
        """Return the refusal for want of a privilege."""
        kind = _USER_TYPE if grants.kind == "systemuser" else _TEAM_TYPE
        mode = f"{grants.access_mode} {_ACCESS_MODES.get(grants.access_mode, '')}"
        code = roles.OBJECT_TYPES.get(table.name, 10000) if table else 0
        return ODataError(
            403,
            "0x80040220",
            f"Principal user (Id={grants.principal_id}, type={kind}, roleCount={grants.role_count}, "
            f"privilegeCount={len(grants.privileges)}, accessMode='{mode}'), is missing {privilege} privilege "
            f"(Id={self.fixed_id(f'privilege {privilege}')}) on OTC={code} for entity "
            f"'{table.name if table else 'none'}'.",
        )

    def check_enabled(self, user_id: str) -> None:
        """Check that a user may work at all.

        Raises:
            ODataError: The user is disabled.
        """
        if self.enforced and self.grants(user_id).is_disabled:
            raise ODataError(
                403,
                "0x80040225",
                f"The user with SystemUserId={user_id} in OrganizationContext={self.fixed_id('organization')} is "
                "disabled.",
            )
