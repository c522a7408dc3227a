"""What every customisation shares: names with a publisher's prefix, solutions and the components in them."""

import re

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row
from transload_sandbox.dataverse.wire import Request

TABLE, COLUMN, OPTION_SET, RELATIONSHIP, KEY = 1, 2, 9, 10, 14
"""Values of componenttype."""
DEFAULT_OPTION_PREFIX = 10_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Components:
    """The solutions of an environment and what they hold."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def solution(self, request: Request, named: object = None) -> Row | None:
        """Return the unmanaged solution that a request names, None when it names none.

        Args:
            request: The request, whose header or query may name it.
            named: The name in its body.

        Raises:
            ODataError: There is no such solution, or it is managed.
        """
        wanted = request.headers.get("mscrm.solutionuniquename") or request.query.get("SolutionUniqueName") or named
        if not isinstance(wanted, str) or not wanted:
            return None
        found = self.environment.store.find(self.environment.model.tables["solution"], {"uniquename": wanted}, 1)
        if not found:
            raise errors.invalid_argument(f"The solution '{wanted}' was not found.")
        if found[0]["ismanaged"]:
            raise errors.invalid_argument(f"The solution '{wanted}' is managed; components cannot be added to it.")
        return found[0]

    def check_name(self, name: object) -> str:
        """Return a schema name that carries the prefix of a known publisher.

        Raises:
            ODataError: Characters that names cannot have, or no known prefix.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise errors.invalid_argument("A schema name must consist of letters, digits and underscores.")
        prefix = name.partition("_")[0].lower()
        publishers = self.environment.store.iterate(self.environment.model.tables["publisher"])
        if "_" not in name or prefix not in {str(row["customizationprefix"]).lower() for row in publishers}:
            raise ODataError(
                400, "0x80044366", f"The name '{name}' does not begin with the customization prefix of a publisher."
            )
        return name

    def option_prefix(self, solution: Row | None) -> int:
        """Return the first digits of new option values: those of the solution's publisher."""
        if solution is None:
            return DEFAULT_OPTION_PREFIX
        publishers = self.environment.model.tables["publisher"]
        row = self.environment.store.fetch(publishers, [str(solution["publisherid"])])[str(solution["publisherid"])]
        return int(str(row["customizationoptionvalueprefix"] or DEFAULT_OPTION_PREFIX))

    def add(self, solution: Row | None, kind: int, component_id: str) -> str | None:
        """Put a component into a solution; return the id of the membership."""
        if solution is None:
            return None
        table = self.environment.model.tables["solutioncomponent"]
        values: Row = {"solutionid": solution["solutionid"], "objectid": component_id}
        known = self.environment.store.find_id(table, values)
        if known:
            return known
        row: Row = self.environment.plan(table).template | values
        row["solutioncomponentid"] = self.environment.new_id()
        row["componenttype"] = kind
        row["rootcomponentbehavior"] = 0 if kind == TABLE else None
        row["createdon"] = row["modifiedon"] = self.environment.now()
        row["versionnumber"] = self.environment.store.next_version()
        self.environment.store.insert(table, [row])
        return str(row["solutioncomponentid"])

    def remove(self, component_id: str, solution: Row | None = None) -> None:
        """Take a component out of a solution, or out of all of them."""
        table = self.environment.model.tables["solutioncomponent"]
        values: Row = {"objectid": component_id}
        if solution is not None:
            values["solutionid"] = solution["solutionid"]
        found = self.environment.store.find(table, values)
        self.environment.store.delete(table, [str(row["solutioncomponentid"]) for row in found])


def in_use(kind: str, name: str) -> ODataError:
    """Return the refusal to delete a component that others need."""
    return ODataError(
        400, "0x8004f01f", f"The {kind} '{name}' cannot be deleted because other components depend on it."
    )


def is_managed(kind: str, name: str) -> ODataError:
    """Return the refusal to delete what a managed solution brought."""
    return errors.invalid_argument(f"The {kind} '{name}' is part of a managed solution and cannot be deleted.")
