"""Single rows by their key."""

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.addressing import RowKey
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.lookups import Lookups
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.parameters import json_of


def find_row(environment: Environment, table: Table, key: RowKey) -> Row | None:
    """Return the row that a key names, None when there is none."""
    if key.row_id is not None:
        return environment.store.fetch(table, [key.row_id]).get(key.row_id)
    found = environment.store.find(table, key.values, 1)
    return found[0] if found else None


def get_row(environment: Environment, table: Table, key: RowKey) -> Row:
    """Return the row that a key names.

    Raises:
        ODataError: There is none.
    """
    row = find_row(environment, table, key)
    if row is None:
        raise errors.row_missing(table.name, key.row_id) if key.row_id else errors.key_row_missing(table.name)
    return row


def referenced_row(environment: Environment, text: str) -> tuple[Table, Row]:
    """Return table and row that a parameter of a function names by ``@odata.id``.

    Raises:
        ODataError: It is no reference, or there is no such row.
    """
    named = json_of(text)
    reference = named.get("@odata.id") if isinstance(named, dict) else None
    tables = environment.model.tables
    name, row_id = Lookups(environment).resolve(str(reference), tables)
    row = environment.store.fetch(tables[name], [row_id]).get(row_id)
    if row is None:
        raise errors.row_missing(name, row_id)
    return tables[name], row
