"""Change tracking: a first load of everything, then what was created, changed or deleted since."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Table
from transload_sandbox.dataverse.options import Options
from transload_sandbox.dataverse.paging import MAX_PAGE, Position, Sort, beyond, parse_token, position_after
from transload_sandbox.dataverse.reader import Json, Reader
from transload_sandbox.dataverse.scope import Scope
from transload_sandbox.dataverse.shapes import Shape

_TOKEN = re.compile(r"(\d+)!(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)")
_FORMAT = "%m/%d/%Y %H:%M:%S"
_DELETED = "deleted"


class Changes:
    """Answers tracked queries of one request."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.environment = reader.environment

    def concerns(self, options: Options) -> bool:
        """Whether a query is tracked: by preference, by its token, or as a further page of such a query."""
        if "odata.track-changes" in self.reader.preferences or options.deltatoken is not None:
            return True
        return options.skiptoken is not None and parse_token(options.skiptoken).tracks

    def read(self, table: Table, options: Options) -> Json:
        """Return one page of a first load or of the changes since.

        Raises:
            ODataError: An option that tracking does not support, or a token that is too old.
        """
        _check(options)
        position = parse_token(options.skiptoken) if options.skiptoken else None
        if options.deltatoken is not None or (position is not None and _DELETED in position.last):
            return self._delta(table, options, position)
        return self._first_load(table, options, position)

    def count(self, table: Table, options: Options) -> int:
        """Return the number of changes since a token."""
        since = self._since(options)
        scope = Scope(self.environment, table)
        changed = self.reader.count_up_to(scope, [scope.alias.c["versionnumber"] > since], MAX_PAGE)
        return changed + len(self.environment.store.deleted_since(table, since, "", MAX_PAGE))

    def _first_load(self, table: Table, options: Options, position: Position | None) -> Json:
        version = position.version if position else self.environment.store.version
        plain = replace(options, skiptoken=None)
        scope = Scope(self.environment, table)
        sorts = self.reader.sorts(scope, plain)
        where = [beyond(sorts, position)] if position else []
        size = self.reader.page_preference() or MAX_PAGE
        rows = self.reader.rows(scope, Shape(table, options), sorts, where, size + 1)
        context = f"{self.reader.request.base}$metadata#{table.entity_set}{options.context()}"
        body: Json = {"@odata.context": context}
        if len(rows) > size:
            after = position_after(position.page + 1 if position else 1, sorts, rows[:size])
            body["@odata.nextLink"] = self.reader.next_link(replace(after, tracks=True, version=version))
        else:
            body["@odata.deltaLink"] = self._delta_link(version)
        body["value"] = self.reader.show(table, rows[:size], options, listed=True)
        return body

    def _delta(self, table: Table, options: Options, position: Position | None) -> Json:
        """Return changed rows by version, then the ids of deleted ones."""
        since = int(position.last[_DELETED] or 0) if position else self._since(options)
        version = position.version if position else self.environment.store.version
        size = self.reader.page_preference() or MAX_PAGE
        scope = Scope(self.environment, table)
        changed_at = scope.alias.c["versionnumber"]
        sorts = [Sort("versionnumber", "versionnumber", changed_at, is_number=True)]
        seen = int(position.last["versionnumber"] or since) if position else since
        rows = self.reader.rows(scope, Shape(table, options), sorts, [changed_at > seen], size + 1)
        last_id = str(position.last["id"] or "") if position else ""
        room = max(size + 1 - len(rows), 0)
        gone = self.environment.store.deleted_since(table, since, last_id, room)
        more = len(rows) + len(gone) > size
        rows, gone = rows[:size], gone[: size - len(rows[:size])]
        base = self.reader.request.base
        body: Json = {"@odata.context": f"{base}$metadata#{table.entity_set}{options.context()}/$delta"}
        if more:
            last = {
                _DELETED: str(since),
                "versionnumber": str(rows[-1]["versionnumber"] if rows else seen),
                "id": gone[-1] if gone else last_id,
            }
            page = position.page + 1 if position else 1
            body["@odata.nextLink"] = self.reader.next_link(Position(page, last, {}, True, version))
        else:
            body["@odata.deltaLink"] = self._delta_link(version)
        entity = f"{base}$metadata#{table.entity_set}/$deletedEntity"
        tombstones = [{"@odata.context": entity, "id": row_id, "reason": "deleted"} for row_id in gone]
        body["value"] = [*self.reader.show(table, rows, options, listed=True), *tombstones]
        return body

    def _delta_link(self, version: int) -> str:
        moment = datetime.fromisoformat(self.environment.now()).strftime(_FORMAT)
        link = self.reader.link("$deltatoken", "")
        return link + re.sub(r"[^\d]", lambda match: f"%{ord(match.group()):02x}", f"{version}!{moment}")

    def _since(self, options: Options) -> int:
        """Return the row version of a delta token.

        Raises:
            ODataError: The client made it up, or it is older than changes are kept.
        """
        match = _TOKEN.fullmatch(options.deltatoken or "")
        if not match:
            raise errors.unsupported("The delta token is malformed.")
        now = datetime.fromisoformat(self.environment.now())
        issued = datetime.strptime(match.group(2), _FORMAT).replace(tzinfo=now.tzinfo)
        days = int(str(self.environment.organization().get("expirechangetrackingindays") or 7))
        if now - issued > timedelta(days=days):
            raise ODataError(
                400,
                "0x80044352",
                "Version stamp associated with the client has expired. Please perform a full sync.",
            )
        return int(match.group(1))


def _check(options: Options) -> None:
    refused = {
        "$filter": options.filter is not None,
        "$orderby": bool(options.orderby),
        "$expand": bool(options.expand),
        "$top": options.top is not None,
    }
    for name, is_used in refused.items():
        if is_used:
            raise errors.unsupported(f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.')
