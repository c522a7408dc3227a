"""What the target in memory accepts: the rules of a server, over plain dictionaries.

Modelled on what Dataverse enforces and documents: required columns, UTF-16 lengths, option
values, unique alternate keys, lookups to rows that exist, rows in a read-only state with those
that belong to them, totals that nobody may write, and deletes that a required lookup of another
row forbids.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from transload.errors import LockedError, RefusedError
from transload.values import (
    Associate,
    Cell,
    ColumnType,
    DeleteRow,
    Disassociate,
    DropSchema,
    FileRef,
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
    TargetState,
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
    ColumnType.CHOICES: (tuple,),
    ColumnType.PARTIES: (tuple,),
    ColumnType.FILE: (FileRef,),
}
_FIRST_OPTION = 10_000
"""A target numbers the options that a client adds in its own way."""


@dataclass(frozen=True, slots=True)
class Total:
    """A column that the target computes: the sum of ``amount`` over the rows of a table that point to the row."""

    table: TableName
    column: str
    of: TableName
    amount: str
    by: str


@dataclass(slots=True)
class Content:
    """The tables and rows of a target.

    Attributes:
        people: Rows that somebody else than the migration touched last.
        links: Row, relationship, other row.
        totals: What the target computes.
    """

    tables: dict[TableName, TargetTable] = field(default_factory=dict)
    rows: dict[RowRef, dict[str, Cell]] = field(default_factory=dict)
    people: set[RowRef] = field(default_factory=set)
    links: set[tuple[RowRef, str, RowRef]] = field(default_factory=set)
    totals: list[Total] = field(default_factory=list)

    def cell(self, ref: RowRef, name: str) -> Cell:
        """Return what a column of a row holds, or the rows that it is linked with by a relationship of that name."""
        if name in self.tables[ref.table].links:
            linked = {other for row, link, other in self.links if (row, link) == (ref, name)}
            linked |= {row for row, link, other in self.links if (other, link) == (ref, name)}
            return tuple(sorted(linked, key=str)) or None
        for total in self.totals:
            if (total.table, total.column) == (ref.table, name):
                rows = (row for _, row in self.of(total.of) if row.get(total.by) == ref)
                amounts = (row.get(total.amount) for row in rows)
                return sum((amount for amount in amounts if isinstance(amount, int | Decimal)), Decimal(0))
        return self.rows[ref].get(name)

    def of(self, table: TableName) -> Iterator[tuple[RowRef, dict[str, Cell]]]:
        """Yield the rows of a table."""
        return ((ref, row) for ref, row in self.rows.items() if ref.table == table)


def apply_write(content: Content, write: Write) -> bool:
    """Do what a write asks for, wholly or not at all, and return whether there was anything to do.

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
            _need_open_owner(content, ref, content.rows[ref])
            set_state(content, ref, (write.state, write.status))
        case Associate():
            return _link(content, ref, write)
    content.people.discard(ref)
    return True


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
        raise LockedError(str(ref), "read_only", "the row is in a read-only state")
    _need_open_owner(content, ref, {**(old or {}), **columns})
    for name, cell in columns.items():
        _check_cell(content, ref, table.columns.get(name), name, cell, creating=old is None)
    row = {**(_initial(table) if old is None else old), **columns}
    for column in table.columns.values():
        if column.required and row.get(column.name) in (None, ""):
            raise RefusedError(str(ref), "required", f"{column.name} is required")
    _check_keys(content, ref, table, row)
    content.rows[ref] = {name: cell for name, cell in row.items() if cell not in (None, "", ())}
    if old is not None:
        _pass_on(content, ref, {name: cell for name, cell in columns.items() if cell != old.get(name)})


def _pass_on(content: Content, ref: RowRef, columns: Mapping[str, Cell]) -> None:
    """Give what was changed of a row to the rows that point to it, as far as such columns cascade."""
    for other, row in content.rows.items():
        its = content.tables[other.table].columns
        for name in columns.keys() & its.keys():
            if its[name].cascades and ref in (cell for pointing, cell in row.items() if pointing != name):
                row[name] = columns[name]


def delete_row(content: Content, ref: RowRef) -> None:
    """Delete a row and those that belong to it; other lookups that point to it are emptied.

    Raises:
        RefusedError: Another row cannot be without it, or it belongs to one in a read-only state.
    """
    if ref in content.rows:
        _need_open_owner(content, ref, content.rows[ref])
    _delete(content, ref)


def _delete(content: Content, ref: RowRef) -> None:
    pointing = [
        (other, name)
        for other, row in content.rows.items()
        for name, cell in row.items()
        if cell == ref or (isinstance(cell, tuple) and ref in cell)
    ]
    mine = {other for other, name in pointing if name == content.tables[other.table].locked_by}
    for other, name in pointing:
        if other not in mine and content.tables[other.table].columns[name].required:
            raise RefusedError(str(ref), "restricted", f"{name} of {other} needs it")
    for other in mine:
        _delete(content, other)
    for other, name in ((other, name) for other, name in pointing if other not in mine):
        cell = content.rows[other].pop(name)
        if isinstance(cell, tuple) and (left := tuple(one for one in cell if one != ref)):
            content.rows[other][name] = left
    content.links = {link for link in content.links if ref not in (link[0], link[2])}
    content.rows.pop(ref, None)
    content.people.discard(ref)


