"""A target to migrate to, kept in a JSON file of the client's folder.

It has the rules that a server has, can be told to misbehave, and counts the calls it
gets. The plugin ``memory_sink`` writes to it. A file and not an object, so that a command in
a process of its own, killed at the worst moment, leaves what a server would have kept.
"""

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from transload._ledger.codec import decode_cells, encode
from transload.errors import UnreachableError
from transload.testing._json_file import read_json, write_json
from transload.testing._target_rules import Content, Total, add_schema, delete_row, put_row, set_state
from transload.values import Cell, RowId, RowRef, SchemaChange, SchemaKind, TableName, TargetTable

_TABLES: TypeAdapter[dict[TableName, TargetTable]] = TypeAdapter(dict[TableName, TargetTable])


class Mishap(StrEnum):
    """How a call can go wrong."""

    REFUSED = "refused"
    """The connection breaks before anything is done."""
    ANSWER_LOST = "answer lost"
    """Everything is done, and then the connection breaks."""
    KILLED = "killed"
    """The process that calls dies before anything is done."""
    KILLED_AFTER = "killed after"
    """Everything is done, and then the process that called dies."""
    INTERRUPTED = "interrupted"
    """A person presses Ctrl-C before anything is done."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a hook that writes."""

    hook: str
    table: str
    size: int


@dataclass(slots=True)
class _State:
    """Everything that the file holds."""

    content: Content
    calls: list[Call]
    mishaps: dict[str, str]
    refused: dict[str, str]


