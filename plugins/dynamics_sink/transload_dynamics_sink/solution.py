"""The publisher and the solution that hold what the migration adds to an environment."""

from binascii import crc32
from dataclasses import dataclass
from functools import cached_property

from transload import SchemaChange, SchemaKind, SchemaOutcome
from transload.errors import RefusedError
from transload_dynamics_sink.batch import check_stopping
from transload_dynamics_sink.client import STRONG, Dataverse, Json, query, quoted
from transload_dynamics_sink.errors import ROW_MISSING, Act, read_refusal
from transload_dynamics_sink.settings import DynamicsSettings
from transload_dynamics_sink.values import dump_row

_REPEATS = 4


@dataclass(frozen=True, slots=True)
class Foundation:
    """Which of the two were made just now."""

    publisher_created: bool
    solution_created: bool


class Customizing:
    """Writes metadata, one thing at a time, into the solution of the settings."""

    def __init__(self, dataverse: Dataverse, settings: DynamicsSettings) -> None:
        self._dataverse, self._settings = dataverse, settings

    @cached_property
    def language(self) -> int:
        """The environment's base language, as LCID."""
        path = query("organizations", select="languagecode")
        found = self._dataverse.get(path, "name its language")["value"]
        return int(found[0]["languagecode"])

    def lay_foundation(self) -> Foundation:
        """Find or make the publisher and the solution.

        Raises:
            RefusedError: They cannot be made, or the solution belongs to somebody else.
        """
        prefix, name = self._settings.publisher_prefix, self._settings.solution
        publisher = self.find_publisher()
        if publisher is None:
            self.write("POST", "publishers", f"publisher {prefix}", _publisher(prefix))
        publisher_id = (publisher or self._get_publisher())["publisherid"]
        solution = self.find_solution()
        if solution is not None and (solution["ismanaged"] or solution["_publisherid_value"] != publisher_id):
            raise RefusedError(
                f"solution {name}",
                "taken",
                f"a solution of this name is managed, or its publisher has not the prefix {prefix}",
                "Name another `solution` in [dynamics_sink], or the prefix of its publisher.",
            )
        if solution is None:
            body = {
                "uniquename": name,
                "friendlyname": "Transload migration",
                "version": "1.0.0.0",
                "publisherid@odata.bind": f"/publishers({publisher_id})",
            }
            self.write("POST", "solutions", f"solution {name}", body)
        return Foundation(publisher is None, solution is None)

    def outcomes_of(self, foundation: Foundation) -> list[SchemaOutcome]:
        """Return what became of the publisher and the solution."""
        publisher = SchemaChange(SchemaKind.PUBLISHER, self._settings.publisher_prefix, label="Publisher")
        solution = SchemaChange(SchemaKind.SOLUTION, self._settings.solution, label="Solution")
        return [
            SchemaOutcome(publisher, foundation.publisher_created),
            SchemaOutcome(solution, foundation.solution_created),
        ]

    def find_publisher(self) -> Json | None:
        """Return the publisher that has our prefix, or None."""
        path = query(
            "publishers",
            select="publisherid,uniquename",
            filter=f"customizationprefix eq {quoted(self._settings.publisher_prefix)}",
            orderby="publisherid",
        )
        return next(self._dataverse.rows(path, "list its publishers"), None)

    def find_solution(self) -> Json | None:
        """Return the solution of the settings, or None."""
        path = query(
            "solutions",
            select="solutionid,ismanaged,_publisherid_value",
            filter=f"uniquename eq {quoted(self._settings.solution)}",
        )
        return next(self._dataverse.rows(path, "list its solutions"), None)

    def write(self, method: str, path: str, subject: str, body: Json | None = None) -> bool:
        """Send a change of the metadata.

        Args:
            method: ``POST`` or ``DELETE``.
            path: Of the definition.
            subject: What is changed, for the message.
            body: The definition.

        Returns:
            False when a DELETE found nothing, or a POST found it made already.

        Raises:
            RefusedError: The environment refuses it.
            RunError: The environment refuses us.
        """
        headers = dict(STRONG)
        if path.startswith(("EntityDefinitions", "RelationshipDefinitions")) and method == "POST":
            headers["MSCRM.SolutionUniqueName"] = self._settings.solution
        content = None if body is None else dump_row(body)
        for times in range(1, _REPEATS + 1):
            answer = self._dataverse.write(method, path, content, headers=headers)
            if answer.is_success:
                return True
            refusal = read_refusal(answer.status_code, answer.content)
            check_stopping(refusal, self._dataverse)
            if refusal.act is not Act.RETRY:
                break
            self._dataverse.pause(times)
        if refusal.act is Act.HAVE and method == "POST":
            return False
        if method == "DELETE" and (refusal.status == 404 or refusal.code == ROW_MISSING):
            return False
        raise refusal.error(subject)

    def _get_publisher(self) -> Json:
        if (found := self.find_publisher()) is None:
            prefix = self._settings.publisher_prefix
            raise RefusedError(f"publisher {prefix}", "missing", "it was made, and is not there")
        return found


def _publisher(prefix: str) -> Json:
    return {
        "uniquename": f"transload_{prefix}",
        "friendlyname": "Transload",
        "customizationprefix": prefix,
        # Between 10,000 and 99,999, and the same each time.
        "customizationoptionvalueprefix": 10_000 + crc32(prefix.encode("ascii")) % 90_000,
    }
