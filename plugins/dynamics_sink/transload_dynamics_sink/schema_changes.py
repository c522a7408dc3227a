"""Creates the columns and keys that a plan needs, and takes them away again.

Everything is looked for first, so a second ``prepare`` changes nothing. Metadata
writes lock each other: they go one at a time.
"""

from collections.abc import Sequence

from transload import Outcome, RunContext, SchemaChange, SchemaKind, SchemaOutcome, TargetColumn
from transload.errors import RefusedError
from transload_dynamics_sink.client import Dataverse, Json, open_dataverse, quoted
from transload_dynamics_sink.definitions import column_definition, key_definition
from transload_dynamics_sink.metadata import Metadata, open_metadata
from transload_dynamics_sink.settings import DynamicsSettings
from transload_dynamics_sink.solution import Customizing

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 15.0
"""Seconds between two looks at a key's index; the official sample waits 15."""
_DUPLICATES = (
    "Usually rows that are there already share a value. Find and mend them, then run `transload prepare` "
    "again: it asks for the index once more (ReactivateEntityKey)."
)
_OTHER_COLUMN = "Delete or rename the column in the environment, or let the mapping use another name, then plan again."


class SchemaWorker:
    """Makes and unmakes schema changes in one environment."""

    def __init__(self, dataverse: Dataverse, metadata: Metadata, settings: DynamicsSettings) -> None:
        self._dataverse, self._metadata, self._settings = dataverse, metadata, settings
        self._customizing = Customizing(dataverse, settings)

    def prepare(self, changes: Sequence[SchemaChange]) -> list[SchemaOutcome]:
        """Make the changes, wait until every key is active, and return an outcome for each.

        The outcomes of publisher and solution come first, before those of the changes.
        """
        foundation = self._customizing.lay_foundation()
        changes = [change for change in changes if change.kind in {SchemaKind.COLUMN, SchemaKind.KEY}]
        if (error := foundation[-1].error) is not None:
            return [*foundation, *(SchemaOutcome(change, created=False, error=error) for change in changes)]
        outcomes = [self._make(change) for change in changes]
        # Once, at the end: reading a table's metadata takes sixteen requests.
        for table in {change.table for change in changes}:
            self._metadata.forget(table)
        awaited = [o if o.change.kind is not SchemaKind.KEY else self._await_key(o) for o in outcomes]
        return [*foundation, *awaited]

    def drop(self, change: SchemaChange) -> Outcome:
        """Take a change away; what is gone already is fine."""
        try:
            removed = self._drop(change)
        except RefusedError as error:
            return Outcome(error=error)
        finally:
            self._metadata.forget(change.table)
        return Outcome(note="" if removed else "was gone already")

    def _make(self, change: SchemaChange) -> SchemaOutcome:
        try:
            make = self._make_key if change.kind is SchemaKind.KEY else self._make_column
            return SchemaOutcome(change, make(change))
        except RefusedError as error:
            return SchemaOutcome(change, created=False, error=error)

    def _make_column(self, change: SchemaChange) -> bool:
        wanted = change.column
        if wanted is None:
            raise RefusedError(str(change), "incomplete", "the change does not say which column")
        self._check_prefix(change)
        if self._fits(change, wanted):
            return False
        definition = column_definition(wanted, self._customizing.language)
        if definition is None:
            raise RefusedError(
                str(change),
                "type",
                f"columns of type {wanted.type} cannot be added",
                "Choose another column type in the mapping, then plan again.",
            )
        path = f"EntityDefinitions(LogicalName={quoted(change.table)})/Attributes"
        created = self._customizing.write("POST", path, str(change), definition)
        if not created:
            self._metadata.forget(change.table)
            self._fits(change, wanted)
        return created

    def _fits(self, change: SchemaChange, wanted: TargetColumn) -> bool:
        """Return whether the column is there and can hold what is wanted; False when it is not there.

        Raises:
            RefusedError: It is there, and cannot.
        """
        present = self._metadata.get_table(change.table).shape.columns.get(wanted.name)
        if present is None:
            return False
        if present.type is not wanted.type:
            problem = f"it exists with the type {present.type}, and {wanted.type} is wanted"
        elif (present.max_length or 0) < (wanted.max_length or 0):
            problem = f"it exists with room for {present.max_length} characters, not {wanted.max_length}"
        elif wanted.precision is not None and (present.precision or 0) < wanted.precision:
            problem = f"it exists with {present.precision} decimals, not {wanted.precision}"
        elif missing := set(wanted.options) - set(present.options):
            problem = f"it exists without the options {', '.join(map(str, sorted(missing)))}"
        else:
            return True
        raise RefusedError(str(change), "exists", problem, _OTHER_COLUMN)

    def _make_key(self, change: SchemaChange) -> bool:
        self._check_prefix(change)
        present = self._find_key(change)
        if present is None:
            definition = key_definition(change.name, change.label, change.key_columns, self._customizing.language)
            path = f"EntityDefinitions(LogicalName={quoted(change.table)})/Keys"
            return self._customizing.write("POST", path, str(change), definition)
        if set(present["KeyAttributes"]) != set(change.key_columns):
            listed = ", ".join(present["KeyAttributes"])
            raise RefusedError(str(change), "exists", f"it exists over {listed}", _OTHER_COLUMN)
        if present["EntityKeyIndexStatus"] == "Failed":
            names = {"EntityLogicalName": change.table, "EntityKeyLogicalName": present["LogicalName"]}
            self._customizing.write("POST", "ReactivateEntityKey", str(change), names)
        return False

    def _await_key(self, outcome: SchemaOutcome) -> SchemaOutcome:
        if outcome.error is not None:
            return outcome
        change, pause, waited = outcome.change, _FIRST_PAUSE, 0.0
        while True:
            key = self._find_key(change)
            status = key["EntityKeyIndexStatus"] if key is not None else "missing"
            if status == "Active":
                self._metadata.forget(change.table)
                return outcome
            if status == "Failed":
                error = RefusedError(str(change), status, "its unique index cannot be built", _DUPLICATES)
                return SchemaOutcome(change, outcome.created, error)
            if waited >= self._settings.key_wait_seconds:
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

    def _drop(self, change: SchemaChange) -> bool:
        path = self._path_of(change)
        return path is not None and self._customizing.write("DELETE", path, str(change))

    def _path_of(self, change: SchemaChange) -> str | None:
        """Return the address of what a change made; None when it is known to be gone."""
        match change.kind:
            case SchemaKind.PUBLISHER:
                found = self._customizing.find_publisher()
                return f"publishers({found['publisherid']})" if found else None
            case SchemaKind.SOLUTION:
                found = self._customizing.find_solution()
                return f"solutions({found['solutionid']})" if found else None
        root = f"EntityDefinitions(LogicalName={quoted(change.table)})"
        if change.kind is SchemaKind.COLUMN:
            name = change.column.name if change.column is not None else change.name
            return f"{root}/Attributes(LogicalName={quoted(name)})"
        key = self._find_key(change) if self._metadata.find_table(change.table) is not None else None
        return f"{root}/Keys({key['MetadataId']})" if key else None

    def _find_key(self, change: SchemaChange) -> Json | None:
        """Return the key of the change's name, or else one over the same columns."""
        keys = self._metadata.read_keys(change.table)
        named = [key for key in keys if key["LogicalName"] == change.name.lower()]
        alike = [key for key in keys if set(key["KeyAttributes"]) == set(change.key_columns)]
        return next(iter(named or alike), None)

    def _check_prefix(self, change: SchemaChange) -> None:
        prefix = self._settings.publisher_prefix
        name = change.column.name if change.column is not None else change.name
        if not name.startswith(f"{prefix}_"):
            raise RefusedError(
                str(change),
                "prefix",
                f"{name} does not begin with {prefix}_",
                "Write the name as {prefix}_... in the mapping, then plan again.",
            )


def open_schema_worker(context: RunContext) -> SchemaWorker:
    """Return the schema worker of the run; use it as ``context.resource(open_schema_worker)``."""
    settings = context.settings_of(DynamicsSettings)
    return SchemaWorker(context.resource(open_dataverse), context.resource(open_metadata), settings)
