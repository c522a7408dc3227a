"""Reads rows and shows them: queries, pages, expanded lookups, annotations."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import orjson
import sqlalchemy as sa

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.filters import Scope, navigations
from transload_sandbox.dataverse.model import Column, Row, Table
from transload_sandbox.dataverse.options import Expand, Options
from transload_sandbox.dataverse.shapes import Annotator, Shape
from transload_sandbox.dataverse.wire import Request

MAX_PAGE = 5000
MAX_COUNT = 5000
_CHUNK = 500

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page starts: after a row id, or after a number of rows when the client chose an order."""

    page: int
    after: str | None
    offset: int


class Reader:
    """Answers queries of one request."""

    def __init__(self, environment: Environment, request: Request) -> None:
        self.environment = environment
        self.request = request
        self.preferences = request.preferences()
        self.annotator = Annotator(environment, self.preferences.get("odata.include-annotations", ""))

    def applied(self) -> list[tuple[str, str]]:
        """Return the header that tells which preferences were honoured."""
        honoured = []
        if "odata.include-annotations" in self.preferences:
            honoured.append(f'odata.include-annotations="{self.preferences["odata.include-annotations"]}"')
        if "odata.maxpagesize" in self.preferences:
            honoured.append(f"odata.maxpagesize={self.preferences['odata.maxpagesize']}")
        if self.preferences.get("return") == "representation":
            honoured.append("return=representation")
        return [("Preference-Applied", ",".join(honoured))] if honoured else []

    # -- single rows

    def entity(self, table: Table, row: Row, options: Options) -> Json:
        """Return one row with its context."""
        context = f"{self.request.base}$metadata#{table.entity_set}{options.context()}/$entity"
        [shown] = self.show(table, [row], options)
        return {"@odata.context": context, **shown}

    def show(self, table: Table, rows: Sequence[Row], options: Options) -> list[Json]:
        """Turn stored rows into what the client sees."""
        shape = Shape(table, options)
        shown = [shape.show(row) for row in rows]
        if self.annotator.wanted:
            shown = self.annotator.annotate(shape, rows, shown)
        for expand in options.expand:
            for each in shown:
                each[expand.name] = None
            # Owners have one navigation property for users and teams, so there may be several target tables.
            for lookup, target in navigations(self.environment.model, table, expand.name):
                self._expand(lookup, target, expand, list(zip(rows, shown, strict=True)))
        return shown

    def _expand(self, lookup: Column, target: Table, expand: Expand, pairs: list[tuple[Row, Json]]) -> None:
        pointing = [(row, each) for row, each in pairs if _points_to(row, lookup, target)]
        if not pointing:
            return
        ids = {str(row[lookup.name]) for row, _ in pointing}
        found = self.environment.store.fetch(target, sorted(ids))
        targets = dict(zip(found, self.show(target, list(found.values()), expand.options), strict=True))
        for row, each in pointing:
            each[expand.name] = targets.get(str(row[lookup.name]))

    # -- sets

    def collection(self, table: Table, options: Options) -> Json:
        """Return one page of a query."""
        scope = Scope(self.environment.model, table)
        where = [scope.condition(options.filter)] if options.filter else []
        order = [(scope.column(path.split("/"))[0], descends) for path, descends in options.orderby]
        for name in scope.touched:
            self.environment.store.statements(self.environment.model.tables[name])
        size, paged = self._page_size(options)
        position = _parse_token(options.skiptoken) if options.skiptoken else Position(1, None, 0)
        columns = Shape(table, options).storage_columns()
        statement = sa.select(*(scope.alias.c[name] for name in columns)).select_from(scope.joined).where(*where)
        primary = scope.alias.c[table.primary_id]
        if position.after and not order:
            statement = statement.where(primary > position.after)
        statement = statement.order_by(
            *(each.desc() if descends else each.asc() for each, descends in order), primary
        ).limit(size + 1)
        if order:
            statement = statement.offset(position.offset)
        found = self.environment.store.select(statement)
        rows: list[Row] = [dict(zip(columns, values, strict=True)) for values in found[:size]]
        body = self._head(table, options, scope, where)
        body["value"] = self.show(table, rows, options)
        if paged and len(found) > size:
            after = Position(position.page + 1, str(rows[-1][table.primary_id]), position.offset + size)
            body["@odata.nextLink"] = self._next_link(after)
        return body

    def count(self, table: Table, options: Options) -> int:
        """Return the number of rows that a query finds, at most 5,000."""
        scope = Scope(self.environment.model, table)
        where = [scope.condition(options.filter)] if options.filter else []
        return min(self._count(scope, where), MAX_COUNT)

    def _count(self, scope: Scope, where: Sequence[sa.ColumnElement[bool]]) -> int:
        for name in scope.touched:
            self.environment.store.statements(self.environment.model.tables[name])
        inner = sa.select(sa.literal(1)).select_from(scope.joined).where(*where).limit(MAX_COUNT + 1)
        [(number,)] = self.environment.store.select(sa.select(sa.func.count()).select_from(inner.subquery()))
        return int(str(number))

    def _head(self, table: Table, options: Options, scope: Scope, where: Sequence[sa.ColumnElement[bool]]) -> Json:
        body: Json = {"@odata.context": f"{self.request.base}$metadata#{table.entity_set}{options.context()}"}
        if options.count:
            number = self._count(scope, where)
            body["@odata.count"] = min(number, MAX_COUNT)
            if self.annotator.wants("Microsoft.Dynamics.CRM.totalrecordcount"):
                body["@Microsoft.Dynamics.CRM.totalrecordcount"] = min(number, MAX_COUNT)
            if self.annotator.wants("Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"):
                body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] = number > MAX_COUNT
        return body

    def _page_size(self, options: Options) -> tuple[int, bool]:
        """Return the size of a page and whether more may follow; ``$top`` loses against a page size."""
        wanted = self.preferences.get("odata.maxpagesize", "")
        if wanted.isdigit() and int(wanted) > 0:
            return min(int(wanted), MAX_PAGE), True
        return (min(options.top, MAX_PAGE), False) if options.top else (MAX_PAGE, True)

    def _next_link(self, position: Position) -> str:
        raw = orjson.dumps([position.page, position.after, position.offset])
        cookie = base64.urlsafe_b64encode(raw).decode()
        token = f'<cookie pagenumber="{position.page}" pagingcookie="{cookie}" istracking="False" />'
        options = {**self.request.query, "$skiptoken": token}
        query = "&".join(f"{quote(name, safe='$@')}={quote(value, safe='')}" for name, value in options.items())
        return f"{self.request.base}{quote(self.request.path)}?{query}"


def _points_to(row: Row, lookup: Column, target: Table) -> bool:
    return row[lookup.name] is not None and (lookup.type_column is None or row[lookup.type_column] == target.name)


def _parse_token(text: str) -> Position:
    cookie = text.partition('pagingcookie="')[2].partition('"')[0]
    try:
        page, after, offset = orjson.loads(base64.urlsafe_b64decode(cookie))
    except ValueError as error:
        raise errors.unsupported("The skip token is malformed.") from error
    return Position(page, after, offset)
