"""RetrieveDuplicates: which rows published rules take for duplicates of one that is there, or that is yet to be.

Fact: the parameters, and that the answer is a collection of rows, are stated on the function's page.
"""

from collections.abc import Mapping

from transload_sandbox.dataverse.business.duplicates import find
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import invalid_argument
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.options import Options
from transload_sandbox.dataverse.paging import MAX_PAGE
from transload_sandbox.dataverse.parameters import json_of, text_of, unbound_parameters
from transload_sandbox.dataverse.reader import Reader
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Request, Response


def retrieve_duplicates(environment: Environment, request: Request) -> Response:
    """Answer with the duplicates of a row.

    Raises:
        ODataError: The tables do not exist, a value does not fit its column, or the caller may not read.
    """
    given = unbound_parameters(request)
    body, pages = json_of(given.get("BusinessEntity") or "{}"), json_of(given.get("PagingInfo") or "{}")
    matching = environment.model.tables.get(text_of(given, "MatchingEntityName"))
    if not isinstance(body, Mapping) or matching is None:
        raise invalid_argument("RetrieveDuplicates needs a BusinessEntity and a MatchingEntityName.")
    environment.security.check(matching, "Read")
    table = environment.model.tables.get(str(body.get("@odata.type")).rpartition(".")[2])
    if table is None:
        raise invalid_argument("The '@odata.type' of BusinessEntity does not name a table.")
    found = find(environment, table, _row(environment, table, body), matching)
    start, size = _span(pages if isinstance(pages, Mapping) else {})
    reader = Reader(environment, request)
    shown = reader.show(matching, found[start : start + size], Options(), listed=True)
    context = f"{request.base}$metadata#{matching.entity_set}"
    return reader.answer({"@odata.context": context, "value": shown})


def _row(environment: Environment, table: Table, body: Mapping[str, object]) -> Row:
    """Return the row that a body names by its id, with what else the body says."""
    row_id = parse_guid(body.get(table.primary_id))
    row = environment.store.fetch(table, [row_id]).get(row_id) if row_id else None
    found: Row = dict(row) if row else dict(environment.plan(table).template)
    for name, value in body.items():
        entry = environment.plan(table).create.get(name)
        if entry is not None:
            column, parse = entry
            found[column] = None if value is None else parse(value)
    return found


def _span(pages: Mapping[str, object]) -> tuple[int, int]:
    """Return where a page starts and how many rows it holds."""
    number, count = pages.get("PageNumber"), pages.get("Count")
    size = count if isinstance(count, int) and 0 < count < MAX_PAGE else MAX_PAGE
    return (number - 1) * size if isinstance(number, int) and number > 1 else 0, size
