"""Answers FetchXML queries; columns without a value are left out."""

from collections.abc import Sequence

import sqlalchemy as sa

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.aggregates import MAX_AGGREGATED, Output, aggregate, show_groups
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.fetch import Fetch, Order, invalid, no_attribute, parse_fetch
from transload_sandbox.dataverse.fetch_groups import group_order, output_of
from transload_sandbox.dataverse.fetch_scope import FetchScope, Joined
from transload_sandbox.dataverse.model import NUMBER_TYPES, Column, Row, Table
from transload_sandbox.dataverse.options import Options
from transload_sandbox.dataverse.paging import (
    MAX_PAGE,
    Sort,
    beyond,
    ordered,
    parse_cookie,
    parse_token,
    position_after,
    render_token,
)
from transload_sandbox.dataverse.reader import MAX_COUNT, Json, Reader
from transload_sandbox.dataverse.scope import Expression
from transload_sandbox.dataverse.shapes import FORMATTED, Shape, format_value
from transload_sandbox.dataverse.values import edm_type, parse_guid
from transload_sandbox.dataverse.wire import Request

_CRM = "@Microsoft.Dynamics.CRM."


def find_query(environment: Environment, request: Request) -> str | None:
    """Return the FetchXML of a request, its own or that of a saved view.

    Raises:
        ODataError: No such view.
    """
    if "fetchXml" in request.query:
        return request.query["fetchXml"]
    for option, name in (("savedQuery", "savedquery"), ("userQuery", "userquery")):
        if option in request.query:
            table = environment.model.tables.get(name)
            row_id = parse_guid(request.query[option]) or ""
            row = environment.store.fetch(table, [row_id]).get(row_id) if table else None
            if row is None:
                raise errors.row_missing(name, request.query[option])
            return str(row["fetchxml"])
    return None


