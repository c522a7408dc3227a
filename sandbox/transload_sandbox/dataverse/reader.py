"""Reads rows and shows them: queries, pages, counts, annotations."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import quote, unquote

import sqlalchemy as sa

from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.expansion import Expander
from transload_sandbox.dataverse.filters import Filters
from transload_sandbox.dataverse.model import NUMBER_TYPES, Row, Table
from transload_sandbox.dataverse.negotiation import bare, decorated, metadata_level
from transload_sandbox.dataverse.operators import Condition, Operators
from transload_sandbox.dataverse.options import Options
from transload_sandbox.dataverse.paging import (
    MAX_PAGE,
    Position,
    Sort,
    beyond,
    ordered,
    parse_token,
    position_after,
    render_token,
)
from transload_sandbox.dataverse.scope import Expression, Scope
from transload_sandbox.dataverse.shapes import Annotator, Shape
from transload_sandbox.dataverse.values import edm_type
from transload_sandbox.dataverse.visibility import visible
from transload_sandbox.dataverse.wire import Request, Response, json_response

MAX_COUNT = 5000

Json = dict[str, object]
Within = Callable[[Scope], Condition]
"""Narrows a query to the rows of one collection."""


class Reader:
    """Answers queries of one request."""

    def __init__(self, environment: Environment, request: Request, caller_id: str = "") -> None:
        self.environment = environment
        self.request = request
        self.preferences = request.preferences()
        self.level = metadata_level(request)
        self.annotator = Annotator(environment, self.preferences.get("odata.include-annotations", ""))
        self.operators = Operators(environment, caller_id or environment.security.user_id or "")
        self.filters = Filters(self.operators)

    def applied(self) -> list[tuple[str, str]]:
        """Return the header that tells which preferences were honoured."""
        honoured = []
        for name in ("odata.include-annotations", "odata.maxpagesize"):
            if name in self.preferences:
                value = self.preferences[name]
                honoured.append(f"{name}={value}" if value.isdigit() else f'{name}="{value}"')
        if self.preferences.get("return") == "representation":
            honoured.append("return=representation")
        if "odata.track-changes" in self.preferences:
            honoured.append("odata.track-changes")
        return [("Preference-Applied", ",".join(honoured))] if honoured else []

    # -- single rows

    def entity(self, table: Table, row: Row, options: Options) -> Json:
        """Return one row with its context."""
        context = f"{self.request.base}$metadata#{table.entity_set}{options.context()}/$entity"
        [shown] = self.show(table, [row], options, listed=False)
        return {"@odata.context": context, **shown}

    def show(self, table: Table, rows: Sequence[Row], options: Options, *, listed: bool) -> list[Json]:
        """Turn stored rows into what the client sees.

        Args:
            table: Where the rows belong.
            rows: The rows with all columns that the options ask for.
            options: Columns and expanded properties.
            listed: Whether they answer a query rather than the retrieval of one row, which expands differently.
        """
        shape = Shape(table, options)
        shown = self.shown(shape, rows)
        if options.expand:
            Expander(self, table, options, listed=listed).expand(rows, shown)
        return shown

    def answer(self, body: Json, *headers: tuple[str, str]) -> Response:
        """Return a body as an answer, with as much control information as the client wants."""
        shown = bare(body) if self.level == "none" else body
        kind = ("Content-Type", f"application/json; odata.metadata={self.level}")
        answer = json_response(shown, 200, *headers, *self.applied())
        return Response(answer.status, (kind, *answer.headers[1:]), answer.body)

    def shown(self, shape: Shape, rows: Sequence[Row], *, tagged: bool = True) -> list[Json]:
        """Show rows by a shape, annotated as the client wishes."""
        shown = shape.show_all(rows, tagged=tagged)
        if self.annotator.wanted:
            shown = self.annotator.annotate(shape, rows, shown)
        if self.level != "full":
            return shown
        base = self.request.base
        return [decorated(base, shape, row, each) for row, each in zip(rows, shown, strict=True)]

    # -- sets

    def collection(self, table: Table, options: Options, within: Within | None = None) -> Json:
        """Return one page of a query.

        Args:
            table: What is queried.
            options: The query.
            within: Narrows it to one collection; the whole table when absent.
        """
        scope = Scope(self.environment, table)
        where = self.conditions(scope, options, within)
        sorts = self.sorts(scope, options)
        size, paged = self._page_size(options)
        position = parse_token(options.skiptoken) if options.skiptoken else Position(0, {}, {})
        page = [*where, beyond(sorts, position)] if position.last else where
        shape, offset = Shape(table, options), 0 if position.last else max(position.page, 0) * size
        rows = self.rows(scope, shape, sorts, page, size + 1, offset=offset)
        body = self._head(table, options, scope, where)
        body["value"] = self.show(table, rows[:size], options, listed=True)
        if paged and len(rows) > size:
            after = position_after(position.page + 1, sorts, rows[:size])
            body["@odata.nextLink"] = self.next_link(after)
        return body

    def conditions(self, scope: Scope, options: Options, within: Within | None) -> list[Condition]:
        """Return the conditions of a query."""
        where = visible(self.environment, self.operators, scope.table, scope.alias)
        where += [within(scope)] if within else []
        return [*where, self.filters.condition(scope, options.filter)] if options.filter is not None else where

    def sorts(self, scope: Scope, options: Options) -> list[Sort]:
        """Return what a query sorts by; the primary key comes last, so that the order is complete."""
        sorts: dict[str, Sort] = {}
        for path, descends in options.orderby:
            expression, column = scope.order(path.split("/"))
            name = "_".join([*path.split("/")[:-1], column.name])
            number = column.type in NUMBER_TYPES or edm_type(column) in {"Edm.Int32", "Edm.Int64", "Edm.Boolean"}
            own = expression is scope.alias.c[column.name] if column.name in scope.alias.c else False
            key = column.name if own else f"sort by {name}"
            sorts.setdefault(name, Sort(name, key, expression, descends, number))
        primary = scope.table.primary_id
        sorts.setdefault(primary, Sort(primary, primary, scope.primary))
        return list(sorts.values())

    def rows(
        self,
        scope: Scope,
        shape: Shape,
        sorts: Sequence[Sort],
        where: Sequence[Condition],
        limit: int | None,
        extra: Mapping[str, Expression] = MappingProxyType({}),
        offset: int = 0,
    ) -> list[Row]:
        """Read rows with the columns of a shape, with what they are sorted by and with what is named besides."""
        selected: dict[str, Expression] = {name: scope.alias.c[name] for name in shape.storage_columns()}
        selected |= {each.key: each.expression for each in sorts} | dict(extra)
        statement = (
            sa.select(*(expression.label(name) for name, expression in selected.items()))
            .select_from(scope.joined)
            .where(*where)
            .order_by(*ordered(sorts))
            .limit(limit)
            .offset(offset)
        )
        found = self.environment.store.select(statement)
        return [dict(zip(selected, values, strict=True)) for values in found]

    def count(self, table: Table, options: Options, within: Within | None = None) -> int:
        """Return the number of rows that a query finds, at most 5,000."""
        scope = Scope(self.environment, table)
        return min(self.count_up_to(scope, self.conditions(scope, options, within), MAX_COUNT), MAX_COUNT)

    def count_up_to(self, scope: Scope, where: Sequence[Condition], limit: int) -> int:
        """Count the rows of a query, but no further than one beyond the limit."""
        inner = sa.select(sa.literal(1)).select_from(scope.joined).where(*where).limit(limit + 1)
        [(number,)] = self.environment.store.select(sa.select(sa.func.count()).select_from(inner.subquery()))
        return int(str(number))

    def _head(self, table: Table, options: Options, scope: Scope, where: Sequence[Condition]) -> Json:
        body: Json = {"@odata.context": f"{self.request.base}$metadata#{table.entity_set}{options.context()}"}
        number = self.count_up_to(scope, where, MAX_COUNT) if options.count else None
        return body | self.counts(number)

    def counts(self, number: int | None) -> Json:
        """Return the members that tell the number of rows; None when it was not asked for."""
        body: Json = {} if number is None else {"@odata.count": min(number, MAX_COUNT)}
        facts = {
            "totalrecordcount": -1 if number is None else min(number, MAX_COUNT),
            "totalrecordcountlimitexceeded": number is not None and number > MAX_COUNT,
            "globalmetadataversion": str(self.environment.model.version),
        }
        for name, value in facts.items():
            if self.annotator.wants(f"Microsoft.Dynamics.CRM.{name}"):
                body[f"@Microsoft.Dynamics.CRM.{name}"] = value
        return body

    def page_preference(self) -> int | None:
        """Return the page size that the client prefers, None when it says nothing."""
        wanted = self.preferences.get("odata.maxpagesize", "")
        return min(int(wanted), MAX_PAGE) if wanted.isdigit() and int(wanted) > 0 else None

    def _page_size(self, options: Options) -> tuple[int, bool]:
        """Return the size of a page and whether more may follow; ``$top`` loses against a page size."""
        preferred = self.page_preference()
        if preferred is not None:
            return preferred, True
        return (min(options.top, MAX_PAGE), False) if options.top else (MAX_PAGE, True)

    def next_link(self, after: Position) -> str:
        """Return the address of the page behind a position: the one that the client used, with a token."""
        return self.link("$skiptoken", render_token(after))

    def link(self, option: str, value: str) -> str:
        """Return the address of the request with one opaque option of its own."""
        path, _, query = self.request.target.partition("?")
        opaque = {"$skiptoken", "$deltatoken"}
        kept = [part for part in query.split("&") if part and unquote(part.partition("=")[0]) not in opaque]
        options = "&".join([*kept, f"{option}={quote(value, safe='=/')}"])
        return f"{self.request.base}{path}?{options}"