def add_schema(content: Content, change: SchemaChange) -> bool:
    """Make a table, column, relationship or key, and return whether it was not there.

    Raises:
        RefusedError: One of that name is there and does not fit, or its table is not there.
    """
    for needed in (change.table, change.other) if change.kind is not SchemaKind.TABLE else ():
        if needed and needed not in content.tables:
            raise RefusedError(str(change), "no_table", f"there is no table {needed}")
    match change.kind:
        case SchemaKind.TABLE:
            return _add_table(content, change)
        case SchemaKind.LINK:
            return _add_link(content, change)
        case SchemaKind.KEY:
            return _add_key(content, change)
        case SchemaKind.READER:
            return _add_reader(content, change)
    return _add_column(content, change)


def _add_reader(content: Content, change: SchemaChange) -> bool:
    table = content.tables[change.table]
    content.tables[table.name] = replace(table, readers=table.readers | {change.name})
    return change.name not in table.readers


def _add_link(content: Content, change: SchemaChange) -> bool:
    known = change.name in content.tables[change.table].links
    for end in {change.table, change.other}:
        links = content.tables[end].links | {change.name}
        content.tables[end] = replace(content.tables[end], links=links)
    return not known


def _add_key(content: Content, change: SchemaChange) -> bool:
    table = content.tables[change.table]
    if any(key.columns == change.key_columns for key in table.keys):
        return False
    key = TargetKey(change.name, change.key_columns, active=True)
    content.tables[table.name] = replace(table, keys=[*table.keys, key])
    return True


def _add_column(content: Content, change: SchemaChange) -> bool:
    table = content.tables[change.table]
    if change.column is None:
        raise RefusedError(str(change), "unknown", f"a {change.kind} is not known here")
    if (there := table.columns.get(change.name)) is not None:
        if there.type is not change.column.type:
            raise RefusedError(str(change), "other_type", f"it is there as {there.type}")
        return False
    options = dict(enumerate(change.column.options.values(), start=_FIRST_OPTION))
    column = replace(change.column, options=options)
    content.tables[table.name] = replace(table, columns={**table.columns, change.name: column})
    return True


def _add_table(content: Content, change: SchemaChange) -> bool:
    """Make a table with the columns and states that every table of users' rows has."""
    if change.table in content.tables:
        return False
    if change.column is None:
        raise RefusedError(str(change), "no_name", "a table needs a column for the names of its rows")
    owner = TargetColumn("ownerid", ColumnType.LOOKUP, "Owner", targets=(TableName("systemuser"),))
    columns = {column.name: column for column in (change.column, owner)}
    states = (TargetState(0, "Active", {1: "Active"}, 1), TargetState(1, "Inactive", {2: "Inactive"}, 2))
    content.tables[change.table] = TargetTable(
        change.table, change.label, f"{change.table}id", change.column.name, columns, states=states
    )
    return True


def drop_schema(content: Content, change: SchemaChange) -> None:
    """Take a table, column, relationship or key away; what is not there is left alone.

    Raises:
        RefusedError: A key still needs the column, or a column of another table the table.
    """
    if change.table not in content.tables:
        return
    table = content.tables[change.table]
    if change.kind is SchemaKind.TABLE:
        _drop_table(content, change)
        return
    if change.kind is SchemaKind.LINK:
        for end in {change.table, change.other} & content.tables.keys():
            links = content.tables[end].links - {change.name}
            content.tables[end] = replace(content.tables[end], links=links)
        content.links = {link for link in content.links if link[1] != change.name}
        return
    if change.kind is SchemaKind.READER:
        content.tables[table.name] = replace(table, readers=table.readers - {change.name})
        return
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


def _drop_table(content: Content, change: SchemaChange) -> None:
    others = (table for table in content.tables.values() if table.name != change.table)
    if any(change.table in column.targets for other in others for column in other.columns.values()):
        raise RefusedError(str(change), "in_use", "a column of another table points to it")
    for ref, _ in list(content.of(change.table)):
        _delete(content, ref)
    del content.tables[change.table]


def _link(content: Content, ref: RowRef, write: Associate) -> bool:
    """Link two rows, and return whether they were not linked before."""
    if isinstance(write.other, Lookup):
        raise RefusedError(str(ref), "unresolved", f"{write.relationship} is not resolved")
    _need_row(content, ref)
    _need_row(content, write.other)
    if write.relationship not in content.tables[ref.table].links & content.tables[write.other.table].links:
        raise RefusedError(str(ref), "no_relationship", f"there is no relationship {write.relationship}")
    linked = content.cell(ref, write.relationship)
    content.links.add((ref, write.relationship, write.other))
    return not (isinstance(linked, tuple) and write.other in linked)


def _need_open_owner(content: Content, ref: RowRef, row: Mapping[str, Cell]) -> None:
    """Refuse to touch a row that belongs to one in a read-only state."""
    owner = row.get(content.tables[ref.table].locked_by)
    if isinstance(owner, RowRef) and _is_locked(content.tables[owner.table], content.rows.get(owner, {})):
        raise LockedError(str(ref), "read_only", f"{owner}, which it belongs to, is in a read-only state")


def _restore(content: Content, inverse: RestoreRow) -> None:
    ref = RowRef(inverse.table, inverse.row_id)
    if inverse.columns and _is_locked(content.tables[ref.table], content.rows[ref]):
        states = content.tables[ref.table].states
        set_state(content, ref, (states[0].value, states[0].default_status))
    put_row(content, ref, inverse.columns)
    if inverse.state is not None:
        set_state(content, ref, inverse.state)


def set_state(content: Content, ref: RowRef, wanted: tuple[int, int]) -> None:
    """Open or close a row.

    Raises:
        RefusedError: Its table has no such state.
    """
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
    if isinstance(cell, tuple):
        part = replace(column, type=ColumnType.LOOKUP if column.type is ColumnType.PARTIES else ColumnType.CHOICE)
        return next((reason for one in cell if (reason := _misfit(content, part, one))), "")
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
