"""Creates the tables, columns, links and keys that a plan needs, and takes them away again.

Everything is looked for first, so a second ``prepare`` changes nothing. Metadata
writes lock each other: they go one at a time.
"""

from collections.abc import Sequence

from transload import Outcome, RunContext, SchemaChange, SchemaKind, SchemaOutcome
from transload.errors import RefusedError
from transload.values import ColumnType
from transload_dynamics_sink.client import Dataverse, open_dataverse, query, quoted
from transload_dynamics_sink.metadata import Metadata, open_metadata
from transload_dynamics_sink.readers import Readers
from transload_dynamics_sink.schema_makers import SchemaMakers
from transload_dynamics_sink.settings import DynamicsSettings
from transload_dynamics_sink.solution import Customizing

_ORDER = (
    SchemaKind.LIMIT, SchemaKind.TABLE, SchemaKind.COLUMN, SchemaKind.LINK, SchemaKind.READER, SchemaKind.KEY,
)  # fmt: skip
"""What builds on what: tables first."""
_SHOWN = frozenset({SchemaKind.TABLE, SchemaKind.COLUMN, SchemaKind.LINK})
"""What people see only once it is published."""
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 15.0
"""Seconds between two looks at a key's index; the official sample waits 15."""
_DUPLICATES = (
    "Usually rows that are there already share a value. Find and mend them, then run `transload prepare` "
    "again: it asks for the index once more (ReactivateEntityKey)."
)
_LARGEST_FILE = 131_072 * 1024
"""Most bytes that ``Organization.maxuploadfilesize`` may say: 128 MB."""
_TOO_LARGE = "Let the mapping leave the largest files out, or keep them in SharePoint; `transload plan` lists them."
_NOT_EMPTY = (
    "Look at its rows in Dynamics: the migration did not make them, or could not delete them. Move or delete them, "
    "then run `transload rollback` again; or keep the table."
)


