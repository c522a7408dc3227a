"""Takes hold of settings of the target while rows are loaded, and gives them back.

A setting is taken hold of when the first write that needs it is about to go, and gets back what
it said when the command ends, however it ends. The ledger knows what that was before
anything is changed: what a kill left held, the next command that loads goes on holding, and that
or a rollback gives it back. A setting that says the right thing by itself is not touched, and one
that people change meanwhile is theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from transload._ledger import HeldSetting, Ledger
from transload._pipeline.compare import same, show
from transload._pipeline.holds import Hold
from transload._plugins import Plugins
from transload.context import RunContext
from transload.errors import NotOfferedError, TransloadError
from transload.values import (
    Batch,
    Cell,
    EntityName,
    Finding,
    Outcome,
    RecordKey,
    RestoreRow,
    RowRef,
    Severity,
    SourceId,
    TableName,
    TargetColumn,
    TargetTable,
    Upsert,
)

_MOST_ROWS = 20
"""Rows of a table that holds settings; one with more holds something else."""


def read_settings(plugins: Plugins, context: RunContext, hold: Hold) -> dict[RowRef, Cell]:
    """Return what a setting says now, in each row of its table: mostly there is one.

    Raises:
        NotOfferedError: The table has so many rows that it holds no settings.
    """
    table, column = hold.place
    ids = [row_id for _, row_id in plugins.scan_keys(table, hold.table.id_column, context)]
    if len(ids) > _MOST_ROWS:
        raise NotOfferedError(
            f"`hold` names {table}, which has {len(ids):,} rows: it holds no settings",
            "Take it out of the document's `hold`, then run `transload plan`.",
        )
    rows = plugins.read_back(table, ids, [column], context)
    return {RowRef(table, row_id): row.columns.get(column) for row_id, row in rows.items()}


@dataclass(slots=True)
class Holder:
    """Takes hold of settings, and gives them back.

    Attributes:
        holds: What is held while rows of each document are loaded.
        findings: What became of settings that were held.
    """

    ledger: Ledger
    plugins: Plugins
    context: RunContext
    holds: Mapping[EntityName, Sequence[Hold]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    _taken: set[tuple[TableName, str]] = field(default_factory=set)

    def take(self, entity: EntityName) -> None:
        """Let settings say what they have to for rows of a document; once for each.

        Raises:
            NotOfferedError: The target refuses it; nothing was loaded that relies on it.
        """
        for hold in self.holds.get(entity, ()):
            if hold.place in self._taken:
                continue
            for row, now in read_settings(self.plugins, self.context, hold).items():
                if same(hold.value, now):
                    continue  # by itself, or an earlier command was killed while it held it
                self.ledger.held.take(self.context.run_id, row, hold.column.name, now, hold.value)
                self._set(row, hold)
            self._taken.add(hold.place)

    @contextmanager
    def giving_back(self) -> Iterator[None]:
        """Give back what is held at the end, also of what goes wrong inside."""
        try:
            yield
        except BaseException:
            with suppress(TransloadError):  # the ledger keeps what is held, and the next command gives it back
                self.give_back()
            raise
        self.give_back()

    def give_back(self) -> None:
        """Let every setting that is held say again what it said before, unless people have changed it.

        Raises:
            NotOfferedError: The target refuses it; the setting stays held, and known.
        """
        self._taken.clear()
        if not (held := self.ledger.held.all()):
            return
        tables = self.plugins.describe_target(sorted({each.row.table for each in held}), self.context).tables
        for each in held:
            self._release(each, tables)

    def _set(self, row: RowRef, hold: Hold) -> None:
        key = RecordKey(EntityName(row.table), SourceId(row.row_id))
        write = Upsert(key, row.table, row.row_id, {hold.column.name: hold.value}, exists=True)
        [outcome] = self.plugins.load(Batch(row.table, [write]), self.context)
        _require(outcome, f"{name_of(hold.column)} cannot be held at {said_of(hold.column, hold.value)}")

    def _release(self, held: HeldSetting, tables: Mapping[TableName, TargetTable]) -> None:
        table = tables.get(held.row.table)
        column = table.columns.get(held.column) if table is not None else None
        if column is None:
            self.ledger.held.release(self.context.run_id, held, None)
            return  # the app that brought the setting was taken away, and the setting with it
        found = self.plugins.read_back(held.row.table, [held.row.row_id], [held.column], self.context)
        now = found[held.row.row_id].columns.get(held.column) if held.row.row_id in found else held.former
        if same(held.value, now):
            inverse = RestoreRow(held.row.table, held.row.row_id, {held.column: held.former})
            [outcome] = self.plugins.rollback([inverse], self.context)
            _require(outcome, f"{name_of(column)} cannot be set back to {said_of(column, held.former)}")
            now = held.former
        self.ledger.held.release(self.context.run_id, held, now)
        self.findings.append(_finding(held, column, now))


def _require(outcome: Outcome, what: str) -> None:
    if outcome.error is not None:
        raise NotOfferedError(
            f"{what}: {outcome.error}",
            "Give the migration's user the right to change it, or set it by hand, which is just as good; "
            "then run the same command again.",
        )


def _finding(held: HeldSetting, column: TargetColumn, now: Cell) -> Finding:
    name, value = name_of(column), said_of(column, held.value)
    evidence = f"{held}, held since {held.since:%Y-%m-%d %H:%M:%S} UTC"
    if same(held.former, now):
        title = f"{name} was {value} while rows were loaded, and is {said_of(column, now)} again"
        return Finding("setting_held", Severity.INFO, title, evidence)
    return Finding(
        "setting_changed",
        Severity.WARNING,
        f"{name} was {value} while rows were loaded, and somebody made it {said_of(column, now)} meanwhile",
        f"{evidence}; before that it was {said_of(column, held.former)}",
        "It stays as they left it. See whether that is what you want, and what it did during the load.",
    )


def name_of(column: TargetColumn) -> str:
    """Return what people call a setting."""
    return f"'{column.label}'" if column.label else column.name


def said_of(column: TargetColumn, cell: Cell) -> str:
    """Return what a setting says, in words."""
    label = column.options.get(cell) if isinstance(cell, int) else None
    return f"'{label or show(cell)}'" if cell is not None else "empty"
