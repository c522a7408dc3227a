"""What the target in memory accepts: the rules of a server, over plain dictionaries.

Modelled on what Dataverse enforces and documents: required columns, UTF-16 lengths, option
values, unique alternate keys, lookups to rows that exist, rows in a read-only state, and
deletes that a required lookup of another row forbids.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from transload.errors import RefusedError
from transload.values import (
    Associate,
    Cell,
    ColumnType,
    DeleteRow,
    Disassociate,
    DropSchema,
    Inverse,
    Lookup,
    RestoreRow,
    RowRef,
    SchemaChange,
    SchemaKind,
    SetState,
    TableName,
    TargetColumn,
    TargetKey,
    TargetTable,
    Upsert,
    Write,
)

STATE_COLUMNS = ("statecode", "statuscode")
_TYPES: Mapping[ColumnType, tuple[type, ...]] = {
    ColumnType.TEXT: (str,),
    ColumnType.MEMO: (str,),
    ColumnType.ID: (str,),
    ColumnType.INTEGER: (int,),
    ColumnType.CHOICE: (int,),
    ColumnType.STATE: (int,),
    ColumnType.STATUS: (int,),
    ColumnType.DECIMAL: (Decimal, int),
    ColumnType.MONEY: (Decimal, int),
    ColumnType.BOOLEAN: (bool,),
    ColumnType.DATETIME: (datetime,),
    ColumnType.DATE: (date,),
    ColumnType.LOOKUP: (RowRef,),
}


@dataclass(slots=True)
class Content:
    """The tables and rows of a target.

    Attributes:
        people: Rows that somebody else than the migration touched last.
        links: Row, relationship, other row.
    """

    tables: dict[TableName, TargetTable] = field(default_factory=dict)
    rows: dict[RowRef, dict[str, Cell]] = field(default_factory=dict)
    people: set[RowRef] = field(default_factory=set)
    links: set[tuple[RowRef, str, RowRef]] = field(default_factory=set)

    def of(self, table: TableName) -> Iterator[tuple[RowRef, dict[str, Cell]]]:
        """Yield the rows of a table."""
        return ((ref, row) for ref, row in self.rows.items() if ref.table == table)


def apply_write(content: Content, write: Write) -> None:
    """Do what a write asks for, wholly or not at all.

    Raises:
        RefusedError: The target does not accept it.
    """
    ref = RowRef(write.table, write.row_id)
    match write:
        case Upsert():
            if write.exists:
                _need_row(content, ref)
            put_row(content, ref, write.columns)
        case SetState():
            _need_row(content, ref)
            _set_state(content, ref, (write.state, write.status))
        case Associate(other=other):
            if isinstance(other, Lookup):
                raise RefusedError(str(ref), "unresolved", f"{write.relationship} is not resolved")
            _need_row(content, ref)
            _need_row(content, other)
            content.links.add((ref, write.relationship, other))
    content.people.discard(ref)


def apply_inverse(content: Content, inverse: Inverse) -> None:
    """Undo a write; what is undone already is left alone.

    Raises:
        RefusedError: The target does not accept it.
    """
    match inverse:
        case DeleteRow(table=table, row_id=row_id):
            delete_row(content, RowRef(table, row_id))
        case RestoreRow(table=table, row_id=row_id) if RowRef(table, row_id) in content.rows:
            _restore(content, inverse)
        case Disassociate(table=table, row_id=row_id):
            content.links.discard((RowRef(table, row_id), inverse.relationship, inverse.other))
        case DropSchema(change=change):
            drop_schema(content, change)


def put_row(content: Content, ref: RowRef, columns: Mapping[str, Cell]) -> None:
    """Create a row or change it.

    Raises:
        RefusedError: The target does not accept it.
    """
    table, old = content.tables[ref.table], content.rows.get(ref)
    if old is not None and _is_locked(table, old):
        raise RefusedError(str(ref), "read_only", "the row is in a read-only state")
    for name, cell in columns.items():
        _check_cell(content, ref, table.columns.get(name), name, cell, creating=old is None)
    row = {**(_initial(table) if old is None else old), **columns}
    for column in table.columns.values():
        if column.required and row.get(column.name) in (None, ""):
            raise RefusedError(str(ref), "required", f"{column.name} is required")
    _check_keys(content, ref, table, row)
    content.rows[ref] = {name: cell for name, cell in row.items() if cell not in (None, "")}


def delete_row(content: Content, ref: RowRef) -> None:
    """Delete a row; lookups that point to it are emptied.

    Raises:
        RefusedError: Another row cannot be without it.
    """
    pointing = [
        (other, name) for other, row in content.rows.items() for name, cell in row.items() if cell == ref
    ]  # fmt: skip
    for other, name in pointing:
        if content.tables[other.table].columns[name].required:
            raise RefusedError(str(ref), "restricted", f"{name} of {other} needs it")
    for other, name in pointing:
        del content.rows[other][name]
    content.links = {link for link in content.links if ref not in (link[0], link[2])}
    content.rows.pop(ref, None)
    content.people.discard(ref)


def add_schema(content: Content, change: SchemaChange) -> bool:
    """Make a column or key, and return whether it was not there.

    Raises:
        RefusedError: One of that name is there and does not fit.
    """
    table = content.tables[change.table]
    if change.kind is SchemaKind.KEY:
        if any(key.columns == change.key_columns for key in table.keys):
            return False
        key = TargetKey(change.name, change.key_columns, active=True)
        content.tables[table.name] = replace(table, keys=[*table.keys, key])
        return True
    if change.column is None:
        raise RefusedError(str(change), "unknown", f"a {change.kind} is not known here")
    if (there := table.columns.get(change.name)) is not None:
        if there.type is not change.column.type:
            raise RefusedError(str(change), "other_type", f"it is there as {there.type}")
        return False
    content.tables[table.name] = replace(table, columns={**table.columns, change.name: change.column})
    return True


def drop_schema(content: Content, change: SchemaChange) -> None:
    """Take a column or key away.

    Raises:
        RefusedError: A key still needs the column.
    """
    table = content.tables[change.table]
    if change.kind is SchemaKind.KEY:
        keys = [key for key in table.keys if key.columns != change.key_columns]
        content.tables[table.name] = replace(table, keys=keys)
        return
    if any(change.name in key.columns for key in table.keys):
        raise RefusedError(str(change), "in_use", "a key needs the column")
    columns = {name: column for name, column in table.columns.items() if name != change.name}
    content.tables[table.name] = replace(table, columns=columns)
    for _, row in content.of(table.name):
        row.pop(change.name, None)


def _restore(content: Content, inverse: RestoreRow) -> None:
    ref = RowRef(inverse.table, inverse.row_id)
    if inverse.columns and _is_locked(content.tables[ref.table], content.rows[ref]):
        states = content.tables[ref.table].states
        _set_state(content, ref, (states[0].value, states[0].default_status))
    put_row(content, ref, inverse.columns)
    if inverse.state is not None:
        _set_state(content, ref, inverse.state)


def _set_state(content: Content, ref: RowRef, wanted: tuple[int, int]) -> None:
    states = {state.value: state for state in content.tables[ref.table].states}
    if wanted[0] not in states or wanted[1] not in states[wanted[0]].statuses:
        raise RefusedError(str(ref), "state", f"there is no state {wanted[0]} with status {wanted[1]}")
    content.rows[ref].update(zip(STATE_COLUMNS, wanted, strict=True))


def _need_row(content: Content, ref: RowRef) -> None:
    if ref not in content.rows:
        raise RefusedError(str(ref), "not_found", "there is no such row")


def _initial(table: TargetTable) -> dict[str, Cell]:
    if not table.states:
        return {}
    return dict(zip(STATE_COLUMNS, (table.states[0].value, table.states[0].default_status), strict=True))


def _is_locked(table: TargetTable, row: Mapping[str, Cell]) -> bool:
    return any(state.read_only and state.value == row.get("statecode") for state in table.states)


def _check_cell(
    content: Content, ref: RowRef, column: TargetColumn | None, name: str, cell: Cell, creating: bool
) -> None:
    if column is None:
        raise RefusedError(str(ref), "no_column", f"there is no column {name}")
    if not (column.creatable if creating else column.updatable):
        raise RefusedError(str(ref), "not_writable", f"{name} may not be sent now")
    if cell is not None and (reason := _misfit(content, column, cell)):
        raise RefusedError(str(ref), "unfit", f"{name} {reason}")


def _misfit(content: Content, column: TargetColumn, cell: Cell) -> str:
    """Return why a cell does not fit, or nothing."""
    right = _TYPES.get(column.type, (object,))
    is_flag = isinstance(cell, bool) and bool not in right
    is_moment = isinstance(cell, datetime) and datetime not in right
    if not isinstance(cell, right) or is_flag or is_moment:
        return f"is {column.type}, not {type(cell).__name__}"
    if (
        isinstance(cell, str)
        and column.max_length is not None
        and len(cell.encode("utf-16-le")) > 2 * column.max_length
    ):
        return f"takes {column.max_length} characters"
    if (
        isinstance(cell, int)
        and column.options
        and column.type is not ColumnType.BOOLEAN
        and cell not in column.options
    ):
        return f"has no option {cell}"
    if isinstance(cell, RowRef):
        if column.targets and cell.table not in column.targets:
            return f"does not point to {cell.table}"
        if cell not in content.rows:
            return f"points to {cell}, which does not exist"
    return ""


def _check_keys(content: Content, ref: RowRef, table: TargetTable, row: Mapping[str, Cell]) -> None:
    for key in table.keys:
        mine = [row.get(column) for column in key.columns]
        if None in mine:
            continue
        for other, columns in content.of(table.name):
            if other != ref and [columns.get(column) for column in key.columns] == mine:
                raise RefusedError(str(ref), "duplicate_key", f"{key.name} {mine} is that of {other}")
