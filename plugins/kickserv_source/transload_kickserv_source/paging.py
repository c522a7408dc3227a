"""Walks a paged list whose page size, order and end nobody promises.

Kickserv gives no total and no last-page mark; its pages held 30 customers and 50 jobs,
newest change first in one account and oldest first in another, and a list that is
sorted by change moves while it is read. So: read until an empty page, tell records
apart by id, and look at the beginning again until it shows nothing unknown or newer.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import count

from transload.errors import ProtocolError
from transload.values import Value
from transload_kickserv_source.nesting import key_text, named
from transload_kickserv_source.xml import Row

_IDLE_PAGES = 2
"""How many pages in a row without news end a list. One may only mean that as many records as a page
holds have moved to the front meanwhile; a list that is not paged repeats itself for ever."""
_CATCH_UPS = 10
"""How often the beginning is read again. What still changes then is the next delta's."""


def walk(read_page: Callable[[int], Sequence[Row]]) -> Iterator[Row]:
    """Yield every record of a list at least once; again when a newer version shows up.

    Args:
        read_page: Reads the page of that number; pages count from 1.

    Raises:
        ProtocolError: A record has no id.
    """
    for page in walk_pages(read_page):
        yield from page


def walk_pages(
    read_page: Callable[[int], Sequence[Row]], report: Callable[[Row], None] | None = None
) -> Iterator[list[Row]]:
    """Yield the records of a list page by page, each at least once; again when a newer version shows up.

    Args:
        read_page: Reads the page of that number; pages count from 1.
        report: Told of each record without an id, which then gets one that is made of its content.

    Raises:
        ProtocolError: A record has no id, and nobody wants to be told.
    """
    seen: dict[str, datetime | None] = {}
    idle = 0
    for page in count(1):
        rows = read_page(page)
        if news := _news(rows, seen, report):
            yield news
        idle = 0 if news else idle + 1
        if not rows or idle == _IDLE_PAGES:
            break
    for _ in range(_CATCH_UPS):
        moved = False
        for page in count(1):
            if not (news := _news(read_page(page), seen, report)):
                break
            yield news
            moved = True
        if not moved:
            return


def _news(rows: Sequence[Row], seen: dict[str, datetime | None], report: Callable[[Row], None] | None) -> list[Row]:
    """Return the rows that are unknown or newer, and remember them."""
    news = []
    for row in rows:
        if report is not None:
            nameless, row = key_text(row) is None, named(row)
            if nameless and id_of(row) not in seen:
                report(row)
        key, stamp = id_of(row), modified_at(row)
        known = seen.get(key)
        if key not in seen or (stamp is not None and (known is None or stamp > known)):
            seen[key] = stamp
            news.append(row)
    return news


def id_of(row: Row) -> str:
    """Return a record's id as text.

    Raises:
        ProtocolError: It has none.
    """
    found: Value = row.get("id")
    if found is None or found == "" or not isinstance(found, str | int):
        raise ProtocolError(
            f"Kickserv listed a record without an id; its elements are {', '.join(list(row)[:8]) or 'none'}",
            "Records cannot be told apart without it. Look at the list in a browser; if it is right there, "
            "Kickserv has changed its interface.",
        )
    return str(found)


def modified_at(row: Row) -> datetime | None:
    """Return when a record was changed last, if it says so."""
    stamp = row.get("updated_at")
    return stamp if isinstance(stamp, datetime) else None