class SchemaWorker:
    """Makes and unmakes schema changes in one environment."""

    def __init__(self, dataverse: Dataverse, metadata: Metadata, settings: DynamicsSettings) -> None:
        self._dataverse, self._metadata, self.settings = dataverse, metadata, settings
        self._customizing = Customizing(dataverse, settings)
        self._makers = SchemaMakers(metadata, self._customizing, settings.publisher_prefix)
        self._readers = Readers(dataverse, self._customizing)

    def prepare(self, changes: Sequence[SchemaChange]) -> list[SchemaOutcome]:
        """Make the changes, publish them, wait until every key is active, and return an outcome for each.

        The outcomes of publisher and solution come first, before those of the changes.
        """
        foundation = self._customizing.lay_foundation()
        changes = sorted((each for each in changes if each.kind in _ORDER), key=lambda each: _ORDER.index(each.kind))
        if (error := foundation[-1].error) is not None:
            return [*foundation, *(SchemaOutcome(change, created=False, error=error) for change in changes)]
        self._metadata.read_ahead(change.table for change in changes)
        outcomes = [self._make(change) for change in changes]
        self._publish([outcome.change for outcome in outcomes if outcome.created])
        if any(outcome.created for outcome in outcomes):
            # Once, at the end; a new table also shows in what notes and activities can point to.
            self._metadata.forget()
        awaited = [o if o.change.kind is not SchemaKind.KEY else self._await_key(o) for o in outcomes]
        return [*foundation, *awaited]

    def drop(self, change: SchemaChange) -> Outcome:
        """Take a change away; what is gone already is fine."""
        try:
            removed = self._drop(change)
        except RefusedError as error:
            return Outcome(error=error)
        finally:
            if change.kind not in {SchemaKind.COLUMN, SchemaKind.READER}:
                self._metadata.forget()
        return Outcome(note="" if removed else "was gone already")

    def _make(self, change: SchemaChange) -> SchemaOutcome:
        try:
            if change.kind is SchemaKind.LIMIT:
                wanted = change.column.max_length if change.column is not None else None
                return SchemaOutcome(change, self._set_largest_file(change, wanted or 0))
            if change.kind is SchemaKind.READER:
                return SchemaOutcome(change, self._readers.let(change))
            return SchemaOutcome(change, self._makers.make(change))
        except RefusedError as error:
            return SchemaOutcome(change, created=False, error=error)

    def _publish(self, made: Sequence[SchemaChange]) -> None:
        """Let people see what was made; data goes in and out without."""
        tables = sorted(
            {str(table) for each in made if each.kind in _SHOWN for table in (each.table, each.other)} - {""}
        )
        if tables:
            entities = "".join(f"<entity>{table}</entity>" for table in tables)
            text = f"<importexportxml><entities>{entities}</entities></importexportxml>"
            self._customizing.write("POST", "PublishXml", "publishing", {"ParameterXml": text})

    def _await_key(self, outcome: SchemaOutcome) -> SchemaOutcome:
        if outcome.error is not None:
            return outcome
        change, pause, waited = outcome.change, _FIRST_PAUSE, 0.0
        while True:
            key = self._makers.find_key(change)
            status = key["EntityKeyIndexStatus"] if key is not None else "missing"
            if status == "Active":
                self._metadata.forget(change.table)
                return outcome
            if status == "Failed":
                error = RefusedError(str(change), status, "its unique index cannot be built", _DUPLICATES)
                return SchemaOutcome(change, outcome.created, error)
            if waited >= self.settings.key_wait_seconds:
                error = RefusedError(
                    str(change),
                    status,
                    f"its unique index is not ready after {waited:.0f} s",
                    "Run `transload prepare` again later: it goes on waiting. A job that never ends shows in "
                    "the environment's system jobs.",
                )
                return SchemaOutcome(change, outcome.created, error)
            self._dataverse.sleep(pause)
            waited += pause
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _set_largest_file(self, change: SchemaChange, size: int) -> bool:
        """Let the environment take files of a size, and return whether it had to be told.

        Raises:
            RefusedError: No environment takes so large a file.
        """
        if size > _LARGEST_FILE:
            shown = f"files of {size >> 20} MB, and {_LARGEST_FILE >> 20} MB are the most"
            raise RefusedError(str(change), "too large", f"notes cannot take {shown}", _TOO_LARGE)
        path = query("organizations", select="organizationid,maxuploadfilesize")
        [found] = self._dataverse.get(path, "show its settings")["value"]
        if int(found["maxuploadfilesize"]) == size:
            return False
        organization = f"organizations({found['organizationid']})"
        return self._customizing.write("PATCH", organization, str(change), {"maxuploadfilesize": size})

    def _drop(self, change: SchemaChange) -> bool:
        if change.kind is SchemaKind.LIMIT:
            return self._set_largest_file(change, change.former)
        if change.kind is SchemaKind.READER:
            return self._readers.forbid(change)
        if change.kind is SchemaKind.TABLE:
            self._check_empty(change)
        removed = [self._customizing.write("DELETE", path, str(change)) for path in self._paths_of(change)]
        return any(removed)

    def _check_empty(self, change: SchemaChange) -> None:
        """Refuse to delete a table with its rows: ours are gone by now, and the rest is not ours to delete."""
        table = self._metadata.find_table(change.name)
        if table is None:
            return
        path = query(table.entity_set, select=table.shape.id_column, top="1")
        if self._dataverse.get(path, f"look for rows of {table.name}")["value"]:
            raise RefusedError(str(change), "rows", "the table still has rows, which would go with it", _NOT_EMPTY)

    def _paths_of(self, change: SchemaChange) -> list[str]:
        """Return the addresses of what a change made; none when it is known to be gone."""
        match change.kind:
            case SchemaKind.PUBLISHER:
                found = self._customizing.find_publisher()
                return [f"publishers({found['publisherid']})"] if found else []
            case SchemaKind.SOLUTION:
                found = self._customizing.find_solution()
                return [f"solutions({found['solutionid']})"] if found else []
            case SchemaKind.LINK:
                return [f"RelationshipDefinitions(SchemaName={quoted(change.name)})"]
        if not self._metadata.has_table(change.table):
            return []
        root = f"EntityDefinitions(LogicalName={quoted(change.table)})"
        if change.kind is SchemaKind.TABLE:
            return [root]
        if change.kind is SchemaKind.KEY:
            key = self._makers.find_key(change)
            return [f"{root}/Keys({key['MetadataId']})"] if key else []
        name = change.column.name if change.column is not None else change.name
        if change.column is not None and change.column.type is ColumnType.LOOKUP:
            # A lookup goes with the relationship that made it.
            found_ones = self._metadata.find_relationships(change.table, name)
            return [f"RelationshipDefinitions(SchemaName={quoted(each['SchemaName'])})" for each in found_ones]
        return [f"{root}/Attributes(LogicalName={quoted(name)})"]


def open_schema_worker(context: RunContext) -> SchemaWorker:
    """Return the schema worker of the run; use it as ``context.resource(open_schema_worker)``."""
    settings = context.settings_of(DynamicsSettings)
    return SchemaWorker(context.resource(open_dataverse), context.resource(open_metadata), settings)
