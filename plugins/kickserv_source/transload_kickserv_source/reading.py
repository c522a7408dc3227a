"""Reads lists with what they bring along, and asks one by one for what did not come.

What an account answers is found out once: an association that it refuses is left out of
the next request, an endpoint that it does not have is not asked for again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from transload.errors import NotOfferedError, RunError
from transload.http import in_this_context
from transload.values import Value
from transload_kickserv_source.client import ForbiddenError, GoneError, KickservClient, ServerFaultError
from transload_kickserv_source.observations import Observations
from transload_kickserv_source.paging import walk_pages
from transload_kickserv_source.xml import Document, NotXmlError, Row, WrongRootError

REFUSALS = (NotOfferedError, NotXmlError, ServerFaultError, WrongRootError)
"""How an account answers a read that it does not offer."""
NUMBERS = {"jobs": "job_number", "customers": "customer_number"}
"""Which field of a record stands in the addresses below it."""
_MOST_FAULTS = 3
_WINDOW = 64
"""Parents whose children are asked for together, so that few answers wait in memory."""


class Reader:
    """Reads one account.

    Args:
        client: Asks it.
        seen: Learns what was odd and what was not answered.
    """

    def __init__(self, client: KickservClient, seen: Observations) -> None:
        self.client, self._seen = client, seen
        self._agreed: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        self._offers: dict[tuple[str, str], bool] = {}
        self._faults: Counter[tuple[str, str]] = Counter()

    def pages(
        self, path: str, root: str, includes: Iterable[str] = (), params: Mapping[str, str] | None = None
    ) -> Iterator[list[Row]]:
        """Walk a list and yield its news page by page.

        Args:
            path: Below the account.
            root: Name of the root element.
            includes: Associations that should come along. Those that are refused do not.
            params: The rest of the query.

        Raises:
            RunError: The list cannot be read.
        """
        wanted, query = tuple(includes), dict(params or {})
        ahead: dict[int, Document] = {}
        if wanted:
            if (path, wanted) not in self._agreed:
                self._agreed[path, wanted], ahead[1] = self._agree(path, root, wanted, query)
            wanted = self._agreed[path, wanted]

        def read_page(page: int) -> tuple[Row, ...]:
            try:
                document = ahead.pop(page, None) or self._page(path, root, page, wanted, query)
            except NotOfferedError as error:
                if page == 1 or isinstance(error, ForbiddenError) or not self._is_end(path, root, page, query):
                    raise
                self._seen.mark("ends", f"{path} page {page}", str(error))
                return ()
            return self.rows(document)

        yield from walk_pages(read_page, self._nameless(root))

    def _is_end(self, path: str, root: str, refused: int, query: Mapping[str, str]) -> bool:
        """Whether a list ends before a page that was refused: then the next one is refused too."""
        try:
            return not self._page(path, root, refused + 1, (), query).rows
        except NotOfferedError:
            return True

    def offered_pages(
        self, path: str, root: str, includes: Iterable[str] = (), params: Mapping[str, str] | None = None
    ) -> Iterator[list[Row]] | None:
        """Walk a list that nobody promises; None when the account does not offer it."""
        if not path:
            self._seen.unavailable[root] = "switched off by its empty path"
            return None
        pages = self.pages(path, root, includes, params)
        try:
            first = next(pages, None)
        except REFUSALS as error:
            self._seen.unavailable[path] = str(error)
            return None
        return iter(()) if first is None else _chain(first, pages)

    def agreed(self, path: str, includes: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of some associations that a list has not refused."""
        return self._agreed.get((path, includes), includes)

    def agree(self, path: str, root: str, includes: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of some associations that a list answers, asking it when it was not asked yet."""
        if includes and (path, includes) not in self._agreed:
            next(self.pages(path, root, includes), None)
        return self.agreed(path, includes)

    def complete(self, resource: str, rows: Sequence[Row], children: Iterable[str]) -> list[Row]:
        """Return rows with those children that they did not bring along, as far as they can be asked for.

        Args:
            resource: ``jobs`` or ``customers``.
            rows: Their records.
            children: Underscored names, as an association and as the last part of an address.
        """
        completed: list[dict[str, Value]] = [dict(row) for row in rows]
        for child in children:
            waiting = [row for row in completed if child not in row and self._number(resource, row) is not None]
            for row, document in self._below(resource, child, waiting):
                if document is not None:
                    row[child] = self.rows(document)
        return list(completed)

    def rows(self, document: Document) -> tuple[Row, ...]:
        """Return the rows of an answer, and remember what was odd about it."""
        self._seen.oddities.update(document.oddities)
        self._seen.withheld.update(document.withheld)
        return tuple(document.rows)

    def _number(self, resource: str, row: Row) -> Value:
        number = row.get(NUMBERS[resource])
        return number if isinstance(number, str | int) and number != "" else None

    def _below(
        self, resource: str, child: str, waiting: Sequence[dict[str, Value]]
    ) -> Iterator[tuple[dict[str, Value], Document | None]]:
        """Ask below each row that waits, as long as the account offers it."""
        todo = list(waiting)
        while todo and (resource, child) not in self._offers:
            row = todo.pop(0)
            yield row, self._one(resource, child, self._number(resource, row))
        if not todo or not self._offers[resource, child]:
            return

        def ask(number: Value) -> Document | None:
            return self._one(resource, child, number)

        with ThreadPoolExecutor(self.client.settings.connections) as pool:
            for start in range(0, len(todo), _WINDOW):
                part = todo[start : start + _WINDOW]
                numbers = [self._number(resource, row) for row in part]
                answers = pool.map(in_this_context(ask), numbers)
                yield from zip(part, answers, strict=True)

    def _one(self, resource: str, child: str, number: Value) -> Document | None:
        path, kind = f"{resource}/{number}/{child}.xml", (resource, child)
        try:
            document = self.client.get_list(path, child.replace("_", "-"))
        except GoneError:
            return Document((), {})
        except REFUSALS as error:
            self._refused(kind, path, error)
            return None
        self._offers[kind] = True
        return document

    def _refused(self, kind: tuple[str, str], path: str, error: RunError) -> None:
        """Remember a refusal. Before the first answer it means that nobody is answered; a fault may be one record's."""
        self._faults[kind] += 1
        if self._offers.get(kind) or (isinstance(error, ServerFaultError) and self._faults[kind] < _MOST_FAULTS):
            self._seen.mark("children", path, str(error))
        else:
            self._offers[kind] = False
            self._seen.unavailable[f"{kind[0]}/NUMBER/{kind[1]}.xml"] = str(error)

    def _page(self, path: str, root: str, page: int, includes: Sequence[str], params: Mapping[str, str]) -> Document:
        query = {"page": str(page), **params}
        if includes:
            query["include"] = ",".join(includes)
        return self.client.get_list(path, root, query)

    def _agree(
        self, path: str, root: str, wanted: tuple[str, ...], params: Mapping[str, str]
    ) -> tuple[tuple[str, ...], Document]:
        """Find out which associations a list answers; return them with its first page."""
        try:
            return wanted, self._page(path, root, 1, wanted, params)
        except REFUSALS as error:
            refusal = str(error)
        bare = self._page(path, root, 1, (), params)  # raises when it is the list itself that is not offered
        self._seen.unavailable[f"{path}?include={','.join(wanted)}"] = refusal
        kept = tuple(one for one in wanted if self._answers(path, root, (one,), params))
        if not kept:
            return (), bare
        try:
            return kept, self._page(path, root, 1, kept, params)
        except REFUSALS as error:
            self._seen.unavailable[f"{path}?include={','.join(kept)}"] = str(error)
            return (), bare

    def _answers(self, path: str, root: str, includes: tuple[str, ...], params: Mapping[str, str]) -> bool:
        try:
            self._page(path, root, 1, includes, params)
        except REFUSALS:
            return False
        return True

    def _nameless(self, root: str) -> Callable[[Row], None]:
        def report(row: Row) -> None:
            self._seen.oddities[f"{root}: a record without an id"] += 1

        return report


def _chain(first: list[Row], rest: Iterator[list[Row]]) -> Iterator[list[Row]]:
    yield first
    yield from rest
