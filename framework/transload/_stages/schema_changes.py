"""What the target needs before rows can be loaded: custom columns and alternate keys."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from transload._pipeline.transform import custom_columns, new_table
from transload.mapping import Mapping as MappingDocument
from transload.values import ColumnType, SchemaChange, SchemaKind, TableName, TargetSchema


def wanted_changes(documents: Iterable[MappingDocument], target: TargetSchema) -> list[SchemaChange]:
    """Return every limit, table, column, link, reader and key that the mappings rely on, in this order."""
    documents = [document for document in documents if document.skip is None]
    become = {document.entity: TableName(document.table) for document in documents}
    tables: dict[str, SchemaChange] = {}
    columns: dict[tuple[str, str], SchemaChange] = {}
    links: dict[str, SchemaChange] = {}
    readers: dict[tuple[str, str], SchemaChange] = {}
    keys: dict[tuple[str, str], SchemaChange] = {}
    for document in documents:
        table = TableName(document.table)
        if document.new_table is not None and (shape := new_table(document)) is not None:
            names = shape.columns[shape.name_column]
            label, plural = document.new_table.label, document.new_table.plural
            tables[table] = SchemaChange(SchemaKind.TABLE, table, table, label, names, plural=plural)
            for role, reach in document.new_table.readers.items():
                rows = "all rows" if reach == "all" else "rows of their own"
                what = f"Users with the role read {rows}"
                readers[table, role] = SchemaChange(SchemaKind.READER, role, table, what, reads_all=reach == "all")
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
    made = (tables, columns, links, readers, keys)
    return [*_limits(documents, target), *(change for changes in made for change in changes.values())]


def _limits(documents: Iterable[MappingDocument], target: TargetSchema) -> list[SchemaChange]:
    """Return what must be raised so that the largest files fit."""
    raised: dict[tuple[str, str], SchemaChange] = {}
    for document in documents:
        table = target.tables.get(TableName(document.table))
        for name, rule in document.fields.items() if table is not None else ():
            column = table.columns.get(name) if table is not None else None
            if column is None or column.type is not ColumnType.FILE or rule.max is None or column.max_length is None:
                continue
            earlier = raised.get((document.table, name))
            most = max(rule.max, earlier.column.max_length or 0 if earlier and earlier.column else 0)
            if most > column.max_length:
                raised[document.table, name] = SchemaChange(
                    SchemaKind.LIMIT, name, TableName(document.table), f"Largest file: {most >> 20} MB",
                    replace(column, max_length=most), former=column.max_length,
                )  # fmt: skip
    return list(raised.values())


def _table_of(entities: Iterable[str], become: Mapping[str, TableName]) -> TableName:
    """Return the table of the first of several entities that is mapped; compiling the mapping finds that none is."""
    return next((become[entity] for entity in entities if entity in become), TableName(""))


def misfits(documents: Iterable[MappingDocument], target: TargetSchema) -> dict[str, str]:
    """Return what is there under a wanted name and cannot serve, with the reason: something made by hand."""
    found: dict[str, str] = {}
    for change in wanted_changes(documents, target):
        table, wanted = target.tables.get(change.table), change.column
        if table is None or wanted is None:
            continue
        present = table.columns.get(change.name)
        if change.kind is SchemaKind.TABLE and table.name_column != wanted.name:
            found[str(change)] = f"its rows are named by {table.name_column}, not by {wanted.name}"
        elif (
            change.kind is SchemaKind.COLUMN and present is not None and (reason := present.misfit(wanted)) is not None
        ):
            found[str(change)] = reason
    return found


def missing_changes(documents: Iterable[MappingDocument], target: TargetSchema) -> list[SchemaChange]:
    """Return the changes that the target does not have yet."""
    return [change for change in wanted_changes(documents, target) if not _is_there(change, target)]


def _is_there(change: SchemaChange, target: TargetSchema) -> bool:
    table = target.tables.get(change.table)
    if table is None:
        return False
    if change.kind is SchemaKind.LIMIT:
        return False
    if change.kind is SchemaKind.TABLE:
        return True
    if change.kind is SchemaKind.LINK:
        return change.name in table.links
    if change.kind is SchemaKind.READER:
        return change.name in table.readers
    if change.kind is SchemaKind.KEY:
        return any(key.active and set(key.columns) == set(change.key_columns) for key in table.keys)
    return change.name in table.columns