@dataclass(frozen=True, slots=True)
class MemoryTarget:
    """The file, and what a test may do with it; every call reads or writes it whole.

    What a test writes counts as done by other people.

    Attributes:
        file: The JSON file.
    """

    file: Path
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def build(self, *tables: TargetTable) -> None:
        """Make the target, without rows."""
        self._write(_State(Content({table.name: table for table in tables}), [], {}, {}))

    def tables(self) -> dict[TableName, TargetTable]:
        """Return the tables, with what ``prepare`` made."""
        return self._read().content.tables

    def total(self, table: str, column: str, *, of: str, amount: str, by: str) -> None:
        """Let a column hold the sum of what the rows of another table have in a column, as far as they point to it.

        Args:
            table: The table with the total.
            column: Its column; described as one that may not be written.
            of: The table with the amounts.
            amount: The column that is added up.
            by: The lookup that points to the row with the total.
        """
        with self._changing() as state:
            state.content.totals.append(Total(TableName(table), column, TableName(of), amount, by))

    def relate(self, table: str, relationship: str, other: str) -> None:
        """Make a many-to-many relationship between two tables."""
        change = SchemaChange(SchemaKind.LINK, relationship, TableName(table), other=TableName(other))
        with self._changing() as state:
            add_schema(state.content, change)

    def link(self, row: RowRef, relationship: str, other: RowRef) -> None:
        """Link two rows, as a person would."""
        with self._changing() as state:
            state.content.links.add((row, relationship, other))

    def unlink(self, row: RowRef, relationship: str, other: RowRef) -> None:
        """Cut a link, as a person would."""
        with self._changing() as state:
            state.content.links.discard((row, relationship, other))

    def rows(self, table: str) -> dict[RowId, dict[str, Cell]]:
        """Return the rows of a table; empty columns are left out."""
        return {ref.row_id: row for ref, row in self._read().content.of(TableName(table))}

    def links(self) -> set[tuple[RowRef, str, RowRef]]:
        """Return the links among rows."""
        return self._read().content.links

    def put(self, table: str, row_id: str, /, **columns: Cell) -> RowRef:
        """Create or change a row, as a person would.

        Raises:
            RefusedError: It breaks a rule of the target.
        """
        ref = RowRef(TableName(table), RowId(row_id))
        with self._changing() as state:
            put_row(state.content, ref, columns)
            state.content.people.add(ref)
        return ref

    def set_state(self, table: str, row_id: str, state: int, status: int) -> None:
        """Open or close a row, as a person would.

        Raises:
            RefusedError: The table has no such state.
        """
        ref = RowRef(TableName(table), RowId(row_id))
        with self._changing() as changing:
            set_state(changing.content, ref, (state, status))
            changing.content.people.add(ref)

    def delete(self, table: str, row_id: str) -> None:
        """Delete a row, as a person would.

        Raises:
            RefusedError: Another row needs it.
        """
        with self._changing() as state:
            delete_row(state.content, RowRef(TableName(table), RowId(row_id)))

    # --- trouble

    def refuse(self, record: str, reason: str) -> None:
        """Refuse every write of a record, named like ``customer 42``, until :meth:`accept`."""
        with self._changing() as state:
            state.refused[record] = reason

    def accept(self, record: str) -> None:
        """Take the record's writes again."""
        with self._changing() as state:
            del state.refused[record]

    def plan_mishap(self, mishap: Mishap, call: int = 1, hook: str = "load", table: str = "") -> None:
        """Let a call of a hook go wrong: the next one, or the ``call``-th from now; with a table, of those for it."""
        with self._changing() as state:
            kind = f"{hook} {table}".rstrip()
            state.mishaps[f"{kind} {_made(state, kind) + call}"] = mishap.value

    # --- what happened

    def calls(self, hook: str = "load") -> list[Call]:
        """Return the calls of a hook, in order."""
        return [call for call in self._read().calls if call.hook == hook]

    # --- for the plugin

    @contextmanager
    def reading(self) -> Iterator[Content]:
        """Give the content; changes of it are not kept."""
        with self._lock:
            yield self._read().content

    @contextmanager
    def serving(self, call: Call) -> Iterator[tuple[Content, Mapping[str, str]]]:
        """Give the content and what is refused, keep the changes, and let the call go wrong if it is to.

        Raises:
            UnreachableError: The connection breaks, before or after the changes are kept.
            KeyboardInterrupt: A person presses Ctrl-C.
        """
        with self._lock:
            state = self._read()
            state.calls.append(call)
            kinds = (call.hook, f"{call.hook} {call.table}")
            due = [state.mishaps.pop(f"{kind} {_made(state, kind)}", None) for kind in kinds]
            mishap = next(filter(None, due), None)
            if mishap in {Mishap.REFUSED, Mishap.KILLED, Mishap.INTERRUPTED}:
                self._write(state)
                _strike(mishap, call)
            yield state.content, state.refused
            self._write(state)
            if mishap is not None:
                _strike(mishap, call)

    @contextmanager
    def _changing(self) -> Iterator[_State]:
        with self._lock:
            state = self._read()
            yield state
            self._write(state)

    def _read(self) -> _State:
        raw = read_json(self.file)
        rows = {_ref(item["row"]): decode_cells(orjson.dumps(item["columns"])) for item in raw["rows"]}
        content = Content(
            _TABLES.validate_python(raw["tables"]),
            rows,
            {_ref(item["row"]) for item in raw["rows"] if item["by_people"]},
            {(_ref(row), name, _ref(other)) for row, name, other in raw["links"]},
            [Total(**total) for total in raw["totals"]],
        )
        return _State(content, [Call(**call) for call in raw["calls"]], raw["mishaps"], raw["refused"])

    def _write(self, state: _State) -> None:
        content = state.content
        rows = [
            {
                "row": [ref.table, ref.row_id],
                "by_people": ref in content.people,
                "columns": orjson.Fragment(encode(row)),
            }
            for ref, row in content.rows.items()
        ]
        links = sorted(([a.table, a.row_id], name, [b.table, b.row_id]) for a, name, b in content.links)
        body = {"tables": _TABLES.dump_python(content.tables, mode="json"), "rows": rows, "links": links}
        body |= {"totals": list(map(asdict, content.totals))}
        body |= {"calls": list(map(asdict, state.calls)), "mishaps": state.mishaps, "refused": state.refused}
        write_json(self.file, body)


def _made(state: _State, kind: str) -> int:
    """Return how many calls of a hook were made, or of those for a table: ``load``, ``load account``."""
    return sum(kind in (call.hook, f"{call.hook} {call.table}") for call in state.calls)


def _ref(pair: Any) -> RowRef:
    table, row_id = pair
    return RowRef(TableName(table), RowId(row_id))


def _strike(mishap: str, call: Call) -> None:
    if mishap in {Mishap.KILLED, Mishap.KILLED_AFTER}:
        os.kill(os.getpid(), signal.SIGKILL)
    if mishap == Mishap.INTERRUPTED:
        raise KeyboardInterrupt
    raise UnreachableError(f"the target in memory does not answer to {call.hook}")
