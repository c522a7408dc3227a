"""``?sql=SELECT ...``: read-only queries in the subset of SQL that the service takes.

The database's own SQL does the work: tables and columns have their logical names there. What the service refuses
is refused before, what could touch anything but tables of the model is refused by the database.
"""

import re

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row, Stored, Table
from transload_sandbox.dataverse.wire import Request, Response, json_response

_TEXT = re.compile(r"'(?:[^']|'')*'")
_TABLE = re.compile(r"\b(?:from|join)\s+(\w+)", re.IGNORECASE)
_TOP = re.compile(r"(\bselect\s+(?:distinct\s+)?)top\s*\(?\s*(\d+)\s*\)?\s", re.IGNORECASE)
_REFUSED = re.compile(
    r";|--|/\*|\b(?:insert|update|delete|drop|alter|create|exec|union|having|with|attach|pragma|into)\b"
    r"|\b(?:cross|right|full)\s+(?:outer\s+)?join\b|\(\s*select\b|\bselect\s+(?:distinct\s+)?\*",
    re.IGNORECASE,
)
MAX_ROWS = 5000


def respond(environment: Environment, request: Request, table: Table) -> Response:
    """Answer a query; the set in the address must be the one after FROM.

    Raises:
        ODataError: No single SELECT, an unknown table or column, or a form that the service does not take.
    """
    query = request.query["sql"].strip()
    bare = _TEXT.sub("''", query)
    if not re.match(r"select\b", bare, re.IGNORECASE) or _REFUSED.search(bare):
        raise errors.unsupported("The SQL query is not supported: it must be one SELECT over columns by name.")
    tables = [environment.model.tables.get(name.lower()) for name in _TABLE.findall(bare)]
    if not tables or any(each is None for each in tables) or tables[0] is not table:
        raise errors.unsupported("The SQL query names a table that does not exist, or another one than the address.")
    known = [each for each in tables if each is not None]
    for each in known:
        environment.security.check(each, "Read")
        environment.store.statements(each)
    top = _TOP.search(query)
    limit = min(int(top.group(2)), MAX_ROWS) if top else MAX_ROWS
    plain = _TOP.sub(lambda match: match.group(1), query)
    names, found = environment.store.query(f"{plain} LIMIT {limit}")
    rows = [_shown(dict(zip(names, values, strict=True)), known) for values in found]
    context = f"{request.base}$metadata#{table.entity_set}"
    return json_response({"@odata.context": context, "value": rows})


def _shown(row: Row, tables: list[Table]) -> dict[str, object]:
    return {name: _value(name, value, tables) for name, value in row.items()}


def _value(name: str, value: Stored, tables: list[Table]) -> object:
    column = next((each.columns[name] for each in tables if name in each.columns), None)
    return bool(value) if column is not None and column.type == "Boolean" and value is not None else value
