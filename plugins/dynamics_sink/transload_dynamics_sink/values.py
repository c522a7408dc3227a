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
from transload.values import Cell, ColumnType, FileRef, Lookup
from transload_dynamics_sink.client import Json
from transload_dynamics_sink.columns import MASKS, STAND_INS, Carrier
from transload_dynamics_sink.metadata import Metadata, Table

_MIDDAY = time(12, tzinfo=UTC)
LOGICAL_NAME = "Microsoft.Dynamics.CRM.lookuplogicalname"
CREATED, OVERRIDDEN = "createdon", "overriddencreatedon"


def write_row(metadata: Metadata, table: Table, key: RecordKey, columns: Mapping[str, Cell], *, creating: bool) -> Json:
    """Return the properties of a row.

    Files are left out, because they travel by themselves; parties are left out of an update for the
    same reason.

    Args:
        metadata: Names the entity sets that lookups point into.
        table: The row's table.
        key: The record, for messages.
        columns: The cells; lookups are resolved.
        creating: Whether the row is new: empty cells but yes/no are left out then. Otherwise they are
            sent as null, and columns that count on creation only are left out.

    Raises:
        UnfitValueError: A cell cannot be sent to its column.
        NotOfferedError: The table has no such column.
    """
    row: Json = {}
    parties: dict[int, Cell] = {}
    for name, cell in columns.items():
        column = table.shape.columns.get(name)
        if column is None:
            raise NotOfferedError(
                f"{table.name} has no column {name}",
                "Run `transload prepare`, or take the column out of the mapping and plan again.",
            )
        # A yes/no that is not mentioned becomes the column's default, so an empty one is sent as null.
        idle = creating and cell is None and column.type is not ColumnType.BOOLEAN
        if idle or not _may_write(column, key, creating=creating):
            continue
        if column.type is ColumnType.LOOKUP:
            row.update(_write_lookup(metadata, table, column, key, cell))
        elif column.type is ColumnType.PARTIES:
            parties[MASKS[name]] = cell
        elif column.type is ColumnType.FILE:
            row.update(_write_file(table, column, key, cell))
        else:
            row[name] = _write_cell(column, key, cell)
    if parties and creating:
        row[party_collection(table.name)] = [
            party for mask, cell in parties.items() for party in write_parties(metadata, key, mask, cell)
        ]
    return row


def party_collection(table: str) -> str:
    """Return the collection that holds the parties of an activity."""
    return f"{table}_activity_parties"


def write_parties(metadata: Metadata, key: RecordKey, mask: int, cell: Cell) -> list[Json]:
    """Return the parties of one participation type.

    Raises:
        UnfitValueError: The cell holds something else than rows.
    """
    parties: list[Json] = []
    for row in cell if isinstance(cell, tuple) else () if cell is None else (cell,):
        if not isinstance(row, RowRef):
            raise UnfitValueError(key, party_name(mask), f"takes people, and {row!r} is no row")
        address = f"/{metadata.get_entity_set(row.table)}({row.row_id})"
        parties.append({f"partyid_{row.table}@odata.bind": address, "participationtypemask": mask})
    return parties


def party_name(mask: int) -> str:
    """Return the column of a participation type."""
    return next(name for name, number in MASKS.items() if number == mask)


EMPTY = b"{}"
"""A row without properties, as JSON."""


def dump_row(row: Json) -> bytes:
    """Return a row as JSON on one line."""
    return orjson.dumps(row)


def with_file(row: bytes, column: str, encoded: bytes) -> bytes:
    """Return a row as JSON with one more property: a file in base64.

    The encoder would set aside eight times the length of so long a text: it may have to escape every letter.
    """
    comma = b"" if row == EMPTY else b","
    return b"".join((row[:-1], comma, b'"', column.encode("ascii"), b'":"', encoded, b'"}'))


def read_row(table: Table, raw: Json, columns: Sequence[str]) -> dict[str, Cell]:
    """Return the cells of a row that a query returned, parsed with Decimal for fractions.

    What was sent as ``overriddencreatedon`` the platform keeps in ``createdon``, and puts the
    time of the import in its place; so that column is answered with the former.
    """
    cells: dict[str, Cell] = {}
    for name in columns:
        column = table.shape.columns[name]
        if column.type is ColumnType.PARTIES:
            cells[name] = read_parties(raw.get(party_collection(table.name)) or [], MASKS[name])
        elif column.type is not ColumnType.FILE:
            cells[name] = _read_cell(table.name, column, raw)
    if cells.get(OVERRIDDEN) is not None and CREATED in raw:
        cells[OVERRIDDEN] = _read_cell(table.name, table.shape.columns[CREATED], raw)
    return cells


