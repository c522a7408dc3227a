"""The publisher and the solution that hold what the migration adds to an environment."""

from binascii import crc32
from functools import cached_property

from transload import SchemaChange, SchemaKind, SchemaOutcome
from transload.errors import RefusedError
from transload_dynamics_sink.batch import check_stopping
from transload_dynamics_sink.client import STRONG, Dataverse, Json, query, quoted
from transload_dynamics_sink.errors import ROW_MISSING, Act, read_refusal
from transload_dynamics_sink.settings import DynamicsSettings
from transload_dynamics_sink.values import dump_row

_REPEATS = 4


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

    def lay_foundation(self) -> list[SchemaOutcome]:
        """Find or make the publisher and the solution, and return what became of each.

        An error ends the list: what comes after it was not tried.
        """
        publisher = SchemaChange(SchemaKind.PUBLISHER, self._settings.publisher_prefix, label="Publisher")
        solution = SchemaChange(SchemaKind.SOLUTION, self._settings.solution, label="Solution")
        outcomes: list[SchemaOutcome] = []
        for change, make in ((publisher, self._make_publisher), (solution, self._make_solution)):
            try:
                outcomes.append(SchemaOutcome(change, make()))
            except RefusedError as error:
                return [*outcomes, SchemaOutcome(change, created=False, error=error)]
        return outcomes

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

    def _make_publisher(self) -> bool:
        if self.find_publisher() is not None:
            return False
        prefix = self._settings.publisher_prefix
        body = {
            "uniquename": f"transload_{prefix}",
            "friendlyname": "Transload",
            "customizationprefix": prefix,
            # Between 10,000 and 99,999, and the same each time.
            "customizationoptionvalueprefix": 10_000 + crc32(prefix.encode("ascii")) % 90_000,
        }
        return self.write("POST", "publishers", f"publisher {prefix}", body)

    def _make_solution(self) -> bool:
        prefix, name = self._settings.publisher_prefix, self._settings.solution
        subject = f"solution {name}"
        publisher, solution = self.find_publisher(), self.find_solution()
        if publisher is None:
            raise RefusedError(subject, "publisher", f"its publisher, with the prefix {prefix}, is not there")
        publisher_id = publisher["publisherid"]
        if solution is None:
            body = {
                "uniquename": name,
                "friendlyname": "Transload migration",
                "version": "1.0.0.0",
                "publisherid@odata.bind": f"/publishers({publisher_id})",
            }
            return self.write("POST", "solutions", subject, body)
        if solution["ismanaged"] or solution["_publisherid_value"] != publisher_id:
            raise RefusedError(
                subject,
                "taken",
                f"a solution of this name is managed, or its publisher has not the prefix {prefix}",
                "Name another `solution` in [dynamics_sink], or the prefix of its publisher.",
            )
        return False
