"""Finds rows that are in the environment already: users by e-mail, currencies by code, roles by name.

What was found, or not, is remembered for the run.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from transload import Lookup, RowId, RowRef, RunContext, TableName
from transload.errors import ConfigError, NotOfferedError
from transload.values import ColumnType
from transload_dynamics_sink.client import Dataverse, Json, open_dataverse, query, quoted
from transload_dynamics_sink.metadata import Metadata, Table, open_metadata
from transload_dynamics_sink.settings import DynamicsSettings
from transload_dynamics_sink.values import property_of

USERS = TableName("systemuser")
EMAIL = "internalemailaddress"
ROLE = TableName("role")
ROOT_ROLE = "_parentrootroleid_value"
"""The role of the root business unit that a role is a copy of."""
_CRITERIA_AT_ONCE = 40
_TEXTS = frozenset({ColumnType.TEXT, ColumnType.MEMO})
_LITERALS: Mapping[ColumnType, re.Pattern[str]] = {
    **dict.fromkeys(
        (ColumnType.INTEGER, ColumnType.CHOICE, ColumnType.STATE, ColumnType.STATUS), re.compile(r"-?[0-9]+")
    ),
    **dict.fromkeys((ColumnType.DECIMAL, ColumnType.MONEY), re.compile(r"-?[0-9]+(\.[0-9]+)?")),
    **dict.fromkeys((ColumnType.LOOKUP, ColumnType.ID), re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
    ColumnType.BOOLEAN: re.compile("true|false"),
}
"""What a value must look like to be asked for without quotes."""
_USABLE: Mapping[TableName, str] = {
    USERS: "isdisabled eq false",
    # Each business unit has a copy of every role; a link to the root one goes to the right copy by itself.
    ROLE: "_parentroleid_value eq null",
}
"""Tables of which only some rows can be what is meant."""

_Criteria: TypeAlias = tuple[tuple[str, str], ...]


class Finder:
    """Answers lookups by criteria; safe to use from several threads."""

    def __init__(self, dataverse: Dataverse, metadata: Metadata, fallback_owner: str) -> None:
        self._dataverse, self._metadata = dataverse, metadata
        self._fallback_owner = fallback_owner
        self._lock = threading.Lock()
        self._known: dict[tuple[TableName, _Criteria], RowRef | None] = {}

    def find(self, lookups: Sequence[Lookup]) -> dict[Lookup, RowRef]:
        """Return the lookups that exactly one usable row answers, with that row.

        Disabled users are no owners, so they are not found.

        Raises:
            ConfigError: The fallback owner is asked for, and does not exist or is disabled.
            NotOfferedError: A table or a column of the criteria does not exist.
        """
        wanted = {lookup: self._criteria(lookup) for lookup in lookups if lookup.key is None}
        with self._lock:
            groups: dict[tuple[TableName, tuple[str, ...]], dict[_Criteria, None]] = defaultdict(dict)
            for lookup, criteria in wanted.items():
                if criteria and (lookup.table, criteria) not in self._known:
                    columns = tuple(column for column, _ in criteria)
                    groups[lookup.table, columns][criteria] = None
            for (table, columns), asked in groups.items():
                self._ask(table, columns, list(asked))
            found = {
                lookup: row
                for lookup, criteria in wanted.items()
                if (row := self._known.get((lookup.table, criteria))) is not None
            }
        for lookup in wanted:
            if lookup.table == USERS and not lookup.criteria and lookup not in found:
                raise ConfigError(
                    f"[dynamics_sink] fallback_owner: no enabled user has the e-mail {self._fallback_owner}",
                    "Name the e-mail of an enabled user of the environment, then run the command again.",
                )
        return found

    def find_disabled_users(self) -> list[str]:
        """Return the names and e-mails of users that were looked for by e-mail and are there, but disabled."""
        sought = {
            value.casefold()
            for (table, criteria), row in self._known.items()
            if table == USERS and row is None
            for column, value in criteria
            if column == EMAIL
        }
        if not sought:
            return []
        path = query("systemusers", select=f"fullname,{EMAIL}", filter="isdisabled eq true")
        rows = list(self._dataverse.rows(path, "list its disabled users"))
        return sorted(f"{raw['fullname']} <{raw[EMAIL]}>" for raw in rows if _folded(raw.get(EMAIL)) in sought)

    def _criteria(self, lookup: Lookup) -> _Criteria:
        """Return what to look for; nothing when a fallback is asked for that we have no row for."""
        if lookup.criteria or lookup.table != USERS:
            return lookup.criteria
        return ((EMAIL, self._fallback_owner),)

    def _ask(self, table_name: TableName, columns: tuple[str, ...], asked: Sequence[_Criteria]) -> None:
        table = self._metadata.get_table(table_name)
        if unknown := [name for name in columns if name not in table.shape.columns]:
            raise NotOfferedError(
                f"{table_name} has no column {', '.join(unknown)}",
                "Correct the lookup in the mapping, then plan again.",
            )
        for start in range(0, len(asked), _CRITERIA_AT_ONCE):
            chunk = asked[start : start + _CRITERIA_AT_ONCE]
            matches: dict[tuple[str, ...], list[RowId]] = defaultdict(list)
            for raw in self._rows(table, columns, chunk):
                values = tuple(_folded(raw.get(property_of(table.shape.columns[name]))) for name in columns)
                matches[values].append(RowId(str(raw[table.shape.id_column]).lower()))
            for criteria in chunk:
                rows = matches.get(tuple(_folded(value) for _, value in criteria), [])
                self._known[table_name, criteria] = RowRef(table_name, rows[0]) if len(rows) == 1 else None

    def _rows(self, table: Table, columns: tuple[str, ...], chunk: Sequence[_Criteria]) -> Iterator[Json]:
        conditions = [text for criteria in chunk if (text := _condition(table, criteria))]
        if not conditions:
            return
        condition = " or ".join(conditions)
        if table.name in _USABLE:
            condition = f"{_USABLE[table.name]} and ({condition})"
        select = dict.fromkeys(property_of(table.shape.columns[name]) for name in columns)
        path = query(table.entity_set, select=",".join([*select, table.shape.id_column]), filter=condition)
        yield from self._dataverse.rows(path, f"look for rows of {table.name}")


def open_finder(context: RunContext) -> Finder:
    """Return the finder of the run; use it as ``context.resource(open_finder)``."""
    settings = context.settings_of(DynamicsSettings)
    return Finder(context.resource(open_dataverse), context.resource(open_metadata), settings.fallback_owner)


def _condition(table: Table, criteria: _Criteria) -> str:
    """Return criteria as a filter; empty when no row can have such values."""
    parts = []
    for name, value in criteria:
        column = table.shape.columns[name]
        literal = quoted(value)
        if column.type not in _TEXTS:
            literal = value.strip().lower()
            pattern = _LITERALS.get(column.type)
            if pattern is None or not pattern.fullmatch(literal):
                return ""
        parts.append(f"{property_of(column)} eq {literal}")
    return f"({' and '.join(parts)})"


def _folded(value: object) -> str:
    """Return a value for comparison, as the service compares: without case and outer blanks."""
    return str(value).strip().casefold()
