"""Makes single tables, columns, links and keys, after looking whether they are there and fit."""

from collections.abc import Callable, Mapping

from transload import SchemaChange, SchemaKind, TargetColumn
from transload.errors import RefusedError
from transload.values import ColumnType
from transload_dynamics_sink.client import Json, quoted
from transload_dynamics_sink.definitions import (
    column_definition,
    key_definition,
    link_definition,
    lookup_definition,
    table_definition,
)
from transload_dynamics_sink.metadata import Metadata, Table
from transload_dynamics_sink.solution import Customizing

_OTHER_COLUMN = "Delete or rename the column in the environment, or let the mapping use another name, then plan again."
_OTHER_TABLE = "Delete or rename the table in the environment, or let the mapping use another name, then plan again."
_OTHER_LINK = (
    "Delete or rename the relationship in the environment, or let the mapping use another name, then plan again."
)


class SchemaMakers:
    """Makes what is missing, one thing at a time.

    Args:
        metadata: What is there.
        customizing: Writes what is not.
        prefix: How the names of what we make begin.
    """

    def __init__(self, metadata: Metadata, customizing: Customizing, prefix: str) -> None:
        self._metadata, self._customizing, self._prefix = metadata, customizing, prefix
        self._makers: Mapping[SchemaKind, Callable[[SchemaChange], bool]] = {
            SchemaKind.TABLE: self._make_table,
            SchemaKind.COLUMN: self._make_column,
            SchemaKind.LINK: self._make_link,
            SchemaKind.KEY: self._make_key,
        }

    def make(self, change: SchemaChange) -> bool:
        """Make a change and return whether it had to be made.

        Raises:
            RefusedError: The environment refuses it, or holds something else under its name.
        """
        self._check_prefix(change)
        return self._makers[change.kind](change)

    def find_key(self, change: SchemaChange) -> Json | None:
        """Return the key of the change's name, or else one over the same columns."""
        keys = self._metadata.read_keys(change.table)
        named = [key for key in keys if key["LogicalName"] == change.name.lower()]
        alike = [key for key in keys if set(key["KeyAttributes"]) == set(change.key_columns)]
        return next(iter(named or alike), None)

    def _make_table(self, change: SchemaChange) -> bool:
        wanted = _column_of(change)
        present = self._metadata.find_table(change.name)
        if present is not None:
            if present.shape.name_column != wanted.name:
                problem = f"it exists, and {present.shape.name_column} holds the names of its rows, not {wanted.name}"
                raise RefusedError(str(change), "exists", problem, _OTHER_TABLE)
            return False
        definition = table_definition(change, wanted, self._customizing.language)
        created = self._customizing.write("POST", "EntityDefinitions", str(change), definition)
        self._metadata.forget(change.name)
        return created

    def _make_column(self, change: SchemaChange) -> bool:
        wanted = _column_of(change)
        if self._fits(change, wanted):
            return False
        path, definition = self._definition(change, wanted)
        created = self._customizing.write("POST", path, str(change), definition)
        if not created:
            self._metadata.forget(change.table)
            self._fits(change, wanted)
        return created

    def _definition(self, change: SchemaChange, wanted: TargetColumn) -> tuple[str, Json]:
        """Return where a column is made, and its definition."""
        language = self._customizing.language
        if wanted.type is ColumnType.LOOKUP:
            target = self._lookup_target(change, wanted)
            return "RelationshipDefinitions", lookup_definition(change, wanted, target.shape.id_column, language)
        definition = column_definition(wanted, language)
        if definition is None:
            raise RefusedError(
                str(change),
                "type",
                f"columns of type {wanted.type} cannot be added",
                "Choose another column type in the mapping, then plan again.",
            )
        return f"EntityDefinitions(LogicalName={quoted(change.table)})/Attributes", definition

    def _lookup_target(self, change: SchemaChange, wanted: TargetColumn) -> Table:
        if len(wanted.targets) != 1:
            raise RefusedError(
                str(change),
                "targets",
                f"a new lookup points to one table, not to {', '.join(wanted.targets) or 'none'}",
                "Let the mapping make one lookup for each table, or use a column of the environment that points to "
                "them all; then plan again.",
            )
        return self._table(change, wanted.targets[0])

    def _fits(self, change: SchemaChange, wanted: TargetColumn) -> bool:
        """Return whether the column is there and can hold what is wanted; False when it is not there.

        Raises:
            RefusedError: It is there, and cannot.
        """
        present = self._table(change, change.table).shape.columns.get(wanted.name)
        if present is None:
            return False
        if (problem := present.misfit(wanted)) is not None:
            raise RefusedError(str(change), "exists", problem, _OTHER_COLUMN)
        return True

    def _make_link(self, change: SchemaChange) -> bool:
        table = self._table(change, change.table)
        other = self._table(change, change.other)
        present = table.collections.get(change.name.lower())
        if present is None:
            definition = link_definition(change, self._customizing.language)
            created = self._customizing.write("POST", "RelationshipDefinitions", str(change), definition)
            self._metadata.forget(change.table)
            self._metadata.forget(change.other)
            return created
        if present.other != other.name:
            problem = f"it exists, and links {table.name} with {present.other}, not with {other.name}"
            raise RefusedError(str(change), "exists", problem, _OTHER_LINK)
        return False

    def _make_key(self, change: SchemaChange) -> bool:
        self._table(change, change.table)
        present = self.find_key(change)
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

    def _table(self, change: SchemaChange, name: str) -> Table:
        if (table := self._metadata.find_table(name)) is None:
            raise RefusedError(
                str(change),
                "table",
                f"the environment has no table {name or 'without a name'}",
                "Check that the app which brings the table is installed, or correct the mapping, then plan again.",
            )
        return table

    def _check_prefix(self, change: SchemaChange) -> None:
        # A column's change may have a name of its own.
        names = [change.name] if change.kind is not SchemaKind.COLUMN else []
        names += [change.column.name] if change.column is not None else []
        for name in names:
            if not name.startswith(f"{self._prefix}_"):
                raise RefusedError(
                    str(change),
                    "prefix",
                    f"{name} does not begin with {self._prefix}_",
                    "Write the name as {prefix}_... in the mapping, then plan again.",
                )


def _column_of(change: SchemaChange) -> TargetColumn:
    if change.column is None:
        raise RefusedError(str(change), "incomplete", "the change does not say which column")
    return change.column