class FetchReader:
    """Answers the FetchXML queries of one request."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.environment = reader.environment

    def read(self, table: Table, text: str, options: Options) -> Json:
        """Return one page of a query.

        Args:
            table: The table of the address.
            text: The query.
            options: Query options besides; only ``$count`` goes with FetchXML.

        Raises:
            ODataError: The query is malformed, or about another table.
        """
        fetch = parse_fetch(text)
        if fetch.entity.name != table.name:
            raise ODataError(
                400,
                "0x80041102",
                f"Entity Name specified in fetchXml does not match the Entity Name specified in the Entity Set: "
                f"'{fetch.entity.name}' and '{table.name}'.",
            )
        if fetch.top is not None and fetch.count is not None:
            raise invalid("The attributes top and count cannot be used together.")
        scope = FetchScope(self.environment, self.reader.operators, fetch.entity, table)
        if fetch.aggregate:
            return self._aggregate(fetch, scope)
        return self._rows(fetch, scope, options)

    # -- rows

    def _rows(self, fetch: Fetch, scope: FetchScope, options: Options) -> Json:
        table = scope.root.table
        shape = _shape(table, fetch)
        linked = _linked(scope)
        sorts = self._sorts(fetch, scope)
        pageable = not fetch.distinct and all(each.descends is not None and each.own for each in sorts)
        plain = [each.sort for each in sorts]
        size = min(fetch.top or fetch.count or self.reader.page_preference() or MAX_PAGE, MAX_PAGE)
        where, offset = list(scope.where), 0
        page = fetch.page
        if options.skiptoken is not None and pageable:
            position = parse_token(options.skiptoken)
            where.append(beyond(plain, position))
            page = position.page + 1
        elif fetch.cookie and pageable:
            where.append(beyond(plain, parse_cookie(fetch.cookie)))
        else:
            offset = (fetch.page - 1) * size
        names = [name for name in shape.storage_columns() if not fetch.distinct or name != table.primary_id]
        if fetch.distinct:
            names = [each for column in shape.columns.values() for each in (column.name, column.type_column) if each]
        selected: dict[str, Expression] = {name: scope.scope.alias.c[name] for name in names}
        selected |= {name: expression for name, (expression, _) in linked.items()}
        selected |= {each.key: each.expression for each in plain if not fetch.distinct}
        statement = (
            sa.select(*(expression.label(name) for name, expression in selected.items()))
            .select_from(scope.scope.joined)
            .where(*where)
            .order_by(*ordered(plain))
            .limit(size + 1)
            .offset(offset)
        )
        if fetch.distinct:
            statement = statement.distinct()
        found: list[Row] = [
            dict(zip(selected, values, strict=True)) for values in self.environment.store.select(statement)
        ]
        body: Json = {"@odata.context": self._context(table, shape)}
        wanted = options.count or fetch.total
        number = self.reader.count_up_to(scope.scope, scope.where, MAX_COUNT) if wanted else None
        body |= self.reader.counts(number)
        if len(found) > size and fetch.top is None:
            if "fetchXml" in self.reader.request.query or not pageable:
                body |= self._more(fetch, plain, found[:size] if pageable else [])
            else:
                # Views page as any other query does.
                body["@odata.nextLink"] = self.reader.next_link(position_after(page, plain, found[:size]))
        body["value"] = self._show(shape, linked, found[:size], distinct=fetch.distinct)
        return body

    def _context(self, table: Table, shape: Shape) -> str:
        """Return the context; a lookup stands in it by value, by name and as expanded."""
        names: list[str] = []
        lookups: list[str] = []
        for name, column in shape.columns.items():
            names.append(name)
            if column.is_lookup:
                names.append(column.name)
                lookups.append(f"{column.name}()")
        return f"{self.reader.request.base}$metadata#{table.entity_set}({','.join([*names, *lookups])})"

    def _more(self, fetch: Fetch, sorts: Sequence[Sort], rows: Sequence[Row]) -> Json:
        body: Json = {}
        if rows and self.reader.annotator.wants("Microsoft.Dynamics.CRM.fetchxmlpagingcookie"):
            body[f"{_CRM}fetchxmlpagingcookie"] = render_token(position_after(fetch.page, sorts, rows), 2)
        if self.reader.annotator.wants("Microsoft.Dynamics.CRM.morerecords"):
            body[f"{_CRM}morerecords"] = True
        return body

    def _show(
        self, shape: Shape, linked: dict[str, tuple[Expression, Column]], rows: Sequence[Row], *, distinct: bool
    ) -> list[Json]:
        shown = self.reader.shown(shape, rows, tagged=not distinct)
        formatted = self.reader.annotator.wants(FORMATTED)
        for row, each in zip(rows, shown, strict=True):
            for name in [name for name, value in each.items() if value is None]:
                del each[name]
            for name, (_, column) in linked.items():
                value = row[name]
                if value is None:
                    continue
                text = format_value(column, value) if formatted and not column.is_lookup else None
                if text is not None:
                    each[f"{name}@{FORMATTED}"] = text
                each[name] = bool(value) if column.type == "Boolean" else value
        return shown

    def _sorts(self, fetch: Fetch, scope: FetchScope) -> list["_Ordered"]:
        orders = [(scope.root, order) for order in fetch.entity.orders]
        orders += [(each, order) for each in scope.tables.values() if each.name for order in each.entity.orders]
        sorts: dict[str, _Ordered] = {}
        for owner, order in orders:
            joined = scope.find(owner, order.entityname)
            expression, column = joined.column(order.attribute or _aliased(joined, order))
            number = column.type in NUMBER_TYPES or edm_type(column) in {"Edm.Int32", "Edm.Int64", "Edm.Boolean"}
            own = joined.name is None
            if own and column.is_lookup:
                expression, _ = scope.scope.order([column.property_name])
            key = column.name if own and not column.is_lookup else f"sort by {joined.name}.{column.name}"
            sorts.setdefault(key, _Ordered(Sort(column.name, key, expression, order.descends, number), own))
        primary = scope.root.table.primary_id
        if not fetch.distinct:
            sorts.setdefault(primary, _Ordered(Sort(primary, primary, scope.scope.primary), own=True))
        return list(sorts.values())

    # -- aggregates

    def _aggregate(self, fetch: Fetch, scope: FetchScope) -> Json:
        keys: list[Output] = []
        values: list[Output] = []
        for joined in scope.tables.values():
            for attribute in joined.entity.attributes:
                output = output_of(joined, attribute)
                (keys if attribute.groups else values).append(output)
        order = group_order(fetch, scope, [*keys, *values])
        limit = min(fetch.aggregate_limit or MAX_AGGREGATED, MAX_AGGREGATED)
        rows = aggregate(self.reader, scope.scope, scope.where, keys, values, limit, order)
        size = fetch.top or fetch.count or MAX_PAGE
        start = (fetch.page - 1) * size
        body: Json = {"@odata.context": f"{self.reader.request.base}$metadata#{scope.root.table.entity_set}"}
        body |= self.reader.counts(None)
        if len(rows) > start + size and fetch.top is None:
            body |= self._more(fetch, [], [])
        body["value"] = show_groups(self.reader, [*keys, *values], rows[start : start + size])
        return body


class _Ordered:
    """A sort and whether it is by a column of the queried table, which paging cookies need."""

    def __init__(self, sort: Sort, own: bool) -> None:
        self.sort, self.own = sort, own
        self.descends = sort.descends


def _aliased(joined: Joined, order: Order) -> str:
    for attribute in joined.entity.attributes:
        if attribute.alias == order.alias:
            return attribute.name
    raise invalid(f"The alias '{order.alias}' of an order is not part of the query.")


def _shape(table: Table, fetch: Fetch) -> Shape:
    """Return the columns of the queried table; without any named, all of them."""
    if fetch.entity.all_attributes or not fetch.entity.attributes:
        return Shape(table, Options())
    names: list[str] = []
    for attribute in fetch.entity.attributes:
        column = table.columns.get(attribute.name)
        if column is None or not column.is_stored:
            raise no_attribute(table.name, attribute.name)
        names.append(column.property_name)
    shape = Shape(table, Options(select=tuple(names)))
    if fetch.distinct and table.primary_id not in names:
        del shape.columns[table.primary_id]
    for attribute in fetch.entity.attributes:
        if attribute.alias:
            column = table.columns[attribute.name]
            shape.columns = {
                attribute.alias if name == column.property_name else name: each for name, each in shape.columns.items()
            }
    return shape


def _linked(scope: FetchScope) -> dict[str, tuple[Expression, Column]]:
    """Return the columns of linked tables by the name that they have in answers."""
    found: dict[str, tuple[Expression, Column]] = {}
    for joined in scope.tables.values():
        if joined.name is None or joined.entity.link_type in {"exists", "in"}:
            continue
        if joined.entity.all_attributes:
            for column in joined.table.columns.values():
                if column.is_stored and column.valid_for_read:
                    found[f"{joined.name}.{column.name}"] = joined.column(column.name)
        for attribute in joined.entity.attributes:
            found[attribute.alias or f"{joined.name}.{attribute.name}"] = joined.column(attribute.name)
    return found
