"""``$expand``: related rows inside the rows of an answer.

The service treats three cases differently, and clients notice: the retrieval of one row, a query that expands
one level, and a query that expands anything inside something expanded.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.filters import belonging, intersect_source
from transload_sandbox.dataverse.model import Column, Row, Table
from transload_sandbox.dataverse.options import Expand, Options
from transload_sandbox.dataverse.paging import MAX_PAGE, position_after, render_token
from transload_sandbox.dataverse.relationships import Collection, ManyToMany, OneToMany, collections
from transload_sandbox.dataverse.scope import Expression, Scope, find_navigations, navigation_names
from transload_sandbox.dataverse.shapes import Shape

if TYPE_CHECKING:
    from transload_sandbox.dataverse.reader import Reader

_PARENT = "parent"
_CHUNK = 500

Json = dict[str, object]
Pair = tuple[Row, Json]


class Expander:
    """Expands the properties of one table's rows."""

    def __init__(self, reader: "Reader", table: Table, options: Options, *, listed: bool, nested: bool = False) -> None:
        """Prepare to expand.

        Args:
            reader: Reads the related rows.
            table: Where the rows belong.
            options: What to expand.
            listed: Whether the rows answer a query rather than the retrieval of one row.
            nested: Whether the rows are expanded ones themselves.
        """
        self.reader = reader
        self.table = table
        self.options = options
        self.listed = listed
        self.inner = nested
        self.nested = nested or options.is_nested
        self.model = reader.environment.model

    def expand(self, rows: Sequence[Row], shown: Sequence[Json]) -> None:
        """Put related rows into what the client sees.

        Raises:
            ODataError: Unknown property, or an option that is not supported there.
        """
        pairs = list(zip(rows, shown, strict=True))
        for expand in self.options.expand:
            lookups = find_navigations(self.model, self.table, expand.name)
            if lookups or expand.name in navigation_names(self.table):
                self._expand_lookup(expand, lookups, pairs)
                continue
            found = collections(self.model, self.table).get(expand.name)
            if found is None:
                raise errors.unknown_select(self.table.name, expand.name)
            self._expand_collection(expand, found, pairs)

    # -- lookups

    def _expand_lookup(self, expand: Expand, lookups: list[tuple[Column, Table]], pairs: Sequence[Pair]) -> None:
        if expand.options.top or expand.options.orderby:
            raise _only_select_and_filter()
        for _, each in pairs:
            each[expand.name] = None
        # Owners have one navigation property for users and teams, so there may be several target tables.
        for lookup, target in lookups:
            pointing = [(row, each) for row, each in pairs if _points_to(row, lookup, target)]
            if expand.reference:
                self._refer(expand.name, lookup, target, pointing)
            elif pointing:
                ids = sorted({str(row[lookup.name]) for row, _ in pointing})
                found = self.reader.environment.store.fetch(target, ids)
                rows = list(found.values())
                targets = dict(zip(found, self._show(target, rows, Shape(target, expand.options), expand), strict=True))
                for row, each in pointing:
                    each[expand.name] = targets.get(str(row[lookup.name]))

    def _refer(self, name: str, lookup: Column, target: Table, pairs: Sequence[Pair]) -> None:
        for row, each in pairs:
            each[lookup.property_name] = row[lookup.name]
            each[name] = {"@odata.id": f"{self.reader.request.base}{target.entity_set}({row[lookup.name]})"}

    def _show(
        self, table: Table, rows: Sequence[Row], shape: Shape, expand: Expand, *, many: bool = False
    ) -> list[Json]:
        tagged = not self.listed or (many and not self.nested)
        shown = self.reader.shown(shape, rows, tagged=tagged)
        if expand.options.expand:
            Expander(self.reader, table, expand.options, listed=self.listed, nested=True).expand(rows, shown)
        return shown

    # -- collections

    def _expand_collection(self, expand: Expand, found: Collection, pairs: Sequence[Pair]) -> None:
        if expand.reference:
            raise errors.unsupported("Expand with $ref is only supported on lookup type navigation property.")
        if self.nested and (expand.options.top or expand.options.orderby):
            raise _only_select_and_filter()
        if isinstance(found, ManyToMany) and (self.inner or expand.options.expand):
            raise errors.unsupported("Nested $expand is not supported on many-to-many relationships.")
        preferred = self.reader.page_preference() if self.nested else None
        size = preferred or (None if self.nested else expand.options.top) or MAX_PAGE
        shape = Shape(found.child, expand.options)
        if isinstance(found, OneToMany) and self.listed and not self.nested:
            shape.add(found.column)
        for start in range(0, len(pairs), _CHUNK):
            chunk = pairs[start : start + _CHUNK]
            by_id = {str(row[self.table.primary_id]): each for row, each in chunk}
            groups = self._read(expand, found, shape, list(by_id))
            for row_id, each in by_id.items():
                rows = groups.get(row_id, [])
                each[expand.name] = self._show(found.child, rows[:size], shape, expand, many=True)
                link = self._link(expand, found, row_id, rows, size, paged=preferred is not None)
                if link:
                    each[f"{expand.name}@odata.nextLink"] = link

    def _read(self, expand: Expand, found: Collection, shape: Shape, row_ids: list[str]) -> dict[str, list[Row]]:
        """Read the collections of several rows at once, by the id of the row."""
        reader = self.reader
        scope = Scope(reader.environment, found.child)
        where = reader.conditions(scope, expand.options, lambda each: belonging(each, found, row_ids))
        sorts = reader.sorts(scope, expand.options)
        parent: Expression
        if isinstance(found, OneToMany):
            parent = scope.alias.c[found.column.name]
        else:
            intersect = intersect_source(scope, found)
            scope.joined = scope.joined.join(intersect, intersect.c[found.far] == scope.primary)
            parent = intersect.c[found.near]
            where.append(parent.in_(row_ids))
        groups: dict[str, list[Row]] = {}
        for row in reader.rows(scope, shape, sorts, where, None, {_PARENT: parent}):
            groups.setdefault(str(row[_PARENT]), []).append(row)
        return groups

    def _link(
        self, expand: Expand, found: Collection, row_id: str, rows: Sequence[Row], size: int, *, paged: bool
    ) -> str | None:
        """Return the address of the rest of a collection; without paging it is the collection's own address.

        A collection of one row that was cut by ``$top`` has none: the documented answers show it both ways.
        """
        query = quote(expand.query, safe="$=&,()'/:;@")
        address = f"{self.reader.request.base}{self.table.entity_set}({row_id})/{expand.name}"
        if not self.nested:
            if not self.listed and expand.options.top:
                return None
            return f"{address}?{query}" if query else address
        if len(rows) < size or (len(rows) == size and not paged):
            return None
        scope = Scope(self.reader.environment, found.child)
        position = position_after(1, self.reader.sorts(scope, expand.options), rows[:size])
        token = quote(render_token(position), safe="=/")
        return f"{address}?{query}{'&' if query else ''}$skiptoken={token}"


def _points_to(row: Row, lookup: Column, target: Table) -> bool:
    return row[lookup.name] is not None and (lookup.type_column is None or row[lookup.type_column] == target.name)


def _only_select_and_filter() -> ODataError:
    return errors.unsupported(
        "Only $select and $filter clause can be provided while doing $expand on many-to-one relationship or nested "
        "one-to-many relationship."
    )
