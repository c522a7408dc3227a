"""Reads rows as they are in the environment now."""

from collections.abc import Iterator, Mapping, Sequence

from transload import Row, RowId, TableName
from transload.errors import NotOfferedError
from transload_dynamics_sink.client import Dataverse, Json, any_of, query
from transload_dynamics_sink.metadata import Metadata, Table
from transload_dynamics_sink.values import CREATED, LOGICAL_NAME, OVERRIDDEN, property_of, read_row

_IDS_AT_ONCE = 100
"""Ids of one query: some 4,600 characters of an address that may have 32,768."""
_MODIFIER = "modifiedby"


def read_rows(
    dataverse: Dataverse,
    metadata: Metadata,
    table_name: TableName,
    row_ids: Sequence[RowId],
    columns: Sequence[str],
) -> dict[RowId, Row]:
    """Return the rows of a table that exist, by id.

    Args:
        dataverse: The environment.
        metadata: Of the same environment.
        table_name: The table.
        row_ids: The rows wanted.
        columns: The columns wanted.

    Raises:
        NotOfferedError: The table or a column does not exist.
    """
    table = metadata.get_table(table_name)
    select = _select(table, columns)
    own_user = dataverse.own_user
    found: dict[RowId, Row] = {}
    for start in range(0, len(row_ids), _IDS_AT_ONCE):
        chunk = [str(row_id) for row_id in row_ids[start : start + _IDS_AT_ONCE]]
        path = query(table.entity_set, select=select, filter=any_of(table.shape.id_column, chunk))
        for raw in _rows(dataverse, table, path):
            row = _row(table, raw, columns, own_user)
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
    return ",".join(property_of(table.shape.columns[name]) for name in wanted)


def _row(table: Table, raw: Json, columns: Sequence[str], own_user: str) -> Row:
    modifier = raw.get(f"_{_MODIFIER}_value")
    return Row(
        row_id=RowId(str(raw[table.shape.id_column]).lower()),
        columns=read_row(table, raw, columns),
        changed_by_others=modifier is not None and modifier.lower() != own_user,
    )
