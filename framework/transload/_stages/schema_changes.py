"""What the target needs before rows can be loaded: custom columns and alternate keys."""

from collections.abc import Iterable, Mapping

from transload._pipeline.transform import custom_columns, new_table
from transload.mapping import Mapping as MappingDocument
from transload.values import SchemaChange, SchemaKind, TableName, TargetSchema


def wanted_changes(documents: Iterable[MappingDocument]) -> list[SchemaChange]:
    """Return every table, column, link and key that the mappings rely on, in this order."""
    documents = [document for document in documents if document.skip is None]
    become = {document.entity: TableName(document.table) for document in documents}
    tables: dict[str, SchemaChange] = {}
    columns: dict[tuple[str, str], SchemaChange] = {}
    links: dict[str, SchemaChange] = {}
    keys: dict[tuple[str, str], SchemaChange] = {}
    for document in documents:
        table = TableName(document.table)
        if document.new_table is not None and (shape := new_table(document)) is not None:
            names = shape.columns[shape.name_column]
            label, plural = document.new_table.label, document.new_table.plural
            tables[table] = SchemaChange(SchemaKind.TABLE, table, table, label, names, plural=plural)
        if document.link is not None and document.link.label:
            name, end = document.link.relationship, document.link.other
            other = TableName(end.find.table) if end.find is not None else _table_of(end.entities, become)
            links[name] = SchemaChange(SchemaKind.LINK, name, table, document.link.label, other=other)
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
    return [*tables.values(), *columns.values(), *links.values(), *keys.values()]


def _table_of(entities: Iterable[str], become: Mapping[str, TableName]) -> TableName:
    """Return the table of the first of several entities that is mapped; compiling the mapping finds that none is."""
    return next((become[entity] for entity in entities if entity in become), TableName(""))


def missing_changes(documents: Iterable[MappingDocument], target: TargetSchema) -> list[SchemaChange]:
    """Return the changes that the target does not have yet."""
    return [change for change in wanted_changes(documents) if not _is_there(change, target)]


def _is_there(change: SchemaChange, target: TargetSchema) -> bool:
    table = target.tables.get(change.table)
    if table is None:
        return False
    if change.kind is SchemaKind.TABLE:
        return True
    if change.kind is SchemaKind.LINK:
        return change.name in table.links
    if change.kind is SchemaKind.KEY:
        return any(key.active and set(key.columns) == set(change.key_columns) for key in table.keys)
    return change.name in table.columns
