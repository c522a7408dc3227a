"""Turns cells into the JSON that Dataverse reads, and back.

Numbers with a fraction never pass through binary floating point: they are written
digit by digit, and read as Decimal.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal

import orjson

from transload import RecordKey, RowId, RowRef, TableName, TargetColumn
from transload.errors import NotOfferedError, UnfitValueError
from transload.values import Cell, ColumnType, Lookup
from transload_dynamics_sink.client import Json
from transload_dynamics_sink.metadata import Metadata, Table

_MIDDAY = time(12, tzinfo=UTC)
LOGICAL_NAME = "Microsoft.Dynamics.CRM.lookuplogicalname"
CREATED, OVERRIDDEN = "createdon", "overriddencreatedon"


def write_row(metadata: Metadata, table: Table, key: RecordKey, columns: Mapping[str, Cell], *, creating: bool) -> Json:
    """Return the properties of a row.

    Args:
        metadata: Names the entity sets that lookups point into.
        table: The row's table.
        key: The record, for messages.
        columns: The cells; lookups are resolved.
        creating: Whether the row is new: empty cells are left out then. Otherwise they are
            sent as null, and columns that count on creation only are left out.

    Raises:
        UnfitValueError: A cell cannot be sent to its column.
        NotOfferedError: The table has no such column.
    """
    row: Json = {}
    for name, cell in columns.items():
        column = table.shape.columns.get(name)
        if column is None:
            raise NotOfferedError(
                f"{table.name} has no column {name}",
                "Run `transload prepare`, or take the column out of the mapping and plan again.",
            )
        if creating and cell is None:
            continue
        if not (column.creatable if creating else column.updatable):
            if creating or not column.creatable:
                moment = "on creation" if column.updatable else "at all"
                raise UnfitValueError(key, name, f"cannot be written {moment}")
            continue
        if column.type is ColumnType.LOOKUP:
            row.update(_write_lookup(metadata, table, column, key, cell))
        else:
            row[name] = _write_cell(column, key, cell)
    return row


def dump_row(row: Json) -> bytes:
    """Return a row as JSON on one line."""
    return orjson.dumps(row)


def read_row(table: Table, raw: Json, columns: Sequence[str]) -> dict[str, Cell]:
    """Return the cells of a row that a query returned, parsed with Decimal for fractions.

    What was sent as ``overriddencreatedon`` the platform keeps in ``createdon``, and puts the
    time of the import in its place; so that column is answered with the former.
    """
    cells: dict[str, Cell] = {}
    for name in columns:
        cells[name] = _read_cell(table.shape.columns[name], raw)
    if cells.get(OVERRIDDEN) is not None and CREATED in raw:
        cells[OVERRIDDEN] = _read_cell(table.shape.columns[CREATED], raw)
    return cells


def property_of(column: TargetColumn) -> str:
    """Return the name that a column has in queries and answers."""
    return f"_{column.name}_value" if column.type is ColumnType.LOOKUP else column.name


def _write_lookup(
    metadata: Metadata, table: Table, column: TargetColumn, key: RecordKey, cell: Cell
) -> Mapping[str, str | None]:
    if cell is None:
        # Any of the names of a lookup to several tables clears it.
        target, address = next(iter(column.targets), TableName("")), None
    elif isinstance(cell, RowRef):
        target, address = cell.table, f"/{metadata.get_entity_set(cell.table)}({cell.row_id})"
    else:
        raise UnfitValueError(key, column.name, f"is a lookup, and {cell!r} is no row")
    name = table.navigation.get((column.name, target))
    if name is None:
        known = ", ".join(column.targets)
        raise UnfitValueError(key, column.name, f"cannot point to {target}, only to {known}")
    return {f"{name}@odata.bind": address}


def _write_cell(column: TargetColumn, key: RecordKey, cell: Cell) -> object:
    match cell:
        case Lookup() | RowRef():
            raise UnfitValueError(key, column.name, f"is {column.type}, and {cell} is a row")
        case Decimal():
            if not cell.is_finite():
                raise UnfitValueError(key, column.name, f"cannot hold {cell}")
            return orjson.Fragment(format(cell, "f"))
        case date():
            return _write_time(column, key, cell)
        case int() if column.type is ColumnType.BOOLEAN:
            return bool(cell)
        case int() if column.type is ColumnType.CHOICES:
            return str(cell)
        case _:
            return cell


def _write_time(column: TargetColumn, key: RecordKey, cell: date) -> str:
    """Return a moment or a day as its column wants it."""
    if not isinstance(cell, datetime):
        # A day in a column of moments: at noon in UTC hardly anybody sees another day.
        return cell.isoformat() if column.type is ColumnType.DATE else _moment(datetime.combine(cell, _MIDDAY))
    if cell.tzinfo is None:
        raise UnfitValueError(key, column.name, f"needs a time zone, and {cell} has none")
    return cell.date().isoformat() if column.type is ColumnType.DATE else _moment(cell)


def _moment(value: datetime) -> str:
    """Return a moment as the wire shows it: UTC, whole seconds."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _read_cell(column: TargetColumn, raw: Json) -> Cell:
    name = property_of(column)
    value = raw.get(name)
    if value is None:
        return None
    match column.type:
        case ColumnType.LOOKUP:
            table = raw.get(f"{name}@{LOGICAL_NAME}") or next(iter(column.targets), "")
            return RowRef(TableName(table), RowId(str(value).lower()))
        case ColumnType.DECIMAL | ColumnType.MONEY:
            return Decimal(value)
        case ColumnType.DATETIME:
            return datetime.fromisoformat(value).astimezone(UTC)
        case ColumnType.DATE:
            return date.fromisoformat(value[:10])
        case ColumnType.ID:
            return str(value).lower()
        case _:
            cell: str | int | bool | Decimal = value
            return cell