def read_parties(found: Sequence[Json], mask: int) -> tuple[RowRef, ...] | None:
    """Return the rows among an activity's parties that take part in one way, sorted; None when there are none."""
    rows = {
        RowRef(TableName(raw[f"_partyid_value@{LOGICAL_NAME}"]), RowId(str(raw["_partyid_value"]).lower()))
        for raw in found
        if raw["participationtypemask"] == mask and raw.get("_partyid_value") is not None
    }
    return tuple(sorted(rows, key=str)) or None


def property_of(column: TargetColumn) -> str:
    """Return the name that a column has in queries and answers."""
    return f"_{column.name}_value" if column.type is ColumnType.LOOKUP else column.name


def _may_write(column: TargetColumn, key: RecordKey, *, creating: bool) -> bool:
    """Return whether a column is sent; one that counts on creation only is left out of an update.

    Raises:
        UnfitValueError: The column can never be written, or not on creation.
    """
    if column.creatable if creating else column.updatable:
        return True
    if creating or not column.creatable:
        moment = "on creation" if column.updatable else "at all"
        raise UnfitValueError(key, column.name, f"cannot be written {moment}")
    return False


def _write_lookup(
    metadata: Metadata, table: Table, column: TargetColumn, key: RecordKey, cell: Cell
) -> Mapping[str, str | None]:
    if cell is None:
        # Any of the names of a lookup to several tables clears it.
        target = next((name for of, name in table.navigation if of == column.name), "")
        address: str | None = None
    elif isinstance(cell, RowRef):
        base, meant = STAND_INS.get((table.name, column.name), ("", ""))
        target = base if cell.table == meant else cell.table
        address = f"/{metadata.get_entity_set(target)}({cell.row_id})"
    else:
        raise UnfitValueError(key, column.name, f"is a lookup, and {cell!r} is no row")
    name = table.navigation.get((column.name, target))
    if name is None:
        known = ", ".join(column.targets)
        raise UnfitValueError(key, column.name, f"cannot point to {target}, only to {known}")
    return {f"{name}@odata.bind": address}


def _write_file(table: Table, column: TargetColumn, key: RecordKey, cell: Cell) -> Mapping[str, None]:
    """Return what a row says of its file: only that there shall be none."""
    if cell is None:
        return {} if table.files[column.name].carrier is Carrier.COLUMN else {column.name: None}
    if not isinstance(cell, FileRef):
        raise UnfitValueError(key, column.name, f"takes a file, and {cell!r} is none")
    return {}


def _write_cell(column: TargetColumn, key: RecordKey, cell: Cell) -> object:
    match cell:
        case Lookup() | RowRef():
            raise UnfitValueError(key, column.name, f"is {column.type}, and {cell} is a row")
        case FileRef():
            raise UnfitValueError(key, column.name, f"is {column.type}, and takes no file")
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
        case tuple() if column.type is ColumnType.CHOICES:
            return ",".join(str(option) for option in cell) or None
        case tuple():
            raise UnfitValueError(key, column.name, f"is {column.type}, and takes one value only")
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


def _read_cell(table_name: str, column: TargetColumn, raw: Json) -> Cell:
    name = property_of(column)
    value = raw.get(name)
    if value is None:
        return None
    match column.type:
        case ColumnType.LOOKUP:
            table = raw.get(f"{name}@{LOGICAL_NAME}") or next(iter(column.targets), "")
            base, meant = STAND_INS.get((table_name, column.name), ("", ""))
            return RowRef(TableName(meant if table == base else table), RowId(str(value).lower()))
        case ColumnType.DECIMAL | ColumnType.MONEY:
            return Decimal(value)
        case ColumnType.DATETIME:
            return datetime.fromisoformat(value).astimezone(UTC)
        case ColumnType.DATE:
            return date.fromisoformat(value[:10])
        case ColumnType.ID:
            return str(value).lower()
        case ColumnType.CHOICES:
            return tuple(sorted(int(option) for option in str(value).split(",")))
        case _:
            cell: str | int | bool | Decimal = value
            return cell
