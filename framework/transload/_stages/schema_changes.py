"""What the target needs before rows can be loaded: custom columns and alternate keys."""

from collections.abc import Iterable

from transload._pipeline.transform import custom_columns
from transload.mapping import Mapping as MappingDocument
from transload.values import SchemaChange, SchemaKind, TableName, TargetSchema


def wanted_changes(documents: Iterable[MappingDocument]) -> list[SchemaChange]:
    """Return every column and key that the mappings rely on, columns first."""
    columns: dict[tuple[str, str], SchemaChange] = {}
    keys: dict[tuple[str, str], SchemaChange] = {}
    for document in documents:
        table = TableName(document.table)
        for name, column in custom_columns(document).items():
            columns[table, name] = SchemaChange(SchemaKind.COLUMN, name, table, column.label, column)
        if document.key is not None and document.key.column is not None:
            name = document.key.column
            keys[table, name] = SchemaChange(
                SchemaKind.KEY,
                f"{name}_key",
                table,
                f"{document.key.label or 'Source id'} (key)",
                None,
                (name,),
            )
    return [*columns.values(), *keys.values()]


def missing_changes(documents: Iterable[MappingDocument], target: TargetSchema) -> list[SchemaChange]:
    """Return the changes that the target does not have yet."""
    return [change for change in wanted_changes(documents) if not _is_there(change, target)]


def _is_there(change: SchemaChange, target: TargetSchema) -> bool:
    table = target.tables.get(change.table)
    if table is None:
        return False
    if change.kind is SchemaKind.KEY:
        return any(key.active and set(key.columns) == set(change.key_columns) for key in table.keys)
    return change.name in table.columns
