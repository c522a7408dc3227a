"""Reads rows as they are in the environment now."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from transload import FileRef, Row, RowId, RowRef, TableName
from transload.errors import NotOfferedError
from transload.files import digest_of
from transload.values import ColumnType
from transload_dynamics_sink.client import Dataverse, Json, any_of, query
from transload_dynamics_sink.columns import Carrier
from transload_dynamics_sink.files import Files
from transload_dynamics_sink.lookups import ROLE, ROOT_ROLE
from transload_dynamics_sink.metadata import Metadata, Table
from transload_dynamics_sink.values import (
    CREATED,
    LOGICAL_NAME,
    OVERRIDDEN,
    party_collection,
    property_of,
    read_row,
)

_IDS_AT_ONCE = 100
"""Ids of one query: some 4,600 characters of an address that may have 32,768."""
_MODIFIER = "modifiedby"
_FILE_NAME = "filename"


@dataclass(frozen=True, slots=True)
class _End:
    """The other end of a many-to-many relationship: its collection, its table, and what identifies a row there."""

    navigation: str
    table: TableName
    id_property: str


def read_rows(
    dataverse: Dataverse,
    metadata: Metadata,
    table_name: TableName,
    row_ids: Sequence[RowId],
    columns: Sequence[str],
    files: Files | None = None,
) -> dict[RowId, Row]:
    """Return the rows of a table that exist, by id.

    Args:
        dataverse: The environment.
        metadata: Of the same environment.
        table_name: The table.
        row_ids: The rows wanted.
        columns: The columns wanted, and the many-to-many relationships whose linked rows are.
        files: Reads what file columns hold; without it they are left out.

    Raises:
        NotOfferedError: The table or a column does not exist.
    """
    table = metadata.get_table(table_name)
    links = {name: _end(metadata, table, name) for name in columns if name in table.shape.links}
    columns = [name for name in columns if name not in table.shape.links]
    select, expand = _select(table, columns), _expand(table, columns, links.values())
    own_user = dataverse.own_user
    found: dict[RowId, Row] = {}
    for start in range(0, len(row_ids), _IDS_AT_ONCE):
        chunk = [str(row_id) for row_id in row_ids[start : start + _IDS_AT_ONCE]]
        path = query(table.entity_set, select=select, expand=expand, filter=any_of(table.shape.id_column, chunk))
        for raw in _rows(dataverse, table, path):
            row = _row(table, raw, columns, own_user)
            cells = {**row.columns, **{name: _linked(raw, end) for name, end in links.items()}}
            if files is not None:
                cells |= {name: _file(files, table, raw, name) for name in columns if name in table.files}
            row = replace(row, columns=cells)
            found[row.row_id] = row
    return found


def scan(dataverse: Dataverse, metadata: Metadata, table_name: TableName, column: str) -> Iterator[tuple[str, RowId]]:
    """Yield the value and the row id of every row whose column is filled, by row id."""
    table = metadata.get_table(table_name)
    id_column = table.shape.id_column
    select = _select(table, [column])
    path = query(table.entity_set, select=select, filter=f"{column} ne null", orderby=id_column)
    for raw in _rows(dataverse, table, path):
        yield str(raw[column]), RowId(str(raw[id_column]).lower())


def _rows(dataverse: Dataverse, table: Table, path: str) -> Iterator[Json]:
    annotations = f'odata.include-annotations="{LOGICAL_NAME}"'
    return dataverse.rows(path, f"read {table.name}", annotations)


def _select(table: Table, columns: Sequence[str]) -> str:
    known: Mapping[str, object] = table.shape.columns
    if unknown := [name for name in columns if name not in known]:
        raise NotOfferedError(
            f"{table.name} has no column {', '.join(unknown)}",
            "Run `transload prepare`, or plan again: the environment has changed since.",
        )
    wanted = dict.fromkeys([*columns, table.shape.id_column])
    if OVERRIDDEN in wanted and CREATED in known:
        wanted[CREATED] = None
    if _MODIFIER in known:
        wanted[_MODIFIER] = None
    shown = (_shown(table, name) for name in wanted)
    return ",".join(dict.fromkeys(name for name in shown if name))


def _shown(table: Table, name: str) -> str:
    """Return the property that a query shows of a column; of a note's file it is the name, not the bytes."""
    column = table.shape.columns[name]
    if column.type is ColumnType.PARTIES:
        return ""
    if column.type is ColumnType.FILE and table.files[name].carrier is not Carrier.COLUMN:
        return _FILE_NAME if _FILE_NAME in table.shape.columns else ""
    return property_of(column)


def _end(metadata: Metadata, table: Table, name: str) -> _End:
    collection = table.collections[name.lower()]
    if collection.other == ROLE:
        # A role stands for its copies in all business units, and is known by the root one.
        return _End(collection.navigation, ROLE, ROOT_ROLE)
    return _End(collection.navigation, collection.other, metadata.get_table(collection.other).shape.id_column)


def _expand(table: Table, columns: Sequence[str], links: Iterable[_End]) -> str:
    wanted = [f"{end.navigation}($select={end.id_property})" for end in links]
    if any(table.shape.columns[name].type is ColumnType.PARTIES for name in columns):
        wanted.append(f"{party_collection(table.name)}($select=_partyid_value,participationtypemask)")
    return ",".join(wanted)


def _linked(raw: Json, end: _End) -> tuple[RowRef, ...]:
    """Return the rows that a row is linked with, sorted."""
    ids = {str(each[end.id_property]).lower() for each in raw.get(end.navigation) or []}
    return tuple(sorted((RowRef(end.table, RowId(row_id)) for row_id in ids), key=str))


def _file(files: Files, table: Table, raw: Json, name: str) -> FileRef | None:
    if table.files[name].carrier is Carrier.COLUMN and raw.get(name) is None:
        return None
    found = files.read(table, str(raw[table.shape.id_column]), name)
    if found is None and raw.get(_FILE_NAME) is not None:
        # An empty text is nothing to the platform; what is left of an empty file is its name.
        return digest_of(io.BytesIO())
    return found


def _row(table: Table, raw: Json, columns: Sequence[str], own_user: str) -> Row:
    modifier = raw.get(f"_{_MODIFIER}_value")
    return Row(
        row_id=RowId(str(raw[table.shape.id_column]).lower()),
        columns=read_row(table, raw, columns),
        changed_by_others=modifier is not None and modifier.lower() != own_user,
    )
