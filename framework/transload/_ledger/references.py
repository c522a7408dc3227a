"""Which rows point to which, as they were written. Nobody keeps that the other way round, so every row is looked at."""

import re
from collections.abc import Collection

from sqlalchemy import select

from transload._ledger.connection import Database
from transload._ledger.tables import WRITTEN
from transload.values import RowId, RowRef, TableName

_PAGE = 1000
_ROW_IDS = re.compile(rb'\{"\$row":\["[^"]*","([^"]*)"\]\}')


def rows_pointing_to(database: Database, refs: Collection[RowRef]) -> set[RowRef]:
    """Return the rows that point to some of these rows, some 4 us for each row that was ever written."""
    sought = {ref.row_id.encode() for ref in refs}
    query = select(WRITTEN.c.table_name, WRITTEN.c.row_id, WRITTEN.c.columns)
    with database.reading() as connection:
        found = {
            RowRef(TableName(table), RowId(row_id))
            for table, row_id, columns in connection.execute(query.execution_options(yield_per=_PAGE))
            if not sought.isdisjoint(_ROW_IDS.findall(columns))
        }
    return found - set(refs)
